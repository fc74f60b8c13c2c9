//! [`StateDict`]: a file's tensors by name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::excerpt;
use super::kinds::foreign_kind;
use super::natural_order::natural_order;
use super::origin::Origin;
use super::pytorch::Unread;
use super::wrappers::unwrap;
use super::{Container, Entry, OpenOptions, Renaming, WeightsError, pytorch, safetensors};

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
    notes: Vec<String>,
    origin: Option<Origin>,
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
        Self::open_with(path, &OpenOptions::default())
    }

    /// Opens a checkpoint and takes the tensors under `key` of its dictionary, such as
    /// `state_dict_ema`; dots lead into inner dictionaries.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and when nothing stands under `key`.
    pub fn open_key(path: impl AsRef<Path>, key: &str) -> Result<Self, WeightsError> {
        let options = OpenOptions {
            key: Some(key.to_owned()),
            ..OpenOptions::default()
        };
        Self::open_with(path, &options)
    }

    /// Opens a checkpoint and takes the tensors that `options` name.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and when nothing has a name that `options` ask for.
    pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self, WeightsError> {
        Self::open_file(path.as_ref(), options)
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
            notes: Vec::new(),
            origin: None,
            entries,
        }
    }

    fn open_file(path: &Path, options: &OpenOptions) -> Result<Self, WeightsError> {
        let start = read_start(path)?;
        let (mut weights, unread) = if safetensors::is_safetensors(&start) {
            safetensors::open(path)?
        } else if let Some(found) = foreign_kind(path, &start) {
            return Err(WeightsError::NotACheckpoint {
                path: path.to_owned(),
                found,
            });
        } else {
            pytorch::open(path, &start)?
        };
        weights.unwrap_dictionary(options.key.as_deref(), unread)?;
        // By the file's own names, where they are meant: what is given a known name is not left out.
        let mut later = Vec::new();
        for renaming in &options.renamings {
            if options.prefix.is_some() || !weights.rename(renaming) {
                later.push(renaming);
            }
        }
        let keys = weights.top_level_keys();
        match &options.prefix {
            Some(prefix) => weights.strip(prefix)?,
            None => {
                let entries = std::mem::take(&mut weights.entries);
                weights.entries = unwrap(entries, &mut weights.notes);
            }
        }
        for renaming in later {
            if !weights.rename(renaming) {
                let mut available = weights.top_level_keys();
                available.extend(keys);
                return Err(weights.no_such_name(&renaming.old, available));
            }
        }
        if let Some(name) = &options.origin {
            let origin = Origin::new(name, "the one who opened it");
            if !origin.is_known() {
                return Err(WeightsError::UnknownOrigin(name.clone()));
            }
            weights.origin = Some(origin);
        } else if weights.origin.is_none() {
            weights.origin = Origin::beside(path);
        }
        weights
            .entries
            .sort_by(|a, b| natural_order(a.name(), b.name()));
        let mut pairs = weights.entries.windows(2);
        match pairs.find(|pair| pair[0].name() == pair[1].name()) {
            None => Ok(weights),
            Some(pair) => Err(WeightsError::Malformed {
                path: path.to_owned(),
                detail: format!("two tensors are called `{}`", excerpt(pair[0].name())),
            }),
        }
    }

    /// Keeps the entries below the key that holds the weights, without it. `unread` names tensors
    /// that are not read, which do no harm where they are no weights.
    fn unwrap_dictionary(
        &mut self,
        key: Option<&str>,
        mut unread: Vec<(String, Unread)>,
    ) -> Result<(), WeightsError> {
        let is_below = |name: &str, key: &str| {
            let rest = name.strip_prefix(key);
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        let names = || {
            let read = self.entries.iter().map(Entry::name);
            read.chain(unread.iter().map(|(name, _)| name.as_str()))
        };
        let chosen = match key {
            Some(key) => Some(key),
            None => WEIGHT_KEYS
                .iter()
                .copied()
                .find(|key| names().any(|name| is_below(name, key))),
        };
        let available = self.top_level_keys();
        if let Some(chosen) = chosen {
            self.entries.retain(|entry| is_below(entry.name(), chosen));
            unread.retain(|(name, _)| is_below(name, chosen));
        }
        unread.sort_by(|a, b| natural_order(&a.0, &b.0));
        if let Some((entry, kind)) = unread.first() {
            return Err(WeightsError::UnreadKind {
                path: self.path.clone(),
                entry: entry.clone(),
                more: unread.iter().filter(|(_, other)| other == kind).count() - 1,
                kind: kind.name(),
                advice: kind.advice(),
            });
        }
        if self.entries.is_empty() {
            return Err(WeightsError::NoTensors {
                path: self.path.clone(),
                key: chosen.map(str::to_owned),
                available,
            });
        }
        if key.is_none()
            && let Some(chosen) = chosen
        {
            let others = WEIGHT_KEYS.iter().filter(|other| **other != chosen);
            for other in others.filter(|other| available.iter().any(|key| key == *other)) {
                self.notes.push(format!(
                    "`{other}` is next to `{chosen}`, which was taken; --key {other} takes that \
                     one, with scarlet-weights convert for a file of its own"
                ));
            }
        }
        if let Some(chosen) = chosen {
            rename_all(&mut self.entries, |name| &name[chosen.len() + 1..]);
            self.key = Some(chosen.to_owned());
        }
        Ok(())
    }

    /// Keeps the entries below a prefix, without it.
    fn strip(&mut self, prefix: &str) -> Result<(), WeightsError> {
        let dotted = format!("{}.", prefix.trim_end_matches('.'));
        if !self
            .entries
            .iter()
            .any(|entry| entry.name().starts_with(&dotted))
        {
            return Err(self.no_such_name(prefix, self.top_level_keys()));
        }
        self.entries
            .retain(|entry| entry.name().starts_with(&dotted));
        rename_all(&mut self.entries, |name| &name[dotted.len()..]);
        Ok(())
    }

    /// Puts the new name in place of a leading old one, and returns whether there was one.
    fn rename(&mut self, Renaming { old, new }: &Renaming) -> bool {
        let (old, new) = (old.trim_end_matches('.'), new.trim_end_matches('.'));
        let mut found = false;
        for entry in &mut self.entries {
            let Some(rest) = entry.name().strip_prefix(old) else {
                continue;
            };
            let name = match rest {
                "" => new.to_owned(),
                rest if !rest.starts_with('.') => continue,
                rest if new.is_empty() => rest[1..].to_owned(),
                rest => format!("{new}{rest}"),
            };
            found = true;
            *entry = entry.clone().renamed(name);
        }
        found
    }

    fn no_such_name(&self, name: &str, mut available: Vec<String>) -> WeightsError {
        available.sort();
        available.dedup();
        WeightsError::NoSuchName {
            path: self.path.clone(),
            name: name.trim_end_matches('.').to_owned(),
            available,
        }
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

    /// Where the weights come from, as far as anything says so.
    pub(super) fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    pub(super) fn with_origin(mut self, origin: Option<Origin>) -> Self {
        self.origin = origin;
        self
    }

    /// What was decided when the file was opened, in words for its user: what was left out, and
    /// what else could have been taken. Empty where there was nothing to decide.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Texts that a safetensors file carries next to its tensors.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Texts to carry next to the tensors, in place of those there were.
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

    /// Keeps the entries for which `keep` says so.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Entry) -> bool) {
        self.entries.retain(keep);
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
