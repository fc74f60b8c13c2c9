//! What can go wrong with weights.

use std::io;
use std::path::PathBuf;

use burn::tensor::DType;
use scarlet_io::checksum::{self, ChecksumError};
pub(super) use scarlet_io::printable::excerpt;

use super::LoadReport;
use crate::ConfigError;

/// Why weights could not be read, loaded or written, and how to fix it.
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
        "`{}` was refused: opened in Python it would run `{}`{}; nothing in it was run here. Do \
         not open it elsewhere; ask for the weights as safetensors",
        .path.display(), excerpt(.callable), at(.place)
    )]
    Hostile {
        /// The file.
        path: PathBuf,
        /// What it would call.
        callable: String,
        /// The keys that the call stands under, as far as they are known.
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

    /// A file whose content is not what was written.
    #[error(
        "`{}` is not as it was written: {source}. Copy or make it again; if another program wrote \
         new weights and kept the old metadata, have it leave out `{}` and `scarlet.format`",
        .path.display(), checksum::METADATA_KEY
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The checksums.
        source: ChecksumError,
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

    /// A pickle of an object that was saved whole and is no network.
    #[error(
        "`{}` holds an object of `{}`{} and no state dict; opened in Python, that class or \
         function would be called, which is not done here. Save the weights alone there, with \
         `torch.save(network.state_dict(), \"weights.pth\")`",
        .path.display(), excerpt(.class), under_key(.key)
    )]
    NotAStateDict {
        /// The file.
        path: PathBuf,
        /// The object's class, or the function that would make it.
        class: String,
        /// The key that it stands under; none where it is the whole file.
        key: Option<String>,
    },

    /// Weights of a kind that is not read.
    #[error(
        "`{}` holds weights of a kind that is not read: `{}`{} {kind}. In Python, {advice}",
        .path.display(), excerpt(.entry), and_more(*.more)
    )]
    UnreadKind {
        /// The file.
        path: PathBuf,
        /// The first tensor of that kind.
        entry: String,
        /// How many more there are.
        more: usize,
        /// What it is called.
        kind: &'static str,
        /// What to save instead.
        advice: &'static str,
    },

    /// An entry's bytes could not be read.
    #[error("cannot read `{}`: {source}", excerpt(.entry))]
    ReadEntry {
        /// Name of the entry.
        entry: String,
        /// Why.
        source: io::Error,
    },

    /// A weight that is not a number, or infinite.
    #[error(
        "`{}` holds {value} at index {index}: the training that wrote it diverged, or the file \
         is damaged", excerpt(.entry)
    )]
    NotFinite {
        /// Name of the entry.
        entry: String,
        /// Index of the first such value, in row-major order.
        index: usize,
        /// The value.
        value: f64,
    },

    /// A running variance below zero, whose square root no network can take.
    #[error(
        "`{}` holds {value} at index {index}, and no variance is negative: the file is damaged, or \
         what wrote it did something else than batch normalisation", excerpt(.entry)
    )]
    NegativeVariance {
        /// Name of the entry.
        entry: String,
        /// Index of the first such value.
        index: usize,
        /// The value.
        value: f64,
    },

    /// A weight too large for half precision.
    #[error(
        "`{}` holds {value} at index {index}, and half precision ends at 65504: save in full \
         precision", excerpt(.entry)
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
    #[error("`{}` holds {dtype:?}, expected floating-point numbers", excerpt(.entry))]
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

    /// A prefix to be stripped or a name to be replaced that no entry has.
    #[error("no tensor in `{}` is called `{}` or lies below it; there are {}",
        .path.display(), excerpt(.name), excerpts(.available))]
    NoSuchName {
        /// The file.
        path: PathBuf,
        /// The name or prefix that was asked for.
        name: String,
        /// The first parts of the names that there are.
        available: Vec<String>,
    },

    /// An origin that settles nothing.
    #[error(
        "the origin `{}` is unknown; known are scarlet, fairnas, and the names of networks \
         and of weights in the zoo, such as tf_efficientnet_lite0", excerpt(.0)
    )]
    UnknownOrigin(String),

    /// A file of a network that is known, but is none of those that can be run.
    #[error("`{}` holds {}: {lacks}", .path.display(), excerpt(.name))]
    ForeignNetwork {
        /// The file.
        path: PathBuf,
        /// The network.
        name: String,
        /// What it would take to run it.
        lacks: &'static str,
    },

    /// A file that holds none of Once-for-All's published supernets.
    #[error(
        "`{}` holds none of Once-for-All's supernets: {found}; known are {known}", .path.display()
    )]
    NotASupernet {
        /// The file.
        path: PathBuf,
        /// What it has instead.
        found: String,
        /// The supernets that are known.
        known: String,
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
        "`{}` has format version {}, and this program reads up to {known}: use a newer \
         version of it", .path.display(), excerpt(.found)
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

/// Names from a file, as many as anybody reads.
pub(super) fn excerpts(names: &[String]) -> String {
    const MOST: usize = 20;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| excerpt(name)).collect();
    let more = match names.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    shown.join(", ") + &more
}

fn at(place: &str) -> String {
    match place {
        "" => String::new(),
        place => format!(" (at `{}`)", excerpt(place)),
    }
}

fn under_key(key: &Option<String>) -> String {
    key.as_ref()
        .map_or(String::new(), |key| format!(" under `{}`", excerpt(key)))
}

fn and_more(more: usize) -> String {
    match more {
        0 => " is".to_owned(),
        more => format!(" and {more} more are"),
    }
}

fn under(key: &Option<String>, available: &[String]) -> String {
    let key = under_key(key);
    match available {
        [] => key,
        keys => format!("{key}; its keys: {}", excerpts(keys)),
    }
}
