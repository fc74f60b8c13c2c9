//! Training the network that a search starts from.

use std::path::Path;

use burn::module::Module;
use scarlet::Scarlet;
use scarlet_train::trainer::{is_over, time_steps};
use scarlet_train::{Teacher, TrainConfig, Trainer};

use super::WholeSettings;
use crate::files;
use crate::pipeline::{Run, Stage};
use crate::report::card;
use crate::{RunError, RunFolder};

impl Run {
    /// The whole network, trained on the images, where the space is made of one: trains it, or goes
    /// on training it, or takes the trained one from the folder.
    ///
    /// # Errors
    ///
    /// When training diverges, a file cannot be read or written, or the observer stops the run.
    pub fn train_whole(&self, folder: &RunFolder) -> Result<Option<Scarlet>, RunError> {
        let Some(whole) = &self.whole else {
            return Ok(None);
        };
        let settings = &self.config.whole;
        let device = self.training_device();
        let network = whole.network(settings.dropout, settings.recipe.seed, &device)?;
        if whole.is_trained {
            return Ok(Some(network.valid()));
        }
        // So that other runs can start from it.
        let network = network.with_card(card(&self.config.data.source, &self.data.train))?;
        self.stage(folder, Stage::Whole, || {
            let trained = Trainer::new(settings.recipe.clone())
                .with_checkpoints(self.checkpoints(folder, files::WHOLE))
                .with_observer(self.training_observer(Stage::Whole))
                .train(network, (), &self.data.train)?;
            self.unless_stopped(Stage::Whole, trained.completed)?;
            Ok(Some(trained.into_best()))
        })
    }

    /// How long the training of the whole network will take, in seconds, by a few of its steps.
    /// `other` is the folder that it is taken over from, if it is.
    pub(in crate::pipeline) fn time_whole(&self, other: Option<&Path>) -> Result<f64, RunError> {
        let Some(whole) = self.whole.as_ref().filter(|whole| !whole.is_trained) else {
            return Ok(0.0);
        };
        if let Some(folder) = other
            && is_over(&folder.join(files::WHOLE))?
        {
            return Ok(0.0);
        }
        let WholeSettings { dropout, recipe } = &self.config.whole;
        let network = whole.network(*dropout, recipe.seed, &self.training_device())?;
        let (_, step) = time_steps(recipe, network, None, (), &self.data.train, 2)?;
        Ok(step.as_secs_f64() * recipe.steps(self.data.train.len(), 1) as f64)
    }

    /// The whole network, trained or not, to measure how long it takes to learn from it.
    pub(in crate::pipeline) fn untrained_whole(&self) -> Result<Option<Scarlet>, RunError> {
        let Some(whole) = &self.whole else {
            return Ok(None);
        };
        let WholeSettings { dropout, recipe } = &self.config.whole;
        let network = whole.network(*dropout, recipe.seed, &self.training_device())?;
        Ok(Some(network.valid()))
    }

    /// What candidates and the chosen network learn from in addition to the labels.
    pub(in crate::pipeline) fn lesson_of(
        &self,
        teacher: Option<&Scarlet>,
        recipe: &TrainConfig,
    ) -> Option<Teacher> {
        // One that the settings name goes first.
        if recipe.teacher.is_some() {
            return None;
        }
        teacher.map(|network| Teacher {
            network: network.clone(),
            distillation: recipe.distillation,
        })
    }
}
