//! The end of an epoch: how good the network has become.

use scarlet::Accuracy;
use scarlet_data::dataset::Labels;

use super::folder::BEST;
use super::run::Run;
use super::{EpochRecord, Event, Trainable, checkpoint};
use crate::TrainError;
use crate::measure::{Measurement, images_of_mean, judge, judge_labels, measure};

/// How well a network knows the validation images.
struct Judged {
    total: Measurement,
    merit: Merit,
}

/// What epochs are compared by.
enum Merit {
    Accuracy,
    /// The mean of the classes' accuracies, where these are balanced.
    ByClass(Accuracy),
    /// Mean average precision, of images with several labels; none where these have none at all.
    Precision(Option<f64>),
}

impl<M: Trainable> Run<'_, M> {
    /// What is judged and written for use: the average where there is one, else the network, with
    /// statistics that fit the weights.
    pub(super) fn for_use(&self) -> Result<M, TrainError> {
        let network = self.average.as_ref().unwrap_or(&self.model);
        match &self.calibration {
            Some(images) => network.recalibrated(images, self.progress.config.batch_size),
            // `valid` parts the running statistics from those that go on changing.
            None => Ok(network.valid()),
        }
    }

    /// The network for use and how well it knows the validation images, where there are any.
    fn judge(&self) -> Result<Option<(M, Judged)>, TrainError> {
        let (Some(images), Some(_)) = (self.trainer.validation, self.model.as_network()) else {
            return Ok(None);
        };
        let for_use = self.for_use()?;
        let Some(network) = for_use.as_network() else {
            return Ok(None);
        };
        let batch_size = self.progress.config.batch_size;
        let (total, merit) = match images.labels() {
            Labels::Several(_) => {
                let (total, evidence) = judge_labels(network, images, batch_size)?;
                (total, Merit::Precision(evidence.mean_average_precision()))
            }
            Labels::One(_) if self.progress.config.balance.is_set() => {
                let (total, evidence) = judge(network, images, batch_size)?;
                (total, Merit::ByClass(evidence.accuracy()))
            }
            Labels::One(_) => (measure(network, images, batch_size)?, Merit::Accuracy),
        };
        Ok(Some((for_use, Judged { total, merit })))
    }

    pub(super) fn end_epoch(&mut self, epoch: u64) -> Result<(), TrainError> {
        // Nothing can be said about a network with such weights.
        let network = self.average.as_ref().unwrap_or(&self.model);
        if let Some(weight) = checkpoint::first_not_finite(network) {
            return Err(self.weight_not_finite(weight));
        }
        let judged = self.judge()?;
        let validation = judged.as_ref().map(|(_, judged)| judged.total);
        let merit = judged.as_ref().map(|(_, judged)| &judged.merit);
        let tally = std::mem::take(&mut self.progress.tally);
        let mut record = EpochRecord {
            epoch: epoch + 1,
            step: self.progress.step,
            loss: tally.mean_loss(),
            accuracy: tally.accuracy(),
            validation_accuracy: validation.map(|now| now.accuracy()),
            validation_class_accuracy: match merit {
                Some(Merit::ByClass(classes)) => Some(classes.mean_class_top1()),
                _ => None,
            },
            validation_mean_average_precision: match merit {
                Some(Merit::Precision(precision)) => *precision,
                _ => None,
            },
            // JSON has no other numbers, and a resumed run must know the same.
            validation_loss: validation.map(|now| now.loss).filter(|it| it.is_finite()),
            best: false,
        };
        if let Some((network, judged)) = judged {
            let images = match &judged.merit {
                Merit::Accuracy => Some(judged.total.images as f64),
                Merit::ByClass(classes) => {
                    Some(images_of_mean(classes.classes().map(|(_, it)| it.images)))
                }
                Merit::Precision(_) => None,
            };
            record.best = record.is_best_of(&self.progress.epochs, images);
            if record.best {
                self.export(BEST, &network)?;
                self.best = Some(network);
            }
        }
        self.progress.epochs.push(record);
        self.report(Event::Epoch(record))?;
        let watch = self.watch.as_ref();
        let warnings = watch.map(|watch| watch.new_warnings(&self.progress.epochs));
        for warning in warnings.into_iter().flatten() {
            let step = self.progress.step;
            self.report(Event::Warning { step, warning })?;
        }
        Ok(())
    }
}
