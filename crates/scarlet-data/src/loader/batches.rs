//! [`Batches`]: the iteration over a loader's files, and its worker threads.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, unbounded};
use scarlet_arch::Preprocessing;
use scarlet_photo::{caught, check_channels, check_preprocessing, load_image};

use super::{Batch, Failure, Loader, LoaderOptions};
use crate::DataError;

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
    pub(super) fn start(loader: Loader) -> Result<Self, DataError> {
        if loader.options.batch_size == 0 {
            return Err(DataError::InvalidOption {
                name: "batch_size",
                reason: "a batch must have at least one image".into(),
            });
        }
        // Else every file would fail for a reason that is not its own.
        check_preprocessing(&loader.preprocessing)?;
        check_channels(loader.options.channels)?;
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
                options: batches.loader.options.clone(),
                requests: worker_requests.clone(),
                results: worker_results.clone(),
            };
            let worker = thread::Builder::new().name("scarlet-data".into());
            // Where the system allows no more, fewer do the work, or the iterator itself.
            match worker.spawn(move || work.run()) {
                Ok(worker) => batches.workers.push(worker),
                Err(_) => break,
            }
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
        if self.workers.is_empty() {
            return load(
                &self.loader.paths[index],
                &self.loader.preprocessing,
                &self.loader.options,
            );
        }
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

    fn assemble(&mut self, files: Range<usize>) -> Result<Batch, DataError> {
        let mut batch = Batch {
            images: Vec::new(),
            indices: Vec::with_capacity(files.len()),
            labels: Vec::new(),
            failures: Vec::new(),
        };
        for index in files.clone() {
            match self.result_of(index) {
                Ok(image) => {
                    if batch.is_empty() {
                        batch.images.reserve_exact(image.len() * files.len());
                    }
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
    options: LoaderOptions,
    requests: Receiver<usize>,
    results: Sender<(usize, Result<Vec<f32>, DataError>)>,
}

impl Work {
    fn run(&self) {
        for index in &self.requests {
            let result = load(&self.paths[index], &self.preprocessing, &self.options);
            if self.results.send((index, result)).is_err() {
                break;
            }
        }
    }
}

/// A hostile file may reach a bug in a decoder; it must cost that file, not the run.
fn load(
    path: &Path,
    preprocessing: &Preprocessing,
    options: &LoaderOptions,
) -> Result<Vec<f32>, DataError> {
    caught(path, || {
        let channels = options.channels;
        Ok(load_image(path, preprocessing, channels, &options.decode)?)
    })
}
