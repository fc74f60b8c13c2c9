//! Errors of building and running networks; loading weights has its own.

use scarlet_arch::ArchitectureError;
use thiserror::Error;

/// A configuration from which no network can be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The architecture itself is not valid.
    #[error(transparent)]
    Architecture(#[from] ArchitectureError),
    /// A probability is not one.
    #[error("`{name}` is {value}, but a probability must be at least 0 and under 1")]
    Probability {
        /// Which setting.
        name: &'static str,
        /// What it was set to.
        value: f64,
    },
}
