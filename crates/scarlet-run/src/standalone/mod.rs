//! Training a single network on one's own images, from scratch or from weights, in a run folder.
//!
//! [`Standalone::prepare`] reads the images and builds the network that a [`StandaloneConfig`]
//! describes; [`Standalone::train`] trains it in a [`RunFolder`], which then holds
//!
//! | file | holds |
//! |---|---|
//! | `config.json` | the [`StandaloneRecord`]: everything that determines the run |
//! | `begun.json` | the same, to tell what was changed in it by hand |
//! | `classes.txt` | names of the classes, one a line, in the network's order |
//! | `events.jsonl` | every [`Event`](scarlet_train::Event) |
//! | `checkpoint.safetensors` | what the run needs to go on to the same result |
//! | `best.safetensors` | the network as it was best on the validation images |
//! | `last.safetensors` | the network at the end |
//! | `result.json` | the [`StandaloneResult`] |
//! | `report.html` | a page about the finished run |
//! | `folds/1/` … | of a cross-validation, each fold's training and what its network says of its images |
//! | `out-of-fold.csv`, `out-of-fold.json` | the same of all images |

mod config;
mod data;
mod folds;
mod learning_rate;
mod network;
mod part;
mod plan;
mod preset;
mod preview;
mod recipe;
mod report;
mod result;
mod several;
mod training;

use std::path::{Path, PathBuf};
use std::time::Duration;

use burn::tensor::Device;
use scarlet::Scarlet;
use scarlet::weights::StateDict;
use scarlet_arch::Architecture;
use scarlet_data::DataError;
use serde::{Deserialize, Serialize};

pub use self::config::{DataSettings, NetworkSettings, Recipe, StandaloneConfig};
use self::data::StandaloneData;
use self::network::Weights;
pub use self::part::Progress;
pub use self::plan::StandalonePlan;
pub use self::preset::Preset;
pub use self::preview::{Preview, PreviewRow};
pub use self::result::{CrossValidation, FoldResult, StandaloneResult};
use crate::RunError;
use crate::RunFolder;
use crate::class_order::{check_class_order, check_label_count};
use crate::files;
use crate::report::card;
use crate::run_folder::or_other_run;
use scarlet_data::dataset::{DatasetError, Extent, FolderNotices, ImageSet, ImageSize};
#[cfg(doc)]
use scarlet_train::Checkpoints;
use scarlet_train::TrainError;
use scarlet_train::error::require;
use scarlet_train::limits::check_batch_memory;
use scarlet_train::probe::{Probed, probe};
use scarlet_train::trainer::{check_epochs_left, check_teacher, epochs_done, is_over};

/// Where a run's network comes from.
#[derive(Debug, Clone)]
pub enum Start {
    /// From random weights.
    Scratch(Architecture),
    /// From trained weights of this architecture, with a new classifier unless the settings keep
    /// theirs.
    Weights(Architecture, Box<StateDict>),
    /// From the checkpoint that the run's folder holds.
    Checkpoint(Architecture),
}

/// What a run's `config.json` holds: enough to go on with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandaloneRecord {
    /// What was asked for.
    pub config: StandaloneConfig,
    /// The network, as it is trained.
    pub architecture: Architecture,
    /// Names of its classes.
    pub classes: Vec<String>,
}

impl StandaloneRecord {
    /// Opens the folder of an earlier run to go on with it, and reads its record.
    ///
    /// # Errors
    ///
    /// Those of [`RunFolder::open`], and [`RunError::OtherRun`] when another command began it.
    pub fn open(path: &Path) -> Result<(RunFolder, Self), RunError> {
        RunFolder::open(path).map_err(|error| or_other_run(error, path, &["train", "finetune"]))
    }

    /// Whether the run in the folder has its training behind it, by all of these epochs or by running
    /// out of patience.
    ///
    /// # Errors
    ///
    /// When its log or its checkpoint cannot be read.
    pub fn is_finished(&self, folder: &RunFolder) -> Result<bool, RunError> {
        Ok(is_over(folder.path())? && !self.goes_on(folder)?)
    }

