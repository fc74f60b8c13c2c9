//! The files of a run, by name, and how a folder is opened for one.

use std::fs;
use std::path::Path;

use scarlet_data::ClassOrder;
use scarlet_io::atomic_file;
use scarlet_train::TrainError;
use serde_json::{Value, json};

use super::{RunConfig, whole};
use crate::RunError;
use crate::RunFolder;
use crate::files;
use crate::run_folder::or_other_run;

impl RunConfig {
    /// Makes the folder of a run with this configuration.
    ///
    /// # Errors
    ///
    /// When the folder holds a run, it cannot be written, or the latency table cannot be read.
    pub fn new_folder(&self, path: &Path) -> Result<RunFolder, RunError> {
        RunFolder::create_filled(path, self, |folder| self.fill(folder))
    }

    /// Makes the folder of a run with this configuration that searches the supernet of another run:
    /// as far as it is trained there, with what its candidates have scored. The other folder stays
    /// as it is, and may be at work.
    ///
    /// # Errors
    ///
    /// Those of [`new_folder`](Self::new_folder), and when the other run has no supernet.
    pub fn new_folder_from(&self, path: &Path, other: &Path) -> Result<RunFolder, RunError> {
        require_supernet(other)?;
        RunFolder::create_filled(path, self, |folder| {
            self.fill(folder)?;
            // The checkpoint first: a log that is ahead of it is cut back, but none that is behind
            // it filled up.
            let files = [
                files::SUPERNET_CHECKPOINT,
                files::SUPERNET_EVENTS,
                files::SCORES,
                files::LATENCIES,
            ];
            for name in files.into_iter().chain(whole::FILES) {
                let from = other.join(name);
                if from.exists() {
                    let bytes = fs::read(&from).map_err(TrainError::read(from))?;
                    folder.write(name, &bytes)?;
                }
            }
            Ok(())
        })
    }

    fn fill(&self, folder: &RunFolder) -> Result<(), RunError> {
        make_parts(folder)?;
        if self.space.from.is_some() {
            make_part(folder, files::WHOLE)?;
        }
        self.search.keep_latency_table(folder)
    }

    /// Refuses a configuration whose supernet would not be that of the other.
    ///
    /// # Errors
    ///
    /// [`RunError::OtherSupernet`] names the section that differs.
    pub fn check_supernet_of(&self, other: &Self) -> Result<(), RunError> {
        let sections = [
            ("data", self.data.same_images(&other.data)),
            ("space", self.space == other.space),
            ("supernet", self.supernet == other.supernet),
            ("whole", self.whole == other.whole),
        ];
        match sections.into_iter().find(|(_, same)| !same) {
            None => Ok(()),
            Some((section, _)) => Err(RunError::OtherSupernet { section }),
        }
    }

    /// Opens the folder of an earlier run to resume it, and reads its configuration.
    ///
    /// # Errors
    ///
    /// When it holds none, another process works in it, or it cannot be read or written.
    pub fn open_existing(path: &Path) -> Result<(RunFolder, Self), RunError> {
        let (folder, tree) = RunFolder::open(path)?;
        let config = Self::stored(path, tree)?;
        make_parts(&folder)?;
        if config.space.from.is_some() {
            make_part(&folder, files::WHOLE)?;
        }
        Ok((folder, config))
    }

    /// Reads the configuration of an earlier run, which another process may be at work in.
    ///
    /// # Errors
    ///
    /// When the folder holds none, or it cannot be read.
    pub fn read_existing(path: &Path) -> Result<Self, RunError> {
        Self::stored(path, RunFolder::read_config(path)?)
    }

