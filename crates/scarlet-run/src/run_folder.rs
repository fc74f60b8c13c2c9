//! [`RunFolder`]: where a run keeps its settings, what happened in it, and what came out.
//!
//! | file | holds |
//! |---|---|
//! | `config.json` | everything that determines the run; its presence is what makes a folder a run |
//! | `begun.json` | the same, to tell what was changed in a `config.json` that has lost its checksum |
//! | `events.jsonl` | what happened and when, a JSON object a line |
//! | `lock` | nothing; one process at a time holds the operating system's lock on it |
//!
//! and whatever the run adds. Every file but the log appears whole or not at all; of the log, a
//! killed process can leave half a line, which is taken out when it is opened again.
//!
//! All carry [checksums](scarlet_io::checksum), so that a damaged file is no other run's: of JSON files
//! it is an error, a damaged line of the log is taken out. Who wants to change a setting in
//! `config.json` that alters no result, such as where images are, removes the line with its checksum;
//! others stay as they were when the run began. Folders of earlier versions have no checksums.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use scarlet_io::atomic_file;
use scarlet_io::checksum::{open_json, seal_json};
use scarlet_io::limited;
use scarlet_io::printable::shortened;
use scarlet_train::TrainError;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use crate::RunError;
use crate::files;

/// Bytes of the largest configuration that is read: that of a million classes.
const MAX_CONFIG: u64 = 16 << 20;
/// Bytes of any other JSON file.
const MAX_JSON: u64 = 1 << 30;

/// Settings that may be changed in a run: they alter no result, or what they name is known by its
/// contents.
const CHANGEABLE: [&str; 5] = [
    "source",
    "cache_folder",
    "cache_megabytes",
    "teacher",
    "score_cache",
];

/// The folder of a run, which no other process can open while this value lives.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Whether the configuration has a checksum.
    sealed: bool,
    /// Whether the run was begun with checksums, and so all other files must have one.
    all_sealed: bool,
    _lock: Lock,
}

/// The operating system's lock on an open file.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    /// Closing the file is not enough: a process that another thread has just started still holds a
    /// copy of it, and with it the lock, until it runs its program. If the process dies first, the
    /// operating system frees the lock.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

impl RunFolder {
    /// Makes the folder of a new run, and writes `config` into it. The folder may exist, and may
    /// hold anything but a run. Unfinished files that a killed process left are removed.
    ///
    /// # Errors
    ///
    /// [`TrainError::Exists`] when it holds a run, [`RunError::RunInUse`] when another process
    /// is making one there, and [`TrainError::Write`].
    pub fn create(path: impl Into<PathBuf>, config: &impl Serialize) -> Result<Self, RunError> {
        Self::create_filled(path, config, |_| Ok(()))
    }

    /// The same of a run that begins with files that `fill` puts there. It becomes a run when they
    /// are all there: until then it can be made again.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), and those of `fill`.
    pub fn create_filled<E: From<RunError>>(
        path: impl Into<PathBuf>,
        config: &impl Serialize,
        fill: impl FnOnce(&Self) -> Result<(), E>,
    ) -> Result<Self, E> {
        let path = path.into();
        fs::create_dir_all(&path).map_err(RunError::write(&path))?;
        let folder = Self::lock(path)?;
        let config_file = folder.file(files::CONFIG);
        if config_file
            .try_exists()
            .map_err(RunError::read(&config_file))?
        {
            return Err(RunError::from(TrainError::Exists { path: config_file }).into());
        }
        folder.remove_unfinished()?;
        fill(&folder)?;
        folder.write_config(config)?;
        Ok(folder)
    }

