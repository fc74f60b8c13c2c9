//! Errors of building and running networks; loading weights has its own.

use scarlet_arch::{Architecture, ArchitectureError};
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

/// Images that a network cannot take.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputError {
    /// Another number of channels than the network's.
    #[error("the images have {found} channels, but the network takes {expected}")]
    Channels {
        /// What the network takes.
        expected: usize,
        /// What it was given.
        found: usize,
    },
    /// No pixels.
    #[error("the images measure {height}×{width} pixels, but both sides must be at least 1")]
    Size {
        /// Height of the images.
        height: usize,
        /// Width of the images.
        width: usize,
    },
}

impl InputError {
    /// Checks images of `[batch, channels, height, width]` against a network.
    pub(crate) fn check(architecture: &Architecture, dims: [usize; 4]) -> Result<(), Self> {
        let [_, channels, height, width] = dims;
        if channels != architecture.input_channels {
            return Err(Self::Channels {
                expected: architecture.input_channels,
                found: channels,
            });
        }
        if height == 0 || width == 0 {
            return Err(Self::Size { height, width });
        }
        Ok(())
    }
}
