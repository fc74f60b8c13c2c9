//! The fourth stage: the chosen network is trained on its own.

use burn::module::Module;
use scarlet::{Architecture, Scarlet, ScarletConfig};
use scarlet_data::dataset::Source;
use scarlet_random::weights_seed;
use scarlet_train::{Augment, Extracted, TrainConfig, Trainer};
use serde::{Deserialize, Serialize};

use super::Stage;
use super::stages::Run;
use crate::RunError;
use crate::RunFolder;
use crate::files;

/// How the chosen network is trained. The settings of [`TrainConfig`] stand next to its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainSettings {
    /// Start from the supernet's weights rather than from random ones.
    pub inherit: bool,
    /// Probability of dropping a feature before the classifier.
    pub dropout: f64,
    /// How often residual branches are left out: the layer of index i, from 0, of n layers' with
    /// probability `drop_path` · i / n, so never the first layer's and almost so often the last's.
    pub drop_path: f64,
    /// The rest.
    #[serde(flatten)]
    pub recipe: TrainConfig,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            inherit: true,
            dropout: 0.0,
            drop_path: 0.0,
            recipe: TrainConfig {
                epochs: 30,
                batch_size: 64,
                learning_rate: 0.1,
                weight_decay: 5e-4,
                average_decay: Some(0.998),
                augment: Augment {
                    shift: 2,
                    flip: true,
                    erase: 0.25,
                    ..Augment::default()
                },
                ..TrainConfig::default()
            },
        }
    }
}

impl Run {
    /// Trains the chosen network on all images but those of the test, or continues training it, or
    /// takes the finished one from the folder. `teacher` is the
    /// [whole network](Self::train_whole), where it is a part of one.
    ///
    /// # Errors
    ///
    /// When training diverges, a file cannot be read or written, or the observer stops the run.
    pub fn train_network(
        &self,
        folder: &RunFolder,
        extracted: &Extracted,
        teacher: Option<&Scarlet>,
    ) -> Result<Scarlet, RunError> {
        self.stage(folder, Stage::Train, || {
            let network = self.untrained(extracted)?;
            let recipe = &self.config.train.recipe;
            let mut trainer = Trainer::new(recipe.clone())
                .with_checkpoints(self.checkpoints(folder, files::TRAINING))
                .with_observer(self.training_observer(Stage::Train));
            // The choice is made; the held-out images are free to train on.
            let mut side = network.architecture().preprocessing.resolution;
            if let Some(lesson) = self.lesson_of(teacher, recipe) {
                // Who may see more than the network.
                side = side.max(lesson.network.architecture().preprocessing.resolution);
                trainer = trainer.with_teacher(lesson);
            }
            let mut room = None;
            let images = Source::from(&self.data.all).fitted(side, &mut room);
            let trained = trainer.train(network, (), images)?;
            self.unless_stopped(Stage::Train, trained.completed)?;
            Ok(trained.into_best())
        })
    }

    /// The network as its training begins with it.
    fn untrained(&self, extracted: &Extracted) -> Result<Scarlet, RunError> {
        let network = self.with_random_weights(extracted.network.architecture().clone())?;
        match self.config.train.inherit {
            true => Ok(network.load(&extracted.network.state_dict())?.train()),
            false => Ok(network),
        }
    }

    /// A network as it is trained from scratch.
    pub(super) fn with_random_weights(
        &self,
        architecture: Architecture,
    ) -> Result<Scarlet, RunError> {
        let settings = &self.config.train;
        let device = self.training_device();
        let network = ScarletConfig::from(architecture)
            .with_dropout(settings.dropout)
            .with_drop_path(settings.drop_path)
            .try_init_seeded(weights_seed(settings.recipe.seed, 0), &device)
            .map_err(scarlet_train::TrainError::from)?;
        Ok(network)
    }
}