    /// Writes the configuration of the run, which may be a new one.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_config(&self, config: &impl Serialize) -> Result<(), RunError> {
        // A folder is a run only with the other.
        self.write_json(files::BEGUN, config)?;
        self.write_json(files::CONFIG, config)
    }

    /// Opens the folder of a run to resume it, and reads its configuration. Unfinished files
    /// that a killed process left are removed.
    ///
    /// # Errors
    ///
    /// [`RunError::NotARun`] when the folder holds no run, [`RunError::RunInUse`] when another
    /// process has it open, [`RunError::RunFile`] when the configuration cannot be understood,
    /// [`TrainError::SettingsChanged`] when one was changed that must not be, and
    /// [`TrainError::Read`].
    pub fn open<C: DeserializeOwned>(path: impl Into<PathBuf>) -> Result<(Self, C), RunError> {
        let path = path.into();
        if !path.join(files::CONFIG).is_file() {
            return Err(RunError::NotARun { path });
        }
        let mut folder = Self::lock(path)?;
        let (config, sealed) = read_config(&folder.path)?;
        folder.sealed = sealed;
        folder.all_sealed = sealed || folder.file(files::BEGUN).exists();
        folder.remove_unfinished()?;
        Ok((folder, config))
    }

    /// Reads the configuration of a run that another process may be at work in; nothing is written.
    ///
    /// # Errors
    ///
    /// [`RunError::NotARun`] when the folder holds no run, [`RunError::RunFile`] when the
    /// configuration cannot be understood, and [`TrainError::Read`].
    pub fn read_config<C: DeserializeOwned>(path: &Path) -> Result<C, RunError> {
        match path.join(files::CONFIG).is_file() {
            true => Ok(read_config(path)?.0),
            false => Err(RunError::NotARun {
                path: path.to_owned(),
            }),
        }
    }

    fn remove_unfinished(&self) -> Result<(), RunError> {
        atomic_file::remove_unfinished(&self.path).map_err(RunError::write(&self.path))
    }

    fn lock(path: PathBuf) -> Result<Self, RunError> {
        let file = path.join(files::LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&file)
            .map_err(RunError::write(&file))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RunError::RunInUse { path }),
            // Some network file systems have no locks; their users must take care themselves.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(RunError::write(&file)(error)),
        }
        Ok(Self {
            path,
            sealed: true,
            all_sealed: true,
            _lock: Lock(lock),
        })
    }

    /// Whether the configuration has a checksum. It has none where an earlier version wrote it, whose
    /// other files have none either, or where it [was edited](Self::is_edited).
    pub fn has_checksums(&self) -> bool {
        self.sealed
    }

    /// Whether somebody has changed the configuration, in what alters no result, and removed its
    /// checksum. Damage to the other files is still noticed.
    pub fn is_edited(&self) -> bool {
        !self.sealed && self.all_sealed
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in the folder.
    pub fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`TrainError::Write`]; what the file held before is then unchanged.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        let file = self.file(name);
        atomic_file::write(&file, |file| file.write_all(bytes)).map_err(RunError::write(file))
    }

    /// Writes a value as JSON with a checksum, whole or not at all.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), RunError> {
        let mut json = serde_json::to_vec_pretty(value)
            .map_err(|error| RunError::write(self.file(name))(error.into()))?;
        json.push(b'\n');
        self.write(name, &seal_json(json))
    }

    /// Reads a JSON file of the folder.
    ///
    /// # Errors
    ///
    /// [`TrainError::Read`], [`RunError::RunFile`] when it holds something else, and
    /// [`RunError::Damaged`] when it is not as it was written.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, RunError> {
        let path = self.file(name);
        match read_json(path.clone())? {
            (_, false) if self.all_sealed && name != files::CONFIG => Err(RunError::RunFile {
                path,
                problem: "it has lost its checksum".to_owned(),
            }),
            (value, _) => Ok(value),
        }
    }
}

/// `error`, or what is behind it: a configuration that could not be understood because another command
/// than `own` wrote it.
pub(crate) fn or_other_run(error: RunError, folder: &Path, own: &[&str]) -> RunError {
    if !matches!(error, RunError::RunFile { .. }) {
        return error;
    }
    let tree = read_json::<Value>(folder.join(files::CONFIG));
    match tree.ok().and_then(|(tree, _)| command_of(&tree)) {
        Some(command) if !own.contains(&command) => RunError::OtherRun {
            path: folder.to_owned(),
            command,
        },
        _ => error,
    }
}

/// The command that writes such a configuration.
fn command_of(config: &Value) -> Option<&'static str> {
    let has = |names: [&str; 2]| names.iter().all(|name| config.get(name).is_some());
    if has(["config", "architecture"]) {
        Some(match config["config"]["recipe"].as_str()? {
            "finetune" => "finetune",
            _ => "train",
        })
    } else if has(["space", "search"]) {
        Some("search")
    } else if has(["space", "seeds"]) {
        Some("study")
    } else {
        None
    }
}

