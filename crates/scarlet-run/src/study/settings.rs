//! Settings of a study as a file has them, and what they make of the images that they name.

use std::path::Path;

use scarlet_arch::{Architecture, SearchSpace};
use scarlet_data::dataset::{DatasetError, Images, Location, TrainTest};
use scarlet_train::TrainError;
use serde_json::Value;

use super::StudyConfig;
use crate::RunError;
use crate::pipeline::{Input, SpaceSettings, changed};

/// Mean and standard deviation that studies normalise every channel by, whatever the images: their
/// values, from 0 to 1, then go from −1 to 1.
const STATISTICS: (f64, f64) = (0.5, 0.5);

impl StudyConfig {
    /// The settings of a study, with the images of their source: those it was begun with, or the
    /// default for [small images](Self::small_images), with some changed. `changes` is a tree of
    /// settings, as read from a configuration file. Its keys are the fields of this type, but
    /// `space` says how the space is made, as it does for a run: by [`SpaceSettings`].
    ///
    /// # Errors
    ///
    /// [`TrainError::Settings`] for a setting that does not exist or is of the wrong kind;
    /// otherwise when the images cannot be read, or there can be no such space for them.
    pub fn configured(
        begun: Option<Self>,
        mut changes: Value,
    ) -> Result<(Self, TrainTest), RunError> {
        let space = changes.as_object_mut().and_then(|it| it.remove("space"));
        let given = changes.get("source").and_then(Value::as_str);
        let begun_with = begun.as_ref().map(|begun| begun.source.as_str());
        let source = given.or(begun_with).unwrap_or("fashion-sample");
        let data = Location::find(source)?
            .images()?
            .ok_or_else(|| DatasetError::SizesDiffer {
                found: source.to_owned(),
            })?;
        let base = match begun {
            Some(begun) => begun,
            None => Self::small_images(&data.train)?,
        };
        let mut config = changed(&base, changes, "")?;
        if let Some(space) = space {
            let settings = changed(&SpaceSettings::default(), space, "space")?;
            config.space = space_for(&settings, &data.train)?;
        }
        Ok((config, data))
    }

    /// The images as the networks of the space read them: as many as are to be trained on, with
    /// black around them where the space wants larger ones.
    pub(super) fn fitted(&self, data: &TrainTest) -> Result<TrainTest, RunError> {
        let side = self.space.template().preprocessing.resolution;
        let train = match self.images.filter(|&images| images < data.train.len()) {
            Some(images) => {
                let share = images as f64 / data.train.len() as f64;
                let (_, taken) = data.train.split(share, 0)?;
                taken.padded(side)?
            }
            None => data.train.padded(side)?,
        };
        Ok(TrainTest {
            train,
            test: data.test.padded(side)?,
        })
    }
}

/// The space of these settings for images, whose sides are rounded up to what its networks can
/// take.
pub(super) fn space_for(
    settings: &SpaceSettings,
    images: &Images,
) -> Result<SearchSpace, RunError> {
    let [channels, height, width] = images.shape();
    let side = height
        .max(width)
        .next_multiple_of(settings.stride()?.max(1));
    let space = settings.build(&Input {
        channels,
        side,
        shown: height.min(width),
        crop_ratio: None,
        classes: images.classes().len(),
        statistics: vec![STATISTICS],
    })?;
    let template = Architecture {
        name: "study".to_owned(),
        ..space.template().clone()
    };
    Ok(SearchSpace::new(template, space.choices(0).to_vec())?)
}

/// Refuses settings other than those that a folder's records were made with.
pub(super) fn check_settings(
    folder: &Path,
    stored: &StudyConfig,
    given: &StudyConfig,
) -> Result<(), RunError> {
    let json = |config: &StudyConfig| serde_json::to_value(config).unwrap_or_default();
    match difference("", &json(stored), &json(given)) {
        None => Ok(()),
        Some((setting, stored, given)) => Err(RunError::from(TrainError::SettingsChanged {
            path: folder.to_owned(),
            setting,
            stored: stored.to_string(),
            given: given.to_string(),
        })),
    }
}

/// The first setting that differs, by its place in the tree, and its values.
fn difference(place: &str, old: &Value, new: &Value) -> Option<(String, Value, Value)> {
    let (Some(fields), Some(others)) = (old.as_object(), new.as_object()) else {
        return (old != new).then(|| (place.to_owned(), old.clone(), new.clone()));
    };
    let of = |key: &str| match place.is_empty() {
        true => key.to_owned(),
        false => format!("{place}.{key}"),
    };
    let missing = Value::Null;
    let keys = fields.keys().chain(others.keys());
    keys.into_iter().find_map(|key| {
        let value =
            |tree: &serde_json::Map<String, Value>| tree.get(key).unwrap_or(&missing).clone();
        difference(&of(key), &value(fields), &value(others))
    })
}