    /// Whether these are more epochs than those that the run was stored with.
    fn goes_on(&self, folder: &RunFolder) -> Result<bool, RunError> {
        let stored: Self = folder.read_json(files::CONFIG)?;
        Ok(stored.config.train.epochs != self.config.train.epochs)
    }

    /// The same run for another number of epochs in all: it goes on from where it is, its learning
    /// rate following the schedule of that number. Weights, moving average, optimizer state, the best
    /// epoch's weights and the record of all epochs are kept.
    ///
    /// # Errors
    ///
    /// [`TrainError::EpochsDone`] when the run in the folder has done as many, and when its
    /// checkpoint cannot be read.
    pub fn with_epochs(mut self, folder: &RunFolder, epochs: usize) -> Result<Self, RunError> {
        if epochs != self.config.train.epochs {
            self.check_epochs_are_free(folder, epochs)?;
            check_epochs_left(epochs_done(folder.path())?, epochs)?;
            self.config.train.epochs = epochs;
        }
        Ok(self)
    }

    /// Refuses other epochs where parts of the run were trained for as many as it began with.
    fn check_epochs_are_free(&self, folder: &RunFolder, epochs: usize) -> Result<(), RunError> {
        match self.config.data.folds {
            None => Ok(()),
            Some(_) => Err(TrainError::SettingsChanged {
                path: folder.file(files::CONFIG),
                setting: "train.epochs, which the folds are trained for too,".to_owned(),
                stored: self.config.train.epochs.to_string(),
                given: epochs.to_string(),
            }
            .into()),
        }
    }
}

/// A network and the images that it is to be trained on.
#[derive(Debug)]
pub struct Standalone {
    record: StandaloneRecord,
    network: Scarlet,
    data: StandaloneData,
    checkpoint_every: Option<Duration>,
    device: Device,
    /// What the network begins with, for the trainings of parts, where there are any.
    weights: Option<Weights>,
    /// Whether a further training would begin with the same weights: not where a run goes on whose
    /// weights are in its checkpoint only.
    has_first_weights: bool,
}

impl Standalone {
    /// Reads the images and builds the network. `progress` is told of every photograph and how
    /// many there are.
    ///
    /// # Errors
    ///
    /// When images or weights cannot be read, or do not fit each other or the settings.
    pub fn prepare(
        mut config: StandaloneConfig,
        start: Start,
        device: &Device,
        progress: impl Fn(usize) + Sync,
    ) -> Result<Self, RunError> {
        config.train.validate()?;
        config.check_recipe()?;
        config.check_several()?;
        let mut kept_classifier = None;
        let has_first_weights =
            !matches!(start, Start::Checkpoint(_)) || config.recipe == Recipe::Scratch;
        let (architecture, weights) = match start {
            Start::Scratch(architecture) => (
                data::adapt(architecture, &config, data::Adapt::Freely)?,
                None,
            ),
            Start::Weights(architecture, entries) => {
                if config.network.keep_classifier {
                    kept_classifier = Some(entries.path().to_owned());
                }
                let weights = Weights {
                    channels: architecture.input_channels,
                    entries: *entries,
                };
                let adapted = data::adapt(architecture, &config, data::Adapt::ToWeights)?;
                (adapted, Some(weights))
            }
            Start::Checkpoint(architecture) => (architecture, None),
        };
        // Kept, so that a run goes on with it whatever is added to the folder.
        config.network.resolution = Some(architecture.preprocessing.resolution);
        let data = StandaloneData::read(&config, &architecture, progress)?;
        let architecture = architecture.with_classes(data.classes().len());
        let held_out = data.validation.as_ref().map_or(0, ImageSet::len);
        let images = data.train.len().max(held_out);
        check_batch_memory(
            "train.batch_size",
            config.train.batch_size,
            images,
            &architecture,
        )?;
        check_teacher(&config.train, &architecture, device)?;
        let teacher = config.train.teacher.as_ref().map(PathBuf::from);
        for weights in [teacher, kept_classifier].into_iter().flatten() {
            check_class_order(&weights, data.classes())?;
            check_label_count(&weights, data.has_several_labels())?;
        }
        let network = network::build(&config, &architecture, weights.as_ref(), device)?
            .with_card(card(&config.data.source, &data.train))?;
        let has_parts = config.data.folds.is_some();
        let run = Self {
            record: StandaloneRecord {
                config,
                classes: data.classes().to_vec(),
                architecture,
            },
            network,
            data,
            checkpoint_every: None,
            device: device.clone(),
            weights: weights.filter(|_| has_parts),
            has_first_weights,
        };
        // Better now than when the training begins.
        run.folds()?;
        run.check_patience()?;
        Ok(run)
    }

