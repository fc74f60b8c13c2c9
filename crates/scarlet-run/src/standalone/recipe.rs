//! The settings that suit the images: what [`StandaloneConfig::for_data`] begins with.
//!
//! What a network can learn from depends on how many images there are, how often they are gone
//! through, and whether it begins with trained weights. The published recipes are for a million
//! images and hundreds of epochs; on a few thousand, their crops, RandAugment, erasing and drop path
//! leave a network that never sees the same thing twice, and learns almost nothing.

use scarlet_data::ClassOrder;
use scarlet_data::dataset::{DatasetError, Location, PhotographParts};
use scarlet_train::{Augment, ColorJitter, Optimizer, RandAugment, ResizedCrop, TrainConfig};
use serde_json::Value;

use super::{DataSettings, NetworkSettings, Preset, Recipe, StandaloneConfig};
use crate::RunError;

/// Share of the steps that the learning rate rises in.
const WARMUP: f64 = 0.05;
/// Share of the steps that the moving average of the weights reaches back over.
const AVERAGED: f64 = 0.05;
/// Image views, images times epochs, from which on a network trained from scratch can take stronger
/// augmentation, and from which on it needs the whole of it.
const VIEWS: [f64; 2] = [5e5, 1e7];
/// Epochs up to which fine-tuning has no time for strong crops. EfficientNet-Lite0 at 64×64 pixels, seed 0, is
/// right about 71.5 % of 1,000 test images with crops of 35 % and more, about 74.0 % with 60 %, and about
/// 75.5 % with 80 % (6 epochs of 2,700 images of CIFAR-10).
const SHORT: usize = 10;
/// Steps that a run should have: smaller batches make up for few images.
const STEPS: f64 = 2_000.0;

/// What the settings depend on.
#[derive(Debug, Clone, Copy)]
struct Facts {
    /// Whether they are photographs, or images of one size.
    photographs: bool,
    /// Whether they stay what they are when they are mirrored.
    mirrored: bool,
    /// How many there are to train on.
    images: usize,
}

impl Facts {
    fn find(location: &Location, data: &DataSettings) -> Result<Self, RunError> {
        let kept = |images: usize| match data.folds {
            Some(_) => images,
            None => ((1.0 - data.holdout) * images as f64).round() as usize,
        };
        let photographs = |parts: Result<PhotographParts, DatasetError>| {
            parts.map_or(0, |parts| match parts.validation {
                Some(_) => parts.train.len(),
                None => kept(parts.train.len()),
            })
        };
        let images = match location {
            // What is wrong with a folder is said when its photographs are read.
            Location::Photographs(folder) => {
                photographs(PhotographParts::list(folder, data.class_order))
            }
            Location::Table(path) => photographs(PhotographParts::of_table(path, data.class_order)),
            _ => (location.images()?).map_or(0, |images| kept(images.train.len())),
        };
        Ok(Self {
            photographs: matches!(location, Location::Photographs(_) | Location::Table(_)),
            mirrored: location.may_be_mirrored(),
            images: images.max(1),
        })
    }
}

impl StandaloneConfig {
    /// The settings that suit the images at this source, before any is changed.
    ///
    /// # Errors
    ///
    /// When there are no images there.
    pub fn defaults(recipe: Recipe, source: &str) -> Result<Self, RunError> {
        Self::for_data(recipe, source, &Value::Null)
    }

    /// The settings that suit the images at this source, with some of them given: a tree of
    /// sections and settings, as read from a configuration file. What is not given follows from the
    /// images and from what is: the batch size from the number of steps, the learning rate from the
    /// optimizer and the batch size, augmentation from how many images are seen how often.
    ///
    /// # Errors
    ///
    /// When there are no images there, and [`TrainError::Settings`](scarlet_train::TrainError::Settings) for a setting that does not
    /// exist or is of the wrong kind.
    pub fn for_data(recipe: Recipe, source: &str, given: &Value) -> Result<Self, RunError> {
        Self::for_preset(recipe, Preset::default(), source, given)
    }

