//! The network that a search starts from: its parts are the candidates, and it teaches them.

mod published;
mod settings;
mod supernet;
mod train;

use std::path::PathBuf;

use burn::tensor::Device;
use scarlet::weights::{LoadOptions, OfaSupernet, StateDict};
use scarlet::{ModelCard, Scarlet, ScarletConfig};
use scarlet_arch::{Architecture, Elasticity, SearchSpace, Skip, shares_of};
use scarlet_random::weights_seed;
use scarlet_train::TrainError;
use scarlet_train::error::require;

use super::{Input, RunConfig, SkipKind, SpaceSettings};
use crate::RunError;
use crate::files;

pub(super) use self::published::published_name;
pub use self::settings::{WholeNetwork, WholeSettings};
pub(super) use self::supernet::{equal_parts, unread_supernet};

/// A whole network as the images have it, not yet trained on them.
#[derive(Debug)]
pub(super) struct Whole {
    settings: WholeNetwork,
    architecture: Architecture,
    weights: StateDict,
    /// That it is the largest network of, if it is.
    published: Option<OfaSupernet>,
    /// Whether its classifier is that of the images.
    is_trained: bool,
}

impl SpaceSettings {
    /// The network that the space is made of, for images such as these, if it is made of one.
    pub(super) fn whole(
        &self,
        input: &Input,
        classes: &[String],
    ) -> Result<Option<Whole>, RunError> {
        let Some(settings) = &self.from else {
            return Ok(None);
        };
        let alone = Self {
            skip: self.skip,
            from: self.from.clone(),
            ..Self::default()
        };
        require(
            *self == alone,
            "space.from",
            format!("`{}`", settings.weights),
            "the only setting of the space besides skip: plan, choices, width and layers are the \
             network's own",
        )?;
        let (weights, published) = settings.open()?.into_whole()?;
        let found = weights.architecture().map_err(TrainError::from)?;
        let card = weights.card().ok().flatten();
        let names = |card: &ModelCard| card.classes == classes;
        let is_trained = found.classes == input.classes && card.as_ref().is_some_and(names);
        let mut architecture = found
            .with_classes(input.classes)
            .with_resolution(input.side);
        if (input.channels, architecture.input_channels) == (1, 3) {
            architecture.input_channels = 1;
            architecture.preprocessing = architecture.preprocessing.in_grey();
        }
        if input.crop_ratio.is_none() {
            architecture.preprocessing = architecture.preprocessing.with_side(input.shown);
        }
        architecture.validate()?;
        Ok(Some(Whole {
            settings: settings.clone(),
            architecture,
            weights,
            published,
            is_trained,
        }))
    }
}

/// Refuses a space that is made of a network where tables of latency are made or used, which are of a
/// plan's layers.
pub(super) fn refuse_with_whole(config: &RunConfig) -> Result<(), TrainError> {
    let from = config.space.from.as_ref();
    require(
        from.is_none(),
        "space.from",
        from.map_or("", |from| &from.weights),
        "left out where there is a latency table: such a search measures latency itself",
    )
}

impl Whole {
    /// Whether its classifier is that of the images.
    pub(super) fn is_trained(&self) -> bool {
        self.is_trained
    }

    pub(super) fn space(&self, settings: &SpaceSettings) -> Result<SearchSpace, RunError> {
        if let Some(supernet) = &self.published {
            return self.published_space(supernet);
        }
        let elasticity = Elasticity {
            hidden: self.settings.hidden.clone(),
            kernels: self.settings.kernels,
            features: self.settings.features.clone(),
            resolutions: self.settings.resolutions.clone(),
            skip: match settings.skip {
                SkipKind::Stabilizer => Some(Skip::Linear),
                SkipKind::Identity => Some(Skip::Identity),
                SkipKind::None => None,
            },
        };
        Ok(SearchSpace::elastic(&self.architecture, &elasticity)?)
    }

    /// The networks of a published supernet, for the images.
    fn published_space(&self, supernet: &OfaSupernet) -> Result<SearchSpace, RunError> {
        let space = supernet.space(&[])?;
        let choices = (0..space.layers()).map(|layer| space.choices(layer).to_vec());
        let side = self.architecture.preprocessing.resolution;
        let space = SearchSpace::by_layer(self.architecture.clone(), choices.collect())?;
        Ok(space.with_resolutions(shares_of(side, &self.settings.resolutions)?)?)
    }

    /// The network with its weights, on a device for training; its classifier new unless it is
    /// already that of the images.
    fn network(&self, dropout: f64, seed: u64, device: &Device) -> Result<Scarlet, TrainError> {
        let options = match self.is_trained {
            true => LoadOptions::new(),
            false => LoadOptions::new().without_classifier(),
        };
        let channels = self.weights.architecture()?.input_channels;
        let mut architecture = self.architecture.clone();
        let in_grey = channels != architecture.input_channels;
        architecture.input_channels = channels;
        let network = ScarletConfig::from(architecture)
            .with_dropout(dropout)
            .try_init_seeded(weights_seed(seed, 0), device)?
            .load_with(&self.weights, &options)?;
        let network = match in_grey {
            true => network.in_grey(),
            false => network,
        };
        Ok(match self.is_trained {
            true => network,
            false => network.reset_classifier(self.architecture.classes),
        })
    }
}

/// The error that a run cannot continue with other weights than it began with.
fn other_weights(path: PathBuf, stored: &str, given: &str) -> TrainError {
    TrainError::SettingsChanged {
        path,
        setting: "space.from.weights".to_owned(),
        stored: format!("weights {stored}"),
        given: format!("weights {given}"),
    }
}

/// Of the files of a run that another one takes its supernet from.
pub(super) const FILES: [&str; 5] = [
    files::CHANNELS,
    files::PUBLISHED,
    files::WHOLE_CHECKPOINT,
    files::WHOLE_EVENTS,
    files::WHOLE_LAST,
];
