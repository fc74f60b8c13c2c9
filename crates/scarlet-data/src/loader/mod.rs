//! Batches decoded on worker threads while the network computes.

mod batches;

use std::path::PathBuf;
use std::sync::Arc;

use scarlet_arch::Preprocessing;

pub use batches::Batches;

use crate::{DataError, DecodeOptions, ImageFolder};

/// How a [`Loader`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoaderOptions {
    /// Files per batch; the last batch may have fewer. 32 by default.
    pub batch_size: usize,
    /// Worker threads; 0, the default, takes as many as the machine offers.
    pub workers: usize,
    /// Batches prepared ahead of the one in use; 2 by default.
    pub prefetch: usize,
    /// Whether the first file that cannot be used ends the iteration. Off by default: such files
    /// are reported in [`Batch::failures`].
    pub strict: bool,
    /// Channels of the network's input: 3, the default, for colour, or 1 for grey.
    pub channels: usize,
    /// How files are decoded.
    pub decode: DecodeOptions,
}

impl Default for LoaderOptions {
    fn default() -> Self {
        Self {
            batch_size: 32,
            workers: 0,
            prefetch: 2,
            strict: false,
            channels: 3,
            decode: DecodeOptions::default(),
        }
    }
}

/// Images ready for a network, in the order of the loader's files.
#[derive(Debug)]
pub struct Batch {
    /// `[n, channels, resolution, resolution]`, row-major, normalised; n is the length of
    /// [`indices`](Self::indices). Files that failed have no place here.
    pub images: Vec<f32>,
    /// For each image the index of its file in the loader.
    pub indices: Vec<usize>,
    /// For each image its class; empty when the loader was made without classes.
    pub labels: Vec<usize>,
    /// The batch's files that could not be used.
    pub failures: Vec<Failure>,
}

impl Batch {
    /// Number of images, which is 0 when every file of the batch failed.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether every file of the batch failed.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }
}

/// A file that could not be used.
#[derive(Debug)]
pub struct Failure {
    /// Index of the file in the loader.
    pub index: usize,
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub error: DataError,
}

/// Decodes and transforms files in parallel and hands them out in batches, in order.
///
/// Memory is bounded: in addition to the batch in use, at most `(prefetch + 1) · batch_size`
/// transformed images, and what [`DecodeOptions::max_bytes`] says for the photographs being
/// decoded, however many workers there are.
#[derive(Debug, Clone)]
pub struct Loader {
    paths: Arc<[PathBuf]>,
    labels: Option<Arc<[usize]>>,
    preprocessing: Preprocessing,
    options: LoaderOptions,
}

impl Loader {
    /// A loader of files without classes.
    pub fn new(
        paths: impl Into<Arc<[PathBuf]>>,
        preprocessing: Preprocessing,
        options: LoaderOptions,
    ) -> Self {
        Self {
            paths: paths.into(),
            labels: None,
            preprocessing,
            options,
        }
    }

    /// A loader of a folder's images with their classes.
    pub fn labelled(
        folder: &ImageFolder,
        preprocessing: Preprocessing,
        options: LoaderOptions,
    ) -> Self {
        let (paths, labels): (Vec<_>, Vec<_>) = folder.samples.iter().cloned().unzip();
        Self {
            labels: Some(labels.into()),
            ..Self::new(paths, preprocessing, options)
        }
    }

    /// The files, in the order of the batches.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Starts the workers and the iteration over all files.
    ///
    /// # Errors
    /// [`DataError::InvalidOption`] for a batch size of 0, an impossible preprocessing or channels
    /// that photographs cannot have,
    /// [`DataError::Workers`] when the system refuses a thread.
    pub fn batches(&self) -> Result<Batches, DataError> {
        Batches::start(self.clone())
    }
}