    /// The same with as much effort as a preset has.
    ///
    /// # Errors
    ///
    /// As [`for_data`](Self::for_data).
    pub fn for_preset(
        recipe: Recipe,
        preset: Preset,
        source: &str,
        given: &Value,
    ) -> Result<Self, RunError> {
        let location = Location::find(source)?;
        let mut first = Self::first(recipe, source);
        if let Location::Table(_) = location {
            // Smoothing would draw the probabilities that labels are given by to one half.
            first.train.label_smoothing = 0.0;
        }
        let facts = Facts::find(&location, &first.given(given)?.data)?;
        first.derived(preset, facts, given)
    }

    fn derived(self, preset: Preset, facts: Facts, given: &Value) -> Result<Self, RunError> {
        let mut config = self.given(given)?;
        epochs(&mut config, facts);
        preset.change(&mut config, !facts.photographs);
        config = config.given(given)?;
        // Each depends on those before it, as they are given.
        for derive in [optimizer, batch_size, rates, augmentation] {
            derive(&mut config, facts);
            config = config.given(given)?;
        }
        Ok(config)
    }

    fn given(&self, given: &Value) -> Result<Self, RunError> {
        match given {
            Value::Null => Ok(self.clone()),
            given => self.with(given.clone()),
        }
    }

    /// What does not depend on the images.
    fn first(recipe: Recipe, source: &str) -> Self {
        Self {
            recipe,
            data: DataSettings {
                source: source.to_owned(),
                class_order: ClassOrder::Natural,
                grey: false,
                holdout: 0.1,
                folds: None,
                seed: 0,
                strict: false,
                cache_megabytes: 1_000,
                cache_folder: None,
                shrink: None,
            },
            network: NetworkSettings {
                model: None,
                weights: None,
                key: None,
                strip_prefix: None,
                rename: Vec::new(),
                origin: None,
                resolution: None,
                resolution_factor: 1.0,
                dropout: 0.2,
                drop_path: 0.0,
                freeze: 0,
                keep_classifier: false,
            },
            train: TrainConfig::default(),
        }
    }
}

/// Few images are gone through more often: up to the number of images in the first column, so many
/// epochs.
fn epochs(config: &mut StandaloneConfig, facts: Facts) {
    let rows: &[(usize, usize)] = match config.recipe {
        Recipe::Finetune => &[(500, 40), (10_000, 20), (100_000, 10), (usize::MAX, 5)],
        Recipe::Scratch if facts.photographs => &[(usize::MAX, 100)],
        Recipe::Scratch => &[(usize::MAX, 30)],
    };
    let row = rows.iter().find(|(images, _)| facts.images <= *images);
    config.train.epochs = row.map_or(20, |(_, epochs)| *epochs);
}

/// AdamW, but where plain descent is known to do: on a million photographs, as the published networks
/// were trained, and on small images, as the search trains. On few photographs it lost: 58.5 % of
/// 562 test images against 87.2 % (SCARLET-C from scratch on 1,350 images of 64×64 pixels, 10 classes,
/// 13 epochs).
fn optimizer(config: &mut StandaloneConfig, facts: Facts) {
    let plain = match config.recipe {
        Recipe::Finetune => false,
        Recipe::Scratch => !facts.photographs || views(config, facts) >= VIEWS[1],
    };
    config.train.optimizer = match plain {
        true => Optimizer::default(),
        false => Optimizer::adam_w(),
    };
}

/// The largest batch that leaves enough steps, else the smallest.
fn batch_size(config: &mut StandaloneConfig, facts: Facts) {
    let sizes: &[usize] = match config.recipe {
        Recipe::Finetune => &[16],
        Recipe::Scratch if facts.photographs => &[32, 16],
        Recipe::Scratch => &[64, 32, 16],
    };
    let views = views(config, facts);
    let enough = |size: &&usize| views / **size as f64 >= STEPS;
    let size = sizes.iter().find(enough).or(sizes.last());
    config.train.batch_size = size.copied().unwrap_or(16);
}

