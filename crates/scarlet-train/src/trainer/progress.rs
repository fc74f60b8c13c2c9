//! [`Progress`]: what a training has come to, as its checkpoints keep it.

use std::path::Path;

use scarlet_data::dataset::Source;
use serde::{Deserialize, Serialize};

use super::pass::Tally;
use super::{EpochRecord, TrainConfig};
use crate::TrainError;
use crate::fingerprint::Fingerprint;

/// What a run has come to, besides weights.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Progress<S> {
    pub(super) config: TrainConfig,
    pub(super) images: usize,
    /// Which images these are; checkpoints of earlier versions do not say.
    #[serde(default)]
    pub(super) data: Option<Data>,
    /// The sampler as the run began with it.
    pub(super) first_sampler: serde_json::Value,
    /// Of the teacher's weights, if there is one.
    #[serde(default)]
    pub(super) teacher: Option<String>,
    pub(super) step: u64,
    pub(super) sampler: S,
    /// Of the epoch that is going on.
    pub(super) tally: Tally,
    pub(super) epochs: Vec<EpochRecord>,
    /// Whole epochs that were done when the run was given another number of them: patience begins
    /// there.
    #[serde(default)]
    pub(super) extended_after: usize,
}

/// What a run is trained on and judged by, so that it does not go on with something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Data {
    pub(super) classes: Vec<String>,
    /// A hash of the training images and their labels.
    pub(super) train: String,
    /// The same of the validation images, if there are any.
    pub(super) validation: Option<String>,
}

impl Data {
    pub(super) fn of(
        images: Source<'_>,
        validation: Option<Source<'_>>,
    ) -> Result<Self, TrainError> {
        let name = |images| Ok::<_, TrainError>(Fingerprint::default().files(images)?.finish());
        Ok(Self {
            classes: images.classes().to_vec(),
            train: name(images)?,
            validation: validation.map(name).transpose()?,
        })
    }

    /// Refuses to go on from a checkpoint with other images.
    pub(super) fn check(&self, path: &Path, given: &Self) -> Result<(), TrainError> {
        if self.classes != given.classes {
            return Err(TrainError::SettingsChanged {
                path: path.to_owned(),
                setting: "classes".to_owned(),
                stored: self.classes.join(", "),
                given: given.classes.join(", "),
            });
        }
        let purpose = match (
            self.train == given.train,
            self.validation == given.validation,
        ) {
            (true, true) => return Ok(()),
            (false, _) => "train on",
            (true, false) => "judge by",
        };
        Err(TrainError::ImagesChanged {
            path: path.to_owned(),
            purpose,
        })
    }
}

/// Refuses to go on with other settings, by the name of the first that differs.
pub(super) fn same_settings(
    path: &Path,
    stored: &TrainConfig,
    given: &TrainConfig,
) -> Result<(), TrainError> {
    if stored == given {
        return Ok(());
    }
    let fields = |config: &TrainConfig| match serde_json::to_value(config) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (stored, given) = (fields(stored), fields(given));
    let changed = stored
        .iter()
        .find(|(name, value)| given.get(*name) != Some(*value));
    let (setting, stored) = match changed {
        Some((name, value)) => (name.clone(), value.to_string()),
        None => ("configuration".to_owned(), "another".to_owned()),
    };
    let given = given
        .get(&setting)
        .map_or("another".to_owned(), ToString::to_string);
    Err(TrainError::SettingsChanged {
        path: path.to_owned(),
        setting,
        stored,
        given,
    })
}
