//! [`LatencyError`]: tables that cannot be made or used.

use std::io;
use std::path::PathBuf;

use scarlet::Precision;
use scarlet::{ConfigError, DeployError};
use scarlet_arch::ArchitectureError;
use thiserror::Error;

/// Why a latency cannot be measured or looked up, and what would mend it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LatencyError {
    /// A network that cannot be built.
    #[error(transparent)]
    Network(Box<ConfigError>),
    /// A network that is none of the space's.
    #[error(transparent)]
    Architecture(Box<ArchitectureError>),
    /// A network that cannot be deployed, or a device that failed.
    #[error(transparent)]
    Deploy(Box<DeployError>),
    /// A setting out of its range.
    #[error("`{setting}` is 0, but must be at least 1")]
    Zero {
        /// Name of the setting.
        setting: &'static str,
    },
    /// A file that cannot be read.
    #[error("cannot read the latency table `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that cannot be written.
    #[error(
        "cannot write the latency table `{path}`: {source}; what was there before is unchanged"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is no table.
    #[error("`{path}` is no latency table: {problem}. Measure one with `scarlet latency-table`")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A table of another version of this program.
    #[error(
        "the latency table `{path}` is of version {found}, but this program reads versions \
         1 to {known}: measure it anew with `scarlet latency-table`"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The latest version that can be read.
        known: u32,
    },
    /// A file of measured times with a hole or something else that does not belong there.
    #[error("`{path}`, line {line}, column `{column}`: {problem}")]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// What is wrong there.
        problem: String,
    },
    /// A file of measured times without a part that is needed.
    #[error(
        "`{path}` has no row of operation `{operation}` and shape `{shape}`, which network {genome} of \
         the search space has: measure it too. `scarlet latency-table --plan` lists all networks whose \
         parts are needed"
    )]
    MissingRow {
        /// The file.
        path: PathBuf,
        /// What the part does.
        operation: String,
        /// What reaches it.
        shape: String,
        /// A network that has it.
        genome: String,
    },
    /// A table that lacks what its space has.
    #[error(
        "the latency table `{path}` has no time for {choice} in layer {layer}: measure it anew \
         with `scarlet latency-table`"
    )]
    MissingEntry {
        /// The file.
        path: PathBuf,
        /// The layer, from 1.
        layer: usize,
        /// What the layer does.
        choice: String,
    },
    /// A table of other networks.
    #[error(
        "the latency table is of another search space: its `{setting}` is {table}, but here it is \
         {run}. Measure one with `scarlet latency-table` and the settings of this search"
    )]
    OtherSpace {
        /// What differs.
        setting: String,
        /// What the table has.
        table: String,
        /// What is searched.
        run: String,
    },
    /// A table of networks in other numbers.
    #[error(
        "the latency table is of networks in {table}, but those of this search are deployed in {run}: \
         measure one with `scarlet latency-table --deploy {run}`, or search with `--deploy {table}`. Times \
         from elsewhere (CSV) are taken for those of f32, unless `scarlet latency-table --from` makes a \
         table of them with another --deploy"
    )]
    OtherNumbers {
        /// What the table has.
        table: Precision,
        /// What is searched.
        run: Precision,
    },
    /// A table that predicts whole networks badly.
    #[error(
        "the latency table is off by {:.1} % on average for the {networks} networks that were also \
         measured whole, and {:.1} % is the most that is accepted: the machine was probably busy. \
         Measure again with `scarlet latency-table` while nothing else runs, with more --rounds or \
         fewer --threads; its --max-error writes a worse table all the same, and \
         `search.latency_error` has a search use one",
        100.0 * mean_error, 100.0 * limit
    )]
    Inaccurate {
        /// Networks that were measured whole.
        networks: usize,
        /// The table's error, as [`TableCheck::mean_error`](super::TableCheck::mean_error).
        mean_error: f64,
        /// The largest that is accepted.
        limit: f64,
    },
    /// Whoever watches wants it to end.
    #[error("stopped before everything was measured")]
    Stopped,
}

// Boxed, for every result carries the room of the largest error.
impl From<ConfigError> for LatencyError {
    fn from(error: ConfigError) -> Self {
        Self::Network(Box::new(error))
    }
}

impl From<ArchitectureError> for LatencyError {
    fn from(error: ArchitectureError) -> Self {
        Self::Architecture(Box::new(error))
    }
}

impl From<DeployError> for LatencyError {
    fn from(error: DeployError) -> Self {
        Self::Deploy(Box::new(error))
    }
}
