//! Errors of opening and running networks.

use std::io;
use std::path::PathBuf;

use scarlet_arch::Architecture;
use scarlet_kernels::{EngineError, PackedFileError};
use scarlet_photo::PhotoError;
use thiserror::Error;

use crate::NotFinite;
#[cfg(feature = "safetensors")]
use crate::weights::safetensors::WeightsFileError;

/// A network that cannot be opened or run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClassifierError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file is of neither kind.
    #[error(
        "{} is no network that can be run here: it begins neither as a deployed network, which `scarlet \
         deploy` writes, nor as safetensors, which `scarlet-weights convert` makes of other weights",
        path.display()
    )]
    OtherFormat {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be opened as a deployed network.
    #[error(transparent)]
    File(#[from] PackedFileError),
    /// A deployed network's file says nothing sensible about its network.
    #[error(
        "{} holds a packed network, but not one of this program's: {reason}",
        path.display()
    )]
    Description {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file of weights cannot be used.
    #[cfg(feature = "safetensors")]
    #[error(transparent)]
    Weights(#[from] WeightsFileError),
    /// A weight is not finite.
    #[error(transparent)]
    NotFinite(#[from] NotFinite),
    /// The images' size does not fit the network.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The kernels refuse the network, the settings or the images.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A photograph cannot be used.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// Photographs become squares.
    #[error(
        "the network was opened for images of {height}×{width} pixels, but photographs become squares: open \
         it for a square size, or give it values"
    )]
    NotSquare {
        /// Height of the images.
        height: usize,
        /// Width of the images.
        width: usize,
    },
    /// Bytes that are no image of the size that they are said to be of.
    #[error(
        "an image of {width}×{height} pixels in red, green and blue has {expected} bytes, but there are {found}"
    )]
    Pixels {
        /// Width of the image.
        width: usize,
        /// Height of the image.
        height: usize,
        /// Bytes of such an image.
        expected: u64,
        /// Bytes given.
        found: usize,
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
    ///
    /// # Errors
    ///
    /// When they have other channels than the network takes, or no pixels.
    pub fn check(architecture: &Architecture, dims: [usize; 4]) -> Result<(), Self> {
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
