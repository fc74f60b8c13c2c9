//! Putting weights into a network.

use std::collections::HashMap;

use burn::module::{Param, RunningState};
use burn::tensor::{DType, Device, Tensor, TensorData};
use scarlet_arch::graph::Graph;
use scarlet_arch::{Architecture, OnceForAll};
use scarlet_engine::metadata::{ARCHITECTURE_KEY, CARD_KEY};

use super::names::is_of_classifier;
use super::save::check_format;
use super::{
    LoadReport, StateDict, WeightsError, foreign, ofa, recognise, recognise_without_classifier,
};
use crate::walk::Place;
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
        // Everything is read before anything is changed.
        let values = read_all(weights, options, dtype)?;
        put(&mut self, values);
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
    /// What the weights' file says of the network, apart from how it is built; `None` where it says
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
        const OTHER: &str = "it is not one of the networks known here; if its layers are of \
                             their kind, describe it in a JSON file and name that with --model";
        const SUPERNET: &str = "it holds all networks of a search space at once, among which \
                                `scarlet search --from` chooses";
        const BODY: &str = "its classifier is missing, is more than one fully connected layer, or has a \
                            name of its own (--rename NAME=classifier); `scarlet finetune` puts a new \
                            one in its place";
        let path = self.path().to_owned();
        if let Some(supernet) = ofa::find(self) {
            return WeightsError::ForeignNetwork {
                path,
                name: supernet_name(supernet),
                lacks: SUPERNET,
            };
        }
        if let Some(found) = recognise_without_classifier(self) {
            return WeightsError::ForeignNetwork {
                path,
                name: found.architecture.name,
                lacks: BODY,
            };
        }
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

pub(super) fn unusable(weights: &StateDict, source: ConfigError) -> WeightsError {
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
    let network = recognise(weights).map(|found| describe(&found.architecture));
    match network.or_else(|| ofa::find(weights).map(supernet_name)) {
        Some(found) => WeightsError::OtherNetwork {
            found,
            asked,
            report,
        },
        None => WeightsError::Misfit { asked, report },
    }
}

fn supernet_name(supernet: OnceForAll) -> String {
    format!("Once-for-All's supernet {}", supernet.name())
}

/// A network's name, or its text where it has none.
fn describe(architecture: &Architecture) -> String {
    match architecture.name.as_str() {
        "custom" => format!("the network {architecture}"),
        name => name.to_owned(),
    }
}

/// All values that are loaded, finite, by their names.
fn read_all(
    weights: &StateDict,
    options: &LoadOptions,
    dtype: DType,
) -> Result<HashMap<String, TensorData>, WeightsError> {
    weights
        .with_reference_names()
        .entries()
        .iter()
        .filter(|entry| !entry.is_step_counter() && options.loads(entry.name()))
        .map(|entry| Ok((entry.name().to_owned(), entry.read_finite(dtype)?)))
        .collect()
}

/// Moves values into the network, node after node of its graph. Their shapes fit.
pub(super) fn put(network: &mut Scarlet, mut values: HashMap<String, TensorData>) {
    let graph = Graph::of(network.architecture());
    for (node, mut weights) in graph.nodes().iter().zip(network.node_weights()) {
        for ((name, _), place) in graph.entries_of(node).iter().zip(weights.places()) {
            if let Some(values) = values.remove(name) {
                place.put(values);
            }
        }
    }
}

impl Place<'_> {
    /// Burn's clones of a network share running statistics, and statistics that wait to be averaged
    /// over threads would overwrite what is loaded: the network gets statistics of its own.
    fn put(self, values: TensorData) {
        match self {
            Self::Kernel(param) => set(param, values, |values, device| {
                Tensor::from_data(values, device)
            }),
            Self::Vector(param) => set(param, values, |values, device| {
                Tensor::from_data(values, device)
            }),
            // Burn keeps `[inputs, outputs]`.
            Self::Matrix(param) => set(param, values, |values, device| {
                Tensor::<2>::from_data(values, device).transpose()
            }),
            Self::Statistic(state) => {
                let device = state.value().device();
                *state = RunningState::new(Tensor::from_data(values, &device));
            }
        }
    }
}

/// Replaces the values of a parameter, which stays the same one, trained or frozen as it was.
fn set<const D: usize>(
    param: &mut Param<Tensor<D>>,
    values: TensorData,
    tensor: impl Fn(TensorData, &Device) -> Tensor<D> + Send + Sync,
) {
    let (device, is_trained) = (param.lazy_device(), param.is_require_grad());
    // As Burn makes its own weights: they live as long as the network.
    let values = device.memory_persistent_allocations(values, |values| tensor(values, &device));
    *param = Param::initialized(param.id, values).set_require_grad(is_trained);
}
