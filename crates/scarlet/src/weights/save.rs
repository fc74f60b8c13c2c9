//! Taking weights out of a network, and writing files that say what they hold.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Tensor;
use scarlet_arch::graph::Graph;
use scarlet_engine::metadata::{ARCHITECTURE_KEY, CARD_KEY, FORMAT, FORMAT_KEY, later_format};

use super::{Entry, Precision, StateDict, WeightsError};
use crate::Scarlet;
use crate::walk::Place;

impl Scarlet {
    /// The network's weights and running statistics under the names of the released checkpoints,
    /// with the architecture and the [card](Self::card) as metadata. Each is copied from the device when it is read.
    pub fn state_dict(&self) -> StateDict {
        // Statistics that the last training step left in other threads are averaged in first,
        // and later steps do not reach the copy.
        let mut network = self.valid();
        let graph = Graph::of(network.architecture());
        let mut entries = Vec::new();
        for (node, mut weights) in graph.nodes().iter().zip(network.node_weights()) {
            let named = graph.entries_of(node).into_iter();
            let placed = named.zip(weights.places());
            entries.extend(placed.map(|((name, _), place)| place.entry(name)));
        }
        let architecture = self.architecture();
        let metadata = [
            // The framework whose layout the tensors have, as other tools expect it.
            ("format", "pt".to_owned()),
            (FORMAT_KEY, FORMAT.to_string()),
            (ARCHITECTURE_KEY, architecture.to_json()),
        ];
        let card = self.card().map(|card| (CARD_KEY, card.to_json()));
        let metadata: BTreeMap<String, String> = metadata
            .into_iter()
            .chain(card)
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        StateDict::from_entries(entries).with_metadata(metadata)
    }

    /// Writes the network as safetensors under the names of the released checkpoints, running
    /// statistics included, so that PyTorch's reference code reads it; and with its architecture,
    /// so that [`open`](Self::open) needs nothing else, and its [card](Self::card).
    ///
    /// The file appears whole or not at all.
    ///
    /// # Errors
    ///
    /// When a weight is not finite or too large for `precision`, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>, precision: Precision) -> Result<(), WeightsError> {
        self.state_dict().save(path, precision)
    }
}

impl Place<'_> {
    /// What stands here, to be read from the device later.
    fn entry(self, name: String) -> Entry {
        match self {
            Self::Kernel(param) => entry(name, param.val()),
            Self::Vector(param) => entry(name, param.val()),
            Self::Matrix(param) => entry(name, param.val().transpose()),
            Self::Statistic(state) => entry(name, state.value()),
        }
    }
}

fn entry<const D: usize>(name: String, tensor: Tensor<D>) -> Entry {
    let (shape, dtype) = (tensor.dims().to_vec(), tensor.dtype());
    Entry::new(name, shape, dtype, move || {
        let data = tensor.to_data();
        Ok(data.as_bytes().to_vec())
    })
}

/// Refuses files of a later format.
pub(super) fn check_format(weights: &StateDict) -> Result<(), WeightsError> {
    match later_format(weights.metadata()) {
        None => Ok(()),
        Some(found) => Err(WeightsError::NewerFormat {
            path: weights.path().to_owned(),
            found: found.to_owned(),
            known: FORMAT,
        }),
    }
}
