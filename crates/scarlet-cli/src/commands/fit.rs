//! Epochs and a resolution for a training that is to take so long.

use std::time::{Duration, Instant};

use indicatif::HumanDuration;
use scarlet_run::standalone::{Standalone, StandalonePlan};
use serde_json::{Value, json};

use super::training::New;
use crate::error::CliError;
use crate::report::number::counted;
use crate::terminal::Terminal;

/// Fewer epochs than these are worse than as many on smaller images.
const FEWEST_EPOCHS: f64 = 6.0;
/// Resolutions are multiples of this, and no smaller than the other.
const STEP: usize = 16;
const SMALLEST: usize = 48;

/// What was chosen for a training to fit its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fit {
    epochs: Option<usize>,
    resolution: Option<usize>,
}

impl Fit {
    /// As settings.
    pub(super) fn flags(self) -> [(&'static str, Option<Value>); 2] {
        [
            ("train.epochs", self.epochs.map(|it| json!(it))),
            ("network.resolution", self.resolution.map(|it| json!(it))),
        ]
    }
}

/// The run that ends after about `time`: one of those that `new` makes, tried with the images that `read`
/// reads for it.
pub(super) fn fitted(
    time: Duration,
    new: &impl Fn(Fit) -> Result<New, CliError>,
    read: impl Fn(New) -> Result<Standalone, CliError>,
    terminal: &Terminal,
) -> Result<New, CliError> {
    let began = Instant::now();
    let mut fit = Fit::default();
    loop {
        let reading = Instant::now();
        let unfitted = new(fit)?;
        let is_given = unfitted.config.network.resolution.is_some() && fit.resolution.is_none();
        let run = read(unfitted)?;
        // Images of one size are seen in that.
        let is_free = !is_given && run.photographs().is_some();
        let reading = reading.elapsed();
        let plan = run.plan()?;
        // They are read once more.
        let left = time.saturating_sub(began.elapsed() + reading).as_secs_f64();
        let epochs = epochs_in(left, &plan);
        let smaller = smaller(plan.resolution, epochs).filter(|_| is_free);
        if let Some(resolution) = smaller {
            fit.resolution = Some(resolution);
            continue;
        }
        if epochs < 1.0 {
            return Err(CliError::TooLittleTime {
                given: time,
                least: began.elapsed() + reading + least(&plan),
            });
        }
        fit.epochs = Some(epochs as usize);
        terminal.note(format_args!(
            "{} are about enough for {} at {2}×{2} pixels, {3:.1} s each",
            HumanDuration(time),
            counted(epochs as u64, "epoch", "epochs"),
            plan.resolution,
            plan.seconds_per_epoch
        ));
        return new(fit);
    }
}

/// How many epochs `left` seconds are enough for.
fn epochs_in(left: f64, plan: &StandalonePlan) -> f64 {
    ((left - at_the_end(plan)) / plan.seconds_per_epoch)
        .max(0.0)
        .floor()
}

/// Seconds behind the last epoch.
fn at_the_end(plan: &StandalonePlan) -> f64 {
    plan.seconds - plan.epochs as f64 * plan.seconds_per_epoch
}

fn least(plan: &StandalonePlan) -> Duration {
    let seconds = plan.seconds_per_epoch + at_the_end(plan);
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// The next resolution to try where too few epochs fit: a step's time goes with its square.
fn smaller(resolution: usize, epochs: f64) -> Option<usize> {
    if epochs >= FEWEST_EPOCHS || resolution <= SMALLEST {
        return None;
    }
    let share = ((epochs + 0.5) / FEWEST_EPOCHS).sqrt();
    let side = (resolution as f64 * share) as usize / STEP * STEP;
    Some(side.min(resolution - 1).max(SMALLEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_get_smaller_until_some_epochs_fit() {
        assert_eq!(smaller(160, 6.0), None);
        assert_eq!(smaller(160, 5.0), Some(144));
        assert_eq!(smaller(160, 1.0), Some(80));
        assert_eq!(smaller(160, 0.0), Some(48));
        assert_eq!(smaller(50, 5.0), Some(48));
        assert_eq!(smaller(48, 0.0), None);
    }

    #[test]
    fn what_is_chosen_becomes_settings() {
        let fit = Fit {
            epochs: Some(7),
            resolution: None,
        };
        assert_eq!(
            fit.flags(),
            [
                ("train.epochs", Some(json!(7))),
                ("network.resolution", None)
            ]
        );
    }
}
