//! Parameters of a network: counting them and freezing parts of them.

use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::tensor::Tensor;
use scarlet_arch::graph::{Graph, Part};

use crate::Scarlet;

impl Scarlet {
    /// Number of trainable values. Burn's `num_params` counts the running statistics of batch
    /// normalisation too, which nothing trains.
    pub fn count_parameters(&self) -> usize {
        let graph = Graph::of(self.architecture());
        let entries = graph.entries().into_iter();
        let trained = entries.filter(|(name, _)| !name.contains(".running_"));
        trained
            .map(|(_, shape)| shape.iter().product::<usize>())
            .sum()
    }

    /// Freezes every part of the network whose name starts with one of `prefixes` (`stem`,
    /// `mb_module.3`, `mb_module.0.conv1`, …): its weights get no gradients, and its batch
    /// normalisation uses its running statistics and keeps them.
    ///
    /// A prefix stands for whole names: `mb_module.1` is not `mb_module.10`.
    ///
    /// # Errors
    ///
    /// [`UnknownPrefix`] when a prefix matches nothing.
    pub fn freeze_prefixes<S: AsRef<str>>(self, prefixes: &[S]) -> Result<Self, UnknownPrefix> {
        let named = self.named_ids();
        let mut ids = Vec::new();
        for prefix in prefixes {
            let prefix = prefix.as_ref();
            let before = ids.len();
            let below = named.iter().filter(|(name, _)| is_below(name, prefix));
            ids.extend(below.map(|(_, id)| *id));
            if ids.len() == before {
                return Err(UnknownPrefix {
                    prefix: prefix.to_owned(),
                    parts: part_names(&Graph::of(self.architecture())),
                });
            }
        }
        self.visit(&mut Draw);
        Ok(self.freeze_group(ParamGroup::from_ids(ids)))
    }

    /// Freezes all but the classifier: a step then trains it alone, on the features as they are in
    /// inference.
    pub fn freeze_features(self) -> Self {
        let named = self.named_ids().into_iter();
        let features = named.filter(|(name, _)| !is_below(name, "classifier"));
        let ids = ParamGroup::from_ids(features.map(|(_, id)| id).collect());
        self.visit(&mut Draw);
        self.freeze_group(ids)
    }

    /// For each of the graph's parts, in its order, the parameters in it.
    pub fn part_parameters(&self) -> Vec<Vec<ParamId>> {
        let graph = Graph::of(self.architecture());
        let mut parts = vec![Vec::new(); graph.parts().len()];
        // It shares the parameters.
        let mut network = self.clone();
        for (node, mut weights) in graph.nodes().iter().zip(network.node_weights()) {
            let places = weights.places().into_iter();
            parts[node.part].extend(places.filter_map(|place| place.id()));
        }
        parts
    }

    /// Everything that is trained, by its name in a checkpoint, in the order of computation.
    pub fn named_parameters(&self) -> Vec<(String, ParamId)> {
        let graph = Graph::of(self.architecture());
        let mut network = self.clone();
        let mut named = Vec::new();
        for (node, mut weights) in graph.nodes().iter().zip(network.node_weights()) {
            let names = graph.entries_of(node).into_iter().map(|(name, _)| name);
            let placed = names.zip(weights.places());
            named.extend(placed.filter_map(|(name, place)| Some((name, place.id()?))));
        }
        named
    }

    /// All that can be frozen, by its name or that of its part: weights, and what says whether a normalisation learns and a block may be left out.
    fn named_ids(&self) -> Vec<(String, ParamId)> {
        let graph = Graph::of(self.architecture());
        let mut ids = self.named_parameters();
        let mut network = self.clone();
        for (node, weights) in graph.nodes().iter().zip(network.node_weights()) {
            let norm = weights.norm_flag();
            if let (Some(flag), Some(norm)) = (norm, graph.norm_name(node)) {
                ids.push((norm, flag));
            }
        }
        for (part, block) in graph.parts().iter().zip(&mut network.blocks) {
            if let Some(drop_path) = block.drop_path() {
                ids.push((part.name.clone(), drop_path.training.id));
            }
        }
        ids
    }
}

/// A prefix that no part of the network has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no part of the network is named `{prefix}`; there are {parts}, and what is inside them")]
#[non_exhaustive]
pub struct UnknownPrefix {
    /// The prefix.
    pub prefix: String,
    /// Which parts there are, in words.
    pub parts: String,
}

/// The names of the parts that do something; of layers, the first and the last.
fn part_names(graph: &Graph) -> String {
    let parts = graph.parts().iter().filter(|part| !part.nodes.is_empty());
    let parts: Vec<&Part> = parts.collect();
    let runs = parts.chunk_by(|a, b| a.layer.is_some() && b.layer.is_some());
    let runs = runs.filter_map(|run| match run {
        [] => None,
        [part] => Some(format!("`{}`", part.name)),
        [first, .., last] => Some(format!("`{}` to `{}`", first.name, last.name)),
    });
    let mut runs: Vec<String> = runs.collect();
    match runs.pop() {
        Some(last) if !runs.is_empty() => format!("{} and {last}", runs.join(", ")),
        last => last.unwrap_or_default(),
    }
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Draws the weights that are not drawn yet. Until then Burn's clones share them, and to freeze one
/// network would freeze all that it was cloned from.
struct Draw;

impl ModuleVisitor for Draw {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let _ = param.val();
    }
}
