//! The first stage: all networks of the space are trained at once.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use scarlet::Scarlet;
use scarlet_arch::SearchSpace;
use scarlet_train::trainer::{events_of, is_over};
use scarlet_train::{
    Ancestor, Augment, Event, PathSampler, Sampling, StabilizerInit, Supernet, SupernetConfig,
    TrainConfig, Trainer, load_checkpoint,
};
use serde::{Deserialize, Serialize};

use super::stages::Run;
use super::{Stage, whole};
use crate::RunError;
use crate::RunFolder;
use crate::files;

/// How the supernet is trained. The settings of [`TrainConfig`] stand next to its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SupernetSettings {
    /// Which paths a step trains.
    pub sampling: Sampling,
    /// First weights of the stabilizers.
    pub stabilizer: StabilizerInit,
    /// Probability of dropping a feature before the classifier.
    pub dropout: f64,
    /// The rest. A step of strict fairness has as many passes as a layer has choices, each of
    /// `batch_size` images.
    #[serde(flatten)]
    pub recipe: TrainConfig,
}

impl Default for SupernetSettings {
    fn default() -> Self {
        Self {
            sampling: Sampling::StrictFairness,
            stabilizer: StabilizerInit::Identity,
            dropout: 0.0,
            recipe: TrainConfig {
                epochs: 12,
                batch_size: 16,
                learning_rate: 0.1,
                warmup_epochs: 1.0,
                augment: Augment {
                    shift: 2,
                    flip: true,
                    ..Augment::default()
                },
                ..TrainConfig::default()
            },
        }
    }
}

impl Run {
    /// Trains the supernet, or continues training it, or takes the finished one from the folder;
    /// one that was published is taken as it is. `teacher` is the [whole
    /// network](Self::train_whole), where the others are parts of one.
    ///
    /// # Errors
    ///
    /// When training diverges, a file cannot be read or written, or the observer stops the run.
    pub fn train_supernet(
        &self,
        folder: &RunFolder,
        teacher: Option<&Scarlet>,
    ) -> Result<Ancestor, RunError> {
        if let Some(published) = self.published_in(folder)? {
            folder.write_json(files::SPACE, &self.space)?;
            return Ok(published.into());
        }
        self.stage(folder, Stage::Supernet, || {
            let settings = &self.config.supernet;
            let supernet = match (&self.whole, teacher) {
                (Some(whole), Some(teacher)) => self.supernet_of(whole, teacher, folder)?,
                _ => self.new_supernet()?,
            };
            folder.write_json(files::SPACE, &self.space)?;
            let mut trainer = Trainer::new(settings.recipe.clone())
                .with_checkpoints(self.checkpoints(folder, files::SUPERNET))
                .with_observer(self.training_observer(Stage::Supernet));
            if let Some(lesson) = self.lesson_of(teacher, &settings.recipe) {
                trainer = trainer.with_teacher(lesson);
            }
            let trained = trainer.train(supernet, self.new_sampler(), &self.data.train)?;
            self.unless_stopped(Stage::Supernet, trained.completed)?;
            Ok(trained.into_best().into())
        })
    }

    /// Updates that the supernet in a run's folder has yet to be trained by.
    pub(super) fn supernet_steps_left(&self, folder: &Path) -> Result<u64, RunError> {
        let folder = folder.join(files::SUPERNET);
        if self.is_published() || is_over(&folder)? {
            return Ok(0);
        }
        let events = events_of(&folder)?;
        let saved = events.iter().rev().find_map(|event| match event {
            Event::Checkpoint { step, .. } => Some(*step),
            _ => None,
        });
        let paths = self.new_sampler().paths_per_step();
        let recipe = &self.config.supernet.recipe;
        let steps = recipe.steps(self.data.train.len(), paths);
        Ok(steps.saturating_sub(saved.unwrap_or(0)))
    }

    /// What draws the networks that every update of the supernet trains.
    pub(super) fn new_sampler(&self) -> PathSampler {
        let settings = &self.config.supernet;
        PathSampler::new(settings.sampling, &self.space, settings.recipe.seed)
    }

    /// What networks are taken out of, before any training.
    pub(super) fn new_ancestor(&self) -> Result<Ancestor, RunError> {
        Ok(match self.published()? {
            Some(published) => published.into(),
            None => self.new_supernet()?.into(),
        })
    }

    /// The supernet before its training: with random weights, or those of the network that the
    /// others are parts of, before that is trained.
    pub(super) fn new_supernet(&self) -> Result<Supernet, RunError> {
        if let Some(whole) = &self.whole {
            return self.untrained_supernet_of(whole);
        }
        let settings = &self.config.supernet;
        let supernet = SupernetConfig::new(self.space.clone())
            .with_stabilizer(settings.stabilizer)
            .with_dropout(settings.dropout)
            .try_init(settings.recipe.seed, &self.training_device())?;
        Ok(supernet)
    }
}

/// The supernet that a run's folder holds, in inference; trained to its end or not.
///
/// # Errors
///
/// When there is none, or it cannot be read.
pub fn open_supernet(folder: &RunFolder, device: &Device) -> Result<Supernet, RunError> {
    let checkpoint = folder.file(files::SUPERNET_CHECKPOINT);
    if let Some(supernet) = whole::published_name(folder)? {
        let path = folder.path().to_owned();
        return Err(RunError::OnlyFitted { path, supernet });
    }
    if !checkpoint.exists() {
        return Err(RunError::NoSupernet {
            path: folder.path().to_owned(),
        });
    }
    let space: SearchSpace = folder.read_json(files::SPACE)?;
    let supernet = match whole::unread_supernet(folder, &space, device)? {
        Some(supernet) => supernet,
        None => SupernetConfig::new(space).try_init(0, device)?,
    };
    Ok(load_checkpoint(checkpoint, supernet)?.valid())
}
