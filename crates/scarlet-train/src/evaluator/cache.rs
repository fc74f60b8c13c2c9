//! [`ScoreCache`]: scores on disk, so that no candidate is measured twice.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use scarlet_arch::Genome;
use scarlet_io::checksum::{Line, Lines, seal_line};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Measurement, TrainError};

/// Scores of candidates, in memory and, unless it was made without one, in a file that outlives
/// the run: one line of JSON a score, with its [checksum](scarlet_io::checksum). Lines are only ever
/// appended, each at once; one that a crash has cut off, or that was damaged, is passed over.
///
/// A score is filed under the fingerprint of what it was measured with (weights, images and
/// settings), so one file can serve many runs, also at the same time: a line is appended under the
/// operating system's lock, and what others have appended is read before anything is measured.
#[derive(Debug)]
pub struct ScoreCache<S = Measurement> {
    scores: HashMap<(String, Genome), S>,
    file: Option<ScoreFile>,
}

#[derive(Debug)]
struct ScoreFile {
    path: PathBuf,
    file: File,
    /// How far it has been read, always up to the end of a line.
    read: u64,
    lines: Lines,
}

#[derive(Serialize, Deserialize)]
struct Score<S> {
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
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)
            .map_err(TrainError::write(path))?;
        let mut cache = Self {
            scores: HashMap::new(),
            file: Some(ScoreFile {
                path: path.to_owned(),
                file,
                read: 0,
                lines: Lines::default(),
            }),
        };
        cache.catch_up()?;
        Ok(cache)
    }

    /// Takes over the scores of another file, if there is one, which stays as it is.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn with_scores_of(mut self, path: impl AsRef<Path>) -> Result<Self, TrainError> {
        let path = path.as_ref();
        match fs::read(path) {
            Ok(bytes) => self.take_in(&bytes, &mut Lines::default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(TrainError::read(path)(error)),
        }
        Ok(self)
    }

    /// Number of scores.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether there are no scores.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// Reads what has been appended to the file since it was read last.
    pub(super) fn catch_up(&mut self) -> Result<(), TrainError> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let bytes = file.rest().map_err(TrainError::read(&file.path))?;
        let mut lines = file.lines;
        self.take_in(&bytes, &mut lines);
        if let Some(file) = &mut self.file {
            file.lines = lines;
        }
        Ok(())
    }

    fn take_in(&mut self, bytes: &[u8], lines: &mut Lines) {
        for line in bytes.split(|&byte| byte == b'\n') {
            if let Some(Score {
                fingerprint,
                genome,
                score,
            }) = parse(lines.next(line))
            {
                self.scores.insert((fingerprint, genome), score);
            }
        }
    }

    /// The score of a genome under this [fingerprint](crate::fingerprint), if it is known.
    pub fn get(&self, fingerprint: &str, genome: &Genome) -> Option<S> {
        let key = (fingerprint.to_owned(), genome.clone());
        self.scores.get(&key).copied()
    }

    /// Keeps a score, in the file too where there is one.
    ///
    /// # Errors
    ///
    /// [`TrainError::Write`].
    pub fn insert(
        &mut self,
        fingerprint: &str,
        genome: Genome,
        score: S,
    ) -> Result<(), TrainError> {
        let line = Score {
            fingerprint: fingerprint.to_owned(),
            genome,
            score,
        };
        if let Some(file) = &mut self.file {
            let bytes = serde_json::to_vec(&line)
                .map_err(|error| TrainError::write(&file.path)(error.into()))?;
            file.append(bytes).map_err(TrainError::write(&file.path))?;
        }
        self.scores
            .insert((line.fingerprint, line.genome), line.score);
        Ok(())
    }
}

/// The score of a line, if it is whole.
fn parse<S: Serialize + DeserializeOwned>(line: Line<'_>) -> Option<Score<S>> {
    match line {
        Line::Sealed(json) => serde_json::from_slice(&json).ok(),
        // Nothing else tells whether it is as it was written.
        Line::Plain(json) => serde_json::from_slice(json)
            .ok()
            .filter(|score: &Score<S>| serde_json::to_vec(score).is_ok_and(|it| it == json)),
        Line::Damaged => None,
    }
}

