//! [`StateDict`]: a file's tensors by name.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::names::strip_wrappers;
use super::{Entry, WeightsError, pytorch, safetensors};

/// How a file keeps its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Container {
    /// A pickle stream followed by the tensors, as PyTorch wrote before 1.6.
    LegacyPickle,
    /// A zip archive around a pickle, as PyTorch writes since 1.6.
    Zip,
    /// A TAR archive, as PyTorch wrote before 0.1.10.
    Tar,
    /// A pickle without tensors.
    Pickle,
    /// A JSON header followed by the tensors.
    Safetensors,
    /// No file: the tensors come from a program.
    Memory,
}

impl Container {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::LegacyPickle => "PyTorch legacy pickle",
            Self::Zip => "PyTorch zip",
            Self::Tar => "PyTorch TAR",
            Self::Pickle => "pickle",
            Self::Safetensors => "safetensors",
            Self::Memory => "memory",
        }
    }
}

/// Tensors by name, each read when it is asked for.
///
/// Names are those of the file, without what wrapped the network when it was saved: the key of
/// the checkpoint's dictionary that holds the weights, and prefixes such as DataParallel's
/// `module.`. Entries are in natural order: `mb_module.2` comes before `mb_module.10`.
#[derive(Debug, Clone)]
pub struct StateDict {
    path: PathBuf,
    container: Container,
    key: Option<String>,
    metadata: BTreeMap<String, String>,
    entries: Vec<Entry>,
}

impl StateDict {
    /// Opens a checkpoint. What it is is told by its content, not by its ending: PyTorch's legacy
    /// pickle stream, zip or TAR archive, or safetensors.
    ///
    /// Of a dictionary around the weights, the first of `model_state`, `state_dict`,
    /// `model_state_dict`, `model`, `net`, `network`, `weights` is taken, then those of the
    /// averaged weights, `state_dict_ema`, `model_ema`, `ema_state_dict`, `ema`.
    ///
    /// Pickles are parsed, never run.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is empty, cut off, not a checkpoint, damaged, without
    /// tensors, or would run code if Python opened it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        Self::open_file(path.as_ref(), None)
    }

    /// Opens a checkpoint and takes the tensors under `key` of its dictionary, such as
    /// `state_dict_ema`; dots lead into inner dictionaries.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and when nothing stands under `key`.
    pub fn open_key(path: impl AsRef<Path>, key: &str) -> Result<Self, WeightsError> {
        Self::open_file(path.as_ref(), Some(key))
    }

    /// A state dict made of `entries`.
    pub fn from_entries(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self::new(
            PathBuf::new(),
            Container::Memory,
            entries.into_iter().collect(),
        )
    }

    pub(super) fn new(path: PathBuf, container: Container, mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| natural_order(a.name(), b.name()));
        Self {
            path,
            container,
            key: None,
            metadata: BTreeMap::new(),
            entries,
        }
    }

    fn open_file(path: &Path, key: Option<&str>) -> Result<Self, WeightsError> {
        let start = read_start(path)?;
        let mut weights = if safetensors::is_safetensors(&start) {
            safetensors::open(path)?
        } else if let Some(found) = foreign_kind(&start) {
            return Err(WeightsError::NotACheckpoint {
                path: path.to_owned(),
                found: found.to_owned(),
            });
        } else {
            pytorch::open(path, &start)?
        };
        weights.unwrap_dictionary(key)?;
        strip_wrappers(&mut weights.entries);
        weights
            .entries
            .sort_by(|a, b| natural_order(a.name(), b.name()));
        Ok(weights)
    }

    /// Keeps the entries below the key that holds the weights, without it.
    fn unwrap_dictionary(&mut self, key: Option<&str>) -> Result<(), WeightsError> {
        let below = |key: &str| {
            let prefix = format!("{key}.");
            move |entry: &Entry| entry.name().starts_with(&prefix)
        };
        let chosen = match key {
            Some(key) => Some(key),
            None => WEIGHT_KEYS
                .iter()
                .copied()
                .find(|key| self.entries.iter().any(below(key))),
        };
        let Some(chosen) = chosen else {
            return match self.entries.is_empty() {
                false => Ok(()),
                true => Err(WeightsError::NoTensors {
                    path: self.path.clone(),
                    key: None,
                    available: Vec::new(),
                }),
            };
        };
        let available = self.top_level_keys();
        self.entries.retain(below(chosen));
        if self.entries.is_empty() {
            return Err(WeightsError::NoTensors {
                path: self.path.clone(),
                key: Some(chosen.to_owned()),
                available,
            });
        }
        rename_all(&mut self.entries, |name| &name[chosen.len() + 1..]);
        self.key = Some(chosen.to_owned());
        Ok(())
    }

    fn top_level_keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self
            .entries
            .iter()
            .filter_map(|entry| entry.name().split('.').next())
            .map(str::to_owned)
            .collect();
        keys.dedup();
        keys
    }

    /// The file; empty for a state dict that no file holds.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How the file keeps its tensors.
    pub fn container(&self) -> Container {
        self.container
    }

    /// The key of the checkpoint's dictionary that the tensors stood under.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Texts that a safetensors file carries beside its tensors.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Texts to carry beside the tensors, in place of those there were.
    pub fn with_metadata(mut self, metadata: BTreeMap<String, String>) -> Self {
        self.metadata = metadata;
        self
    }

    /// All entries, in natural order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of that name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries
            .binary_search_by(|entry| natural_order(entry.name(), name))
            .ok()
            .map(|index| &self.entries[index])
    }

    /// The same tensors with every entry changed by `change`.
    pub(super) fn map(&self, change: impl FnMut(Entry) -> Entry) -> Self {
        let mut changed = self.clone();
        changed.entries = self.entries.iter().cloned().map(change).collect();
        changed
            .entries
            .sort_by(|a, b| natural_order(a.name(), b.name()));
        changed
    }
}

