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

mod config;
mod data;
mod network;
mod plan;
mod preview;
mod recipe;
mod report;
use std::path::{Path, PathBuf};
use std::time::Duration;

use burn::tensor::Device;
use scarlet::Scarlet;
use scarlet::weights::{Precision, StateDict};
use scarlet_arch::Architecture;
use scarlet_data::{DataError, class_list};
use serde::{Deserialize, Serialize};

pub use self::config::{DataSettings, NetworkSettings, Recipe, StandaloneConfig};
use self::data::StandaloneData;
use self::network::Weights;
pub use self::plan::StandalonePlan;
pub use self::preview::{Preview, PreviewRow};
use self::report::Reported;
use crate::RunError;
use crate::RunFolder;
use crate::class_order::check_class_order;
use crate::files;
use crate::pipeline::interval_of;
use crate::report::card;
use crate::run_folder::or_other_run;
use scarlet_data::dataset::{DatasetError, Extent, FolderNotices, ImageSet, ImageSize};
use scarlet_train::limits::check_batch_memory;
use scarlet_train::measure::judge;
use scarlet_train::probe::{Probed, probe};
use scarlet_train::trainer::{check_epochs_left, check_teacher, epochs_done, is_over};
use scarlet_train::trust::{HELD_OUT_IMAGES, TEST_IMAGES};
use scarlet_train::{Checkpoints, Observer, TrainError, Trainer};

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
            check_epochs_left(epochs_done(folder.path())?, epochs)?;
            self.config.train.epochs = epochs;
        }
        Ok(self)
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StandaloneResult {
    /// Whether the run is done; if not, it was stopped and can go on.
    pub completed: bool,
    /// Epochs done.
    pub epochs: usize,
    /// The epoch that the best weights are from, counted from 1.
    pub best_epoch: Option<u64>,
    /// Their accuracy on the validation images, from 0 to 1.
    pub validation_accuracy: Option<f64>,
    /// Number of the validation images.
    #[serde(default)]
    pub validation_images: usize,
    /// 95 % confidence interval of this accuracy. It is of the best of several epochs, which were
    /// compared by these images, so that it is on the favourable side.
    #[serde(default)]
    pub validation_interval: Option<[f64; 2]>,
    /// Mean of the classes' accuracies on the validation images, where the run balances classes: its
    /// epochs were then compared by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_class_accuracy: Option<f64>,
    /// Their accuracy on the test images, if there are any and the run is done.
    pub test_accuracy: Option<f64>,
    /// Number of the test images.
    #[serde(default)]
    pub test_images: usize,
    /// 95 % confidence interval of this accuracy.
    #[serde(default)]
    pub test_interval: Option<[f64; 2]>,
    /// Mean of the classes' accuracies on the test images, where the run balances classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_class_accuracy: Option<f64>,
}

/// A network and the images that it is to be trained on.
#[derive(Debug)]
pub struct Standalone {
    record: StandaloneRecord,
    network: Scarlet,
    data: StandaloneData,
    checkpoint_every: Option<Duration>,
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
        let mut kept_classifier = None;
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
        let images = data.train.len().max(data.validation.len());
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
        }
        let network = network::build(&config, &architecture, weights.as_ref(), device)?
            .with_card(card(&config.data.source, &data.train))?;
        Ok(Self {
            record: StandaloneRecord {
                config,
                classes: data.classes().to_vec(),
                architecture,
            },
            network,
            data,
            checkpoint_every: None,
        })
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
        self.data.train.len() + self.data.validation.len() + test
    }

    /// Trains the network in its folder, or goes on training it, also to [another number of
    /// epochs](StandaloneRecord::with_epochs) than the folder's run was made for.
    ///
    /// # Errors
    ///
    /// As [`Trainer::train`], and when the folder's run has other classes.
    pub fn train(
        self,
        folder: &RunFolder,
        observer: impl Observer,
    ) -> Result<StandaloneResult, RunError> {
        let mut stored: StandaloneRecord = folder.read_json(files::CONFIG)?;
        if stored.classes != self.record.classes {
            let changed = TrainError::SettingsChanged {
                path: folder.file(files::CONFIG),
                setting: "classes".to_owned(),
                stored: stored.classes.join(", "),
                given: self.record.classes.join(", "),
            };
            return Err(changed.into());
        }
        let epochs = self.record.config.train.epochs;
        if stored.config.train.epochs != epochs {
            stored.config.train.epochs = epochs;
            folder.write_config(&stored)?;
        }
        folder.write(
            class_list::BESIDE_WEIGHTS,
            class_list::to_text(&self.record.classes).as_bytes(),
        )?;
        let config = self.record.config.train.clone();
        let batch_size = config.batch_size;
        let mut checkpoints = Checkpoints::new(folder.path()).resuming().to_other_epochs();
        if let Some(time) = self.checkpoint_every {
            checkpoints = checkpoints.after(time);
        }
        let trained = Trainer::new(config)
            .with_validation(&self.data.validation)
            .with_checkpoints(checkpoints)
            .with_observer(observer)
            .train(self.network, (), &self.data.train)?;
        let best = trained.epochs.iter().rfind(|epoch| epoch.best);
        let mut result = StandaloneResult {
            completed: trained.completed,
            epochs: trained.epochs.len(),
            best_epoch: best.map(|epoch| epoch.epoch),
            validation_accuracy: best.and_then(|epoch| epoch.validation_accuracy),
            validation_images: self.data.validation.len(),
            validation_interval: None,
            validation_class_accuracy: best.and_then(|epoch| epoch.validation_class_accuracy),
            test_accuracy: None,
            test_images: self.data.test.as_ref().map_or(0, ImageSet::len),
            test_interval: None,
            test_class_accuracy: None,
        };
        let judged_by = result.validation_images;
        let interval = |accuracy| interval_of(accuracy, judged_by);
        result.validation_interval = result.validation_accuracy.map(interval);
        if !trained.completed {
            folder.write_json(files::RESULT, &result)?;
            return Ok(result);
        }
        let mut network = trained.into_best();
        let mut card = card(&self.record.config.data.source, &self.data.train);
        let (_, held_out) = judge(&network, &self.data.validation, batch_size)?;
        if let Some(temperature) = held_out.temperature() {
            let images = held_out.len() as u64;
            card = card.with_temperature(temperature, HELD_OUT_IMAGES, images);
        }
        let mut judged = held_out;
        if let Some(test) = &self.data.test {
            let (test, tested) = judge(&network, test, batch_size)?;
            let balance = self.record.config.train.balance;
            let mean = tested.accuracy().mean_class_top1();
            result.test_class_accuracy = balance.is_set().then_some(mean);
            judged = tested;
            result.test_accuracy = Some(test.accuracy());
            result.test_interval = Some(test.interval());
            card = card.with_accuracy(TEST_IMAGES, test.correct as u64, test.images as u64);
        }
        if let Some(accuracy) = result.validation_accuracy {
            let images = self.data.validation.len();
            let right = (accuracy * images as f64).round() as u64;
            let of = "held-out images, which the epoch was chosen by";
            card = card.with_accuracy(of, right, images as u64);
            // As it was exported, but for what is known only now.
            network = network.with_card(card)?;
            network.save(folder.file(files::BEST), Precision::F32)?;
        }
        folder.write_json(files::RESULT, &result)?;
        let reported = Reported {
            record: &self.record,
            data: &self.data,
            judged: &judged,
        };
        reported.write(folder, &network, &result)?;
        Ok(result)
    }
}
