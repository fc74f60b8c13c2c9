//! [`EventLog`]: what happened in a run and when, a line each.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use scarlet_io::atomic_file;
use scarlet_io::checksum::{Line, Lines, seal_line};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::TrainError;

/// The file's name.
const EVENTS: &str = "events.jsonl";

/// A line of the log.
#[derive(Serialize)]
struct Timed<'a, E> {
    #[serde(flatten)]
    event: &'a E,
    /// When it was written: UTC, as in RFC 3339.
    time: String,
}

/// A run's `events.jsonl`, which events are appended to, a line each.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    file: File,
    /// Bytes of the lines that are there.
    length: u64,
}

impl EventLog {
    /// Opens the log in a folder, or begins one. Of the events that it holds, those stay that
    /// `keep` says so of: a run that goes on from its last checkpoint is about to do again what
    /// came after. Lines that are no such event go, as what a killed process wrote half of.
    ///
    /// # Errors
    ///
    /// [`TrainError::Read`] and [`TrainError::Write`].
    pub fn open<E: DeserializeOwned>(
        folder: &Path,
        keep: impl Fn(&E) -> bool,
    ) -> Result<Self, TrainError> {
        let path = folder.join(EVENTS);
        let bytes = Self::bytes(&path)?;
        let kept: Vec<u8> = events(&bytes)
            .filter(|(line, event)| line.ends_with(b"\n") && keep(event))
            .flat_map(|(line, _)| line)
            .copied()
            .collect();
        if kept != bytes {
            atomic_file::write(&path, |file| file.write_all(&kept))
                .map_err(TrainError::write(&path))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(TrainError::write(&path))?;
        let length = file.metadata().map_err(TrainError::read(&path))?.len();
        Ok(Self { path, file, length })
    }

    /// The events of the log in a folder; none where there is no log. Lines that are no such event
    /// are passed over.
    ///
    /// # Errors
    ///
    /// [`TrainError::Read`].
    pub fn read<E: DeserializeOwned>(folder: &Path) -> Result<Vec<E>, TrainError> {
        let bytes = Self::bytes(&folder.join(EVENTS))?;
        Ok(events(&bytes).map(|(_, event)| event).collect())
    }

    fn bytes(path: &Path) -> Result<Vec<u8>, TrainError> {
        match fs::read(path) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(TrainError::read(path)(error)),
        }
    }

    /// Appends an event, which must be an object in JSON, with the time of day as one more field,
    /// `time`: all of its line, or on a full disk nothing of it.
    ///
    /// # Errors
    ///
    /// [`TrainError::Write`].
    pub fn append(&mut self, event: &impl Serialize) -> Result<(), TrainError> {
        let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let mut line = serde_json::to_vec(&Timed { event, time })
            .map_err(|error| TrainError::write(&self.path)(error.into()))?;
        seal_line(&mut line);
        line.push(b'\n');
        // One call, so that no other line can come between.
        match self.file.write_all(&line) {
            Ok(()) => {
                self.length += line.len() as u64;
                Ok(())
            }
            Err(error) => {
                // If that fails too, half a line stays until the log is opened again.
                let _ = self.file.set_len(self.length);
                Err(TrainError::write(&self.path)(error))
            }
        }
    }
}

/// The lines of a log that are such events and undamaged, with their bytes.
fn events<E: DeserializeOwned>(bytes: &[u8]) -> impl Iterator<Item = (&[u8], E)> {
    let mut lines = Lines::default();
    bytes
        .split_inclusive(|&byte| byte == b'\n')
        .filter_map(move |line| {
            let event = match lines.next(line) {
                Line::Sealed(json) => serde_json::from_slice(&json),
                Line::Plain(json) => serde_json::from_slice(json),
                Line::Damaged => return None,
            };
            Some((line, event.ok()?))
        })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    struct Settings {
        rate: f64,
        seed: u64,
    }

    const SETTINGS: Settings = Settings {
        rate: 0.25,
        seed: 7,
    };

    #[test]
    fn a_log_loses_damaged_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(EVENTS);
        let at = |seed| Settings { seed, ..SETTINGS };
        // An earlier version's.
        fs::write(&path, "{\"rate\":0.25,\"seed\":0}\n").unwrap();
        let mut log = EventLog::open(folder.path(), |_: &Settings| true).unwrap();
        for seed in 1..4 {
            log.append(&at(seed)).unwrap();
        }
        let read = || EventLog::read::<Settings>(folder.path()).unwrap();
        assert_eq!(read(), [0, 1, 2, 3].map(at));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"seed\":2", "\"seed\":7")).unwrap();
        assert_eq!(read(), [0, 1, 3].map(at));
        drop(EventLog::open(folder.path(), |_: &Settings| true).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
    }

    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    struct Done {
        step: u32,
    }

    #[test]
    fn a_log_loses_torn_lines_and_what_is_about_to_happen_again() {
        let folder = tempfile::tempdir().unwrap();
        let open = |last: u32| EventLog::open(folder.path(), move |done: &Done| done.step <= last);
        let steps = || -> Vec<u32> {
            let events = EventLog::read::<Done>(folder.path()).unwrap();
            events.iter().map(|done| done.step).collect()
        };
        let path = folder.path().join("events.jsonl");
        // As versions without times wrote it.
        fs::write(&path, "{\"step\":1}\n").unwrap();
        let mut log = open(1).unwrap();
        for step in [5, 9] {
            log.append(&Done { step }).unwrap();
        }
        log.file.write_all(b"{\"step\":1").unwrap();
        let mut log = open(5).unwrap();
        log.append(&Done { step: 6 }).unwrap();
        assert_eq!(steps(), [1, 5, 6]);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
        log.file.write_all(b"{").unwrap();
        assert_eq!(steps(), [1, 5, 6]);
        let nowhere = folder.path().join("nowhere");
        assert!(EventLog::read::<Done>(&nowhere).unwrap().is_empty());
    }

    #[test]
    fn a_log_says_when() {
        let folder = tempfile::tempdir().unwrap();
        let before = SystemTime::now();
        let mut log = EventLog::open(folder.path(), |_: &Done| true).unwrap();
        log.append(&Done { step: 7 }).unwrap();
        let text = fs::read_to_string(folder.path().join("events.jsonl")).unwrap();
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["step"], 7);
        let time = humantime::parse_rfc3339(line["time"].as_str().unwrap()).unwrap();
        let second = std::time::Duration::from_secs(1);
        assert!(before - second <= time && time <= SystemTime::now() + second);
    }
}
