//! The network that a search starts from: its parts are the candidates, and it teaches them.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use scarlet::weights::{LoadOptions, OfaSupernet, OpenOptions, StateDict};
use scarlet::{ChannelOrder, Importance, ModelCard, Scarlet, ScarletConfig};
use scarlet_arch::{
    Architecture, Cost, Elasticity, Genome, Operation, Preprocessing, SearchSpace, Skip, shares_of,
};
use scarlet_random::weights_seed;
use scarlet_search::{Bound, Constraint};
use scarlet_train::error::require;
use scarlet_train::fingerprint::Fingerprint;
use scarlet_train::trainer::{is_over, time_steps};
use scarlet_train::{
    Orders, PublishedSupernet, Sampling, Supernet, Teacher, TrainConfig, TrainError, Trainer,
};
use serde::{Deserialize, Serialize};

use super::stages::Run;
use super::{Input, RunConfig, SkipKind, SpaceSettings, Stage, folder};
use crate::RunError;
use crate::RunFolder;
use crate::report::card;
use crate::standalone::{Recipe, StandaloneConfig};

/// Training images that a candidate out of a published supernet is fitted to, and how many candidates are
/// looked at: each takes as long as some steps of training.
const FITTED_IMAGES: usize = 512;
const FITTED: usize = 100;

/// Candidates that a search among parts looks at: it begins with up to sixteen that people would try
/// by hand, and those that break a budget count too.
const PARTS: usize = 200;

/// In which order narrower blocks have their channels, so that the supernet can be used without the
/// network that it was made of.
const CHANNELS: &str = "supernet/channels.json";

/// What it holds.
#[derive(Serialize, Deserialize)]
struct Channels {
    /// A hash of the whole network's weights.
    network: String,
    /// Of every layer.
    orders: Vec<ChannelOrder>,
    /// Of the features, where there may be fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    features: Option<ChannelOrder>,
}

impl Channels {
    fn new(network: String, orders: Orders) -> Self {
        Self {
            network,
            orders: orders.layers,
            features: orders.features,
        }
    }

    fn orders(self) -> Orders {
        Orders {
            layers: self.orders,
            features: self.features,
        }
    }
}

/// Which published supernet candidates are taken out of, where they are.
pub(super) const PUBLISHED: &str = "supernet/published.json";

/// What it holds.
#[derive(Serialize, Deserialize)]
struct Published {
    /// What its authors call it.
    supernet: String,
    /// A hash of its weights.
    weights: String,
}

/// The weights of a network that the space's networks are parts of, or of a published supernet, whose
/// own parts they are then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WholeNetwork {
    /// The file of its weights, which must stay there until the run is over.
    pub weights: String,
    /// Where they come from, where the file does not say it: a name that `--origin` takes.
    #[serde(default)]
    pub origin: Option<String>,
    /// Shares of a block's hidden channels that its parts may have, besides all of them. What parts a
    /// published supernet has is its own, but for their resolutions.
    #[serde(default = "shares")]
    pub hidden: Vec<f64>,
    /// Whether kernels may be cut down.
    #[serde(default = "kernels")]
    pub kernels: bool,
    /// Shares of the features in front of the classifier that parts may have, besides all of them.
    #[serde(default = "features")]
    pub features: Vec<f64>,
    /// Shares of the resolution that parts may see images at, besides all of it.
    #[serde(default = "resolutions")]
    pub resolutions: Vec<f64>,
    /// What says which channels a narrower block keeps.
    #[serde(default)]
    pub importance: Importance,
}

fn shares() -> Vec<f64> {
    Elasticity::default().hidden
}

fn kernels() -> bool {
    Elasticity::default().kernels
}

fn features() -> Vec<f64> {
    Elasticity::default().features
}

fn resolutions() -> Vec<f64> {
    Elasticity::default().resolutions
}

impl WholeNetwork {
    /// Of these weights, with all that can be elastic.
    pub fn new(weights: impl Into<String>, origin: Option<String>) -> Self {
        Self {
            weights: weights.into(),
            origin,
            hidden: shares(),
            kernels: kernels(),
            features: features(),
            resolutions: resolutions(),
            importance: Importance::default(),
        }
    }

    /// How it sees photographs.
    pub(super) fn preprocessing(&self) -> Result<Preprocessing, TrainError> {
        Ok(self.open()?.architecture()?.preprocessing)
    }

