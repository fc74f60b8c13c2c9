//! Which network a search starts from, and how it is trained first.

use std::path::Path;

use burn::tensor::Device;
use scarlet::Importance;
use scarlet::weights::{OfaSupernet, OpenOptions, StateDict};
use scarlet_arch::{Architecture, Cost, Elasticity, Preprocessing};
use scarlet_search::{Bound, Constraint};
use scarlet_train::{Sampling, TrainConfig, TrainError};
use serde::{Deserialize, Serialize};

use crate::RunError;
use crate::pipeline::{RunConfig, SpaceSettings};
use crate::standalone::{Recipe, StandaloneConfig};

/// Training images that a candidate out of a published supernet is fitted to, and how many candidates are
/// looked at: each takes as long as some steps of training.
const FITTED_IMAGES: usize = 512;
const FITTED: usize = 100;

/// Candidates that a search among parts looks at: it begins with up to sixteen that people would try
/// by hand, and those that break a budget count too.
const PARTS: usize = 200;

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
    /// Shares of a block's hidden channels that its parts may have, in addition to all of them.
    /// What parts a published supernet has is its own, but for their resolutions.
    #[serde(default = "shares")]
    pub hidden: Vec<f64>,
    /// Whether kernels may be cut down.
    #[serde(default = "kernels")]
    pub kernels: bool,
    /// Shares of the features before the classifier that parts may have, in addition to all of
    /// them.
    #[serde(default = "features")]
    pub features: Vec<f64>,
    /// Shares of the resolution at which parts may see images, in addition to the full resolution.
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
    pub(in crate::pipeline) fn preprocessing(&self) -> Result<Preprocessing, TrainError> {
        Ok(self.open()?.architecture()?.preprocessing)
    }

    pub(super) fn open(&self) -> Result<Opened, TrainError> {
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
pub(super) enum Opened {
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
    pub(super) fn into_whole(self) -> Result<(StateDict, Option<OfaSupernet>), TrainError> {
        match self {
            Self::Network(weights) => Ok((*weights, None)),
            Self::Supernet(supernet) => {
                let largest = supernet.network(&supernet.largest(), &Device::flex())?;
                Ok((largest.state_dict(), Some(supernet)))
            }
        }
    }
}

/// How the whole network is trained on the images before it is searched, unless its classifier
/// already fits their classes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct WholeSettings {
    /// Probability of dropping a feature before the classifier.
    pub dropout: f64,
    /// The rest.
    #[serde(flatten)]
    pub recipe: TrainConfig,
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
