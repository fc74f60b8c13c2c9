//! [`ScoreCache`]: scores on disk, so that no candidate is measured twice.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use scarlet_arch::Genome;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Measurement, TrainError};

/// Scores of candidates, in memory and, unless it was made without one, in a file that outlives
/// the run: one line of JSON a score. Lines are only ever appended, each at once; one that
/// a crash has cut off is passed over.
///
/// A score is filed under the fingerprint of what it was measured with (weights, images and
/// settings), so one file can serve many runs.
#[derive(Debug)]
pub struct ScoreCache<S = Measurement> {
    scores: HashMap<(String, Genome), S>,
    file: Option<(PathBuf, File)>,
}

#[derive(Serialize, Deserialize)]
struct Line<S> {
    fingerprint: String,
    genome: Genome,
    #[serde(flatten)]
    score: S,
}

impl<S: Copy + Serialize + DeserializeOwned> ScoreCache<S> {
    /// A cache that is forgotten when the program ends.
    pub fn in_memory() -> Self {
        Self {
            scores: HashMap::new(),
            file: None,
        }
    }

    /// A cache in a file, which is made if there is none.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TrainError> {
        let path = path.as_ref();
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(TrainError::read(path)(error)),
        };
        let mut scores = HashMap::new();
        for line in bytes.split(|&byte| byte == b'\n') {
            if let Ok(line) = serde_json::from_slice::<Line<S>>(line) {
                scores.insert((line.fingerprint, line.genome), line.score);
            }
        }
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(TrainError::write(path))?;
        // The next line must not grow onto one that was cut off.
        if bytes.last().is_some_and(|&last| last != b'\n') {
            file.write_all(b"\n").map_err(TrainError::write(path))?;
        }
        Ok(Self {
            scores,
            file: Some((path.to_owned(), file)),
        })
    }

    /// Number of scores.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether there are no scores.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    pub(crate) fn get(&self, fingerprint: &str, genome: &Genome) -> Option<S> {
        let key = (fingerprint.to_owned(), genome.clone());
        self.scores.get(&key).copied()
    }

    pub(crate) fn insert(
        &mut self,
        fingerprint: &str,
        genome: Genome,
        score: S,
    ) -> Result<(), TrainError> {
        let line = Line {
            fingerprint: fingerprint.to_owned(),
            genome,
            score,
        };
        if let Some((path, file)) = &mut self.file {
            let mut bytes = serde_json::to_vec(&line)
                .map_err(|error| TrainError::write(&*path)(error.into()))?;
            bytes.push(b'\n');
            file.write_all(&bytes).map_err(TrainError::write(&*path))?;
        }
        self.scores
            .insert((line.fingerprint, line.genome), line.score);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(correct: usize) -> Measurement {
        serde_json::from_str(&format!(
            r#"{{"images":10,"correct":{correct},"loss":0.1}}"#
        ))
        .unwrap()
    }

    #[test]
    fn scores_survive_and_torn_lines_do_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.jsonl");
        let genome: Genome = "0c".parse().unwrap();
        let other: Genome = "1c".parse().unwrap();
        let mut cache = ScoreCache::open(&path).unwrap();
        assert!(cache.is_empty());
        cache.insert("a", genome.clone(), score(7)).unwrap();
        // The start of a line that a crash cut off.
        fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"fingerprint\":\"a\",\"gen")
            .unwrap();
        let mut cache = ScoreCache::open(&path).unwrap();
        assert_eq!(cache.get("a", &genome), Some(score(7)));
        assert_eq!(cache.get("b", &genome), None);
        cache.insert("a", other.clone(), score(8)).unwrap();
        let cache = ScoreCache::open(&path).unwrap();
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.get("a", &other), Some(score(8)));
    }

    #[test]
    fn a_folder_is_no_cache() {
        let folder = tempfile::tempdir().unwrap();
        let error = ScoreCache::<Measurement>::open(folder.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains("cannot read"), "{error}");
    }
}
