//! How long a network takes: measured whole, or looked up in a table of its parts.
//!
//! | what | where |
//! |---|---|
//! | a network's latency, measured | [`network_latency`] |
//! | all layers of a search space, measured once | [`LatencyTable::measure`] |
//! | the same, of times that another device measured | [`LatencyTable::of_measured`] |
//! | a network's latency as the sum of its parts | [`LatencyTable::latency_ms`] |
//!
//! Times depend on what else the machine does, which can only make a run longer. The time of a
//! part is the median of several rounds, each of which counts the shortest of a few runs; that of
//! a whole network, which is more often disturbed, is the shortest of all. Networks that are to be
//! compared take turns, so that a slow minute is a slow minute for all. A table is also compared
//! with random networks that are measured whole, and of no use where it is
//! [too far off](LatencyTable::check_error).

mod error;
mod measure;
mod measured;
mod network;
mod profile;
mod statistics;
mod table;

pub use error::LatencyError;
pub use measure::{TableProgress, TableSettings};
pub use measured::is_times;
pub use measured::{MeasuredTimes, device_of};
pub(crate) use network::Subject;
pub use network::network_latency;
pub use statistics::Spread;
pub use table::{Entry, FixedPart, LatencyTable, TableCheck};

/// The mean relative error on whole networks that a table may have unless told otherwise, 10 %.
pub const LARGEST_ERROR: f64 = 0.1;

/// The name of the metric, in milliseconds per call.
pub const LATENCY_METRIC: &str = "latency_ms";
