//! [`Feed`]: mini-batches prepared on other threads while the network computes.

use std::any::Any;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Scope, ScopedJoinHandle};

use scarlet_data::DataError;

use super::TrainConfig;
use super::schedule::Schedule;
use crate::TrainError;
use crate::batch::{Batcher, HostBatch};
use crate::random::{Purpose, Stream};

/// Mini-batches that may be ready before they are needed.
const AHEAD: usize = 2;

/// The mini-batches of a run in their order. Each is a function of its place in the run alone, so
/// that a resumed run gets the same ones.
pub(super) struct Feed<'scope> {
    batches: Receiver<Result<HostBatch, TrainError>>,
    /// None once it has ended.
    thread: Option<ScopedJoinHandle<'scope, ()>>,
}

impl<'scope> Feed<'scope> {
    /// Prepares the mini-batches of all steps from `first` on, until this is dropped.
    pub(super) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        batcher: &'env Batcher<'env>,
        config: TrainConfig,
        schedule: Schedule,
        first: u64,
    ) -> Result<Self, TrainError> {
        let (sender, batches) = sync_channel(AHEAD);
        let thread = thread::Builder::new()
            .name("scarlet-feed".into())
            .spawn_scoped(scope, move || {
                prepare(batcher, &config, &schedule, first, &sender);
            })
            .map_err(|reason| DataError::Workers { reason })?;
        Ok(Self {
            batches,
            thread: Some(thread),
        })
    }

    /// The next mini-batch.
    ///
    /// # Errors
    ///
    /// When its images cannot be read, and [`TrainError::Feed`] when there is none: `step`, from
    /// 1, must not be done without it.
    pub(super) fn next(&mut self, step: u64) -> Result<HostBatch, TrainError> {
        match self.batches.recv() {
            Ok(batch) => batch,
            Err(_) => Err(TrainError::Feed {
                step,
                problem: self.end(),
            }),
        }
    }

    /// Why the thread has ended.
    fn end(&mut self) -> String {
        match self.thread.take().map(ScopedJoinHandle::join) {
            Some(Err(panic)) => message(panic.as_ref()).to_owned(),
            _ => "there are no more".to_owned(),
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let borrowed = || panic.downcast_ref::<&str>().copied();
    owned.or_else(borrowed).unwrap_or("it panicked")
}

fn prepare(
    batcher: &Batcher<'_>,
    config: &TrainConfig,
    schedule: &Schedule,
    first: u64,
    sender: &SyncSender<Result<HostBatch, TrainError>>,
) {
    let mut order = (u64::MAX, Vec::new());
    for step in first..schedule.steps {
        let epoch = schedule.epoch(step);
        if order.0 != epoch {
            order = (epoch, schedule.order(epoch));
        }
        for pass in 0..schedule.passes {
            let indices = schedule.mini_batch(&order.1, step, pass);
            let batch = batcher
                .augmented(indices, &config.augment, config.seed, epoch)
                .map(|mut batch| {
                    let number = schedule.number(step, pass);
                    let mut stream = Stream::new(config.seed, Purpose::Mix, number);
                    batcher.mix(&mut batch, &config.mix, &mut stream);
                    batch
                });
            // Nobody waits for it any more when the run has stopped.
            if sender.send(batch).is_err() {
                return;
            }
        }
    }
}
