//! [`StandaloneConfig`]: everything that determines the training of a single network.

use scarlet::weights::{OpenOptions, Renaming};
use scarlet_arch::Architecture;
use scarlet_data::ClassOrder;
use scarlet_data::dataset::Location;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::data;
use crate::RunError;
use crate::pipeline::changed;
#[cfg(doc)]
use scarlet_data::dataset::{Extent, PhotographCache};
use scarlet_train::TrainConfig;
use scarlet_train::error::require;
use scarlet_train::folds::check_count;

/// Whether a network is trained from scratch or from weights, which want other settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipe {
    /// From random weights.
    Scratch,
    /// From trained weights, with a new classifier unless the settings keep theirs.
    Finetune,
}

/// Everything that determines the training of a single network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandaloneConfig {
    /// From scratch or from weights.
    pub recipe: Recipe,
    /// Which images, and how they are divided.
    pub data: DataSettings,
    /// The network.
    pub network: NetworkSettings,
    /// How it is trained.
    pub train: TrainConfig,
}

/// Which images, and how they are divided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSettings {
    /// `fashion-sample`, a folder, or a CSV file of photographs with any number of labels each: see
    /// `Location`.
    pub source: String,
    /// In which order the classes of a folder of photographs come: `natural` or `bytes`.
    // What runs did that do not say so.
    #[serde(default = "bytewise")]
    pub class_order: ClassOrder,
    /// Read images in grey: for a network of one channel. Weights of three are taken over with
    /// their first kernels summed over the channels, as if each showed the same grey.
    #[serde(default)]
    pub grey: bool,
    /// Share of the training images that the network is judged by while it is trained, where the
    /// data has no part for this.
    pub holdout: f64,
    /// Cross-validate first: divide the training images into this many folds, and evaluate each with a
    /// network trained on all others. The network itself is then trained on all of them; `holdout` is
    /// not used.
    #[serde(default)]
    pub folds: Option<usize>,
    /// Seed of these divisions.
    pub seed: u64,
    /// Fail if any photograph cannot be read.
    pub strict: bool,
    /// Memory for decoded photographs, in millions of bytes. What does not fit is read from
    /// `cache_folder`, or decoded anew, in every epoch, to the same result. By default 1,000.
    pub cache_megabytes: u64,
    /// Folder for decoded photographs, which later runs find there: see [`PhotographCache`].
    pub cache_folder: Option<String>,
    /// Photographs that random crops are taken from are shrunk when they are read, until their
    /// shorter side has so many pixels; 0 leaves them as they are. By default twice the network's
    /// resolution.
    pub shrink: Option<usize>,
}

/// The network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSettings {
    /// Name, layers in text form, or JSON file; for the record only, where weights tell.
    pub model: Option<String>,
    /// Where trained weights are from.
    pub weights: Option<String>,
    /// Take the tensors under this key of the weights' checkpoint, such as `state_dict_ema`.
    #[serde(default)]
    pub key: Option<String>,
    /// Take the tensors below this prefix, such as `backbone`, and take it off.
    #[serde(default)]
    pub strip_prefix: Option<String>,
    /// Other names for tensors.
    #[serde(default)]
    pub rename: Vec<Renaming>,
    /// Where the weights come from, as [`OpenOptions`](scarlet::weights::OpenOptions) takes it, which settles
    /// what shapes leave open.
    #[serde(default)]
    pub origin: Option<String>,
    /// Height and width of the network's input, in pixels: photographs are resized and cropped to
    /// it, images of a data set padded with black, or shrunk where they are larger. By default as
    /// suits the photographs and the network ([`Extent`]), or the data set's own size.
    pub resolution: Option<usize>,
    /// Factor of the resolution that suits the photographs and the network, where none is given.
    #[serde(default = "one")]
    pub resolution_factor: f64,
    /// Probability of dropping a feature in front of the classifier.
    pub dropout: f64,
    /// How often residual branches are left out: the layer of index i, from 0, of n layers' with
    /// probability `drop_path` · i / n, so never the first layer's and almost so often the last's.
    pub drop_path: f64,
    /// Stages that are not trained, from the first on, with their batch normalisation. The first
    /// is the stem and the separable convolution; a new one begins with every layer of stride 2;
    /// the last is the convolution before pooling.
    pub freeze: usize,
    /// Keep the classifier of the weights instead of drawing a new one, to train a network on: for
    /// data with as many classes, which must be the same and in the same order.
    #[serde(default)]
    pub keep_classifier: bool,
}

