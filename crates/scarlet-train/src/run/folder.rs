//! The files of a run, by name, and how a folder is opened for one.

use std::fs;
use std::path::Path;

use scarlet::atomic_file;
use serde_json::Value;

use super::overlay::first_difference;
use super::{RunConfig, RunError};
use crate::{RunFolder, TrainError};

/// Checkpoint and events of the supernet's training.
pub(super) const SUPERNET: &str = "supernet";
/// The search between two generations, and the scores of all candidates.
pub(super) const SEARCH: &str = "search";
/// Checkpoint and events of the chosen network's training.
pub(super) const TRAINING: &str = "training";
/// The finished network.
pub(super) const NETWORK: &str = "network";

const CONFIG: &str = "config.json";

impl RunConfig {
    /// Opens the folder for a run with this configuration, or makes it.
    ///
    /// # Errors
    ///
    /// When the folder holds a run and `resume` is false, or a run with other settings; when
    /// another process works in it, or it cannot be read or written.
    pub fn open_folder(&self, path: &Path, resume: bool) -> Result<RunFolder, RunError> {
        let folder = match resume && path.join(CONFIG).exists() {
            false => RunFolder::create(path, self)?,
            true => {
                let (folder, stored) = Self::open_existing(path)?;
                same_settings(path, &stored, self)?;
                folder
            }
        };
        for name in [SUPERNET, SEARCH, TRAINING, NETWORK] {
            let path = folder.file(name);
            fs::create_dir_all(&path)
                .and_then(|()| atomic_file::remove_unfinished(&path))
                .map_err(TrainError::write(path))?;
        }
        Ok(folder)
    }

    /// Opens the folder of an earlier run, and reads its configuration.
    ///
    /// # Errors
    ///
    /// When it holds none, another process works in it, or it cannot be read.
    pub fn open_existing(path: &Path) -> Result<(RunFolder, Self), RunError> {
        let (folder, tree) = RunFolder::open::<Value>(path)?;
        // Over the defaults, so that runs of earlier versions can be read.
        match Self::default().with(tree) {
            Ok(config) => Ok((folder, config)),
            Err(error) => Err(TrainError::RunFile {
                path: folder.file(CONFIG),
                problem: error.to_string(),
            }
            .into()),
        }
    }
}

fn same_settings(path: &Path, stored: &RunConfig, given: &RunConfig) -> Result<(), RunError> {
    match first_difference(&stored.to_value(), &given.to_value(), "") {
        None => Ok(()),
        Some((setting, stored, given)) => Err(TrainError::SettingsChanged {
            path: path.join(CONFIG),
            setting,
            stored,
            given,
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_runs_alone() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().join("run");
        let config = RunConfig::default();
        let other = config
            .with(serde_json::json!({"train": {"epochs": 99}}))
            .unwrap();
        let message = |config: &RunConfig, resume| {
            let error = config.open_folder(&root, resume).unwrap_err();
            error.to_string()
        };
        let folder = config.open_folder(&root, true).unwrap();
        assert!(message(&config, true).contains("another process is at work in"));
        drop(folder);
        assert!(message(&config, false).contains("exists already: go on from it by resuming"));
        let changed = message(&other, true);
        assert!(changed.contains("`train.epochs` was "), "{changed}");
        assert!(changed.contains("and now is 99"), "{changed}");
        // What a killed process left of the state goes.
        let unfinished = root.join("search/.scarlet-abc.part");
        fs::write(&unfinished, "half").unwrap();
        drop(config.open_folder(&root, true).unwrap());
        assert!(!unfinished.exists());
        let (_, stored) = RunConfig::open_existing(&root).unwrap();
        assert_eq!(stored, config);
    }

    #[test]
    fn a_configuration_of_something_else_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(CONFIG), r#"{"model": 1}"#).unwrap();
        let error = RunConfig::open_existing(root.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains("there is no setting `model`"), "{error}");
    }
}
