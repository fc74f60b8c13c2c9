//! [`RunError`]: what ends a run.

use std::io;
use std::path::PathBuf;

use scarlet::onnx::OnnxError;
use scarlet::weights::WeightsError;
use scarlet::{CardError, ConfigError, DeployError};
use scarlet_arch::ArchitectureError;
use scarlet_data::dataset::DatasetError;
use scarlet_io::checksum::ChecksumError;
use scarlet_report::ReportError;
use scarlet_search::SearchError;
use scarlet_train::TrainError;
use scarlet_train::latency::LatencyError;
use thiserror::Error;

use crate::pipeline::Stage;

/// Why a run cannot begin or continue, and how to fix it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// A network or search space that cannot be.
    #[error(transparent)]
    Architecture(Box<ArchitectureError>),
    /// A data set that cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Training or evaluating failed.
    #[error(transparent)]
    Train(Box<TrainError>),
    /// The search failed.
    #[error(transparent)]
    Search(Box<SearchError>),
    /// Weights that cannot be written or taken over.
    #[error(transparent)]
    Weights(Box<WeightsError>),
    /// A network that cannot be deployed.
    #[error(transparent)]
    Deploy(Box<DeployError>),
    /// A network that cannot be written as ONNX.
    #[error(transparent)]
    Onnx(Box<OnnxError>),
    /// Names of classes that cannot be written into a network's file.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A page that cannot be made.
    #[error(transparent)]
    Report(Box<ReportError>),

    /// A setting that does not exist.
    #[error("there is no setting `{key}`{}", hint(.nearest, .known))]
    UnknownKey {
        /// The setting, with its section.
        key: String,
        /// The existing settings that may have been meant, with their sections.
        nearest: Vec<String>,
        /// All settings of the section.
        known: Vec<String>,
    },
    /// Something else in the place of settings.
    #[error("{place} should be a section of settings, but is {found}")]
    NotSettings {
        /// Where.
        place: String,
        /// What it is instead.
        found: &'static str,
    },
    /// A setting of the wrong kind.
    #[error("[{section}]: {problem}")]
    Setting {
        /// Its section.
        section: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A budget that no network keeps.
    #[error(
        "no network of this search space has {constraint}: the {extreme} has {value} \
         (`{genome}`: {layers}). Change the budget or the space"
    )]
    ImpossibleBudget {
        /// The budget.
        constraint: String,
        /// `cheapest` or `costliest`.
        extreme: &'static str,
        /// What that network has.
        value: String,
        /// That network.
        genome: String,
        /// Its layers.
        layers: String,
    },
    /// Two budgets that no network keeps together.
    #[error(
        "no network of this search space has both {constraints}: the nearest is {nearest}. Change \
         the budget or the space"
    )]
    ImpossibleBudgets {
        /// The budgets.
        constraints: String,
        /// The network that comes nearest, and its values.
        nearest: String,
    },
    /// Budgets that no candidate kept.
    #[error(
        "none of the {evaluations} candidates satisfies {constraints}{nearest}; allow more \
         evaluations, or change the budget"
    )]
    NothingFeasible {
        /// Candidates measured.
        evaluations: usize,
        /// The budgets.
        constraints: String,
        /// The candidate that comes nearest, and its values, if any was measured.
        nearest: String,
    },
    /// A folder without a supernet.
    #[error(
        "`{path}` has no supernet yet: `scarlet supernet train` and `scarlet search` train one"
    )]
    NoSupernet {
        /// The folder.
        path: PathBuf,
    },
    /// A published supernet's network without images to fit a classifier to.
    #[error(
        "networks of `{path}` are parts of the published supernet {supernet}, and get a classifier that \
         is fitted to training images: extract them without --uncalibrated"
    )]
    OnlyFitted {
        /// The run's folder.
        path: PathBuf,
        /// What the supernet's authors call it.
        supernet: String,
    },
    /// Settings of another supernet than the one to be searched.
    #[error(
        "the supernet was trained with other settings in [{section}]: leave them as they are, or \
         train a supernet with these"
    )]
    OtherSupernet {
        /// The section.
        section: &'static str,
    },
    /// A folder without a search.
    #[error("nothing has been searched yet: choose a network by its genome, or search first")]
    NothingFound,
    /// Something other than a rule or a genome was to be chosen.
    #[error(
        "cannot choose `{given}`: it is neither `best` nor `knee`, nor a genome of this space \
         ({problem})"
    )]
    UnknownChoice {
        /// What was given.
        given: String,
        /// Why it is no genome.
        problem: String,
    },
    /// A classifier to be kept, but of other classes.
    #[error(
        "the weights distinguish {found} classes, but the data has {expected}: their classifier \
         cannot be kept. Leave out --keep-classifier (network.keep_classifier), and the network \
         gets a new one"
    )]
    KeptClassifier {
        /// Classes of the weights.
        found: usize,
        /// Classes of the data.
        expected: usize,
    },
    /// Weights for another number of labels per image.
    #[error(
        "`{path}` is a network of {theirs}, but the images have {ours}: its classifier cannot be kept \
         or learnt from; leave out --keep-classifier or --teacher, or give other weights"
    )]
    OtherLabelCount {
        /// The file.
        path: PathBuf,
        /// What the network gives.
        theirs: &'static str,
        /// What the images have.
        ours: &'static str,
    },
    /// Weights of the same classes in another order.
    #[error(
        "{} has the images' classes in another order, according to its own metadata or to \
         classes.txt next to it: its class {place} (counted from 0) is `{theirs}`, but the images' is \
         `{ours}`; \
         set data.class_order to \"bytes\" or \"natural\", whichever it was trained with",
        path.display()
    )]
    OtherClassOrder {
        /// The weights.
        path: PathBuf,
        /// The first class that differs.
        place: usize,
        /// What it is called next to the weights.
        theirs: String,
        /// What it is called here.
        ours: String,
    },
    /// A folder that holds no run.
    #[error("`{path}` holds no run: it has no `config.json`")]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// A folder that holds a run of another kind.
    #[error("`{path}` holds a run that `scarlet {command}` began: use that command")]
    OtherRun {
        /// The folder.
        path: PathBuf,
        /// The command that began it.
        command: &'static str,
    },
    /// A run that continues elsewhere.
    #[error(
        "another process is working in `{path}`: wait for it or stop it, or start in another \
         folder"
    )]
    RunInUse {
        /// The folder of the run.
        path: PathBuf,
    },
    /// A file of a run that was changed since it was written.
    #[error("`{path}` is not as it was written: {source}. To continue, {remedy}")]
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
    /// An observer stopped the run; everything that is done is saved.
    #[error("interrupted while {}; everything done so far is saved", .stage.doing())]
    Interrupted {
        /// The stage that was going on.
        stage: Stage,
    },
}

