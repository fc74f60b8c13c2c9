//! [`Part`]: a part of a network among the operations.

#[cfg(feature = "safetensors")]
use scarlet_arch::graph::Graph;
use serde::{Deserialize, Serialize};

/// A part of a network, as people speak of it, among the operations: from its first one on, up to
/// the next part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Files of earlier versions have none; see the module `file`.
    #[serde(default)]
    pub(crate) label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) layer: Option<usize>,
    pub(crate) first_operation: usize,
}

#[cfg(feature = "safetensors")]
impl Part {
    /// Those of a graph that do something. An operation is a node.
    pub(crate) fn all_of(graph: &Graph) -> Vec<Self> {
        let parts = graph.parts().iter().filter(|part| !part.nodes.is_empty());
        parts
            .map(|part| Self {
                name: part.name.clone(),
                label: part.label.clone(),
                layer: part.layer,
                first_operation: part.nodes.start,
            })
            .collect()
    }
}
