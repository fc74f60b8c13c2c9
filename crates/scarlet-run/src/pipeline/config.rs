//! [`RunConfig`]: everything that decides the result of a run, as data.

use scarlet_arch::{Preprocessing, SearchSpace};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::data::Needs;
use super::overlay::overlay;
use super::whole::refuse_with_whole;
use super::wrong::explained;
use super::{
    ChooseSettings, DataSettings, ExportSettings, Plans, SearchSettings, SpaceSettings,
    SupernetSettings, TrainSettings, WholeSettings,
};
use crate::RunError;
#[cfg(doc)]
use scarlet_data::dataset::Extent;
use scarlet_data::dataset::Location;
use scarlet_train::error::require;
use scarlet_train::{Sampling, StabilizerInit};

/// Sides from which photographs want a larger total stride, in pixels.
const LARGE: usize = 96;

/// Everything that decides the result of a run. The same configuration on the same kind of device
/// leads to the same network, bit for bit.
///
/// The default finds a network for the embedded sample of Fashion-MNIST within 5 million
/// mult-adds, in a few minutes on two cores.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Which images, and how they are split.
    pub data: DataSettings,
    /// The networks to choose from.
    pub space: SpaceSettings,
    /// How the network that others are parts of is trained on the images, where there is one.
    #[serde(default)]
    pub whole: WholeSettings,
    /// How the supernet is trained.
    pub supernet: SupernetSettings,
    /// What is searched for, and how long.
    pub search: SearchSettings,
    /// Which candidate is taken.
    pub choose: ChooseSettings,
    /// How it is trained on its own.
    pub train: TrainSettings,
    /// What is written for use.
    pub export: ExportSettings,
}

impl RunConfig {
    /// The defaults for images at this source, as [`for_images`](Self::for_images).
    pub fn for_source(source: &str) -> Self {
        Self::for_images(source, None)
    }

    /// The defaults for images at this source that are seen at this resolution, if it is given:
    /// - images are mirrored in training [where they may be](Location::may_be_mirrored);
    /// - photographs are seen [at 96 to 160 pixels](Extent::resolution_from_scratch), as their size
    ///   and number have it;
    /// - networks that see this many of their pixels are of the plan
    ///   [`Plans::Small`](super::Plans),
    ///   whose layers see more of a large image;
    /// - the budget allows the same networks at every resolution: it grows with the pixels.
    ///
    /// That there are no images is found out when they are read.
    pub fn for_images(source: &str, resolution: Option<usize>) -> Self {
        let mut config = Self::default();
        config.data.source = source.to_owned();
        let location = Location::find(source).ok();
        let flip = location.as_ref().is_none_or(Location::may_be_mirrored);
        for recipe in [&mut config.supernet.recipe, &mut config.train.recipe] {
            recipe.augment.flip = flip;
        }
        let extent = location.and_then(|location| location.extent());
        config.data.resolution =
            resolution.or_else(|| extent.map(|extent| extent.resolution_from_scratch()));
        if let Some(side) = config.data.resolution {
            config.search.grow_budget(side);
            if extent.is_some() && side >= LARGE {
                config.space.plan = Plans::Small;
            }
        }
        config
    }

    /// Whether the parts of a public network are likely to do better on these images than networks
    /// that are trained from scratch, and nothing is set that only those have: a space of their own
    /// or a table of latencies.
    pub fn suits_public_network(&self) -> bool {
        // What takes a look at the images comes last.
        if self.data.grey
            || self.search.latency_table.is_some()
            || self.supernet.sampling != SupernetSettings::default().sampling
        {
            return false;
        }
        let location = Location::find(&self.data.source).ok();
        let extent = location.and_then(|location| location.extent());
        let default = Self::for_images(&self.data.source, self.data.resolution);
        extent.is_some_and(|extent| extent.suits_public_network()) && self.space == default.space
    }

    /// The same configuration with some settings changed: a tree of sections and settings, as
    /// read from a configuration file. Settings that are not in it stay as they are.
    ///
    /// # Errors
    ///
    /// [`RunError::UnknownKey`] for a setting that does not exist, with the nearest that does;
    /// [`RunError::Setting`] for one of the wrong kind.
    pub fn with(&self, changes: Value) -> Result<Self, RunError> {
        let mut tree = self.to_value();
        overlay(&mut tree, changes.clone(), "")?;
        Self::read(tree).map_err(|error| {
            let RunError::Setting { section, problem } = error else {
                return error;
            };
            let (base, understood) = (self.to_value(), |tree| {
                Self::read(tree).map(drop).map_err(|error| match error {
                    RunError::Setting { problem, .. } => problem,
                    other => other.to_string(),
                })
            });
            let problem = explained(&base, &changes, "", problem, &understood);
            RunError::Setting { section, problem }
        })
    }

