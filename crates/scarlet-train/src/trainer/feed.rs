//! [`Feed`]: mini-batches prepared on other threads while the network computes.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Scope};

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
pub(super) struct Feed {
    batches: Receiver<Result<HostBatch, TrainError>>,
}

impl Feed {
    /// Prepares the mini-batches of all steps from `first` on, until this is dropped.
    pub(super) fn start<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        batcher: &'env Batcher<'env>,
        config: TrainConfig,
        schedule: Schedule,
        first: u64,
    ) -> Result<Self, TrainError> {
        let (sender, batches) = sync_channel(AHEAD);
        thread::Builder::new()
            .name("scarlet-feed".into())
            .spawn_scoped(scope, move || {
                prepare(batcher, &config, &schedule, first, &sender);
            })
            .map_err(|reason| DataError::Workers { reason })?;
        Ok(Self { batches })
    }
}

/// Ends when all mini-batches of the run were handed out.
impl Iterator for &Feed {
    type Item = Result<HostBatch, TrainError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.recv().ok()
    }
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