/// What follows from steps, batch size and optimizer.
fn rates(config: &mut StandaloneConfig, facts: Facts) {
    let train = &mut config.train;
    // Whether they make sense is checked when the run is prepared.
    let batch = train.batch_size.max(1) as f64;
    let steps = (facts.images as f64 / batch).floor().max(1.0) * train.epochs as f64;
    // The noise of a gradient falls with the root of the batch; AdamW's steps are of one length
    // whatever the gradient's, those of plain descent are not.
    train.learning_rate = match train.optimizer {
        Optimizer::AdamW { .. } => 1e-3 * (batch / 16.0).sqrt(),
        Optimizer::Sgd { .. } => 0.05 * batch / 32.0,
    };
    train.weight_decay = match train.optimizer {
        Optimizer::AdamW { .. } => 0.01,
        Optimizer::Sgd { .. } if facts.photographs => 4e-5,
        Optimizer::Sgd { .. } => 5e-4,
    };
    train.warmup_epochs = WARMUP * train.epochs as f64;
    let window = (AVERAGED * steps).clamp(10.0, 10_000.0);
    train.average_decay = Some(1.0 - 1.0 / window);
    // A layer decay of 0.9 left trained weights too much as they were: 93.8 % instead of 97.7 %
    // (EfficientNet-Lite0 on the same images, 6 epochs).
}

/// What is done to the images and to the network's branches, so that they are not learnt by heart.
fn augmentation(config: &mut StandaloneConfig, facts: Facts) {
    if !facts.photographs {
        config.train.augment = Augment {
            shift: 2,
            flip: facts.mirrored,
            ..Augment::default()
        };
        return;
    }
    let mild = Augment {
        resized_crop: Some(ResizedCrop {
            scale: [0.35, 1.0],
            ..ResizedCrop::default()
        }),
        flip: true,
        color_jitter: Some(ColorJitter {
            brightness: 0.2,
            contrast: 0.2,
            saturation: 0.2,
            hue: 0.0,
        }),
        ..Augment::default()
    };
    let views = views(config, facts);
    let (augment, drop_path) = match config.recipe {
        Recipe::Scratch if views >= VIEWS[1] => (Augment::photographs(), 0.2),
        Recipe::Scratch if views >= VIEWS[0] => {
            let medium = Augment {
                resized_crop: Some(ResizedCrop {
                    scale: [0.2, 1.0],
                    ..ResizedCrop::default()
                }),
                rand_augment: Some(RandAugment {
                    operations: 1,
                    ..RandAugment::default()
                }),
                color_jitter: None,
                ..mild
            };
            (medium, 0.1)
        }
        Recipe::Finetune if config.train.epochs <= SHORT => {
            let milder = Augment {
                resized_crop: Some(ResizedCrop {
                    scale: [0.8, 1.0],
                    ..ResizedCrop::default()
                }),
                ..mild
            };
            (milder, 0.0)
        }
        _ => (mild, 0.0),
    };
    config.train.augment = augment;
    config.network.drop_path = drop_path;
}

