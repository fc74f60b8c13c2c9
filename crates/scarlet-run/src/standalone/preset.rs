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
/// networks from scratch are changed) follows from them. The time of an epoch goes with the square of the
/// resolution: 1/2 · (3/4)² = 0.28, and 2 · (5/4)² = 3.1.
const PRESETS: [(Preset, Effort); 3] = [
    (
        Preset::Fast,
        Effort {
            name: "fast",
            epochs: 1.0 / 2.0,
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
