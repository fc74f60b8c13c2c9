//! Why a network is no part of a supernet.

use crate::ConfigError;

/// Why a network cannot be cut out of a supernet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartError {
    /// The network asks for something that the supernet does not have.
    #[error("{place} is no part of {supernet}: its {field} is {found}, possible is {possible}")]
    Beyond {
        /// The supernet.
        supernet: String,
        /// The block, or another part of the network.
        place: String,
        /// What of it.
        field: &'static str,
        /// What the network asks for.
        found: String,
        /// What the supernet has there.
        possible: String,
    },

    /// The network cannot be built at all.
    #[error(transparent)]
    Config(#[from] ConfigError),
}
