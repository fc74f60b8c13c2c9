//! [`RunError`]: what ends a run.

use std::path::PathBuf;

use scarlet::DeployError;
use scarlet::onnx::OnnxError;
use scarlet::weights::WeightsError;
use scarlet_arch::ArchitectureError;
use scarlet_report::ReportError;
use scarlet_search::SearchError;
use thiserror::Error;

use super::Stage;
use crate::TrainError;
use crate::latency::LatencyError;
use scarlet_data::dataset::DatasetError;

/// Why a run cannot begin or go on, and what would mend it.
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
    /// A search that cannot be shown.
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
        /// `cheapest` or `dearest`.
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
        "no network of this search space has both {constraints}: nearest comes {nearest}. Change \
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
        "none of the {evaluations} candidates keeps {constraints}{nearest}; allow more \
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
         is fitted to training images: take them out without --uncalibrated"
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
    #[error("nothing was searched yet: choose a network by its genome, or search first")]
    NothingFound,
    /// Something other than a rule or a genome was to be chosen.
    #[error(
        "cannot choose `{given}`: it is neither `best` nor `knee`, and no genome of this space \
         ({problem})"
    )]
    UnknownChoice {
        /// What was given.
        given: String,
        /// Why it is no genome.
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
    /// Whether the run can go on from where it is: it was stopped, or something outside it failed,
    /// such as a disk, a file of an image or a device.
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