    fn read(mut tree: Value) -> Result<Self, RunError> {
        Ok(Self {
            data: section(&mut tree, "data")?,
            space: section(&mut tree, "space")?,
            whole: section(&mut tree, "whole")?,
            supernet: section(&mut tree, "supernet")?,
            search: section(&mut tree, "search")?,
            choose: section(&mut tree, "choose")?,
            train: section(&mut tree, "train")?,
            export: section(&mut tree, "export")?,
        })
    }

    /// The networks to choose from, for the images. `progress` is told of every photograph and how
    /// many there are.
    ///
    /// # Errors
    ///
    /// When the images cannot be used, or the space cannot be built.
    pub fn search_space(&self, progress: impl Fn(usize) + Sync) -> Result<SearchSpace, RunError> {
        refuse_with_whole(self)?;
        let data = self.data.read(&self.needs()?, progress)?;
        Ok(self.space.build(&data.input)?)
    }

    /// Checks the settings of both trainings, also those that only show when one begins.
    pub(super) fn check_training(&self) -> Result<(), RunError> {
        let (supernet, train) = (&self.supernet, &self.train);
        self.whole.recipe.validate()?;
        supernet.recipe.validate()?;
        train.recipe.validate()?;
        for (setting, patience) in [
            ("whole.patience", self.whole.recipe.patience),
            ("supernet.patience", supernet.recipe.patience),
            ("train.patience", train.recipe.patience),
        ] {
            require(
                patience.is_none(),
                setting,
                patience.unwrap_or_default(),
                "left out: a run trains on all images but those of the test, and so has none to \
                 judge epochs by",
            )?;
        }
        require(
            supernet.recipe.layer_decay.is_none(),
            "supernet.layer_decay",
            supernet.recipe.layer_decay.unwrap_or_default(),
            "left out: the layers of a supernet are many networks'",
        )?;
        let sampling = supernet.sampling;
        require(
            sampling != Sampling::Sandwich || self.space.from.is_some(),
            "supernet.sampling",
            "sandwich",
            "strict-fairness or uniform, unless networks are parts of one (space.from): choices \
             must go from the whole to the least",
        )?;
        require(
            supernet.recipe.head_epochs == 0.0,
            "supernet.head_epochs",
            supernet.recipe.head_epochs,
            "0 for a supernet",
        )?;
        require(
            supernet.recipe.average_decay.is_none() || sampling != Sampling::Uniform,
            "supernet.average_decay",
            supernet.recipe.average_decay.unwrap_or_default(),
            "left out for a supernet that is trained along one uniformly drawn path a step",
        )?;
        require(
            supernet.stabilizer == StabilizerInit::Identity || self.space.from.is_none(),
            "supernet.stabilizer",
            "normal",
            "identity where networks are parts of one (space.from)",
        )?;
        for (setting, probability) in [
            ("whole.dropout", self.whole.dropout),
            ("supernet.dropout", supernet.dropout),
            ("train.dropout", train.dropout),
            ("train.drop_path", train.drop_path),
        ] {
            let expected = "at least 0 and under 1";
            require(
                (0.0..1.0).contains(&probability),
                setting,
                probability,
                expected,
            )?;
        }
        Ok(())
    }

    /// What the settings want of the images.
    pub(super) fn needs(&self) -> Result<Needs, RunError> {
        let recipes = [
            &self.supernet.recipe,
            &self.train.recipe,
            &self.whole.recipe,
        ];
        Ok(Needs {
            stride: self.space.stride()?,
            photograph: self.space.photograph(),
            // What is seen at several sizes is shrunk once and cropped when it is read.
            crops: recipes.iter().any(|it| it.augment.resized_crop.is_some())
                || self.space.from.is_some(),
            seen: match &self.space.from {
                Some(whole) => whole.preprocessing()?,
                // Networks of a space of their own see all of it.
                None => Preprocessing {
                    crop_ratio: 1.0,
                    ..Preprocessing::IMAGENET
                },
            },
        })
    }