/// How many images are seen in a run, counting each as often as it comes.
fn views(config: &StandaloneConfig, facts: Facts) -> f64 {
    facts.images as f64 * config.train.epochs as f64
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    /// The settings for so many photographs, or for images of one size.
    fn settings(recipe: Recipe, facts: Facts, given: Value) -> StandaloneConfig {
        let first = StandaloneConfig::first(recipe, "somewhere");
        first.derived(Preset::Good, facts, &given).unwrap()
    }

    fn photographs(images: usize) -> Facts {
        Facts {
            photographs: true,
            mirrored: true,
            images,
        }
    }

    #[test]
    fn few_images_get_milder_changes_and_more_epochs() {
        let scratch = |images, epochs| {
            let given = json!({"train": {"epochs": epochs}});
            settings(Recipe::Scratch, photographs(images), given)
        };
        let (few, some, many) = (
            scratch(2_700, 13),
            scratch(20_000, 60),
            scratch(1_000_000, 90),
        );
        let least = |config: &StandaloneConfig| config.train.augment.resized_crop.unwrap().scale[0];
        assert!(least(&few) > least(&some) && least(&some) > least(&many));
        assert_eq!(many.train.augment, Augment::photographs());
        assert_eq!(many.train.optimizer, Optimizer::default());
        assert_eq!(few.train.optimizer, Optimizer::adam_w());
        assert_eq!(few.train.augment.rand_augment, None);
        assert_eq!(few.train.augment.erase, 0.0);
        let drop_path = [&few, &some, &many].map(|config| config.network.drop_path);
        assert!(
            drop_path.is_sorted() && drop_path[0] == 0.0,
            "{drop_path:?}"
        );
        let tuned = |images| settings(Recipe::Finetune, photographs(images), json!({}));
        let short = json!({"train": {"epochs": 6}});
        let short = settings(Recipe::Finetune, photographs(3_000), short);
        assert!(least(&short) > least(&tuned(3_000)));
        let epochs = [300, 3_000, 30_000, 3_000_000].map(|images| tuned(images).train.epochs);
        assert!(epochs.is_sorted_by(|a, b| a > b), "{epochs:?}");
    }

    #[test]
    fn warm_up_and_average_follow_the_steps() {
        for (images, epochs) in [(60, 5), (2_700, 4), (100_000, 20)] {
            let given = json!({"train": {"epochs": epochs}});
            for recipe in [Recipe::Scratch, Recipe::Finetune] {
                let train = settings(recipe, photographs(images), given.clone()).train;
                let share = train.warmup_epochs / train.epochs as f64;
                assert!(share > 0.0 && share <= 0.1, "{share}");
                let steps = train.steps(images, 1) as f64;
                let window = 1.0 / (1.0 - train.average_decay.unwrap());
                assert!(
                    window >= 9.9 && window <= (0.1 * steps).max(10.1),
                    "{window} {steps}"
                );
            }
        }
    }

    #[test]
    fn what_is_given_stays_and_decides_on_the_rest() {
        let given = json!({"train": {
            "batch_size": 64,
            "average_decay": null,
            "augment": {"erase": 0.5, "resized_crop": {"scale": [0.5, 1.0]}},
        }});
        let config = settings(Recipe::Finetune, photographs(1_000), given);
        let train = &config.train;
        assert_eq!((train.batch_size, train.average_decay), (64, None));
        assert_eq!(train.augment.erase, 0.5);
        assert_eq!(train.augment.resized_crop.unwrap().scale, [0.5, 1.0]);
        assert!(train.augment.flip);
        let default = settings(Recipe::Finetune, photographs(1_000), json!({}));
        assert!(train.learning_rate > default.train.learning_rate);
        let sgd = json!({"train": {"optimizer": {"name": "sgd"}}});
        let sgd = settings(Recipe::Finetune, photographs(1_000), sgd);
        assert!(sgd.train.learning_rate > 10.0 * default.train.learning_rate);
        let rate = json!({"train": {"learning_rate": 0.002}});
        let rate = settings(Recipe::Finetune, photographs(1_000), rate);
        assert_eq!(rate.train.learning_rate, 0.002);
        // What makes no sense is refused later, by name.
        for given in [json!({"batch_size": 0}), json!({"epochs": 0})] {
            let config = settings(Recipe::Scratch, photographs(9), json!({"train": given}));
            config.train.validate().unwrap_err();
        }
    }

    #[test]
    fn images_to_train_on_are_counted() {
        let root = tempfile::tempdir().unwrap();
        let save = |name: String| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "never opened").unwrap();
        };
        for index in 0..10 {
            save(format!("train/a/{index}.png"));
            save(format!("train/b/{index}.png"));
        }
        let mut data = StandaloneConfig::first(Recipe::Scratch, "").data;
        data.holdout = 0.2;
        let found = |data: &DataSettings| {
            let location = Location::find(root.path()).unwrap();
            Facts::find(&location, data).unwrap()
        };
        assert_eq!((found(&data).images, found(&data).photographs), (16, true));
        save("val/a/1.png".to_owned());
        assert_eq!(found(&data).images, 20);
        let sample = Facts::find(&Location::FashionSample, &data).unwrap();
        assert_eq!((sample.images, sample.photographs), (4_800, false));
    }
}