/// The configuration in a folder, and whether it has a checksum. Without one, it must be that of the
/// run's begin in all that alters the result.
fn read_config<C: DeserializeOwned>(folder: &Path) -> Result<(C, bool), RunError> {
    let path = folder.join(files::CONFIG);
    let (config, sealed) = read_json::<C>(path.clone())?;
    let begun = folder.join(files::BEGUN);
    if !sealed && begun.exists() {
        let (stored, is_sealed) = read_json::<Value>(begun.clone())?;
        // Whatever is no object never has one.
        if !is_sealed && stored.is_object() {
            return Err(RunError::RunFile {
                path: begun,
                problem: "it has lost its checksum".to_owned(),
            });
        }
        let (given, _) = read_json::<Value>(path.clone())?;
        if let Some((setting, stored, given)) = difference(&stored, &given, "") {
            let changed = TrainError::SettingsChanged {
                path,
                setting,
                stored,
                given,
            };
            return Err(changed.into());
        }
    }
    Ok((config, sealed))
}

/// The first setting in which two configurations differ that alters a result, with its values.
fn difference(stored: &Value, given: &Value, place: &str) -> Option<(String, String, String)> {
    let is_changeable = |name: &str| CHANGEABLE.contains(&name);
    if let (Value::Object(stored), Value::Object(given)) = (stored, given) {
        let names: BTreeSet<&String> = stored.keys().chain(given.keys()).collect();
        return names
            .into_iter()
            .filter(|name| !is_changeable(name))
            .find_map(|name| {
                let place = match place.is_empty() {
                    true => name.clone(),
                    false => format!("{place}.{name}"),
                };
                let value = |all: &serde_json::Map<String, Value>| {
                    all.get(name).cloned().unwrap_or_default()
                };
                difference(&value(stored), &value(given), &place)
            });
    }
    let shown = |value: &Value| shortened(&value.to_string(), 60).into_owned();
    (stored != given).then(|| (place.to_owned(), shown(stored), shown(given)))
}

