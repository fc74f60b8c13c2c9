//! Putting weights into a network.

use std::sync::{Mutex, PoisonError};

use burn::module::RunningState;
use burn::store::burn_pack;
use burn::store::{ModuleSnapshot, PyTorchToBurnAdapter};
use burn::tensor::{DType, Device, Tensor, TensorData};
use scarlet_arch::Architecture;

use super::names::{is_of_classifier, module_path};
use super::recognise::ARCHITECTURE_KEY;
use super::save::check_format;
use super::{LoadReport, StateDict, WeightsError, foreign, recognise};
use crate::card::CARD_KEY;
use crate::{CardError, ConfigError, ModelCard, Scarlet, ScarletConfig};

/// Which weights are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoadOptions {
    without_classifier: bool,
}

impl LoadOptions {
    /// All weights.
    pub fn new() -> Self {
        Self::default()
    }

    /// All but the classifier's: the network keeps its own, whatever the file holds there. For
    /// training on other classes.
    pub fn without_classifier(mut self) -> Self {
        self.without_classifier = true;
        self
    }

    fn loads_classifier(&self) -> bool {
        !self.without_classifier
    }

    /// Whether the entry of this reference name is loaded.
    pub(super) fn loads(&self, name: &str) -> bool {
        !(self.without_classifier && is_of_classifier(name))
    }
}

impl Scarlet {
    /// Puts weights into the network: every entry must be there, of the right shape, finite, and
    /// used. Any of the [known namings](super::Naming) will do.
    ///
    /// Copies made of this network before keep their own weights and statistics. The network's
    /// [card](Self::card) becomes that of the weights, if they have one that fits.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] names what is missing, unused, or of the wrong shape, with the nearest
    /// match; says so when the file holds another known network or another number of classes;
    /// and names the entry that cannot be read or is not finite.
    pub fn load(self, weights: &StateDict) -> Result<Self, WeightsError> {
        self.load_with(weights, &LoadOptions::new())
    }

    /// As [`load`](Self::load), for a part of the weights.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_with(
        mut self,
        weights: &StateDict,
        options: &LoadOptions,
    ) -> Result<Self, WeightsError> {
        let report = LoadReport::compare(self.architecture(), weights, options);
        if !report.is_exact() {
            return Err(explain(self.architecture(), weights, report));
        }
        let dtype = self.device().settings().float_dtype.into();
        let tensors = read_all(weights, options, dtype)?;
        let expected = tensors.len();
        detach_running_statistics(&mut self);
        let applied = self.apply(tensors, None, Some(Box::new(PyTorchToBurnAdapter)), true);
        if !applied.errors.is_empty() || applied.applied.len() != expected {
            return Err(WeightsError::Apply(applied.to_string()));
        }
        // A card that is damaged or of other classes never stops the weights.
        let card = weights.card().ok().flatten();
        let fits = |card: &ModelCard| card.check(self.architecture().classes).is_ok();
        self.card = match options.loads_classifier() {
            true => card.filter(fits).map(Box::new),
            false => None,
        };
        Ok(self)
    }

    /// Builds the network that a file holds and loads it: from the file's own description where
    /// [`save`](Self::save) wrote one, else as [`recognise`] finds it.
    ///
    /// # Errors
    ///
    /// As [`StateDict::open`] and [`load`](Self::load), and [`WeightsError::UnknownNetwork`]
    /// when the file does not say which network it holds.
    pub fn open(path: impl AsRef<std::path::Path>, device: &Device) -> Result<Self, WeightsError> {
        let weights = StateDict::open(path)?;
        let architecture = weights.architecture()?;
        ScarletConfig::from(architecture)
            .try_init(device)
            .map_err(|error| unusable(&weights, error))?
            .load(&weights)
    }
}

impl StateDict {
    /// What the weights' file says of the network, besides how it is built; `None` where it says
    /// nothing. Whether it fits the network is for [`ModelCard::check`] to say.
    ///
    /// # Errors
    ///
    /// [`CardError`] when it cannot be read.
    pub fn card(&self) -> Result<Option<ModelCard>, CardError> {
        let json = self.metadata().get(CARD_KEY);
        json.map(|json| ModelCard::from_json(json)).transpose()
    }

