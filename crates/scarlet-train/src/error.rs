//! What can go wrong in training and evaluating.

use std::io;
use std::path::PathBuf;

use scarlet::fold::FoldError;
use scarlet::weights::{PartError, WeightsError};
use scarlet::{ConfigError, DeployError, InputError};
use scarlet_arch::ArchitectureError;
use scarlet_data::dataset::DatasetError;
use thiserror::Error;

use crate::energy::EnergyError;
use crate::latency::LatencyError;

/// Why a network cannot be trained or evaluated, and what would mend it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A genome or an architecture that cannot be.
    #[error(transparent)]
    Architecture(Box<ArchitectureError>),
    /// A network that cannot be built.
    #[error(transparent)]
    Network(Box<ConfigError>),
    /// A network that is not the whole of an elastic space.
    #[error(
        "the space is one of parts of another network: of {expected}, where the weights are of \
         {found}"
    )]
    OtherWhole {
        /// The whole network of the space.
        expected: String,
        /// The network that was given.
        found: String,
    },
    /// Images that a network cannot take.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A network that cannot be brought into the form that only runs.
    #[error(transparent)]
    Deploy(Box<DeployError>),
    /// A data set that cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A photograph or an augmentation that cannot be used.
    #[error(transparent)]
    Data(#[from] scarlet_data::DataError),
    /// Weights that cannot be written.
    #[error(transparent)]
    Weights(Box<WeightsError>),
    /// A network that is no part of a published supernet.
    #[error(transparent)]
    Part(Box<PartError>),
    /// A latency that cannot be measured or looked up.
    #[error(transparent)]
    Latency(Box<LatencyError>),
    /// Energy that cannot be measured.
    #[error(transparent)]
    Energy(#[from] EnergyError),
    /// A stabilizer that cannot be removed.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// A setting out of its range.
    #[error("`{setting}` is {value}, but must be {expected}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A batch that no memory could hold.
    #[error(
        "`{setting}` is {batch_size}, but of images of {resolution} × {resolution} pixels at most \
         {most} can go through this network at a time: one layer alone would take more than 64 GiB. \
         Make it smaller"
    )]
    BatchTooLarge {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        batch_size: usize,
        /// Height and width of the images.
        resolution: usize,
        /// Its largest value.
        most: u64,
    },
    /// Settings that do not exist or are of the wrong kind.
    #[error("these settings cannot be: {problem}")]
    Settings {
        /// Which, and what would do.
        problem: String,
    },
    /// A part to be frozen that the network does not have.
    #[error(transparent)]
    Frozen(#[from] scarlet::UnknownPrefix),
    /// A data set for another network.
    #[error("the data has {found} {what}, but the network is made for {expected}: {hint}")]
    Mismatch {
        /// What differs.
        what: &'static str,
        /// What the data has.
        found: usize,
        /// What the network has.
        expected: usize,
        /// What would make them fit.
        hint: &'static str,
    },
    /// A teacher that knows something else than its student is to learn.
    #[error(
        "the teacher is made for {found} {what}, but its student for {expected}: take a teacher that \
         was trained on the same classes and kind of images"
    )]
    OtherTeacher {
        /// What differs.
        what: &'static str,
        /// What the teacher has.
        found: usize,
        /// What the student has.
        expected: usize,
    },
    /// Training has diverged.
    #[error(
        "step {step}: the loss is {loss}; training has diverged and was stopped before this step \
         changed a weight. {}Lower the learning rate, lengthen the warm-up or clip gradients",
        last_good(.checkpoint)
    )]
    NotFinite {
        /// The step, from 1.
        step: u64,
        /// The loss: NaN or infinite.
        loss: f64,
        /// The last checkpoint, from before.
        checkpoint: Option<PathBuf>,
    },
    /// A weight is no longer a number.
    #[error(
        "step {step}: `{weight}` holds a value that is not finite; training has diverged. {}Lower \
         the learning rate, lengthen the warm-up or clip gradients",
        last_good(.checkpoint)
    )]
    WeightNotFinite {
        /// Steps done.
        step: u64,
        /// The weight.
        weight: String,
        /// The last checkpoint, from before.
        checkpoint: Option<PathBuf>,
    },
    /// A mini-batch that was never made.
    #[error(
        "step {step} was not done, for its images could not be prepared: {problem}. This should \
         not happen; resuming goes on from the last checkpoint"
    )]
    Feed {
        /// The step, from 1.
        step: u64,
        /// What became of the thread that makes them.
        problem: String,
    },
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{path}`: {source}; what was there before is unchanged")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A checkpoint that is none, or another network's.
    #[error("`{path}` is no checkpoint to go on from: {problem}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A run folder that holds another run.
    #[error(
        "`{path}` was written by a run with other settings: `{setting}` was {stored}, and now is \
         {given}. Go on with the old settings, or start in another folder"
    )]
    SettingsChanged {
        /// The checkpoint.
        path: PathBuf,
        /// The first setting that differs.
        setting: String,
        /// Its value in the checkpoint.
        stored: String,
        /// Its value now.
        given: String,
    },
    /// A run that has been trained for more epochs than it is asked to go on to.
    #[error(
        "the run has done {done} epoch{}, so it cannot go on to {asked}: give a larger number of epochs \
         in all",
        if *.done == 1 { "" } else { "s" }
    )]
    EpochsDone {
        /// Whole epochs that it has done.
        done: usize,
        /// Epochs asked for.
        asked: usize,
    },
    /// More folds than every one can have an image of each class.
    #[error(
        "{folds} folds cannot all have an image of class `{class}`, which has {images} to train on: ask \
         for at most {images} folds, or add images to the class"
    )]
    TooManyFolds {
        /// How many were asked for.
        folds: usize,
        /// Name of the smallest class.
        class: String,
        /// Its training images.
        images: usize,
    },
    /// A class with too few images for a learning curve.
    #[error(
        "class `{class}` has {images} images, and a learning curve needs {least} of each class, for an \
         eighth of them must do for a classifier: leave out --learning-curve, or add images to the class"
    )]
    TooFewForCurve {
        /// Name of the smallest class.
        class: String,
        /// Its images.
        images: usize,
        /// How many it should have.
        least: usize,
    },
    /// A run that began with other images.
    #[error(
        "`{path}` was written by a run on other images: files, pixels or labels of those to \
         {purpose} have changed since. Go on with the images as they were, or start in another \
         folder"
    )]
    ImagesChanged {
        /// The checkpoint.
        path: PathBuf,
        /// `train on` or `judge by`.
        purpose: &'static str,
    },
    /// A run folder that is taken.
    #[error(
        "`{path}` exists already: go on from it by resuming (--resume), or start in another folder"
    )]
    Exists {
        /// The checkpoint.
        path: PathBuf,
    },
    /// A device failed, in a way that it does not report as an error.
    #[error(
        "{device} broke down: {problem}. See whether it is still there and has memory left, then go \
         on: what was done before is kept"
    )]
    BrokeDown {
        /// The device.
        device: String,
        /// What it said.
        problem: String,
    },
    /// An observer ended it.
    #[error("stopped before it was done")]
    Stopped,
}

// Boxed, for every result carries the room of the largest error.
impl From<ArchitectureError> for TrainError {
    fn from(error: ArchitectureError) -> Self {
        Self::Architecture(Box::new(error))
    }
}

impl From<PartError> for TrainError {
    fn from(error: PartError) -> Self {
        Self::Part(Box::new(error))
    }
}

impl From<WeightsError> for TrainError {
    fn from(error: WeightsError) -> Self {
        Self::Weights(Box::new(error))
    }
}

impl From<DeployError> for TrainError {
    fn from(error: DeployError) -> Self {
        Self::Deploy(Box::new(error))
    }
}

impl From<LatencyError> for TrainError {
    fn from(error: LatencyError) -> Self {
        Self::Latency(Box::new(error))
    }
}

impl From<ConfigError> for TrainError {
    fn from(error: ConfigError) -> Self {
        Self::Network(Box::new(error))
    }
}

fn last_good(checkpoint: &Option<PathBuf>) -> String {
    match checkpoint {
        Some(path) => format!("The last good checkpoint is `{}`. ", path.display()),
        None => String::new(),
    }
}

impl TrainError {
    /// What a failure to read this file comes to.
    pub fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Read { path, source }
    }

    /// What a failure to write this file comes to.
    pub fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }
}

/// Refuses seeds that would do nothing, or the same twice.
pub fn require_different(seeds: &[u64]) -> Result<(), TrainError> {
    require(!seeds.is_empty(), "seeds", "none", "at least one")?;
    let mut sorted = seeds.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    require(
        sorted.len() == seeds.len(),
        "seeds",
        format!("{seeds:?}"),
        "different from each other",
    )
}

/// Refuses a setting that does not meet its condition; write the condition so that NaN fails it.
pub fn require(
    condition: bool,
    setting: &'static str,
    value: impl ToString,
    expected: &'static str,
) -> Result<(), TrainError> {
    match condition {
        true => Ok(()),
        false => Err(TrainError::Setting {
            setting,
            value: value.to_string(),
            expected,
        }),
    }
}
