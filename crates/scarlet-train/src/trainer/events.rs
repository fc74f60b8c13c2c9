//! What a run reports while it goes on, and the file that keeps it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::atomic_file;

/// Something that happened in a run. As JSON, one line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// The run starts, or goes on from a checkpoint.
    Started {
        /// Steps done before: 0 for a fresh start.
        step: u64,
        /// Steps of the whole run.
        steps: u64,
        /// Images to train on.
        images: usize,
    },
    /// A step was done.
    Step {
        /// Steps done.
        step: u64,
        /// Steps of the whole run.
        steps: u64,
        /// The epoch it belongs to, from 1.
        epoch: u64,
        /// Mean loss of the step's mini-batches.
        loss: f64,
        /// Share of their images that were put into their class, from 0 to 1.
        accuracy: f64,
        /// The learning rate that the step was done with.
        learning_rate: f64,
        /// Speed since this start.
        images_per_second: f64,
        /// Time left at that speed.
        seconds_left: f64,
    },
    /// An epoch was done.
    Epoch(EpochRecord),
    /// A checkpoint was written.
    Checkpoint {
        /// Steps done.
        step: u64,
        /// The file.
        path: PathBuf,
    },
    /// The run ends.
    Finished {
        /// Steps done.
        step: u64,
        /// Whether they were all; if not, the run was stopped and can go on.
        completed: bool,
    },
}

impl Event {
    /// Steps done when it happened.
    pub fn step(&self) -> u64 {
        match self {
            Self::Started { step, .. }
            | Self::Step { step, .. }
            | Self::Checkpoint { step, .. }
            | Self::Finished { step, .. } => *step,
            Self::Epoch(record) => record.step,
        }
    }
}

/// What an epoch came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EpochRecord {
    /// Number of the epoch, from 1.
    pub epoch: u64,
    /// Steps done.
    pub step: u64,
    /// Mean loss of the epoch's mini-batches, as they were trained on.
    pub loss: f64,
    /// Share of their images that were put into their class, from 0 to 1.
    pub accuracy: f64,
    /// The same of the validation images, by the averaged weights where there are any; none
    /// without validation images.
    pub validation_accuracy: Option<f64>,
}

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Stop behind this step, with a checkpoint if there is a folder for it.
    Stop,
}

/// Watches a run: shows its progress, say, and stops it when the user asks for it.
pub trait Observer {
    /// Called for every event.
    fn event(&mut self, event: &Event) -> Control;
}

impl<F: FnMut(&Event) -> Control> Observer for F {
    fn event(&mut self, event: &Event) -> Control {
        self(event)
    }
}

/// The file that events are appended to, a line each.
pub(super) struct EventLog {
    path: PathBuf,
    file: File,
}

impl EventLog {
    /// Opens the log of a run that has done `step` steps. Events from behind them, of a run that
    /// went on after its last checkpoint, are taken out: they are about to happen again. So is a
    /// last line that was cut off.
    pub(super) fn open(folder: &Path, step: u64) -> Result<Self, TrainError> {
        let path = folder.join("events.jsonl");
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(TrainError::read(&path)(error)),
        };
        let kept: String = text
            .split_inclusive('\n')
            .filter(|line| {
                line.ends_with('\n')
                    && serde_json::from_str::<Event>(line)
                        .is_ok_and(|event| step > 0 && event.step() <= step)
            })
            .collect();
        if kept != text {
            atomic_file::write(&path, kept.as_bytes()).map_err(TrainError::write(&path))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(TrainError::write(&path))?;
        Ok(Self { path, file })
    }

    pub(super) fn append(&mut self, event: &Event) -> Result<(), TrainError> {
        let mut line = serde_json::to_vec(event)
            .map_err(|error| TrainError::write(&self.path)(error.into()))?;
        line.push(b'\n');
        // One call, so that no other line can come between.
        self.file
            .write_all(&line)
            .map_err(TrainError::write(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(folder: &Path) -> Vec<String> {
        let text = fs::read_to_string(folder.join("events.jsonl")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn finished(step: u64) -> Event {
        Event::Finished {
            step,
            completed: false,
        }
    }

    #[test]
    fn events_behind_the_checkpoint_and_torn_lines_go() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = EventLog::open(folder.path(), 0).unwrap();
        for step in [1, 5, 9] {
            log.append(&finished(step)).unwrap();
        }
        log.file.write_all(b"{\"event\":\"fin").unwrap();
        let mut log = EventLog::open(folder.path(), 5).unwrap();
        log.append(&finished(6)).unwrap();
        let steps: Vec<u64> = lines(folder.path())
            .iter()
            .map(|line| serde_json::from_str::<Event>(line).unwrap().step())
            .collect();
        assert_eq!(steps, [1, 5, 6]);
        EventLog::open(folder.path(), 0).unwrap();
        assert!(lines(folder.path()).is_empty());
    }

    #[test]
    fn events_are_flat_json() {
        let record = EpochRecord {
            epoch: 2,
            step: 10,
            loss: 0.5,
            accuracy: 0.75,
            validation_accuracy: None,
        };
        assert_eq!(
            serde_json::to_string(&Event::Epoch(record)).unwrap(),
            r#"{"event":"epoch","epoch":2,"step":10,"loss":0.5,"accuracy":0.75,"validation_accuracy":null}"#
        );
    }
}
