//! [`OpenOptions`]: what is taken from a file.

/// Which tensors of a file are taken, and under which names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenOptions {
    pub(super) key: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) renamed: Vec<(String, String)>,
    pub(super) origin: Option<String>,
}

impl OpenOptions {
    /// As `StateDict::open` finds them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those under this key of the checkpoint's dictionary, such as `state_dict_ema`; dots lead
    /// into inner dictionaries.
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Those below this prefix, such as `backbone`, without it.
    pub fn without_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// With `new` in place of a leading `old`, where that is a whole name or ends at a dot.
    pub fn renamed(mut self, old: impl Into<String>, new: impl Into<String>) -> Self {
        self.renamed.push((old.into(), new.into()));
        self
    }

    /// As weights of this origin, one of [`ORIGINS`](super::ORIGINS). It settles what shapes leave open, where the file does
    /// not say it.
    pub fn with_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }
}
