//! [`Preset`]: how much time a training may take for its accuracy.

use super::StandaloneConfig;

/// How much time a training may take for its accuracy, by a few settings. Whatever is given goes over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// About a third of the time of `Good`.
    Fast,
    /// The defaults.
    #[default]
    Good,
    /// About three times the time of `Good`.
    Best,
}

/// What a preset changes.
struct Effort {
    name: &'static str,
    /// Of the number of epochs that suits the images.
    epochs: f64,
    /// Of the resolution that suits the images.
    resolution: f64,
    /// The same as `epochs` where the resolution is given, or that of a data set: with the same time.
    epochs_alone: f64,
    /// Views of each image that are worth their time in evaluation, as `eval` and `predict` take them.
    views: Option<&'static str>,
}

/// What the presets are. What else depends on the epochs (warm-up, average, and how strongly images of
/// networks from scratch are changed) follows from them. An epoch's time goes with a little less than the
/// square of the resolution: 0.32 and 2.6 times the CPU time of `good` for EfficientNet-Lite0 at 128, 160 and
/// 192 pixels, which are the sizes for photographs of 100 pixels.
const PRESETS: [(Preset, Effort); 3] = [
    (
        Preset::Fast,
        Effort {
            name: "fast",
            epochs: 0.45,
            resolution: 3.0 / 4.0,
            epochs_alone: 1.0 / 3.0,
            views: None,
        },
    ),
    (
        Preset::Good,
        Effort {
            name: "good",
            epochs: 1.0,
            resolution: 1.0,
            epochs_alone: 1.0,
            views: None,
        },
    ),
    (
        Preset::Best,
        Effort {
            name: "best",
            epochs: 2.0,
            resolution: 5.0 / 4.0,
            epochs_alone: 3.0,
            views: Some("flip"),
        },
    ),
];

impl Preset {
    fn effort(self) -> &'static Effort {
        let known = PRESETS.iter().find(|(preset, _)| *preset == self);
        &known.unwrap_or(&PRESETS[1]).1
    }

    /// Changes settings whose epochs are those that suit the images. `has_size` says whether these are of
    /// one size.
    pub(super) fn change(self, config: &mut StandaloneConfig, has_size: bool) {
        let effort = self.effort();
        let is_given = has_size || config.network.resolution.is_some();
        let factor = match is_given {
            true => effort.epochs_alone,
            false => effort.epochs,
        };
        let epochs = config.train.epochs as f64 * factor;
        config.train.epochs = (epochs.round() as usize).max(1);
        if !is_given {
            config.network.resolution_factor = effort.resolution;
        }
    }

    /// What it makes of these settings, in a sentence.
    pub fn describe(self, config: &StandaloneConfig) -> String {
        let effort = self.effort();
        let mut changes = vec![match config.train.epochs {
            1 => "1 epoch".to_owned(),
            epochs => format!("{epochs} epochs"),
        }];
        let factor = config.network.resolution_factor;
        if factor != 1.0 && config.network.resolution.is_none() {
            changes.push(format!(
                "{factor} times the resolution that suits the images"
            ));
        }
        let time = match self {
            Self::Fast => "about a third of the time of good",
            Self::Good => "the defaults",
            Self::Best => "about three times the time of good",
        };
        let mut text = format!("preset {}: {}; {time}", effort.name, changes.join(", "));
        if let Some(views) = effort.views.filter(|_| config.train.augment.flip) {
            text.push_str(&format!(
                ". For a little more, evaluate and predict with --augment {views}"
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::standalone::Recipe;

    #[test]
    fn presets_change_the_time_and_what_is_given_goes_over_them() {
        let root = tempfile::tempdir().unwrap();
        for class in ["a", "b"] {
            fs::create_dir(root.path().join(class)).unwrap();
            for index in 0..20 {
                fs::write(
                    root.path().join(format!("{class}/{index}.png")),
                    "never opened",
                )
                .unwrap();
            }
        }
        let folder = root.path().to_str().unwrap();
        // An epoch's time goes with the square of the resolution.
        let time = |config: &StandaloneConfig| {
            config.train.epochs as f64 * config.network.resolution_factor.powi(2)
        };
        for recipe in [Recipe::Scratch, Recipe::Finetune] {
            for (source, given) in [
                (folder, json!({})),
                ("fashion-sample", json!({})),
                (folder, json!({"network": {"resolution": 64}})),
            ] {
                let with =
                    |preset| StandaloneConfig::for_preset(recipe, preset, source, &given).unwrap();
                let [fast, good, best] = [Preset::Fast, Preset::Good, Preset::Best].map(with);
                let default = StandaloneConfig::for_data(recipe, source, &given);
                assert_eq!(good, default.unwrap());
                let share = time(&fast) / time(&good);
                assert!((0.25..0.36).contains(&share), "{share}");
                let share = time(&best) / time(&good);
                assert!((2.9..3.2).contains(&share), "{share}");
                // What follows from the epochs does so still.
                assert_eq!(fast.train.warmup_epochs, 0.05 * fast.train.epochs as f64);
            }
        }
        let given = json!({
            "train": {"epochs": 7}, "network": {"resolution_factor": 1.5, "dropout": 0.4},
        });
        let best = StandaloneConfig::for_preset(Recipe::Finetune, Preset::Best, folder, &given);
        let best = best.unwrap();
        assert_eq!(best.train.epochs, 7);
        assert_eq!(
            (best.network.resolution_factor, best.network.dropout),
            (1.5, 0.4)
        );
        let told = Preset::Best.describe(&best);
        assert!(
            told.contains("7 epochs, 1.5 times the resolution"),
            "{told}"
        );
    }
}