    /// The configuration as a tree of sections and settings.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("plain data with text keys always has a JSON form")
    }
}

fn section<T: DeserializeOwned>(tree: &mut Value, name: &'static str) -> Result<T, RunError> {
    let settings = tree.get_mut(name).map(Value::take).unwrap_or_default();
    serde_json::from_value(settings).map_err(|error| RunError::Setting {
        section: name,
        problem: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use scarlet_train::Optimizer;

    #[test]
    fn changes_keep_the_defaults_of_their_section() {
        let default = RunConfig::default();
        let changed = default
            .with(json!({
                "data": {"holdout": 0.2},
                "train": {"epochs": 3, "augment": {"flip": false}},
                "search": {"budget": ["parameters <= 1M"]},
            }))
            .unwrap();
        assert_eq!(changed.data.holdout, 0.2);
        assert_eq!(changed.train.recipe.epochs, 3);
        assert!(!changed.train.recipe.augment.flip);
        assert_eq!(
            changed.train.recipe.learning_rate,
            default.train.recipe.learning_rate
        );
        assert_eq!(changed.search.budget.len(), 1);
        assert_eq!(default.with(json!({})).unwrap(), default);
    }

    #[test]
    fn only_pictures_of_things_are_mirrored() {
        let flips = |source: &str| {
            let config = RunConfig::for_source(source);
            assert_eq!(config.data.source, source);
            let recipes = [&config.supernet.recipe, &config.train.recipe];
            recipes.map(|recipe| recipe.augment.flip)
        };
        assert_eq!(
            RunConfig::for_source("fashion-sample"),
            RunConfig::default()
        );
        assert_eq!(flips("fashion-sample"), [true; 2]);
        assert_eq!(flips("nowhere"), [true; 2]);
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().to_str().unwrap();
        assert_eq!(flips(source), [true; 2]);
        std::fs::write(folder.path().join("batches.meta.txt"), "").unwrap();
        assert_eq!(flips(source), [true; 2]);
        std::fs::write(folder.path().join("train-images-idx3-ubyte"), "").unwrap();
        assert_eq!(flips(source), [false; 2]);
    }

    #[test]
    fn photographs_are_seen_as_large_as_suits_them_and_may_cost_accordingly() {
        let root = tempfile::tempdir().unwrap();
        for class in ["a", "b"] {
            std::fs::create_dir(root.path().join(class)).unwrap();
            let path = root.path().join(class).join("1.png");
            image::RgbImage::new(500, 375).save(path).unwrap();
        }
        let source = root.path().to_str().unwrap();
        let limit = |config: &RunConfig| config.search.budget[0].limit;
        let config = RunConfig::for_source(source);
        assert_eq!(config.data.resolution, Some(160));
        assert_eq!(config.space.plan, Plans::Small);
        assert_eq!(limit(&config), 5e6 * 25.0);
        let asked = RunConfig::for_images(source, Some(64));
        assert_eq!((asked.data.resolution, limit(&asked)), (Some(64), 2e7));
        assert_eq!(asked.space.plan, Plans::Tiny);
        let small = RunConfig::for_images(source, Some(16));
        assert_eq!(limit(&small), 5e6);
        // Stored settings of earlier versions have none, and mean what they meant.
        let stored = RunConfig::default().with(json!({"data": {"source": source}}));
        assert_eq!(stored.unwrap().data.resolution, None);
    }

    #[test]
    fn a_public_network_is_proposed_where_nothing_of_ones_own_is_asked_for() {
        let root = tempfile::tempdir().unwrap();
        for class in ["a", "b"] {
            std::fs::create_dir(root.path().join(class)).unwrap();
            let path = root.path().join(class).join("1.png");
            image::RgbImage::new(200, 150).save(path).unwrap();
        }
        let config = RunConfig::for_source(root.path().to_str().unwrap());
        assert!(config.suits_public_network());
        for changes in [
            json!({"data": {"grey": true}}),
            json!({"space": {"width": 0.5}}),
            json!({"supernet": {"sampling": "uniform"}}),
            json!({"search": {"latency_table": "pixel.csv"}}),
        ] {
            let changed = config.with(changes.clone()).unwrap();
            assert!(!changed.suits_public_network(), "{changes}");
        }
        // Neither images of a data set nor what is not there.
        assert!(!RunConfig::for_source("fashion-sample").suits_public_network());
        assert!(!RunConfig::for_source("nowhere").suits_public_network());
    }

    #[test]
    fn a_stall_is_set_by_its_generations() {
        assert_eq!(RunConfig::default().search.stall, None);
        let changes = json!({"search": {"stall": {"generations": 5}}});
        let stall = RunConfig::default().with(changes).unwrap().search.stall;
        let stall = stall.unwrap();
        assert_eq!((stall.generations, stall.tolerance), (5, 0.0));
    }

    #[test]
    fn numbers_go_by_their_names() {
        let changed =
            |numbers: &str| RunConfig::default().with(json!({"search": {"deploy": numbers}}));
        let default = RunConfig::default();
        assert_eq!(default.to_value()["search"]["deploy"], "f32");
        assert_eq!(changed("f32").unwrap(), default);
        for numbers in ["bf16", "int8"] {
            let config = changed(numbers).unwrap();
            assert_eq!(config.search.deploy.to_string(), numbers);
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<RunConfig>(&text).unwrap(), config);
        }
        let error = changed("fp16").unwrap_err().to_string();
        assert!(
            error
                .contains("`search.deploy` is \"fp16\", but must be \"f32\", \"bf16\" or \"int8\""),
            "{error}"
        );
    }

    #[test]
    fn another_optimizer_takes_the_place_of_the_default() {
        let optimizer = |settings: Value| {
            let changes = json!({"supernet": {"optimizer": settings}});
            let changed = RunConfig::default().with(changes).unwrap();
            changed.supernet.recipe.optimizer
        };
        let adam_w = |beta_2| Optimizer::AdamW {
            beta_1: 0.9,
            beta_2,
            epsilon: 1e-8,
        };
        assert_eq!(optimizer(json!({"name": "adam-w"})), adam_w(0.999));
        let changed = optimizer(json!({"name": "adam-w", "beta_2": 0.99}));
        assert_eq!(changed, adam_w(0.99));
        assert_eq!(optimizer(json!({"name": "sgd"})), Optimizer::default());
    }

    #[test]
    fn settings_that_would_fail_hours_later_are_named_at_once() {
        let message = |changes| {
            let config = RunConfig::default().with(changes).unwrap();
            config.check_training().unwrap_err().to_string()
        };
        RunConfig::default().check_training().unwrap();
        let patience = message(json!({"train": {"patience": 3}}));
        assert!(
            patience.starts_with("`train.patience` is 3, but must be left out"),
            "{patience}"
        );
        assert!(message(json!({"supernet": {"patience": 3}})).contains("`supernet.patience`"));
        assert!(message(json!({"supernet": {"layer_decay": 0.5}})).contains("layer_decay` is 0.5"));
        assert_eq!(
            message(json!({"train": {"dropout": 1.0}})),
            "`train.dropout` is 1, but must be at least 0 and under 1"
        );
        assert!(
            message(json!({"train": {"drop_path": -0.1}})).contains("`train.drop_path` is -0.1")
        );
        assert!(message(json!({"supernet": {"dropout": 2}})).contains("`supernet.dropout` is 2"));
        assert!(message(json!({"train": {"epochs": 0}})).contains("`epochs` is 0"));
    }

    #[test]
    fn what_does_not_exist_is_refused_in_every_section() {
        let message = |changes| {
            let error = RunConfig::default().with(changes).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            message(json!({"train": {"epoch": 3}})),
            "there is no setting `train.epoch`; did you mean `train.epochs`?"
        );
        assert!(message(json!({"suprenet": {}})).contains("did you mean `supernet`?"));
        assert!(
            message(json!({"train": {"augment": {"flp": true}}}))
                .contains("did you mean `train.augment.flip`?")
        );
        assert!(message(json!({"train": {"epochs": "three"}})).starts_with("[train]: "));
        assert!(message(json!({"search": {"budget": ["mult_adds < 5M"]}})).contains("[search]: "));
        assert!(message(json!({"space": {"skip": "stabiliser"}})).contains("stabilizer"));
    }

    #[test]
    fn floats_survive_their_text() {
        let config = RunConfig::default()
            .with(json!({"train": {"learning_rate": 0.1 + 0.2}}))
            .unwrap();
        let text = serde_json::to_string(&config).unwrap();
        let read: RunConfig = serde_json::from_str(&text).unwrap();
        assert_eq!(read, config);
    }
}
