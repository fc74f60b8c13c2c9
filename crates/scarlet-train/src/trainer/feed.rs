//! [`Feed`]: mini-batches prepared on other threads while the network computes.

use std::any::Any;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, Scope, ScopedJoinHandle};

use scarlet_random::{Purpose, Random};

use super::TrainConfig;
use super::balance::Order;
use super::schedule::Schedule;
use crate::TrainError;
use crate::batch::{Batcher, HostBatch};

/// Mini-batches that may be ready before they are needed.
const AHEAD: usize = 2;

/// The mini-batches of a run in their order. Each is a function of its place in the run alone, so
/// that a resumed run gets the same ones.
pub(super) enum Feed<'scope> {
    Ahead {
        batches: Receiver<Result<HostBatch, TrainError>>,
        /// None once it has ended.
        thread: Option<ScopedJoinHandle<'scope, ()>>,
    },
    /// Where the system allows no further thread: each is prepared when it is needed.
    Here(Box<dyn Iterator<Item = Result<HostBatch, TrainError>> + 'scope>),
}

impl<'scope> Feed<'scope> {
    /// Prepares the mini-batches of all steps from `first` on, until this is dropped.
    pub(super) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        batcher: &'env Batcher<'env>,
        config: TrainConfig,
        schedule: Schedule,
        first: u64,
    ) -> Self {
        Self::start_on(
            thread::Builder::new(),
            scope,
            batcher,
            config,
            schedule,
            first,
        )
    }

    pub(super) fn start_on<'env>(
        thread: thread::Builder,
        scope: &'scope Scope<'scope, 'env>,
        batcher: &'env Batcher<'env>,
        config: TrainConfig,
        schedule: Schedule,
        first: u64,
    ) -> Self {
        let (sender, batches) = sync_channel(AHEAD);
        let prepared = prepared(batcher, config.clone(), schedule, first);
        let started = thread
            .name("scarlet-feed".into())
            .spawn_scoped(scope, move || {
                for batch in prepared {
                    // Nobody waits for it any more when the run has stopped.
                    if sender.send(batch).is_err() {
                        return;
                    }
                }
            });
        match started {
            Ok(thread) => Self::Ahead {
                batches,
                thread: Some(thread),
            },
            Err(_) => Self::Here(Box::new(self::prepared(batcher, config, schedule, first))),
        }
    }

    /// The next mini-batch.
    ///
    /// # Errors
    ///
    /// When its images cannot be read, and [`TrainError::Feed`] when there is none: `step`, from
    /// 1, must not be done without it.
    pub(super) fn next(&mut self, step: u64) -> Result<HostBatch, TrainError> {
        let batch = match self {
            Self::Ahead { batches, .. } => batches.recv().ok(),
            Self::Here(batches) => batches.next(),
        };
        batch.unwrap_or_else(|| {
            Err(TrainError::Feed {
                step,
                problem: self.end(),
            })
        })
    }

    /// Why there are no more.
    fn end(&mut self) -> String {
        let thread = match self {
            Self::Ahead { thread, .. } => thread.take(),
            Self::Here(_) => None,
        };
        match thread.map(ScopedJoinHandle::join) {
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

fn prepared<'a>(
    batcher: &'a Batcher<'a>,
    config: TrainConfig,
    schedule: Schedule,
    first: u64,
) -> impl Iterator<Item = Result<HostBatch, TrainError>> + Send + 'a {
    let epochs = Order::new(&config, batcher.labels(), batcher.classes());
    let mut order = (u64::MAX, Vec::new());
    let passes = (first..schedule.steps)
        .flat_map(move |step| (0..schedule.passes).map(move |pass| (step, pass)));
    passes.map(move |(step, pass)| {
        let epoch = schedule.epoch(step);
        if order.0 != epoch {
            order = (epoch, epochs.of(epoch));
        }
        let views = schedule.mini_batch(&order.1, step, pass);
        let mut batch = batcher.augmented(views, &config.augment, config.seed, epoch)?;
        let number = schedule.number(step, pass);
        let mut stream = Random::new(config.seed, Purpose::Mix, number);
        batcher.mix(&mut batch, &config.mix, &mut stream);
        Ok(batch)
    })
}
