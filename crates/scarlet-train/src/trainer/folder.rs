//! The folder of a training: its checkpoint, its log and its weights for use.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::checkpoint::Checkpoint;
use super::{EpochRecord, Event};
use crate::TrainError;
use crate::event_log::EventLog;

/// Names of the files with weights for use.
pub(super) const BEST: &str = "best.safetensors";
pub(super) const LAST: &str = "last.safetensors";

/// Where and when a run saves what it needs to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoints {
    /// The run's folder, made if need be. It gets `checkpoint.safetensors` and `events.jsonl`;
    /// of a network also `last.safetensors`, its weights at the end of the run, and with
    /// validation images `best.safetensors`, those of its [best](EpochRecord::best) epoch, both as
    /// [`Scarlet::open`](scarlet::Scarlet::open) reads them.
    pub folder: PathBuf,
    /// Save behind every so many epochs; 0 for never.
    pub every_epochs: usize,
    /// Save when so much time has gone by since the last checkpoint.
    pub every: Option<Duration>,
    /// Go on from the folder's checkpoint, if it has one. Without this, a folder that has one is
    /// refused.
    pub resume: bool,
    /// Go on from a checkpoint of a run of more or fewer epochs too. The learning rate then follows
    /// the schedule of the new number of epochs from where the run is. Without this, such a
    /// checkpoint is refused, as one with other settings is.
    pub other_epochs: bool,
}

impl Checkpoints {
    /// A checkpoint behind every epoch and every 5 minutes.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            every_epochs: 1,
            every: Some(Duration::from_secs(300)),
            resume: false,
            other_epochs: false,
        }
    }

    /// The same, but when so much time has gone by since the last checkpoint.
    pub fn after(mut self, every: Duration) -> Self {
        self.every = Some(every);
        self
    }

    /// The same, going on from what the folder holds.
    pub fn resuming(mut self) -> Self {
        self.resume = true;
        self
    }

    /// The same, going on to another number of epochs.
    pub fn to_other_epochs(mut self) -> Self {
        self.other_epochs = true;
        self
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("checkpoint.safetensors")
    }
}

/// What happened in the training that a folder has a checkpoint of; nothing where it has none.
pub fn events_of(folder: &Path) -> Result<Vec<Event>, TrainError> {
    match Checkpoints::new(folder).file().exists() {
        true => EventLog::read(folder),
        false => Ok(Vec::new()),
    }
}

/// Whether the training that a folder has a checkpoint of is over.
pub fn is_over(folder: &Path) -> Result<bool, TrainError> {
    let done = |event: &Event| {
        matches!(
            event,
            Event::Finished {
                completed: true,
                ..
            }
        )
    };
    Ok(events_of(folder)?.iter().any(done))
}

/// Whole epochs that the training in a folder has saved; none where it has no checkpoint.
pub fn epochs_done(folder: &Path) -> Result<usize, TrainError> {
    #[derive(Deserialize)]
    struct Epochs {
        epochs: Vec<EpochRecord>,
    }
    let path = Checkpoints::new(folder).file();
    match path.exists() {
        true => Ok(Checkpoint::<Epochs>::open(&path)?.progress.epochs.len()),
        false => Ok(0),
    }
}

/// Refuses to go on to a number of epochs that is reached already.
pub fn check_epochs_left(done: usize, asked: usize) -> Result<(), TrainError> {
    match asked > done {
        true => Ok(()),
        false => Err(TrainError::EpochsDone { done, asked }),
    }
}