    fn open(&self) -> Result<Opened, TrainError> {
        let options = OpenOptions {
            origin: self.origin.clone(),
            ..OpenOptions::default()
        };
        let weights = StateDict::open_with(Path::new(&self.weights), &options)?;
        Ok(match OfaSupernet::holds(&weights) {
            true => Opened::Supernet(OfaSupernet::read(&weights)?),
            false => Opened::Network(Box::new(weights)),
        })
    }
}

/// What the file of a whole network holds.
enum Opened {
    Network(Box<StateDict>),
    Supernet(OfaSupernet),
}

impl Opened {
    fn architecture(&self) -> Result<Architecture, TrainError> {
        match self {
            Self::Network(weights) => Ok(weights.architecture()?),
            Self::Supernet(supernet) => Ok(supernet.largest()),
        }
    }

    /// The weights of the whole network, and the supernet that they are of, if they are.
    fn into_whole(self) -> Result<(StateDict, Option<OfaSupernet>), TrainError> {
        match self {
            Self::Network(weights) => Ok((*weights, None)),
            Self::Supernet(supernet) => {
                let largest = supernet.network(&supernet.largest(), &Device::flex())?;
                Ok((largest.state_dict(), Some(supernet)))
            }
        }
    }
}

/// How the whole network is trained on the images before it is searched, unless its classifier is
/// already theirs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct WholeSettings {
    /// Probability of dropping a feature in front of the classifier.
    pub dropout: f64,
    /// The rest.
    #[serde(flatten)]
    pub recipe: TrainConfig,
}

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

impl RunConfig {
    /// The defaults for images at this source whose networks are to be parts of one that has
    /// weights: seen at the size that suits it, trained as trained networks
    /// are, with a budget of half its mult-adds.
    ///
    /// # Errors
    ///
    /// When there are no images there, or the weights cannot be read.
    pub fn for_parts_of(
        whole: WholeNetwork,
        source: &str,
        resolution: Option<usize>,
    ) -> Result<Self, RunError> {
        let mut config = Self::for_images(source, resolution);
        let mut finetune = StandaloneConfig::defaults(Recipe::Finetune, source)?;
        finetune.network.resolution = resolution;
        let opened = whole.open()?;
        let fitted = finetune.fitted(opened.architecture()?)?;
        config.data.resolution = Some(fitted.preprocessing.resolution);
        let recipe = finetune.train;
        config.whole = WholeSettings {
            dropout: finetune.network.dropout,
            recipe: recipe.clone(),
        };
        config.supernet.sampling = Sampling::Sandwich;
        config.supernet.recipe = TrainConfig {
            average_decay: None,
            ..recipe.clone()
        };
        config.train.inherit = true;
        config.train.dropout = finetune.network.dropout;
        config.train.recipe = recipe;
        let cost = Cost::of(&fitted, fitted.preprocessing.resolution)?;
        let half = (cost.mult_adds / 2) as f64;
        config.search.budget = vec![Constraint::new("mult_adds", Bound::AtMost, half)];
        config.search.evaluations = PARTS;
        if let Opened::Supernet(_) = opened {
            config.search.evaluations = FITTED;
            config.search.calibration_images = FITTED_IMAGES;
        }
        config.space = SpaceSettings::default();
        config.space.from = Some(whole);
        Ok(config)
    }
}

impl Run {
    /// Whether candidates are taken out of a supernet that others trained.
    pub(super) fn is_published(&self) -> bool {
        let whole = self.whole.as_ref();
        whole.is_some_and(|whole| whole.published.is_some())
    }

    /// That supernet.
    pub(super) fn published(&self) -> Result<Option<PublishedSupernet>, RunError> {
        let published = self.whole.as_ref().and_then(|it| it.published.clone());
        let space = || self.space.clone();
        let published = published.map(|it| PublishedSupernet::new(it, space(), &self.device));
        Ok(published.transpose()?)
    }

    /// That supernet, which is written down, and must be the same where the run goes on.
    pub(super) fn published_in(
        &self,
        folder: &RunFolder,
    ) -> Result<Option<PublishedSupernet>, RunError> {
        let Some(published) = self.published()? else {
            return Ok(None);
        };
        let given = published.fingerprint(Fingerprint::default()).finish();
        let path = folder.file(PUBLISHED);
        if path.try_exists().map_err(TrainError::read(&path))? {
            let kept: Published = folder.read_json(PUBLISHED)?;
            if kept.weights != given {
                return Err(other_weights(path, &kept.weights, &given).into());
            }
        } else {
            let supernet = published.name().to_owned();
            let weights = given;
            folder.write_json(PUBLISHED, &Published { supernet, weights })?;
        }
        Ok(Some(published))
    }

