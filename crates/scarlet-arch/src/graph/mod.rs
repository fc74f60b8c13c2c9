//! [`Graph`]: the operations of a network, without weights.
//!
//! A network is walked once, here. Whoever needs a fact about it, such as what it costs, what its
//! weights are called or which operations it is lowered to, reads the nodes.
//!
//! ```
//! use scarlet_arch::graph::{Graph, Op};
//! use scarlet_arch::scarlet_a;
//!
//! let graph = Graph::of(&scarlet_a());
//! graph.check()?;
//! let layer = &graph.parts()[5];
//! assert_eq!((layer.name.as_str(), layer.label.as_str()), ("mb_module.3", "E3K7s"));
//! let nodes = graph.nodes_of(layer);
//! let names: Vec<&str> = nodes.iter().map(|node| node.name).collect();
//! assert_eq!(names, ["conv1", "conv2", "mid_se", "conv3", "shortcut"]);
//! assert_eq!(graph.name(&nodes[0]), "mb_module.3.conv1");
//! assert!(matches!(nodes[1].op, Op::Conv { kernel: 7, stride: 1, .. }));
//! // Heights and widths of images of 97 pixels on their way.
//! let sizes = graph.sizes(97, 97);
//! assert_eq!(sizes[layer.nodes.end - 1], [13, 13]);
//! # Ok::<(), scarlet_arch::graph::GraphError>(())
//! ```

mod builder;
mod check;
mod op;
mod sizes;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use crate::BatchNormSpec;

pub(crate) use builder::{GraphBuilder, PartBuilder};
pub use check::GraphError;
pub use op::Op;

/// The operations of a network in the order of computation, and the parts that they make up.
///
/// The nodes are a chain: the first reads the image and each other one the node before it; an
/// [`Op::Add`] reads an earlier one too. [`check`](Self::check) lists all that a reader may rely on.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    input_channels: usize,
    nodes: Vec<Node>,
    parts: Vec<Part>,
}

/// One operation, without its weights.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Node {
    /// Its name below that of its part; empty where it has the part's own. Both together are its
    /// [only name](Graph::name).
    pub name: &'static str,
    /// Index of its part.
    pub part: usize,
    /// What it does.
    pub op: Op,
    /// What it reads.
    pub input: Features,
    /// What it makes of that.
    pub output: Features,
    /// The batch normalisation between a convolution and its activation.
    pub norm: Option<Norm>,
}

impl Node {
    /// Whether it is a convolution of every channel by itself.
    pub fn is_depthwise(&self) -> bool {
        let channels = [self.input.channels, self.output.channels];
        matches!(self.op, Op::Conv { groups, .. } if channels == [groups; 2])
    }
}

/// A batch normalisation.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Norm {
    /// Name of its entries in a checkpoint, below that of its part.
    pub name: &'static str,
    /// Its constants.
    pub spec: BatchNormSpec,
}

/// The shape of what flows from one node to another, whatever the size of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Features {
    /// Channels.
    pub channels: usize,
    /// The product of all strides up to here; `None` of a vector, which has one value a channel.
    pub stride: Option<usize>,
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stride {
            Some(stride) => write!(f, "{} channels at stride {stride}", self.channels),
            None => write!(f, "a vector of {}", self.channels),
        }
    }
}

/// A part of a network, as people speak of it: the stem, a layer, the classifier.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Part {
    /// Its only name: the prefix of its entries in a checkpoint.
    pub name: String,
    /// For one of the architecture's layers, its index, from 0.
    pub layer: Option<usize>,
    /// What it does, for people: a layer's operation as text, or a few words such as `3×3 conv`.
    /// [Channels and stride](Self::stride) are not in it.
    pub label: String,
    /// Indices of its nodes; none for a part that does nothing.
    pub nodes: Range<usize>,
    /// What reaches it.
    pub input: Features,
    /// What leaves it.
    pub output: Features,
}

impl Part {
    /// How many times smaller its output is than its input; 1 where it ends in a vector.
    pub fn stride(&self) -> usize {
        match (self.input.stride, self.output.stride) {
            (Some(before), Some(after)) => after / before.max(1),
            _ => 1,
        }
    }

    /// Its label with its stride, where that is not 1, such as `E3K7 /2`.
    pub fn description(&self) -> String {
        match self.stride() {
            1 => self.label.clone(),
            stride => format!("{} /{stride}", self.label),
        }
    }
}

impl Graph {
    /// Channels of the image.
    pub fn input_channels(&self) -> usize {
        self.input_channels
    }

    /// The operations in the order of computation.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The parts in the order of computation, those that do nothing among them.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The operations of one of this graph's parts.
    ///
    /// # Panics
    ///
    /// May panic for a part of another graph.
    pub fn nodes_of(&self, part: &Part) -> &[Node] {
        &self.nodes[part.nodes.clone()]
    }

    /// The only name of one of this graph's nodes: that of its weights in a checkpoint, without
    /// `.weight` or `.bias`. What has no weights is named in the same way.
    ///
    /// # Panics
    ///
    /// May panic for a node of another graph.
    pub fn name(&self, node: &Node) -> String {
        self.below(node.part, node.name)
    }

    /// A name below that of a part.
    pub(crate) fn below(&self, part: usize, name: &str) -> String {
        let part = self.parts[part].name.as_str();
        match name {
            "" => part.to_owned(),
            _ => format!("{part}.{name}"),
        }
    }
}