    fn stored(folder: &Path, mut tree: Value) -> Result<Self, RunError> {
        // Runs that do not say in which order they have their classes had them in this.
        if let Some(data) = tree.get_mut("data").and_then(Value::as_object_mut) {
            data.entry("class_order")
                .or_insert_with(|| json!(ClassOrder::Bytes));
        }
        // Those of before there was a choice of features or resolutions searched among none.
        if let Some(from) = tree
            .pointer_mut("/space/from")
            .and_then(Value::as_object_mut)
        {
            for end in ["features", "resolutions"] {
                from.entry(end).or_insert_with(|| json!([]));
            }
        }
        // Over the defaults, so that runs of earlier versions can be read.
        let mut config = Self::default().with(tree).map_err(|error| {
            let error = RunError::RunFile {
                path: folder.join(files::CONFIG),
                problem: error.to_string(),
            };
            or_other_run(error, folder, &["search"])
        })?;
        config.search.take_latency_table(folder);
        Ok(config)
    }
}

/// Refuses a folder without a supernet, of its own or a published one.
pub(super) fn require_supernet(run: &Path) -> Result<(), RunError> {
    let files = [files::SUPERNET_CHECKPOINT, files::PUBLISHED];
    match files.iter().any(|file| run.join(file).exists()) {
        true => Ok(()),
        false => Err(RunError::NoSupernet {
            path: run.to_owned(),
        }),
    }
}

/// Makes the folders of a run's parts, and clears them of what a killed process left half-written.
fn make_parts(folder: &RunFolder) -> Result<(), TrainError> {
    let parts = [
        files::SUPERNET,
        files::SEARCH,
        files::TRAINING,
        files::NETWORK,
    ];
    parts
        .into_iter()
        .try_for_each(|name| make_part(folder, name))
}

fn make_part(folder: &RunFolder, name: &str) -> Result<(), TrainError> {
    let path = folder.file(name);
    fs::create_dir_all(&path)
        .and_then(|()| atomic_file::remove_unfinished(&path))
        .map_err(TrainError::write(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::WholeNetwork;

    #[test]
    fn a_folder_is_one_runs_alone() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().join("run");
        let config = RunConfig::default();
        let message = |error: RunError| error.to_string();
        let missing = message(RunConfig::open_existing(&root).unwrap_err());
        assert!(missing.contains("holds no run"), "{missing}");
        let folder = config.new_folder(&root).unwrap();
        let busy = message(RunConfig::open_existing(&root).unwrap_err());
        assert!(busy.contains("another process is working in"), "{busy}");
        drop(folder);
        let taken = message(config.new_folder(&root).unwrap_err());
        assert!(taken.contains("exists already: go on from it by resuming"));
        // What a killed process left of the state goes.
        let unfinished = root.join("search/.scarlet-abc.part");
        fs::write(&unfinished, "half").unwrap();
        let (_folder, stored) = RunConfig::open_existing(&root).unwrap();
        assert!(!unfinished.exists());
        assert_eq!(stored, config);
    }

    #[test]
    fn a_supernet_knows_its_images_wherever_they_are_kept() {
        let config = RunConfig::default();
        let mut other = config.clone();
        other.data.cache_megabytes = 1;
        other.data.cache_folder = Some("decoded".to_owned());
        other.check_supernet_of(&config).unwrap();
        other.data.seed = 1;
        let error = other.check_supernet_of(&config).unwrap_err().to_string();
        assert!(error.contains("other settings in [data]"), "{error}");
    }

    #[test]
    fn runs_of_before_there_was_a_choice_have_none() {
        let root = tempfile::tempdir().unwrap();
        let from = r#"{"space": {"from": {"weights": "lite0.pth", "hidden": [0.5]}}}"#;
        fs::write(root.path().join(files::CONFIG), from).unwrap();
        let (_, config) = RunConfig::open_existing(root.path()).unwrap();
        assert!(config.search.deploy.is_float32());
        let from = config.space.from.unwrap();
        assert_eq!(from.hidden, [0.5]);
        assert!(from.features.is_empty() && from.resolutions.is_empty());
        // New ones have what is not said otherwise.
        let new = WholeNetwork::new("lite0.pth", None);
        assert!(!new.features.is_empty() && !new.resolutions.is_empty());
    }

    #[test]
    fn a_configuration_of_something_else_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(files::CONFIG), r#"{"model": 1}"#).unwrap();
        let error = RunConfig::open_existing(root.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains("there is no setting `model`"), "{error}");
    }
}