    /// The network that these weights are of: by the description that
    /// [`Scarlet::save`] writes, else as [`recognise`] finds it.
    ///
    /// # Errors
    ///
    /// [`WeightsError::UnknownNetwork`] when nothing tells, and [`WeightsError`] when the
    /// description is of a later format or cannot be used.
    pub fn architecture(&self) -> Result<Architecture, WeightsError> {
        check_format(self)?;
        match self.metadata().get(ARCHITECTURE_KEY) {
            Some(json) => {
                Architecture::from_json(json).map_err(|error| unusable(self, error.into()))
            }
            None => match recognise(self) {
                Some(found) => Ok(found.architecture),
                None => Err(self.unknown_network()),
            },
        }
    }
}

impl StateDict {
    /// Says as much as is known about a file that fits no network here.
    fn unknown_network(&self) -> WeightsError {
        const OTHER: &str = "it is none of the networks that are known here; if its layers are of \
                             their kind, describe it in a JSON file and name that with --model";
        let path = self.path().to_owned();
        let known = foreign::find(self);
        match (known, self.origin()) {
            (Some(known), _) => WeightsError::ForeignNetwork {
                path,
                name: known.name.to_owned(),
                lacks: known.lacks,
            },
            (None, Some(origin)) => WeightsError::ForeignNetwork {
                path,
                name: format!("{} (says {})", origin.name, origin.place),
                lacks: OTHER,
            },
            (None, None) => WeightsError::UnknownNetwork(path),
        }
    }
}

fn unusable(weights: &StateDict, source: ConfigError) -> WeightsError {
    WeightsError::Description {
        path: weights.path().to_owned(),
        source: Box::new(source),
    }
}

/// Says why a file does not fit in the fewest words that are true.
fn explain(asked: &Architecture, weights: &StateDict, report: LoadReport) -> WeightsError {
    let only_classifier = report
        .wrong_shape
        .iter()
        .all(|(name, ..)| name.starts_with("classifier."));
    if report.missing.is_empty()
        && report.unused.is_empty()
        && only_classifier
        && let Some(&found) = report
            .wrong_shape
            .first()
            .and_then(|(_, _, found)| found.first())
        && found != asked.classes
    {
        return WeightsError::OtherClassCount {
            found,
            asked: asked.classes,
        };
    }
    let report = Box::new(report);
    let asked = describe(asked);
    match recognise(weights) {
        Some(found) => WeightsError::OtherNetwork {
            found: describe(&found.architecture),
            asked,
            report,
        },
        None => WeightsError::Misfit { asked, report },
    }
}

/// A network's name, or its layers where it has none.
fn describe(architecture: &Architecture) -> String {
    match architecture.name.as_str() {
        "custom" => format!("the network {architecture}"),
        name => name.to_owned(),
    }
}

/// Reads and checks everything before anything is changed.
fn read_all(
    weights: &StateDict,
    options: &LoadOptions,
    dtype: DType,
) -> Result<Vec<burn_pack::Tensor>, WeightsError> {
    weights
        .with_reference_names()
        .entries()
        .iter()
        .filter(|entry| !entry.is_step_counter() && options.loads(entry.name()))
        .map(|entry| {
            let data = entry.read_finite(dtype)?;
            Ok(hand_over(module_path(entry.name()), data))
        })
        .collect()
}

/// A tensor whose bytes move into the network. Burn would copy bytes that are simply there,
/// since it cannot know that nobody else needs them.
fn hand_over(name: String, data: TensorData) -> burn_pack::Tensor {
    let (bytes, shape, dtype) = data.into_parts();
    let length = bytes.len();
    let bytes = Mutex::new(Some(bytes));
    burn_pack::Tensor::deferred(name, dtype, shape, None, length, move || {
        let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.take().ok_or_else(|| {
            burn_pack::Error::ValidationError("the bytes were taken already".to_owned())
        })
    })
}

/// Gives the network running statistics of its own. Burn's clones share them, and loading writes
/// into them in place; statistics that wait to be averaged over threads would overwrite what is
/// loaded.
fn detach_running_statistics(network: &mut Scarlet) {
    let own = |state: &RunningState<Tensor<1>>| RunningState::new(state.value());
    for norm in network.batch_norms_mut() {
        norm.running_mean = own(&norm.running_mean);
        norm.running_var = own(&norm.running_var);
    }
}