/// Keys under which checkpoints keep their weights, in order of preference; averaged weights last.
pub(super) const WEIGHT_KEYS: &[&str] = &[
    "model_state",
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "network",
    "weights",
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "ema",
];

pub(super) fn rename_all(entries: &mut [Entry], rename: impl Fn(&str) -> &str) {
    for entry in entries {
        let name = rename(entry.name()).to_owned();
        *entry = entry.clone().renamed(name);
    }
}

/// The first bytes of a file, enough to tell what it is.
fn read_start(path: &Path) -> Result<Vec<u8>, WeightsError> {
    let failed = |source| WeightsError::Read {
        path: path.to_owned(),
        source,
    };
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(512).read_to_end(&mut start))
        .map_err(failed)?;
    if start.is_empty() {
        return Err(WeightsError::Empty(path.to_owned()));
    }
    Ok(start)
}

/// What a file is that people take for a checkpoint, told by its first bytes.
fn foreign_kind(start: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start().to_ascii_lowercase();
    let kinds: [(bool, &str); 6] = [
        (
            text.starts_with("<!doctype") || text.starts_with("<html") || text.starts_with("<?xml"),
            "it is a web page, which is what a link to a download page gives; follow the page's \
             own link",
        ),
        (
            text.starts_with("version https://git-lfs"),
            "it is a Git LFS pointer, not the file that it points to; run `git lfs pull`",
        ),
        (
            text.starts_with('{') && !start.starts_with(b"}"),
            "it is a JSON text",
        ),
        (
            start.starts_with(&[0x1f, 0x8b]),
            "it is compressed with gzip; unpack it first",
        ),
        (start.starts_with(b"\x89HDF"), "it is an HDF5 file of Keras"),
        (
            start.get(4..8) == Some(b"TFL3"),
            "it is a model of TensorFlow Lite",
        ),
    ];
    kinds
        .into_iter()
        .find(|(is_it, _)| *is_it)
        .map(|(_, kind)| kind)
}

/// Orders names as people count: digits by value, everything else by character. Names that
/// differ only in leading zeros are told apart in the end, so that equal means equal.
pub(super) fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    while let (Some(&x), Some(&y)) = (left.first(), right.first()) {
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (n, m) = (take_digits(&mut left), take_digits(&mut right));
            n.len().cmp(&m.len()).then_with(|| n.cmp(m))
        } else {
            left = &left[1..];
            right = &right[1..];
            x.cmp(&y)
        };
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// Takes the leading digits off `text` and returns them without leading zeros.
fn take_digits<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn layers_are_in_the_order_of_their_numbers() {
        let mut names = ["b.10.x", "b.2.x", "b.2.bias", "a", "b.02.x", "b"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["a", "b", "b.2.bias", "b.02.x", "b.2.x", "b.10.x"]);
    }

    #[test]
    fn files_of_another_kind_are_named() {
        assert!(
            foreign_kind(b"\n<!DOCTYPE html>")
                .unwrap()
                .contains("web page")
        );
        assert!(
            foreign_kind(b"version https://git-lfs.github.com/spec/v1\n")
                .unwrap()
                .contains("git lfs pull")
        );
        assert!(foreign_kind(&[0x1f, 0x8b, 8]).unwrap().contains("gzip"));
        assert_eq!(foreign_kind(&[0x80, 2, b'}']), None);
    }

    proptest! {
        #[test]
        fn natural_order_is_an_order(a in "[a.0-9]{0,6}", b in "[a.0-9]{0,6}", c in "[a.0-9]{0,6}") {
            prop_assert_eq!(natural_order(&a, &b), natural_order(&b, &a).reverse());
            prop_assert_eq!(natural_order(&a, &b).is_eq(), a == b);
            if natural_order(&a, &b).is_le() && natural_order(&b, &c).is_le() {
                prop_assert!(natural_order(&a, &c).is_le());
            }
        }
    }
}