impl NetworkSettings {
    /// What is taken from the file of weights.
    pub fn open_options(&self) -> OpenOptions {
        OpenOptions {
            key: self.key.clone(),
            prefix: self.strip_prefix.clone(),
            renamings: self.rename.clone(),
            origin: self.origin.clone(),
        }
    }
}

impl StandaloneConfig {
    /// A network with weights as these images have it: of their size, or of one that suits
    /// photographs.
    pub(crate) fn fitted(&self, network: Architecture) -> Result<Architecture, RunError> {
        data::adapt(network, self, data::Adapt::ToWeights)
    }

    /// The same configuration with some settings changed: a tree of sections and settings, as
    /// read from a configuration file. Settings that are not in it stay as they are.
    ///
    /// # Errors
    ///
    /// [`TrainError::Settings`](scarlet_train::TrainError::Settings) for one that does not exist or is of the wrong kind.
    pub fn with(&self, changes: Value) -> Result<Self, RunError> {
        changed(self, changes, "")
    }

    /// Refuses settings that have no meaning for the recipe, or without others.
    pub(super) fn check_recipe(&self) -> Result<(), RunError> {
        if let Some(folds) = self.data.folds {
            check_count(folds)?;
        }
        let network = &self.network;
        let factor = network.resolution_factor;
        require(
            factor > 0.0 && factor <= 10.0,
            "network.resolution_factor",
            factor,
            "over 0, at most 10",
        )?;
        if network.weights.is_none() {
            let of_weights = [
                ("network.key", network.key.as_deref()),
                ("network.strip_prefix", network.strip_prefix.as_deref()),
                (
                    "network.rename",
                    (!network.rename.is_empty()).then_some("given"),
                ),
                ("network.origin", network.origin.as_deref()),
            ];
            for (setting, given) in of_weights {
                require(
                    given.is_none(),
                    setting,
                    given.unwrap_or_default(),
                    "left out without `network.weights`, the file that it is about",
                )?;
            }
        }
        if self.recipe == Recipe::Finetune {
            return Ok(());
        }
        let given = network.weights.as_deref();
        require(
            given.is_none(),
            "network.weights",
            given.unwrap_or_default(),
            "left out for a network that is trained from scratch: `scarlet finetune` begins with \
             weights",
        )?;
        require(
            network.freeze == 0,
            "network.freeze",
            network.freeze,
            "0 for a network that is trained from scratch: only `scarlet finetune` has trained \
             stages to leave as they are",
        )?;
        require(
            !network.keep_classifier,
            "network.keep_classifier",
            network.keep_classifier,
            "false for a network that is trained from scratch: only `scarlet finetune` has a \
             classifier to keep",
        )?;
        Ok(())
    }
}

fn one() -> f64 {
    1.0
}

impl StandaloneConfig {
    /// Refuses settings that images of several labels each do not have, as a CSV file gives them.
    pub(super) fn check_several(&self) -> Result<(), RunError> {
        let Ok(Location::Table(_)) = Location::find(&self.data.source) else {
            return Ok(());
        };
        require(
            self.data.folds.is_none(),
            "data.folds",
            self.data.folds.unwrap_or_default(),
            "left out where images have several labels each: cross-validation takes one class per image",
        )?;
        Ok(self.train.check_several()?)
    }
}

