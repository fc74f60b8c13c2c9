//! [`TrainingProgress`]: shows how far a training is.

use std::time::Duration;

use indicatif::HumanDuration;
use scarlet_run::standalone::Progress;
use scarlet_train::Event;

use crate::report::number::{counted, percent, thousands};
use crate::report::training::fold_line;
use crate::terminal::{StageProgress, Terminal};

pub(super) struct TrainingProgress {
    terminal: Terminal,
    /// In front of every line.
    indent: &'static str,
    bar: Option<StageProgress>,
    so_far: RunningMean,
}

/// Means over the steps of an epoch, as far as it is: one mini-batch says little.
#[derive(Default)]
struct RunningMean {
    epoch: u64,
    steps: u64,
    loss: f64,
    accuracy: f64,
}

impl RunningMean {
    /// Takes in a step, and gives the mean loss and accuracy of its epoch's steps up to it.
    fn add(&mut self, epoch: u64, loss: f64, accuracy: f64) -> (f64, f64) {
        if epoch != self.epoch {
            *self = Self {
                epoch,
                ..Self::default()
            };
        }
        self.steps += 1;
        self.loss += loss;
        self.accuracy += accuracy;
        let steps = self.steps as f64;
        (self.loss / steps, self.accuracy / steps)
    }
}

/// How the epoch goes, and how fast the training is.
fn step_line(loss: f64, accuracy: f64, images_per_second: f64, seconds_left: f64) -> String {
    let left = Duration::try_from_secs_f64(seconds_left).unwrap_or_default();
    format!(
        "loss {loss:.3}, accuracy {}, {images_per_second:.0} images/s, about {} left",
        percent(accuracy),
        HumanDuration(left),
    )
}

impl TrainingProgress {
    pub(super) fn new(terminal: &Terminal, indent: &'static str) -> Self {
        Self {
            terminal: terminal.clone(),
            indent,
            bar: None,
            so_far: RunningMean::default(),
        }
    }

    /// How far a run of one network or several is.
    pub(super) fn told(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Training(event) => self.event(event),
            Progress::Fold { fold, folds } => {
                self.terminal.note(format_args!("fold {fold} of {folds}"));
            }
            Progress::FoldDone(fold) => self.terminal.note(format_args!("{}", fold_line(fold))),
            Progress::Whole { images } => self.terminal.note(format_args!(
                "the network, trained on all {}",
                counted(*images as u64, "image", "images")
            )),
            _ => {}
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        let indent = self.indent;
        match event {
            Event::Started {
                step,
                steps,
                images,
            } => {
                let from = match step {
                    0 => String::new(),
                    step => format!(", resuming after step {}", thousands(*step)),
                };
                self.terminal.note(format_args!(
                    "{indent}{}, {}{from}",
                    counted(*images as u64, "image", "images"),
                    counted(*steps, "step", "steps"),
                ));
                self.bar = Some(self.terminal.stage_progress("steps", *steps));
            }
            Event::Step {
                step,
                epoch,
                loss,
                accuracy,
                images_per_second,
                seconds_left,
                ..
            } => {
                let (loss, accuracy) = self.so_far.add(*epoch, *loss, *accuracy);
                if let Some(bar) = &mut self.bar {
                    let line = step_line(loss, accuracy, *images_per_second, *seconds_left);
                    bar.set(*step, line);
                }
            }
            Event::Epoch(epoch) => {
                let precision = epoch.validation_mean_average_precision;
                let held_out = match (precision, epoch.validation_accuracy) {
                    (Some(precision), _) => {
                        format!(", held out mean average precision {}", percent(precision))
                    }
                    (None, Some(accuracy)) => format!(", held out {}", percent(accuracy)),
                    (None, None) => String::new(),
                };
                self.terminal.note(format_args!(
                    "{indent}epoch {:3}: loss {:.3}, accuracy {}{held_out}{}",
                    epoch.epoch,
                    epoch.loss,
                    percent(epoch.accuracy),
                    if epoch.best { ", kept as the best" } else { "" },
                ));
            }
            Event::Warning { warning, .. } => self.terminal.warn(warning),
            Event::Finished { .. } => self.bar = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_the_mean_of_the_epoch_so_far() {
        let mut so_far = RunningMean::default();
        assert_eq!(so_far.add(1, 4.0, 0.0), (4.0, 0.0));
        assert_eq!(so_far.add(1, 2.0, 0.5), (3.0, 0.25));
        assert_eq!(so_far.add(1, 0.0, 1.0), (2.0, 0.5));
        assert_eq!(so_far.add(2, 1.0, 1.0), (1.0, 1.0));
    }

    #[test]
    fn a_step_says_how_it_went_and_what_is_left() {
        assert_eq!(
            step_line(0.53219, 0.8125, 1234.4, 372.0),
            "loss 0.532, accuracy 81.25 %, 1234 images/s, about 6 minutes left"
        );
        // As of a clock that has not moved.
        assert_eq!(
            step_line(2.3, 0.0, 0.0, f64::INFINITY),
            "loss 2.300, accuracy 0.00 %, 0 images/s, about 0 seconds left"
        );
    }
}
