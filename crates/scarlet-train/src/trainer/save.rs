//! What a training writes into its folder: weights for use, and checkpoints.

use std::time::Instant;

use scarlet::weights::Precision;

use super::checkpoint::{self, Failed};
use super::run::Run;
use super::{Event, Trainable};
use crate::TrainError;

impl<M: Trainable> Run<'_, M> {
    /// Writes a network's weights for use into the run's folder, if there is one.
    pub(super) fn export(&self, name: &str, model: &M) -> Result<(), TrainError> {
        if let (Some(checkpoints), Some(network)) = (&self.trainer.checkpoints, model.as_network())
        {
            network.save(checkpoints.folder.join(name), Precision::F32)?;
        }
        Ok(())
    }

    pub(super) fn is_time_to_save(&self) -> bool {
        let Some(checkpoints) = &self.trainer.checkpoints else {
            return false;
        };
        let step = self.progress.step;
        let every = checkpoints.every_epochs as u64;
        let epoch_is_due = every > 0
            && self.schedule.ends_epoch(step - 1)
            && (self.schedule.epoch(step - 1) + 1).is_multiple_of(every);
        let time_is_due = checkpoints
            .every
            .is_some_and(|every| self.last_saved.elapsed() >= every);
        epoch_is_due || time_is_due || self.stopped || self.is_done()
    }

    pub(super) fn save(&mut self) -> Result<(), TrainError> {
        let Some(checkpoints) = &self.trainer.checkpoints else {
            return Ok(());
        };
        let path = checkpoints.file();
        let saved = checkpoint::save(
            &path,
            &self.model,
            self.average.as_ref(),
            self.best.as_ref(),
            &self.optimizer,
            &self.progress,
        );
        saved.map_err(|failed| match failed {
            Failed::NotFinite(weight) => self.weight_not_finite(weight),
            Failed::Encode(problem) => TrainError::Checkpoint {
                path: path.clone(),
                problem,
            },
            Failed::Write(source) => TrainError::Write {
                path: path.clone(),
                source,
            },
        })?;
        self.last_checkpoint = Some(path.clone());
        self.last_saved = Instant::now();
        self.report(Event::Checkpoint {
            step: self.progress.step,
            path,
        })
    }

    pub(super) fn weight_not_finite(&self, weight: String) -> TrainError {
        TrainError::WeightNotFinite {
            step: self.progress.step,
            weight,
            checkpoint: self.last_checkpoint.clone(),
        }
    }
}
