//! What a run reports while it goes on.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Warning;

/// Something that happened in a run. As JSON, one line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// The run starts, or goes on from a checkpoint.
    Started {
        /// Steps done before: 0 for a fresh start.
        step: u64,
        /// Steps of the whole run.
        steps: u64,
        /// Images to train on.
        images: usize,
    },
    /// A step was done.
    Step {
        /// Steps done.
        step: u64,
        /// Steps of the whole run.
        steps: u64,
        /// The epoch it belongs to, from 1.
        epoch: u64,
        /// Mean loss of the step's mini-batches.
        loss: f64,
        /// Share of their images that were put into their class, from 0 to 1.
        accuracy: f64,
        /// The learning rate that the step was done with.
        learning_rate: f64,
        /// Speed since this start.
        images_per_second: f64,
        /// Time left at that speed.
        seconds_left: f64,
    },
    /// An epoch was done.
    Epoch(EpochRecord),
    /// Training is unlikely to come to much; said once for each kind.
    Warning {
        /// Steps done.
        step: u64,
        /// What is wrong.
        warning: Warning,
    },
    /// A checkpoint was written.
    Checkpoint {
        /// Steps done.
        step: u64,
        /// The file.
        path: PathBuf,
    },
    /// The run ends.
    Finished {
        /// Steps done.
        step: u64,
        /// Whether the run is done, by all steps or by running out of patience; if not, it was
        /// stopped and can go on.
        completed: bool,
    },
}

impl Event {
    /// Steps done when it happened.
    pub fn step(&self) -> u64 {
        match self {
            Self::Started { step, .. }
            | Self::Step { step, .. }
            | Self::Warning { step, .. }
            | Self::Checkpoint { step, .. }
            | Self::Finished { step, .. } => *step,
            Self::Epoch(record) => record.step,
        }
    }
}

/// What an epoch came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EpochRecord {
    /// Number of the epoch, from 1.
    pub epoch: u64,
    /// Steps done.
    pub step: u64,
    /// Mean loss of the epoch's mini-batches, as they were trained on.
    pub loss: f64,
    /// Share of their images that were put into their class, from 0 to 1; of images with several
    /// labels, the share that got exactly theirs, each label from a probability of one half on.
    pub accuracy: f64,
    /// The same of the validation images, by the averaged weights where there are any; none
    /// without validation images.
    pub validation_accuracy: Option<f64>,
    /// Mean of the classes' accuracies on the validation images, where the run [balances](super::Balance)
    /// classes: epochs are then compared by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_class_accuracy: Option<f64>,
    /// Mean average precision on the validation images, where these have several labels each: epochs
    /// are then compared by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_mean_average_precision: Option<f64>,
    /// Mean cross-entropy of the validation images, in nats; none where it is no finite number.
    #[serde(default)]
    pub validation_loss: Option<f64>,
    /// Whether its weights are to be used rather than those of the epochs before: it is no worse on
    /// the validation images than the most accurate of them, by more than one standard error.
    ///
    /// The rule is that of Breiman, Friedman, Olshen and Stone (*Classification and Regression
    /// Trees*, 1984): few images cannot tell epochs apart that differ by less, and of those the
    /// last has seen most and had the smallest learning rate. Of images with several labels, it is the
    /// epoch of the highest mean average precision, and of equals the last.
    #[serde(default)]
    pub best: bool,
}

impl EpochRecord {
    /// Whether this epoch's weights are to be used rather than those of the epochs before, as
    /// judged by an accuracy on so many validation images, or by something else.
    pub(super) fn is_best_of(&self, before: &[Self], images: Option<f64>) -> bool {
        let merit = |record: &Self| record.judgement().unwrap_or(0.0);
        let highest = before.iter().map(merit).reduce(f64::max);
        let error = |highest| images.map_or(0.0, |images| standard_error(highest, images));
        highest.is_none_or(|highest| merit(self) >= highest - error(highest))
    }

    /// What epochs are compared by, of the validation images.
    pub(super) fn judgement(&self) -> Option<f64> {
        self.validation_mean_average_precision
            .or(self.validation_class_accuracy)
            .or(self.validation_accuracy)
    }

    /// Whether this epoch is more accurate on the validation images than all before, or as
    /// accurate with a smaller loss.
    fn improves_on(&self, before: &[Self]) -> bool {
        let merit = |record: &Self| {
            let loss = record.validation_loss.unwrap_or(f64::INFINITY);
            (record.judgement().unwrap_or(0.0), -loss)
        };
        before.iter().all(|other| merit(self) > merit(other))
    }
}

/// How many epochs went by since one was better than all before it.
pub(super) fn epochs_since_improvement(epochs: &[EpochRecord]) -> usize {
    let improved = (0..epochs.len())
        .rev()
        .find(|&place| epochs[place].improves_on(&epochs[..place]));
    epochs.len() - improved.map_or(0, |place| place + 1)
}

/// The standard error of an accuracy on so many images, with two more right and two more wrong, so
/// that it is not 0 where all are right (Agresti and Coull, *The American Statistician* 52, 1998).
fn standard_error(accuracy: f64, images: f64) -> f64 {
    let share = (accuracy * images + 2.0) / (images + 4.0);
    (share * (1.0 - share) / (images + 4.0)).sqrt()
}

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Stop behind this step, with a checkpoint if there is a folder for it.
    Stop,
}

/// Watches a run: shows its progress, say, and stops it when the user asks for it.
pub trait Observer {
    /// Called for every event.
    fn event(&mut self, event: &Event) -> Control;
}

impl<F: FnMut(&Event) -> Control> Observer for F {
    fn event(&mut self, event: &Event) -> Control {
        self(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_flat_json() {
        let record = EpochRecord {
            epoch: 2,
            step: 10,
            loss: 0.5,
            accuracy: 0.75,
            validation_accuracy: None,
            validation_class_accuracy: None,
            validation_mean_average_precision: None,
            validation_loss: None,
            best: false,
        };
        assert_eq!(
            serde_json::to_string(&Event::Epoch(record)).unwrap(),
            r#"{"event":"epoch","epoch":2,"step":10,"loss":0.5,"accuracy":0.75,"validation_accuracy":null,"validation_loss":null,"best":false}"#
        );
    }
}
