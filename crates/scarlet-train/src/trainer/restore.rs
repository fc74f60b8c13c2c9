//! Going on from a checkpoint.

use std::path::Path;

use super::checkpoint::{Checkpoint, Restored};
use super::folder::check_epochs_left;
use super::progress::{Progress, same_settings};
use super::run::Run;
use super::{Teacher, TrainConfig, Trainable};
use crate::TrainError;

impl<M: Trainable> Run<'_, M> {
    /// Goes on from a checkpoint; also says whether it is one of another number of epochs.
    pub(super) fn restore(mut self, path: &Path) -> Result<(Self, bool), TrainError> {
        let checkpoint = Checkpoint::<Progress<M::Sampler>>::open(path)?;
        let extended = self.is_extension_of(&checkpoint.progress)?;
        if !extended {
            same_settings(path, &checkpoint.progress.config, &self.progress.config)?;
        }
        let (stored, given) = (&checkpoint.progress, &self.progress);
        let name = |progress: &Progress<M::Sampler>| {
            let teacher = progress.teacher.clone();
            teacher.unwrap_or_else(|| "none".to_owned())
        };
        let others = [
            (
                "number of training images",
                stored.images.to_string(),
                given.images.to_string(),
            ),
            (
                "sampler",
                stored.first_sampler.to_string(),
                given.first_sampler.to_string(),
            ),
            ("teacher's weights", name(stored), name(given)),
        ];
        let gone = given.config.teacher.is_some() && self.objective.lesson.is_none();
        if gone && extended {
            // There is something left to learn after all.
            Teacher::of(&given.config, self.model.template(), &self.model.device())?;
        }
        for (setting, stored, given) in others {
            if stored != given && !(gone && setting == "teacher's weights") {
                return Err(TrainError::SettingsChanged {
                    path: path.to_owned(),
                    setting: setting.to_owned(),
                    stored,
                    given,
                });
            }
        }
        if let (Some(stored), Some(given)) = (&stored.data, &given.data) {
            stored.check(path, given)?;
        }
        // Of a checkpoint that does not say, the next one will.
        let data = self.progress.data.take();
        let device = self.model.device();
        let restored: Restored<M, _> =
            checkpoint.apply(path, self.model, self.optimizer, &device)?;
        (self.model, self.optimizer) = (restored.model, restored.optimizer);
        (self.average, self.best) = (restored.average, restored.best);
        self.progress = Progress {
            data,
            config: self.progress.config,
            ..restored.progress
        };
        if extended {
            self.progress.extended_after = self.progress.epochs.len();
        }
        self.last_checkpoint = Some(path.to_owned());
        Ok((self, extended))
    }

    /// Whether the settings differ from those of a checkpoint in the number of epochs only, where
    /// this is wanted.
    fn is_extension_of(&self, stored: &Progress<M::Sampler>) -> Result<bool, TrainError> {
        let given = &self.progress.config;
        let wanted = self.trainer.checkpoints.as_ref();
        let as_given = TrainConfig {
            epochs: given.epochs,
            ..stored.config.clone()
        };
        if stored.config.epochs == given.epochs
            || as_given != *given
            || !wanted.is_some_and(|checkpoints| checkpoints.other_epochs)
        {
            return Ok(false);
        }
        check_epochs_left(stored.epochs.len(), given.epochs)?;
        Ok(true)
    }
}