/// What a JSON file holds, and whether it has a checksum.
fn read_json<T: DeserializeOwned>(path: PathBuf) -> Result<(T, bool), RunError> {
    let most = match path.ends_with(files::CONFIG) {
        true => MAX_CONFIG,
        false => MAX_JSON,
    };
    let mut bytes = limited::read(&path, most).map_err(RunError::read(&path))?;
    let sealed = open_json(&mut bytes).map_err(|source| RunError::Damaged {
        remedy: match path.ends_with(files::CONFIG) {
            true => "restore it; or, if the change was meant and alters no result, remove its line `checksum`",
            false => "restore it, or remove it: resuming makes it again",
        },
        path: path.clone(),
        source,
    })?;
    let failed = |problem: String| RunError::RunFile {
        path: path.clone(),
        problem,
    };
    if !sealed && has_checksum(&bytes) {
        return Err(failed(
            "another program rewrote it, so its checksum is meaningless; if the change was meant and \
             alters no result, remove its entry `checksum`"
                .to_owned(),
        ));
    }
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok((value, sealed)),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Whether a JSON file has an entry for a checksum, be it where it was written or not.
fn has_checksum(json: &[u8]) -> bool {
    let entries = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(json);
    entries.is_ok_and(|entries| entries.contains_key("checksum"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn message<T: std::fmt::Debug>(result: Result<T, RunError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_run_is_made_once_and_opened_by_one() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("runs/first");
        assert!(message(RunFolder::open::<u32>(&path)).contains("holds no run"));
        let run = RunFolder::create(&path, &7).unwrap();
        assert!(message(RunFolder::open::<u32>(&path)).contains("another process"));
        assert!(message(RunFolder::create(&path, &8)).contains("another process"));
        drop(run);
        assert!(message(RunFolder::create(&path, &8)).contains("config.json` exists already"));
        let (run, config) = RunFolder::open::<u32>(&path).unwrap();
        assert_eq!(config, 7);
        assert_eq!(run.path(), path);
    }

    #[test]
    fn a_folder_is_free_at_once_whoever_has_inherited_its_lock() {
        let root = tempfile::tempdir().unwrap();
        let run = RunFolder::create(root.path(), &7).unwrap();
        // As a process has it between its fork and its exec.
        let inherited = run._lock.0.try_clone().unwrap();
        assert!(message(RunFolder::open::<u32>(root.path())).contains("another process"));
        drop(run);
        let (_run, _) = RunFolder::open::<u32>(root.path()).unwrap();
        drop(inherited);
        assert!(message(RunFolder::open::<u32>(root.path())).contains("another process"));
    }

    #[test]
    fn what_is_not_filled_is_no_run() {
        let root = tempfile::tempdir().unwrap();
        let fill = |text: &'static str, enough: bool| {
            RunFolder::create_filled::<RunError>(root.path(), &7, move |folder| {
                folder.write("weights", text.as_bytes())?;
                match enough {
                    true => Ok(()),
                    false => Err(TrainError::Stopped.into()),
                }
            })
        };
        assert!(fill("old", false).unwrap_err().is_stopped());
        let missing = message(RunFolder::read_config::<u32>(root.path()));
        assert!(missing.contains("holds no run"), "{missing}");
        fs::write(root.path().join(".scarlet-x.part"), "half").unwrap();
        let run = fill("new", true).unwrap();
        assert_eq!(fs::read(run.file("weights")).unwrap(), b"new");
        assert!(!run.file(".scarlet-x.part").exists());
        // While it is open elsewhere, too.
        assert_eq!(RunFolder::read_config::<u32>(root.path()).unwrap(), 7);
    }

    #[test]
    fn files_are_whole_and_what_was_unfinished_goes() {
        let root = tempfile::tempdir().unwrap();
        let run = RunFolder::create(root.path(), &1).unwrap();
        run.write("classes.txt", b"cat\ndog\n").unwrap();
        assert_eq!(fs::read(run.file("classes.txt")).unwrap(), b"cat\ndog\n");
        fs::write(run.file(".scarlet-x.part"), "half").unwrap();
        drop(run);
        let (run, _) = RunFolder::open::<u32>(root.path()).unwrap();
        let mut names: Vec<_> = fs::read_dir(run.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["begun.json", "classes.txt", "config.json", "lock"]);
        let missing = message(run.write("no/such/folder", b""));
        assert!(missing.contains("cannot write"), "{missing}");
    }

    #[test]
    fn what_a_first_attempt_left_unfinished_goes_too() {
        let root = tempfile::tempdir().unwrap();
        let (half, users) = (".scarlet-x.part", "notes.part");
        for name in [half, users] {
            fs::write(root.path().join(name), "half").unwrap();
        }
        let run = RunFolder::create(root.path(), &1).unwrap();
        assert!(!run.file(half).exists());
        assert!(run.file(users).exists());
    }

    #[test]
    fn a_damaged_configuration_says_where() {
        let root = tempfile::tempdir().unwrap();
        drop(RunFolder::create(root.path(), &"text").unwrap());
        let error = message(RunFolder::open::<u32>(root.path()));
        assert!(error.contains("config.json"), "{error}");
        assert!(error.contains("line 1"), "{error}");
    }

    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    struct Settings {
        rate: f64,
        seed: u64,
    }

    const SETTINGS: Settings = Settings {
        rate: 0.25,
        seed: 3,
    };

    #[test]
    fn a_changed_file_is_refused_until_the_change_is_meant() {
        let root = tempfile::tempdir().unwrap();
        let run = RunFolder::create(root.path(), &SETTINGS).unwrap();
        run.write_json("other.json", &SETTINGS).unwrap();
        assert!(run.has_checksums());
        drop(run);
        let open = || RunFolder::open::<Settings>(root.path());
        let (run, config) = open().unwrap();
        assert_eq!(config, SETTINGS);
        assert_eq!(run.read_json::<Settings>("other.json").unwrap(), SETTINGS);
        let (config, other) = (run.file(files::CONFIG), run.file("other.json"));
        drop(run);
        let edit = |path: &Path, from: &str, to: &str| {
            let text = fs::read_to_string(path).unwrap();
            assert!(text.contains(from), "{text}");
            fs::write(path, text.replace(from, to)).unwrap();
        };
        edit(&config, "\"seed\": 3", "\"seed\": 4");
        let error = message(open());
        assert!(
            error.contains("config.json` is not as it was written"),
            "{error}"
        );
        assert!(error.contains("remove its line `checksum`"), "{error}");
        assert!(message(RunFolder::read_config::<Settings>(root.path())).contains("checksum"));
        // As the message says.
        let text = fs::read_to_string(&config).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].contains("checksum"), "{text}");
        fs::write(&config, [&lines[..1], &lines[2..]].concat().join("\n")).unwrap();
        for error in [
            message(open()),
            message(RunFolder::read_config::<Settings>(root.path())),
        ] {
            assert!(error.contains("`seed` was 3, and now is 4"), "{error}");
        }
        // Where it is not known how it was, as in folders of earlier versions, whatever it is.
        fs::remove_file(root.path().join(files::BEGUN)).unwrap();
        let (run, changed) = open().unwrap();
        assert_eq!(changed.seed, 4);
        let anew = "{\"checksum\": \"0\", \"rate\": 0.25, \"seed\": 4}";
        fs::write(run.file("anew.json"), anew).unwrap();
        let error = message(run.read_json::<Settings>("anew.json"));
        assert!(error.contains("remove its entry `checksum`"), "{error}");
        assert!(!run.has_checksums());
        edit(&other, "0.25", "0.75");
        let error = message(run.read_json::<Settings>("other.json"));
        assert!(error.contains("resuming makes it again"), "{error}");
    }

    #[test]
    fn what_alters_no_result_may_be_changed() {
        let begun = serde_json::json!({
            "config": {"data": {"source": "a", "cache_megabytes": 1, "seed": 0}}, "classes": ["a"],
        });
        let root = tempfile::tempdir().unwrap();
        drop(RunFolder::create(root.path(), &begun).unwrap());
        let open = |place: &str, value: Value| {
            let mut config = begun.clone();
            *config.pointer_mut(place).unwrap() = value;
            fs::write(root.path().join(files::CONFIG), config.to_string()).unwrap();
            RunFolder::open::<Value>(root.path()).map(|(run, _)| run.has_checksums())
        };
        assert!(!open("/config/data/source", "b".into()).unwrap());
        assert!(!open("/config/data/cache_megabytes", 2.into()).unwrap());
        let error = message(open("/config/data/seed", 1.into()));
        assert!(
            error.contains("`config.data.seed` was 0, and now is 1"),
            "{error}"
        );
        let error = message(open("/classes", serde_json::json!(["b"])));
        assert!(error.contains("`classes` was [\"a\"]"), "{error}");
        let error = message(open("/config/data", serde_json::json!({"source": "a"})));
        assert!(
            error.contains("`config.data.seed` was 0, and now is null"),
            "{error}"
        );
        assert!(RunFolder::open::<Value>(root.path()).is_err());
        // Other files still must have theirs.
        let run = {
            open("/config/data/source", "b".into()).unwrap();
            RunFolder::open::<Value>(root.path()).unwrap().0
        };
        assert!(run.is_edited());
        run.write("other.json", b"{}").unwrap();
        assert!(message(run.read_json::<Value>("other.json")).contains("lost its checksum"));
    }

    #[test]
    fn every_byte_of_a_file_counts() {
        let root = tempfile::tempdir().unwrap();
        let run = RunFolder::create(root.path(), &SETTINGS).unwrap();
        run.write_json("other.json", &SETTINGS).unwrap();
        let path = run.file("other.json");
        let bytes = fs::read(&path).unwrap();
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            run.read_json::<Settings>("other.json")
        };
        assert_eq!(read(&bytes).unwrap(), SETTINGS);
        for at in 0..bytes.len() {
            for change in [0x01, 0x10, 0x80] {
                let mut damaged = bytes.clone();
                damaged[at] ^= change;
                assert!(read(&damaged).is_err(), "byte {at}");
            }
            assert!(read(&bytes[..at]).is_err());
        }
        for other in ["[]", "null", "7", "{}", "{\"rate\": 0.25, \"seed\": 3}"] {
            assert!(read(other.as_bytes()).is_err(), "{other}");
        }
        fs::remove_file(&path).unwrap();
        assert!(message(run.read_json::<Settings>("other.json")).contains("cannot read"));
    }
}
