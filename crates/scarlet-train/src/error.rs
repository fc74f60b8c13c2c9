//! What can go wrong in training and evaluating.

use std::io;
use std::path::PathBuf;

use scarlet::fold::FoldError;
use scarlet::weights::{PartError, WeightsError};
use scarlet::{CardError, ConfigError, DeployError, InputError};
use scarlet_arch::ArchitectureError;
use scarlet_io::checksum::ChecksumError;
use scarlet_report::ReportError;
use thiserror::Error;

use crate::latency::LatencyError;
use scarlet_data::dataset::DatasetError;

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
    /// Names of classes that cannot be written into a network's file.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A page that cannot be made.
    #[error(transparent)]
    Report(Box<ReportError>),
    /// A latency that cannot be measured or looked up.
    #[error(transparent)]
    Latency(Box<LatencyError>),
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
    /// A classifier to be kept, but of other classes.
    #[error(
        "the weights tell {found} classes apart, but the data has {expected}: their classifier \
         cannot be kept. Leave out --keep-classifier (network.keep_classifier), and the network \
         gets a new one"
    )]
    KeptClassifier {
        /// Classes of the weights.
        found: usize,
        /// Classes of the data.
        expected: usize,
    },
    /// Weights of the same classes in another order.
    #[error(
        "{} has the images' classes in another order, by its own words or those of classes.txt \
         beside it: its class {place} (counted from 0) is `{theirs}`, but the images' is `{ours}`; \
         set data.class_order to \"bytes\" or \"natural\", whichever it was trained with",
        path.display()
    )]
    OtherClassOrder {
        /// The weights.
        path: PathBuf,
        /// The first class that differs.
        place: usize,
        /// What it is called beside the weights.
        theirs: String,
        /// What it is called here.
        ours: String,
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
    /// A folder that holds no run.
    #[error("`{path}` holds no run: it has no `config.json`")]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// A folder that holds a run of another kind.
    #[error("`{path}` holds a run that `scarlet {command}` began: that is the command for it")]
    OtherRun {
        /// The folder.
        path: PathBuf,
        /// The command that began it.
        command: &'static str,
    },
    /// A run that goes on elsewhere.
    #[error(
        "another process is at work in `{path}`: wait for it or stop it, or start in another \
         folder"
    )]
    RunInUse {
        /// The folder of the run.
        path: PathBuf,
    },
    /// A file of a run that was changed since it was written.
    #[error("`{path}` is not as it was written: {source}. To go on, {remedy}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The checksums.
        source: ChecksumError,
        /// What can be done.
        remedy: &'static str,
    },
    /// A file of a run that cannot be understood.
    #[error("`{path}` is not what a run writes there: {problem}")]
    RunFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
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

impl From<ReportError> for TrainError {
    fn from(error: ReportError) -> Self {
        Self::Report(Box::new(error))
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
    pub(crate) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Read { path, source }
    }

    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }
}

/// Refuses seeds that would do nothing, or the same twice.
pub(crate) fn require_different(seeds: &[u64]) -> Result<(), TrainError> {
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
pub(crate) fn require(
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
