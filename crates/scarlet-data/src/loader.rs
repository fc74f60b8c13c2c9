//! Batches decoded on worker threads while the network computes.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, unbounded};
use scarlet_arch::Preprocessing;

use crate::transform::sides;
use crate::{DataError, DecodeOptions, ImageFolder, decode, eval_image, normalize};

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
            decode: DecodeOptions::default(),
        }
    }
}

/// Images ready for a network, in the order of the loader's files.
#[derive(Debug)]
pub struct Batch {
    /// `[n, 3, resolution, resolution]`, row-major, normalised; n is the length of
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
/// Memory is bounded: beside the batch in use, at most `(prefetch + 1) · batch_size` transformed
/// images, and one photograph being decoded per worker.
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
    /// [`DataError::InvalidOption`] for a batch size of 0 or an impossible preprocessing,
    /// [`DataError::Workers`] when the system refuses a thread.
    pub fn batches(&self) -> Result<Batches, DataError> {
        Batches::start(self.clone())
    }
}

/// Iterator over a [`Loader`]'s batches. Dropping it stops the workers.
///
/// Yields an error, and then nothing more, only when the loader is
/// [`strict`](LoaderOptions::strict) and a file failed.
#[derive(Debug)]
pub struct Batches {
    loader: Loader,
    /// Files handed to the workers so far.
    requested: usize,
    /// Files handed out in batches so far.
    delivered: usize,
    /// Results that arrived before their turn.
    arrived: BTreeMap<usize, Result<Vec<f32>, DataError>>,
    /// Gone once the iteration is over, which is what ends the workers.
    channels: Option<Channels>,
    workers: Vec<JoinHandle<()>>,
}

/// The queues have no bound of their own: the iterator never requests more than fits its window.
#[derive(Debug)]
struct Channels {
    requests: Sender<usize>,
    results: Receiver<(usize, Result<Vec<f32>, DataError>)>,
}

impl Batches {
    fn start(loader: Loader) -> Result<Self, DataError> {
        if loader.options.batch_size == 0 {
            return Err(DataError::InvalidOption {
                name: "batch_size",
                reason: "a batch must have at least one image".into(),
            });
        }
        // Else every file would fail for a reason that is not its own.
        sides(&loader.preprocessing)?;
        let (requests, worker_requests) = unbounded();
        let (worker_results, results) = unbounded();
        let mut batches = Self {
            requested: 0,
            delivered: 0,
            arrived: BTreeMap::new(),
            channels: Some(Channels { requests, results }),
            workers: Vec::new(),
            loader,
        };
        for _ in 0..batches.worker_count() {
            let work = Work {
                paths: batches.loader.paths.clone(),
                preprocessing: batches.loader.preprocessing,
                decode: batches.loader.options.decode,
                requests: worker_requests.clone(),
                results: worker_results.clone(),
            };
            let worker = thread::Builder::new()
                .name("scarlet-data".into())
                .spawn(move || work.run())
                .map_err(|reason| DataError::Workers { reason })?;
            batches.workers.push(worker);
        }
        batches.request_ahead(0);
        Ok(batches)
    }

    fn worker_count(&self) -> usize {
        let wanted = match self.loader.options.workers {
            0 => thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        };
        wanted.min(self.loader.paths.len())
    }

    /// Requests the files up to `end` and those of the batches to prepare ahead.
    fn request_ahead(&mut self, end: usize) {
        let LoaderOptions {
            batch_size,
            prefetch,
            ..
        } = self.loader.options;
        let end = end
            .saturating_add(prefetch.saturating_mul(batch_size))
            .min(self.loader.paths.len());
        if let Some(channels) = &self.channels {
            while self.requested < end && channels.requests.send(self.requested).is_ok() {
                self.requested += 1;
            }
        }
    }

    /// Waits for the result of file `index`, keeping those that arrive before it.
    fn result_of(&mut self, index: usize) -> Result<Vec<f32>, DataError> {
        loop {
            if let Some(result) = self.arrived.remove(&index) {
                return result;
            }
            match self
                .channels
                .as_ref()
                .map(|channels| channels.results.recv())
            {
                Some(Ok((index, result))) => {
                    self.arrived.insert(index, result);
                }
                // Workers outlive their channels and catch panics, so this is not expected.
                _ => {
                    return Err(DataError::Workers {
                        reason: io::Error::other("all workers have ended"),
                    });
                }
            }
        }
    }

    fn assemble(&mut self, files: std::ops::Range<usize>) -> Result<Batch, DataError> {
        let mut batch = Batch {
            images: Vec::new(),
            indices: Vec::with_capacity(files.len()),
            labels: Vec::new(),
            failures: Vec::new(),
        };
        for index in files.clone() {
            match self.result_of(index) {
                Ok(image) => {
                    batch.images.reserve_exact(if batch.is_empty() {
                        image.len() * files.len()
                    } else {
                        0
                    });
                    batch.images.extend_from_slice(&image);
                    batch.indices.push(index);
                    if let Some(labels) = &self.loader.labels {
                        batch.labels.push(labels[index]);
                    }
                }
                Err(error) if self.loader.options.strict => return Err(error),
                Err(error) => batch.failures.push(Failure {
                    index,
                    path: self.loader.paths[index].clone(),
                    error,
                }),
            }
        }
        Ok(batch)
    }

    /// Closes the queues, so that each worker ends after the file it is at, and waits for that.
    fn stop(&mut self) {
        self.channels = None;
        self.arrived.clear();
        for worker in self.workers.drain(..) {
            // A worker's panic has already been reported as its file's failure.
            let _ = worker.join();
        }
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.channels.as_ref()?;
        let start = self.delivered;
        let end = start
            .saturating_add(self.loader.options.batch_size)
            .min(self.loader.paths.len());
        if start == end {
            self.stop();
            return None;
        }
        self.request_ahead(end);
        let batch = self.assemble(start..end);
        self.delivered = end;
        if batch.is_err() {
            self.stop();
        }
        Some(batch)
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What one worker thread owns.
struct Work {
    paths: Arc<[PathBuf]>,
    preprocessing: Preprocessing,
    decode: DecodeOptions,
    requests: Receiver<usize>,
    results: Sender<(usize, Result<Vec<f32>, DataError>)>,
}

impl Work {
    fn run(&self) {
        for index in &self.requests {
            let path = &self.paths[index];
            // A hostile file may reach a bug in a decoder; it must cost that file, not the run.
            let result = catch_unwind(AssertUnwindSafe(|| {
                load_image(path, &self.preprocessing, &self.decode)
            }))
            .unwrap_or_else(|_| {
                Err(DataError::Damaged {
                    path: path.clone(),
                    reason: "the decoder failed on it unexpectedly".into(),
                })
            });
            if self.results.send((index, result)).is_err() {
                break;
            }
        }
    }
}

/// Reads one file as a network's input `[3, resolution, resolution]`.
///
/// # Errors
/// As [`decode`] and [`eval_image`].
pub fn load_image(
    path: impl AsRef<Path>,
    preprocessing: &Preprocessing,
    options: &DecodeOptions,
) -> Result<Vec<f32>, DataError> {
    let image = eval_image(&decode(path, options)?, preprocessing)?;
    let mut values = vec![0.0; image.as_raw().len()];
    normalize(&image, preprocessing, &mut values)?;
    Ok(values)
}
