//! [`PhotoError`]: everything that can go wrong between a path and a network's input.

use std::io;
use std::path::PathBuf;

/// Why a photograph could not be used.
///
/// Every message says what was wrong, where, and how to mend it; the cause is part of the message,
/// so printing the error alone tells everything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhotoError {
    /// The operating system refused to read a file.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// File.
        path: PathBuf,
        /// The operating system's answer.
        reason: io::Error,
    },

    /// Nothing exists at a path.
    #[error("there is nothing at {}", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },

    /// A file was asked for, and the path is a folder or a device.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },

    /// The bytes are no image of a known format.
    #[error("{} is not an image: {found}", path.display())]
    NotAnImage {
        /// File.
        path: PathBuf,
        /// What the file holds instead, as far as its first bytes tell.
        found: String,
    },

    /// The bytes are an image, or something like it, of a format that is not read.
    #[error("{} is {format}, which is not read: convert it to JPEG or PNG", path.display())]
    UnreadFormat {
        /// File.
        path: PathBuf,
        /// The format, with its article.
        format: &'static str,
    },

    /// The file starts as an image, but its content is corrupt or ends too early.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// File.
        path: PathBuf,
        /// What the decoder found.
        reason: String,
    },

    /// The image is sound but uses a feature the decoder does not have (arithmetic coding, say).
    #[error("{} cannot be decoded: {reason}; save it as a baseline JPEG or a PNG", path.display())]
    Unsupported {
        /// File.
        path: PathBuf,
        /// The feature.
        reason: String,
    },

    /// Decoding would take more memory than `DecodeOptions::max_bytes` allows.
    #[error(
        "{} needs {needed} bytes to decode, more than the limit of {limit}; raise the limit if the \
         file can be trusted, or make the image smaller",
        path.display()
    )]
    TooLarge {
        /// File.
        path: PathBuf,
        /// Bytes that decoding would take.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },

    /// A setting is out of its range.
    #[error("{name}: {reason}")]
    InvalidOption {
        /// Name of the setting.
        name: &'static str,
        /// Which values would do.
        reason: String,
    },
}

#[cfg(feature = "decode")]
impl PhotoError {
    /// [`PhotoError::NotFound`] where nothing exists, [`PhotoError::Read`] for any other cause.
    pub(crate) fn read(path: impl Into<PathBuf>, reason: io::Error) -> Self {
        let path = path.into();
        match reason.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path },
            _ => Self::Read { path, reason },
        }
    }
}
