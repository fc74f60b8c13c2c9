//! [`GraphBuilder`]: a graph, part after part and node after node.

use super::{Features, Graph, Node, Norm, Op, Part};
use crate::{Activation, BatchNormSpec, Gate, Padding};

/// A graph that is being built.
pub(crate) struct GraphBuilder {
    graph: Graph,
    style: Style,
}

/// What all convolutions of a network have in common.
#[derive(Clone, Copy)]
struct Style {
    padding: Padding,
    norm: BatchNormSpec,
}

impl GraphBuilder {
    /// A graph for images of so many channels, whose convolutions all have this padding and, where
    /// they are normalised, these constants.
    pub(crate) fn new(input_channels: usize, padding: Padding, norm: BatchNormSpec) -> Self {
        Self {
            graph: Graph {
                input_channels,
                nodes: Vec::new(),
                parts: Vec::new(),
            },
            style: Style { padding, norm },
        }
    }

    /// The next part, to be filled with nodes.
    pub(crate) fn part(
        &mut self,
        name: impl Into<String>,
        layer: Option<usize>,
        label: impl Into<String>,
    ) -> PartBuilder<'_> {
        let Graph {
            input_channels,
            nodes,
            parts,
        } = &mut self.graph;
        let image = Features {
            channels: *input_channels,
            stride: Some(1),
        };
        let input = parts.last().map_or(image, |part| part.output);
        PartBuilder {
            index: parts.len(),
            part: parts.push_mut(Part {
                name: name.into(),
                layer,
                label: label.into(),
                nodes: nodes.len()..nodes.len(),
                input,
                output: input,
            }),
            nodes,
            style: self.style,
        }
    }

    pub(crate) fn finish(self) -> Graph {
        self.graph
    }
}

/// A part that is being built. Each node reads the one before it. Nodes are named below the part;
/// an empty name is the part's own.
pub(crate) struct PartBuilder<'a> {
    index: usize,
    part: &'a mut Part,
    nodes: &'a mut Vec<Node>,
    style: Style,
}

impl PartBuilder<'_> {
    /// Channels of what the next node reads.
    pub(crate) fn channels(&self) -> usize {
        self.part.output.channels
    }

    /// The node that the next one reads; `None` where that is the image.
    pub(crate) fn last(&self) -> Option<usize> {
        self.nodes.len().checked_sub(1)
    }

    /// A dense convolution without bias.
    pub(crate) fn conv(
        &mut self,
        name: &'static str,
        channels: usize,
        kernel: usize,
        stride: usize,
    ) -> ConvBuilder<'_> {
        self.grouped(name, channels, kernel, stride, 1)
    }

    /// A 1×1 convolution without bias.
    pub(crate) fn pointwise(&mut self, name: &'static str, channels: usize) -> ConvBuilder<'_> {
        self.grouped(name, channels, 1, 1, 1)
    }

    /// A depthwise convolution without bias.
    pub(crate) fn depthwise(
        &mut self,
        name: &'static str,
        kernel: usize,
        stride: usize,
    ) -> ConvBuilder<'_> {
        let channels = self.channels();
        self.grouped(name, channels, kernel, stride, channels)
    }

    fn grouped(
        &mut self,
        name: &'static str,
        channels: usize,
        kernel: usize,
        stride: usize,
        groups: usize,
    ) -> ConvBuilder<'_> {
        let before = self.part.output.stride;
        let output = Features {
            channels,
            // Saturates, so that a network may be looked at before it is validated.
            stride: before.map(|before| before.saturating_mul(stride)),
        };
        let op = Op::Conv {
            kernel,
            stride,
            groups,
            padding: self.style.padding,
            activation: None,
            bias: false,
        };
        let spec = self.style.norm;
        let node = self.push(name, op, output);
        ConvBuilder { node, spec }
    }

    /// A squeeze-excite with `inner` channels between its convolutions.
    pub(crate) fn squeeze_excite(
        &mut self,
        name: &'static str,
        inner: usize,
        activation: Activation,
        gate: Gate,
    ) {
        let op = Op::SqueezeExcite {
            inner,
            activation,
            gate,
        };
        self.push(name, op, self.part.output);
    }

    /// Adds what the node `from` made.
    pub(crate) fn add(&mut self, name: &'static str, from: usize) {
        self.push(name, Op::Add { from }, self.part.output);
    }

    /// The mean over all pixels.
    pub(crate) fn global_mean(&mut self, name: &'static str) {
        let output = Features {
            stride: None,
            ..self.part.output
        };
        self.push(name, Op::GlobalMean, output);
    }

    /// A fully connected layer.
    pub(crate) fn linear(
        &mut self,
        name: &'static str,
        channels: usize,
        activation: Option<Activation>,
        bias: bool,
    ) {
        let output = Features {
            channels,
            stride: None,
        };
        self.push(name, Op::Linear { activation, bias }, output);
    }

    fn push(&mut self, name: &'static str, op: Op, output: Features) -> &mut Node {
        self.part.nodes.end += 1;
        self.nodes.push_mut(Node {
            name,
            part: self.index,
            op,
            input: std::mem::replace(&mut self.part.output, output),
            output,
            norm: None,
        })
    }
}

/// A convolution that was just added.
pub(crate) struct ConvBuilder<'a> {
    node: &'a mut Node,
    spec: BatchNormSpec,
}

impl ConvBuilder<'_> {
    /// With a batch normalisation of this name, below the part's.
    pub(crate) fn norm(self, name: &'static str) -> Self {
        self.node.norm = Some(Norm {
            name,
            spec: self.spec,
        });
        self
    }

    /// With an activation at the end.
    pub(crate) fn activation(self, chosen: Activation) -> Self {
        if let Op::Conv { activation, .. } = &mut self.node.op {
            *activation = Some(chosen);
        }
        self
    }
}