impl RunError {
    pub(crate) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let read = TrainError::read(path);
        move |source| read(source).into()
    }

    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let write = TrainError::write(path);
        move |source| write(source).into()
    }

    /// Whether an observer ended it.
    pub fn is_stopped(&self) -> bool {
        match self {
            Self::Interrupted { .. } => true,
            Self::Train(error) => matches!(**error, TrainError::Stopped),
            _ => false,
        }
    }

    /// Whether the run can continue from where it is: it was stopped, or something outside it
    /// failed, such as a disk, a file of an image or a device.
    pub fn can_go_on(&self) -> bool {
        match self {
            Self::Interrupted { .. } => true,
            Self::Train(error) => matches!(
                **error,
                TrainError::BrokeDown { .. }
                    | TrainError::Read { .. }
                    | TrainError::Write { .. }
                    | TrainError::Data(_)
                    | TrainError::Deploy(_)
            ),
            _ => false,
        }
    }
}

// Boxed, for every result carries the room of the largest error.
impl From<ArchitectureError> for RunError {
    fn from(error: ArchitectureError) -> Self {
        Self::Architecture(Box::new(error))
    }
}

impl From<TrainError> for RunError {
    fn from(error: TrainError) -> Self {
        Self::Train(Box::new(error))
    }
}

impl From<ConfigError> for RunError {
    fn from(error: ConfigError) -> Self {
        TrainError::from(error).into()
    }
}

impl From<LatencyError> for RunError {
    fn from(error: LatencyError) -> Self {
        TrainError::from(error).into()
    }
}

// The evaluator of a run is this crate's own, and its errors tell more than that it has stopped.
impl From<SearchError> for RunError {
    fn from(error: SearchError) -> Self {
        let SearchError::Evaluator(cause) = error else {
            return Self::Search(Box::new(error));
        };
        match cause.downcast().map(|cause| *cause) {
            Ok(TrainError::Stopped) => Self::Interrupted {
                stage: Stage::Search,
            },
            Ok(cause) => cause.into(),
            Err(cause) => Self::Search(Box::new(SearchError::Evaluator(cause))),
        }
    }
}

impl From<WeightsError> for RunError {
    fn from(error: WeightsError) -> Self {
        Self::Weights(Box::new(error))
    }
}

impl From<DeployError> for RunError {
    fn from(error: DeployError) -> Self {
        Self::Deploy(Box::new(error))
    }
}

impl From<OnnxError> for RunError {
    fn from(error: OnnxError) -> Self {
        Self::Onnx(Box::new(error))
    }
}

impl From<ReportError> for RunError {
    fn from(error: ReportError) -> Self {
        Self::Report(Box::new(error))
    }
}

fn hint(nearest: &[String], known: &[String]) -> String {
    if nearest.is_empty() {
        return format!("; there are {}", known.join(", "));
    }
    let nearest: Vec<String> = nearest.iter().map(|it| format!("`{it}`")).collect();
    format!("; did you mean {}?", nearest.join(" or "))
}
