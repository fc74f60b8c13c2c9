//! What can be wrong with a report.

use scarlet_arch::ArchitectureError;
use thiserror::Error;

/// Why a run cannot be reported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A metric for an axis that the candidates do not have.
    #[error("no metric is called `{name}`; the candidates have: {}", .known.join(", "))]
    UnknownMetric {
        /// The name that was asked for.
        name: String,
        /// Names that there are.
        known: Vec<String>,
    },
    /// A candidate whose values are not one per metric.
    #[error("candidate {genome} has {found} values, but there are {expected} metrics")]
    ValueCount {
        /// The candidate.
        genome: String,
        /// How many values it has.
        found: usize,
        /// How many metrics there are.
        expected: usize,
    },
    /// A mistake of a class that there is not.
    #[error("a mistake is of class {class}, but there are {classes} classes, counted from 0")]
    UnknownClass {
        /// The class.
        class: usize,
        /// How many there are.
        classes: usize,
    },
    /// A picture that is to be shown and that there is not.
    #[error("picture {picture} is to be shown, but there are {pictures}, counted from 0")]
    UnknownPicture {
        /// Its index.
        picture: usize,
        /// How many there are.
        pictures: usize,
    },
    /// A genome or an architecture that cannot be.
    #[error(transparent)]
    Architecture(Box<ArchitectureError>),
    /// The picture cannot be drawn.
    #[error("the picture cannot be drawn: {reason}")]
    Drawing {
        /// What the plotting library says.
        reason: String,
    },
    /// The run cannot be written as JSON.
    #[error("the run cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<ArchitectureError> for ReportError {
    fn from(error: ArchitectureError) -> Self {
        Self::Architecture(Box::new(error))
    }
}