impl ScoreFile {
    /// The lines behind what has been read. One that has no end yet is left for another time.
    fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(self.read))?;
        self.file.read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|&byte| byte == b'\n');
        bytes.truncate(end.map_or(0, |end| end + 1));
        self.read += bytes.len() as u64;
        Ok(bytes)
    }

    /// Appends a line while nobody else does.
    fn append(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        match self.file.lock() {
            // Where there are no locks, one write is still as good as whole.
            Err(error) if error.kind() != io::ErrorKind::Unsupported => return Err(error),
            _ => {}
        }
        seal_line(&mut line);
        let written = self.ends_in_a_line().and_then(|whole| {
            // It must not grow onto a line that was cut off.
            if !whole {
                line.insert(0, b'\n');
            }
            line.push(b'\n');
            self.file.write_all(&line)
        });
        // Closing the file frees it too.
        let _ = self.file.unlock();
        written
    }

    fn ends_in_a_line(&mut self) -> io::Result<bool> {
        if self.file.seek(SeekFrom::End(0))? == 0 {
            return Ok(true);
        }
        let mut last = [0];
        self.file.seek(SeekFrom::End(-1))?;
        self.file.read_exact(&mut last)?;
        Ok(last == *b"\n")
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

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
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
    }

    #[test]
    fn a_damaged_score_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.jsonl");
        let genomes: Vec<Genome> = ["0c", "1c"].map(|text| text.parse().unwrap()).into();
        let mut cache = ScoreCache::open(&path).unwrap();
        for genome in &genomes {
            cache.insert("a", genome.clone(), score(7)).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 2;
            fs::write(&path, bytes).unwrap();
            let cache = ScoreCache::open(&path).unwrap();
            for genome in &genomes {
                let found = cache.get("a", genome);
                assert!(found.is_none() || found == Some(score(7)), "byte {at}");
            }
        }
        // Those of earlier versions have no checksum.
        let mut other = ScoreCache::open(folder.path().join("other.jsonl")).unwrap();
        other.insert("b", genomes[0].clone(), score(3)).unwrap();
        let plain = fs::read_to_string(folder.path().join("other.jsonl")).unwrap();
        let plain = plain.split_once(",\"crc\"").unwrap().0.to_owned() + "}";
        fs::write(&path, format!("{plain}\n{text}{plain}\n")).unwrap();
        let mut cache = ScoreCache::open(&path).unwrap();
        assert_eq!(cache.get("b", &genomes[0]), Some(score(3)));
        assert_eq!(cache.len(), 3);
        cache.insert("c", genomes[0].clone(), score(5)).unwrap();
        assert_eq!(ScoreCache::<Measurement>::open(&path).unwrap().len(), 4);
    }

    #[test]
    fn a_loss_that_is_no_number_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.jsonl");
        let genome: Genome = "0c".parse().unwrap();
        let lost = Measurement {
            loss: f64::NAN,
            ..score(5)
        };
        let mut cache = ScoreCache::open(&path).unwrap();
        cache.insert("a", genome.clone(), lost).unwrap();
        let cache = ScoreCache::<Measurement>::open(&path).unwrap();
        let kept = cache.get("a", &genome).unwrap();
        assert_eq!((kept.correct, kept.images), (5, 10));
        assert!(kept.loss.is_nan());
    }

    #[test]
    fn several_share_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.jsonl");
        let genome = |number: u8| Genome::new(vec![number / 9, number % 9]).unwrap();
        thread::scope(|scope| {
            for part in 0..3u8 {
                let path = &path;
                scope.spawn(move || {
                    let mut cache = ScoreCache::open(path).unwrap();
                    for gene in 0..20 {
                        let number = part * 20 + gene;
                        let score = score(usize::from(number) % 10);
                        cache.insert("a", genome(number), score).unwrap();
                    }
                });
            }
        });
        let mut first = ScoreCache::open(&path).unwrap();
        assert_eq!(first.len(), 60);
        // What others find out is known at once.
        let mut second = ScoreCache::<Measurement>::open(&path).unwrap();
        first.insert("a", genome(60), score(9)).unwrap();
        assert_eq!(second.get("a", &genome(60)), None);
        second.catch_up().unwrap();
        assert_eq!(second.get("a", &genome(60)), Some(score(9)));
        // Another file is only read.
        let own = folder.path().join("own.jsonl");
        let none = ScoreCache::<Measurement>::open(&own).unwrap();
        let third = none.with_scores_of(&path).unwrap();
        assert_eq!(third.len(), 61);
        assert_eq!(fs::read(&own).unwrap(), b"");
        let nowhere = folder.path().join("nowhere.jsonl");
        assert_eq!(third.with_scores_of(nowhere).unwrap().len(), 61);
    }

    #[test]
    fn a_folder_is_no_cache() {
        let folder = tempfile::tempdir().unwrap();
        let error = ScoreCache::<Measurement>::open(folder.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains("cannot write"), "{error}");
    }
}