    /// The whole network, trained on the images, where the space is made of one: trains it, or goes
    /// on training it, or takes the trained one from the folder.
    ///
    /// # Errors
    ///
    /// When training diverges, a file cannot be read or written, or the observer stops the run.
    pub fn train_whole(&self, folder: &RunFolder) -> Result<Option<Scarlet>, RunError> {
        let Some(whole) = &self.whole else {
            return Ok(None);
        };
        let settings = &self.config.whole;
        let device = self.training_device();
        let network = whole.network(settings.dropout, settings.recipe.seed, &device)?;
        if whole.is_trained {
            return Ok(Some(network.valid()));
        }
        // So that other runs can start from it.
        let network = network.with_card(card(&self.config.data.source, &self.data.train))?;
        self.stage(folder, Stage::Whole, || {
            let trained = Trainer::new(settings.recipe.clone())
                .with_checkpoints(self.checkpoints(folder, folder::WHOLE))
                .with_observer(self.training_observer(Stage::Whole))
                .train(network, (), &self.data.train)?;
            self.unless_stopped(Stage::Whole, trained.completed)?;
            Ok(Some(trained.into_best()))
        })
    }

    /// How long the training of the whole network will take, in seconds, by a few of its steps.
    /// `other` is the folder that it is taken over from, if it is.
    pub(super) fn time_whole(&self, other: Option<&Path>) -> Result<f64, RunError> {
        let Some(whole) = self.whole.as_ref().filter(|whole| !whole.is_trained) else {
            return Ok(0.0);
        };
        if let Some(folder) = other
            && is_over(&folder.join(folder::WHOLE))?
        {
            return Ok(0.0);
        }
        let WholeSettings { dropout, recipe } = &self.config.whole;
        let network = whole.network(*dropout, recipe.seed, &self.training_device())?;
        let (_, step) = time_steps(recipe, network, None, (), &self.data.train, 2)?;
        Ok(step.as_secs_f64() * recipe.steps(self.data.train.len(), 1) as f64)
    }

    /// The whole network, trained or not, to measure how long it takes to learn from it.
    pub(super) fn untrained_whole(&self) -> Result<Option<Scarlet>, RunError> {
        let Some(whole) = &self.whole else {
            return Ok(None);
        };
        let WholeSettings { dropout, recipe } = &self.config.whole;
        let network = whole.network(*dropout, recipe.seed, &self.training_device())?;
        Ok(Some(network.valid()))
    }

    /// The supernet whose paths are parts of the untrained network, to measure how long things take.
    pub(super) fn untrained_supernet_of(&self, whole: &Whole) -> Result<Supernet, RunError> {
        let settings = &self.config.supernet;
        let device = self.training_device();
        let network = whole.network(settings.dropout, settings.recipe.seed, &device)?;
        let importance = whole.settings.importance;
        Ok(Supernet::elastic(network, self.space.clone(), importance)?)
    }

    /// The supernet whose paths are parts of `teacher`. Which channels they have is written down, and
    /// taken from there when the run goes on.
    pub(super) fn supernet_of(
        &self,
        whole: &Whole,
        teacher: &Scarlet,
        folder: &RunFolder,
    ) -> Result<Supernet, RunError> {
        let settings = &self.config.supernet;
        let device = self.training_device();
        let network = whole
            .network(settings.dropout, settings.recipe.seed, &device)?
            .load(&teacher.state_dict())
            .map_err(TrainError::from)?;
        let given = Fingerprint::default().weights(teacher).finish();
        let path = folder.file(CHANNELS);
        if path.try_exists().map_err(TrainError::read(&path))? {
            let kept: Channels = folder.read_json(CHANNELS)?;
            if kept.network != given {
                return Err(other_weights(path, &kept.network, &given).into());
            }
            return Ok(Supernet::elastic_by(
                network,
                self.space.clone(),
                kept.orders(),
            )?);
        }
        let importance = whole.settings.importance;
        let supernet = Supernet::elastic(network, self.space.clone(), importance)?;
        let channels = Channels::new(given, supernet.orders());
        folder.write_json(CHANNELS, &channels)?;
        Ok(supernet)
    }

