//! Trainings beside that of a run's network, each in a folder of its own within the run's.

use std::fs;
use std::path::PathBuf;

use scarlet::Scarlet;
use scarlet_data::dataset::{ImageSet, Source};
use scarlet_train::fingerprint::Fingerprint;
use scarlet_train::{Checkpoints, Control, Event, TrainConfig, TrainError, Trainer};
use serde::{Deserialize, Serialize};

use super::{FoldResult, Standalone, network};
use crate::RunError;
use crate::RunFolder;
use crate::files;
use crate::report::card;

/// How far a run is, for who watches it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// A training goes on: of the part that was named last, or of the run's network.
    Training(&'a Event),
    /// The training for a fold of a cross-validation begins, or goes on.
    Fold {
        /// Its number, from 1.
        fold: usize,
        /// How many there are.
        folds: usize,
    },
    /// A fold is judged, now or when the run was at work before.
    FoldDone(FoldResult),
    /// The training of the run's network begins, after those of the parts.
    Whole {
        /// Images that it is trained on.
        images: usize,
    },
}

/// What the parts of a run begin with, so that those that are done go with those that follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begin {
    /// A hash of all images to train on.
    images: String,
    /// A hash of the first weights.
    weights: String,
}

impl Standalone {
    /// The network as each training begins with it. A clone would share its running statistics.
    fn first_network(&self) -> Result<Scarlet, RunError> {
        let record = &self.record;
        network::build(
            &record.config,
            &record.architecture,
            self.weights.as_ref(),
            &self.device,
        )
    }

    /// Where a training in this folder is saved.
    pub(super) fn checkpoints(&self, folder: impl Into<PathBuf>) -> Checkpoints {
        let checkpoints = Checkpoints::new(folder).resuming();
        match self.checkpoint_every {
            Some(time) => checkpoints.after(time),
            None => checkpoints,
        }
    }

    /// What the parts begin with.
    pub(super) fn begin(&self) -> Result<Begin, RunError> {
        let images = Fingerprint::default().files(Source::from(&self.data.train))?;
        let weights = Fingerprint::default().weights(&self.first_network()?);
        Ok(Begin {
            images: images.finish(),
            weights: weights.finish(),
        })
    }

    /// Trains on these images in a folder within the run's, or goes on with that; none where the
    /// observer stopped it.
    pub(super) fn train_part(
        &self,
        folder: &RunFolder,
        name: &str,
        config: TrainConfig,
        images: &ImageSet,
        told: &mut dyn FnMut(&Progress<'_>) -> Control,
    ) -> Result<Option<Scarlet>, RunError> {
        let mut trainer = Trainer::new(config)
            .with_checkpoints(self.checkpoints(folder.file(name)))
            .with_observer(|event: &Event| told(&Progress::Training(event)));
        if let Some(validation) = &self.data.validation {
            trainer = trainer.with_validation(validation);
        }
        let network = self.first_network()?;
        let network = network.with_card(card(&self.record.config.data.source, images))?;
        let trained = trainer.train(network, (), images)?;
        Ok(trained.completed.then(|| trained.into_best()))
    }
}

impl Begin {
    /// Refuses to go on from a part that began with something else.
    pub(super) fn check(&self, folder: &RunFolder, file: &str, now: &Self) -> Result<(), RunError> {
        let path = folder.file(file);
        if self.images != now.images {
            return Err(TrainError::ImagesChanged {
                path,
                purpose: "train on",
            }
            .into());
        }
        if self.weights != now.weights {
            return Err(TrainError::SettingsChanged {
                path,
                setting: "first weights".to_owned(),
                stored: self.weights.clone(),
                given: now.weights.clone(),
            }
            .into());
        }
        Ok(())
    }
}

/// Removes what only a training that is not over has use for. It is several times as large as a
/// network, and its absence does no harm.
pub(super) fn remove_checkpoint(folder: &RunFolder, name: &str) {
    let _ = fs::remove_file(folder.file(name).join(files::CHECKPOINT));
}
