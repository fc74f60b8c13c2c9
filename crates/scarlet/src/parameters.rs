//! Parameters of a network: counting them and freezing parts of them.

use burn::module::{Flag, Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::tensor::Tensor;
use scarlet_arch::graph::{Graph, Part};

use crate::Scarlet;

impl Scarlet {
    /// Number of trainable values. Burn's `num_params` counts the running statistics of batch
    /// normalisation too, which nothing trains.
    pub fn count_parameters(&self) -> usize {
        let mut list = ParameterList::default();
        self.visit(&mut list);
        list.trainable_values
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
        let mut list = ParameterList::default();
        self.visit(&mut list);
        let mut ids = Vec::new();
        for prefix in prefixes {
            let prefix = prefix.as_ref();
            let before = ids.len();
            ids.extend(
                list.entries
                    .iter()
                    .filter(|(path, _)| is_below(path, prefix))
                    .map(|(_, id)| *id),
            );
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
        let mut list = ParameterList::default();
        self.visit(&mut list);
        let is_feature = |path: &str| !is_below(path, "classifier") && path != "dropout.training";
        let entries = list.entries.into_iter();
        let ids = entries.filter_map(|(path, id)| is_feature(&path).then_some(id));
        let ids = ParamGroup::from_ids(ids.collect());
        self.visit(&mut Draw);
        self.freeze_group(ids)
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

/// Everything in a network that has an identity, by its path.
#[derive(Default)]
struct ParameterList {
    path: Vec<String>,
    entries: Vec<(String, ParamId)>,
    trainable_values: usize,
}

impl ParameterList {
    fn add(&mut self, id: ParamId) {
        self.entries.push((self.path.join("."), id));
    }
}

/// The kind of a layer is not part of its name.
fn is_named(container: &str) -> bool {
    !container.starts_with("Enum:")
}

impl ModuleVisitor for ParameterList {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let statistics = matches!(
            self.path.last().map(String::as_str),
            Some("running_mean" | "running_var")
        );
        if !statistics {
            self.trainable_values += param.lazy_shape().num_elements();
        }
        self.add(param.id);
    }

    fn visit_flag(&mut self, flag: &Param<Flag>) {
        self.add(flag.id);
    }

    fn enter_module(&mut self, name: &str, container: &str) {
        if is_named(container) {
            self.path.push(name.to_owned());
        }
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        if is_named(container) {
            self.path.pop();
        }
    }
}