    /// What candidates and the chosen network learn from besides the labels.
    pub(super) fn lesson_of(
        &self,
        teacher: Option<&Scarlet>,
        recipe: &TrainConfig,
    ) -> Option<Teacher> {
        // One that the settings name goes first.
        if recipe.teacher.is_some() {
            return None;
        }
        teacher.map(|network| Teacher {
            network: network.clone(),
            distillation: recipe.distillation,
        })
    }
}

/// The error that a run cannot go on with other weights than it began with.
fn other_weights(path: PathBuf, stored: &str, given: &str) -> TrainError {
    TrainError::SettingsChanged {
        path,
        setting: "space.from.weights".to_owned(),
        stored: format!("weights {stored}"),
        given: format!("weights {given}"),
    }
}

/// The parts of a network that keep all blocks with all of their kernels, all features and the same
/// share of hidden channels, as far as each can, at every resolution.
pub(super) fn equal_parts(space: &SearchSpace) -> Result<Vec<Genome>, RunError> {
    // Choices as wide as the first, then narrower.
    let of_layer = |layer: usize| {
        let choices = space.choices(layer);
        let kernel = |operation: &Operation| match operation {
            Operation::InvertedResidual(block) => Some(block.kernel),
            _ => None,
        };
        let whole = choices.first().and_then(kernel);
        let genes = (0..choices.len()).filter(|&gene| kernel(&choices[gene]) == whole);
        genes.map(|gene| gene as u8).collect::<Vec<_>>()
    };
    let widths: Vec<Vec<u8>> = (0..space.layers()).map(of_layer).collect();
    let shares = widths.iter().map(Vec::len).max().unwrap_or(0);
    let mut parts = Vec::new();
    for resolution in 0..space.resolutions().len() as u8 {
        for share in 0..shares {
            let layers = widths.iter().map(|genes| genes[share.min(genes.len() - 1)]);
            parts.push(space.genome(layers, 0, resolution)?);
        }
    }
    Ok(parts)
}

/// The name of the published supernet of a run's folder, if candidates are taken out of one.
pub(super) fn published_name(folder: &RunFolder) -> Result<Option<String>, RunError> {
    if !folder.file(PUBLISHED).exists() {
        return Ok(None);
    }
    Ok(Some(folder.read_json::<Published>(PUBLISHED)?.supernet))
}

/// The supernet of a run's folder with weights that are still to be read, where it is made of a
/// network.
pub(super) fn unread_supernet(
    folder: &RunFolder,
    space: &SearchSpace,
    device: &Device,
) -> Result<Option<Supernet>, RunError> {
    if !folder.file(CHANNELS).exists() {
        return Ok(None);
    }
    let orders = folder.read_json::<Channels>(CHANNELS)?.orders();
    let whole = space.decode(&space.first())?;
    let network = ScarletConfig::from(whole);
    let network = network.try_init(device).map_err(TrainError::from)?;
    Ok(Some(Supernet::elastic_by(network, space.clone(), orders)?))
}

/// Of the files of a run that another one takes its supernet from.
pub(super) const FILES: [&str; 5] = [
    CHANNELS,
    PUBLISHED,
    "whole/checkpoint.safetensors",
    "whole/events.jsonl",
    "whole/last.safetensors",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_parts_are_as_wide_everywhere() {
        let network = "C3@8/2:relu6 E1K3@8:relu6 E4K5@12/2 E6K3@12 C1@16 P32";
        let network: Architecture = network.parse().unwrap();
        let network = network.with_resolution(64);
        let elasticity = Elasticity {
            features: vec![],
            resolutions: vec![0.5],
            ..Elasticity::default()
        };
        let space = SearchSpace::elastic(&network, &elasticity).unwrap();
        let parts = equal_parts(&space).unwrap();
        // 32 hidden channels of kernel 5 and 3, 72 of kernel 3 with a skip; half the resolution.
        let texts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "0000", "2100", "4200", "6300", "0001", "2101", "4201", "6301"
            ]
        );
        for part in &parts {
            let part = space.decode(part).unwrap();
            assert!(part.layers()[0].operation.to_string().contains("K5"));
        }
    }
}
