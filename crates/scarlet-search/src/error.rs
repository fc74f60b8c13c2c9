//! [`SearchError`]: everything that can go wrong in a search.

use std::path::PathBuf;

use crate::{EvaluatorError, Genome};

/// What went wrong in a search, where, and how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// A search space without genes.
    #[error("the search space has no genes; give the number of choices of at least one gene")]
    EmptySpace,

    /// A gene whose number of choices does not fit.
    #[error("gene {gene} has {choices} choices; a gene needs 1 to 256")]
    InvalidChoices {
        /// Position of the gene, from 0.
        gene: usize,
        /// The number of choices given.
        choices: usize,
    },

    /// A genome that does not belong to the search space.
    #[error("genome {genome:?} is not in the search space: {reason}")]
    InvalidGenome {
        /// The genome.
        genome: Genome,
        /// What does not fit.
        reason: String,
    },

    /// An objective's text form that cannot be read.
    #[error(
        "cannot read the objective `{text}`: {reason}; write `maximize NAME` or `minimize NAME`, \
         optionally followed by `weight NUMBER` and `reference NUMBER`"
    )]
    InvalidObjective {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A constraint's text form that cannot be read.
    #[error(
        "cannot read the constraint `{text}`: {reason}; write `NAME <= NUMBER` or \
         `NAME >= NUMBER` (K, M and G after the number are 10^3, 10^6, 10^9)"
    )]
    InvalidConstraint {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A search without objectives.
    #[error("the search has no objectives; give at least one, such as `maximize accuracy`")]
    NoObjectives,

    /// Two objectives of the same name.
    #[error("`{name}` is an objective twice; keep one of them")]
    DuplicateObjective {
        /// The name.
        name: String,
    },

    /// An evaluator that measures two things of the same name.
    #[error("the evaluator measures `{name}` twice; give its metrics different names")]
    DuplicateMetric {
        /// The name.
        name: String,
    },

    /// An objective or constraint on something that is not measured.
    #[error("`{name}` is not measured; the evaluator measures {}", list(.known))]
    UnknownMetric {
        /// The name asked for.
        name: String,
        /// The names that are measured.
        known: Vec<String>,
    },

    /// A setting out of its range.
    #[error("`{setting}` is {value}; it must be {expected}")]
    InvalidSetting {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// The range it must be in.
        expected: &'static str,
    },

    /// An evaluator that could not continue.
    #[error("the evaluator stopped: {0}")]
    Evaluator(#[source] EvaluatorError),

    /// An evaluator that returned more or fewer evaluations than it was given genomes.
    #[error("the evaluator was given {expected} genomes and returned {found} evaluations")]
    EvaluationCount {
        /// Number of genomes.
        expected: usize,
        /// Number of evaluations.
        found: usize,
    },

    /// An evaluation with more or fewer values than the evaluator has metrics.
    #[error(
        "the evaluation of genome {genome:?} has {found} values; the evaluator has {expected} \
         metrics"
    )]
    ValueCount {
        /// The genome evaluated.
        genome: Genome,
        /// Number of metrics.
        expected: usize,
        /// Number of values.
        found: usize,
    },

    /// A saved search resumed with an evaluator that measures something else.
    #[error(
        "the saved search was made with the metrics {}, but this evaluator measures {}; resume \
         with the evaluator it was started with",
        list(.saved), list(.evaluator)
    )]
    MetricsChanged {
        /// Metrics of the saved search.
        saved: Vec<String>,
        /// Metrics of the evaluator.
        evaluator: Vec<String>,
    },

    /// A saved search whose parts do not belong together.
    #[error("the saved search is damaged: {reason}")]
    InvalidState {
        /// What does not fit.
        reason: String,
    },

    /// A file that cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's own reason.
        source: std::io::Error,
    },

    /// A file that holds no saved search.
    #[error("{} is not a saved search: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },

    /// A point with more or fewer coordinates than the reference point.
    #[error("point {index} has {found} coordinates; the reference point has {expected}")]
    DimensionMismatch {
        /// Position of the point, from 0.
        index: usize,
        /// Coordinates of the reference point.
        expected: usize,
        /// Coordinates of the point.
        found: usize,
    },
}

fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.is_empty() {
        true => "nothing".to_owned(),
        false => quoted.join(", "),
    }
}
