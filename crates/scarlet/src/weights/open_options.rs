//! [`OpenOptions`]: what is taken from a file.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Source;

/// Which tensors of a file are taken, and under which names; by default as
/// [`StateDict::open`](super::StateDict::open) finds them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenOptions {
    /// Those under this key of the checkpoint's dictionary, such as `state_dict_ema`; dots lead
    /// into inner dictionaries.
    pub key: Option<String>,
    /// Those below this prefix, such as `backbone`, without it.
    pub prefix: Option<String>,
    /// With other names, in place of the file's own or of those that are left without what training put
    /// around them.
    pub renamings: Vec<Renaming>,
    /// As weights of this origin: the name of a network of the [zoo](crate::zoo) or of its weights,
    /// such as `tf_efficientnet_lite0`, or `scarlet` or `fairnas` for a network that was searched
    /// for. It settles what shapes leave open, where the file does not say it.
    pub origin: Option<String>,
}

impl OpenOptions {
    /// With the [origin](Source::origin) that a source names, unless another was named.
    pub fn with_origin_of(mut self, source: &Source) -> Self {
        self.origin = self.origin.or_else(|| source.origin());
        self
    }
}

/// A new name for tensors, in place of a leading part of theirs that is the whole name or ends at a
/// dot. As text, `old=new`: `head.fc=classifier`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Renaming {
    pub(super) old: String,
    pub(super) new: String,
}

/// A text that is no [`Renaming`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected the old name, =, and the new one, such as head.fc=classifier")]
pub struct RenamingError;

impl FromStr for Renaming {
    type Err = RenamingError;

    fn from_str(text: &str) -> Result<Self, RenamingError> {
        match text.split_once('=') {
            Some((old, new)) if !old.is_empty() => Ok(Self {
                old: old.to_owned(),
                new: new.to_owned(),
            }),
            _ => Err(RenamingError),
        }
    }
}

impl TryFrom<String> for Renaming {
    type Error = RenamingError;

    fn try_from(text: String) -> Result<Self, RenamingError> {
        text.parse()
    }
}

impl From<Renaming> for String {
    fn from(renaming: Renaming) -> Self {
        renaming.to_string()
    }
}

impl Display for Renaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.old, self.new)
    }
}