    /// Refuses to wait for a better epoch where none is judged.
    fn check_patience(&self) -> Result<(), RunError> {
        let patience = self.record.config.train.patience;
        Ok(require(
            patience.is_none() || self.data.validation.is_some(),
            "train.patience",
            patience.unwrap_or_default(),
            "left out with data.folds, which hold no images out of the training to compare epochs by",
        )?)
    }

    /// Saves a checkpoint when so much time has gone by, besides one behind every epoch, which
    /// changes no result. Default: as [`Checkpoints::new`].
    pub fn with_checkpoint_every(mut self, time: Option<Duration>) -> Self {
        self.checkpoint_every = time;
        self
    }

    /// What determines the run.
    pub fn record(&self) -> &StandaloneRecord {
        &self.record
    }

    /// Images to train on.
    pub fn train_images(&self) -> usize {
        self.data.train.len()
    }

    /// How many photographs there are and how large; none for images of one size.
    pub fn photographs(&self) -> Option<Extent> {
        self.data.photographs
    }

    /// How large images of one size are, before the network sees them; none for photographs.
    pub fn image_size(&self) -> Option<ImageSize> {
        self.data.images
    }

    /// Photographs that could not be read and were left out, each with the reason.
    pub fn unreadable(&self) -> &[(PathBuf, DataError)] {
        &self.data.unreadable
    }

    /// What people should know of a folder of photographs.
    pub fn notices(&self) -> &FolderNotices {
        &self.data.notices
    }

    /// Why decoded photographs could not be kept on disk, where they were to be.
    pub fn cache_failure(&self) -> Option<&DatasetError> {
        self.data.cache.as_ref().and_then(|cache| cache.failure())
    }

    /// How well the network's features tell the classes apart as they are, without training it.
    /// `progress` is told how many images are done.
    ///
    /// # Errors
    ///
    /// When a photograph cannot be read any more.
    pub fn probe(&self, progress: impl FnMut(usize)) -> Result<Probed, RunError> {
        let StandaloneData {
            train,
            validation,
            test,
            ..
        } = &self.data;
        let batch_size = self.record.config.train.batch_size;
        let network = &self.network;
        let validation = validation.as_ref().ok_or(TrainError::Setting {
            setting: "data.folds",
            value: self.record.config.data.folds.unwrap_or(0).to_string(),
            expected: "left out for a probe",
        })?;
        Ok(probe(
            network,
            train,
            validation,
            test.as_ref(),
            batch_size,
            progress,
        )?)
    }

    /// Names of the classes, in the network's order.
    pub fn classes(&self) -> &[String] {
        &self.record.classes
    }

    /// Number of images, in all parts.
    pub fn images(&self) -> usize {
        let test = self.data.test.as_ref().map_or(0, ImageSet::len);
        let held_out = self.data.validation.as_ref().map_or(0, ImageSet::len);
        self.data.train.len() + held_out + test
    }
}