fn bytewise() -> ClassOrder {
    ClassOrder::Bytes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use scarlet_train::Optimizer;

    fn default(recipe: Recipe) -> StandaloneConfig {
        StandaloneConfig::defaults(recipe, "fashion-sample").unwrap()
    }

    #[test]
    fn changes_keep_the_defaults_around_them() {
        let config = default(Recipe::Scratch)
            .with(json!({
                "network": {"dropout": 0.5},
                "train": {"augment": {"erase": 0.25, "rand_augment": {"magnitude": 5}}},
            }))
            .unwrap();
        assert_eq!((config.network.dropout, config.network.freeze), (0.5, 0));
        assert!(config.train.augment.flip);
        let rand_augment = config.train.augment.rand_augment.unwrap();
        assert_eq!((rand_augment.operations, rand_augment.magnitude), (2, 5));
        let sgd = default(Recipe::Finetune)
            .with(json!({"train": {"optimizer": {"name": "sgd", "momentum": 0.8, "nesterov": false}}}))
            .unwrap();
        assert!(matches!(sgd.train.optimizer, Optimizer::Sgd { .. }));
    }

    #[test]
    fn unknown_settings_are_refused() {
        let message = |changes| {
            let error = default(Recipe::Scratch).with(changes).unwrap_err();
            error.to_string()
        };
        let unknown = message(json!({"train": {"epoch": 3}}));
        assert!(
            unknown.contains("no setting `train.epoch`; did you mean `train.epochs`?"),
            "{unknown}"
        );
        assert!(message(json!({"trian": {}})).contains("did you mean `train`?"));
        assert!(message(json!({"train": {"epochs": "three"}})).contains("three"));
    }

    #[test]
    fn what_only_fine_tuning_has_is_refused_from_scratch() {
        for (name, value) in [
            ("weights", json!("a.safetensors")),
            ("freeze", json!(2)),
            ("keep_classifier", json!(true)),
        ] {
            let changes = json!({"network": {name: value}});
            let with = |recipe| default(recipe).with(changes.clone()).unwrap();
            with(Recipe::Finetune).check_recipe().unwrap();
            let error = with(Recipe::Scratch)
                .check_recipe()
                .unwrap_err()
                .to_string();
            assert!(error.contains(&format!("`network.{name}` is ")), "{error}");
            assert!(error.contains("`scarlet finetune`"), "{error}");
        }
    }

    #[test]
    fn what_names_tensors_needs_a_file_of_weights() {
        for (name, value) in [
            ("key", json!("ema")),
            ("strip_prefix", json!("backbone")),
            ("rename", json!(["fc=classifier"])),
            ("origin", json!("fairnas")),
        ] {
            let with = |weights| {
                let changes = json!({"network": {name: value, "weights": weights}});
                default(Recipe::Finetune).with(changes).unwrap()
            };
            with(json!("a.pth")).check_recipe().unwrap();
            let error = with(json!(null)).check_recipe().unwrap_err().to_string();
            assert!(error.contains(&format!("`network.{name}` is ")), "{error}");
        }
        let changes = json!({"network": {"rename": ["fc"]}});
        let error = default(Recipe::Finetune).with(changes).unwrap_err();
        assert!(
            error.to_string().contains("expected the old name"),
            "{error}"
        );
        let config = default(Recipe::Finetune).with(json!({"network": {"key": "ema"}}));
        let options = config.unwrap().network.open_options();
        assert_eq!(options.key.as_deref(), Some("ema"));
    }

    #[test]
    fn every_default_is_valid_and_survives_its_text() {
        let folder = tempfile::tempdir().unwrap();
        for source in ["fashion-sample", folder.path().to_str().unwrap()] {
            for recipe in [Recipe::Scratch, Recipe::Finetune] {
                let config = StandaloneConfig::defaults(recipe, source).unwrap();
                config.train.validate().unwrap();
                let text = serde_json::to_string(&config).unwrap();
                assert_eq!(
                    serde_json::from_str::<StandaloneConfig>(&text).unwrap(),
                    config
                );
            }
        }
    }
}
