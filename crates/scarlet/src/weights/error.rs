//! What can go wrong with weights.

use std::io;
use std::path::PathBuf;

use burn::tensor::DType;

use super::LoadReport;
use crate::ConfigError;

/// Why weights could not be read, loaded or written, and what would mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The operating system refused to open or read a file.
    #[error("cannot read `{}`: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },

    /// A file could not be written; nothing was left in its place.
    #[error("cannot write `{}`: {source}; what was there before, if anything, is unchanged", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },

    /// A file without content.
    #[error("`{}` is empty: the download or copy that made it failed", .0.display())]
    Empty(PathBuf),

    /// A file that ends too early.
    #[error("`{}` is cut off ({detail}): download or copy it again", .path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where it ends too early.
        detail: String,
    },

    /// A file of another kind.
    #[error(
        "`{}` is not a checkpoint: {found}; expected a file written by torch.save (.pth, .pth.tar, \
         .pt) or safetensors", .path.display()
    )]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        found: String,
    },

    /// A pickle that asks for a call which has no place in a checkpoint.
    #[error(
        "`{}` was refused: opened in Python it would run `{callable}` (at `{place}`); nothing in \
         it was run here. Do not open it elsewhere; ask for the weights as safetensors", .path.display()
    )]
    Hostile {
        /// The file.
        path: PathBuf,
        /// What it would call.
        callable: String,
        /// The key that the call stands under.
        place: String,
    },

    /// A checkpoint that contradicts itself, or that holds tensors of an unknown kind.
    #[error("`{}` is damaged or of an unknown kind: {detail}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },

    /// A checkpoint without tensors, or without any under the key that was asked for.
    #[error("`{}` holds no tensors{}", .path.display(), under(.key, .available))]
    NoTensors {
        /// The file.
        path: PathBuf,
        /// The key that was asked for.
        key: Option<String>,
        /// The keys that there are.
        available: Vec<String>,
    },

    /// An entry's bytes could not be read.
    #[error("cannot read `{entry}`: {source}")]
    ReadEntry {
        /// Name of the entry.
        entry: String,
        /// Why.
        source: io::Error,
    },

    /// A weight that is not a number, or infinite.
    #[error(
        "`{entry}` holds {value} at index {index}: the training that wrote it diverged, or the \
         file is damaged"
    )]
    NotFinite {
        /// Name of the entry.
        entry: String,
        /// Index of the first such value, in row-major order.
        index: usize,
        /// The value.
        value: f64,
    },

    /// A weight too large for half precision.
    #[error(
        "`{entry}` holds {value} at index {index}, and half precision ends at 65504: save in full \
         precision"
    )]
    HalfOverflow {
        /// Name of the entry.
        entry: String,
        /// Index of the first such value, in row-major order.
        index: usize,
        /// The value.
        value: f32,
    },

    /// An entry whose type no weight can have.
    #[error("`{entry}` holds {dtype:?}, expected floating-point numbers")]
    ElementType {
        /// Name of the entry.
        entry: String,
        /// Its type.
        dtype: DType,
    },

    /// The file fits another network than the one asked for.
    #[error("this file holds {found}; you asked for {asked}")]
    OtherNetwork {
        /// What the file holds.
        found: String,
        /// The network that should have been loaded.
        asked: String,
        /// Every difference.
        report: Box<LoadReport>,
    },

    /// The file fits but for its classifier.
    #[error(
        "this file's classifier has {found} classes; you asked for {asked}. Build the network for \
         {found} classes, load, and replace the head with `reset_classifier({asked})`, or load \
         with `LoadOptions::without_classifier` to keep the network's own"
    )]
    OtherClassCount {
        /// Classes in the file.
        found: usize,
        /// Classes of the network.
        asked: usize,
    },

    /// Entries are missing, unused or of the wrong shape.
    #[error("the weights do not fit {asked}:\n{report}")]
    Misfit {
        /// The network that should have been loaded.
        asked: String,
        /// Every difference.
        report: Box<LoadReport>,
    },

    /// No network can be derived from a file.
    #[error(
        "`{}` does not say which network it belongs to, and its entries fit none that is known: \
         name the network and load the file into it", .0.display()
    )]
    UnknownNetwork(PathBuf),

    /// A self-describing file whose description cannot be used.
    #[error("the network described in `{}` cannot be built: {source}", .path.display())]
    Description {
        /// The file.
        path: PathBuf,
        /// What is wrong with the description.
        source: Box<ConfigError>,
    },

    /// A file written by a later version of this library.
    #[error(
        "`{}` has format version {found}, and this program reads up to {known}: use a newer \
         version of it", .path.display()
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format version.
        found: String,
        /// The latest version known here.
        known: u32,
    },

    /// Burn did not take tensors that fit.
    #[error("the network did not take the weights: {0}")]
    Apply(String),
}

fn under(key: &Option<String>, available: &[String]) -> String {
    match (key, available) {
        (None, []) => String::new(),
        (Some(key), []) => format!(" under `{key}`"),
        (None, keys) => format!("; its keys: {}", keys.join(", ")),
        (Some(key), keys) => format!(" under `{key}`; its keys: {}", keys.join(", ")),
    }
}
