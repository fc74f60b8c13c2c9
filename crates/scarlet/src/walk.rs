//! The weights of a network, node after node of its graph.

use burn::module::{Param, ParamId, RunningState};
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, Linear};
use burn::tensor::Tensor;

#[allow(unused_imports, reason = "for the documentation")]
use scarlet_arch::graph::Graph;

use crate::Scarlet;
use crate::blocks::{ConvBn, SqueezeExcite};

/// The weights of one node of a network's [graph](scarlet_arch::graph::Graph).
pub(crate) enum NodeWeights<'a> {
    Conv {
        /// `[out, in / groups, kernel, kernel]`.
        weight: &'a mut Param<Tensor<4>>,
        bias: Option<&'a mut Param<Tensor<1>>>,
        norm: Option<&'a mut BatchNorm>,
    },
    SqueezeExcite(&'a mut SqueezeExcite),
    Linear(&'a mut Linear),
    /// Sums and means have none.
    None,
}

impl<'a> NodeWeights<'a> {
    pub(crate) fn conv(conv: &'a mut Conv2d, norm: &'a mut BatchNorm) -> Self {
        Self::Conv {
            weight: &mut conv.weight,
            bias: conv.bias.as_mut(),
            norm: Some(norm),
        }
    }

    pub(crate) fn conv_bn(pair: &'a mut ConvBn) -> Self {
        Self::conv(&mut pair.conv, &mut pair.bn)
    }

    fn norm(self) -> Option<&'a mut BatchNorm> {
        match self {
            Self::Conv { norm, .. } => norm,
            Self::SqueezeExcite(_) | Self::Linear(_) | Self::None => None,
        }
    }
}

impl NodeWeights<'_> {
    /// What says whether the node's normalisation learns.
    pub(crate) fn norm_flag(&self) -> Option<ParamId> {
        match self {
            Self::Conv { norm, .. } => norm.as_ref().map(|norm| norm.training.id),
            Self::SqueezeExcite(_) | Self::Linear(_) | Self::None => None,
        }
    }
}

/// Where one entry of a checkpoint stands.
pub(crate) enum Place<'a> {
    /// `[out, in / groups, kernel, kernel]`.
    Kernel(&'a mut Param<Tensor<4>>),
    /// `[inputs, outputs]`, where a checkpoint has `[outputs, inputs]`.
    Matrix(&'a mut Param<Tensor<2>>),
    Vector(&'a mut Param<Tensor<1>>),
    Statistic(&'a mut RunningState<Tensor<1>>),
}

impl Place<'_> {
    /// What the parameter goes by; nothing trains a statistic.
    pub(crate) fn id(&self) -> Option<ParamId> {
        match self {
            Self::Kernel(param) => Some(param.id),
            Self::Matrix(param) => Some(param.id),
            Self::Vector(param) => Some(param.id),
            Self::Statistic(_) => None,
        }
    }
}

impl NodeWeights<'_> {
    /// Where the node's [entries](Graph::entries_of) stand, in their order.
    pub(crate) fn places(&mut self) -> Vec<Place<'_>> {
        match self {
            Self::Conv { weight, bias, norm } => {
                let bias = bias.as_mut().map(|bias| Place::Vector(bias));
                let norm = norm.as_mut().map(|norm| {
                    [
                        Place::Vector(&mut norm.gamma),
                        Place::Vector(&mut norm.beta),
                        Place::Statistic(&mut norm.running_mean),
                        Place::Statistic(&mut norm.running_var),
                    ]
                });
                let places = [Place::Kernel(weight)].into_iter().chain(bias);
                places.chain(norm.into_iter().flatten()).collect()
            }
            Self::SqueezeExcite(excite) => {
                let SqueezeExcite {
                    squeeze_conv,
                    excite_conv,
                    ..
                } = &mut **excite;
                let places = [squeeze_conv, excite_conv].into_iter().flat_map(|conv| {
                    let bias = conv.bias.as_mut().map(Place::Vector);
                    [Place::Kernel(&mut conv.weight)].into_iter().chain(bias)
                });
                places.collect()
            }
            Self::Linear(linear) => {
                let bias = linear.bias.as_mut().map(Place::Vector);
                let places = [Place::Matrix(&mut linear.weight)].into_iter().chain(bias);
                places.collect()
            }
            Self::None => Vec::new(),
        }
    }
}

impl Scarlet {
    /// The weights of every node of the network's graph, in its order.
    pub(crate) fn node_weights(&mut self) -> Vec<NodeWeights<'_>> {
        let mut nodes = Vec::new();
        for block in &mut self.blocks {
            block.nodes(&mut nodes);
        }
        nodes.extend(self.head_conv.as_mut().map(NodeWeights::conv_bn));
        // The mean.
        nodes.push(NodeWeights::None);
        let hidden = self.hidden.as_mut();
        nodes.extend(hidden.map(|hidden| NodeWeights::Linear(&mut hidden.linear)));
        nodes.push(NodeWeights::Linear(&mut self.classifier));
        nodes
    }

    /// Those of the nodes after the blocks.
    pub(crate) fn head_weights(&mut self) -> Vec<NodeWeights<'_>> {
        let mut before = Vec::new();
        for block in &mut self.blocks {
            block.nodes(&mut before);
        }
        let before = before.len();
        self.node_weights().split_off(before)
    }

    /// All batch normalisations, in the order of computation.
    pub fn batch_norms_mut(&mut self) -> impl Iterator<Item = &mut BatchNorm> {
        self.node_weights()
            .into_iter()
            .filter_map(NodeWeights::norm)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;
    use scarlet_arch::graph::{Graph, Op};

    use super::*;
    use crate::{Architecture, ScarletConfig, zoo};

    /// The shape of an entry.
    fn shape(place: Place<'_>) -> Vec<usize> {
        match place {
            Place::Kernel(param) => param.lazy_shape().to_vec(),
            Place::Vector(param) => param.lazy_shape().to_vec(),
            Place::Matrix(param) => {
                let mut shape = param.lazy_shape().to_vec();
                shape.reverse();
                shape
            }
            Place::Statistic(state) => state.value().dims().to_vec(),
        }
    }

    #[test]
    fn weights_are_those_of_the_graphs_nodes() {
        let presets = zoo::networks().map(zoo::Network::architecture);
        let own = [
            "E1K3@16 L@24/2 - E3K5s@24 H40K7@24 L@24 E6K3s@40/2",
            "[swish, se swish sigmoid] C5@8 E3K3s2@12/2 E1K5a@12 C1@16/2 F32n",
            "C3@8/2 E1K3s@8 E3K3n@8 P24:relu F16:relu6",
            "C3@8/2 E1K3a@8 E1K3@12",
            "C7@8:swish C1@6:relu E3K3s(swish,h-sigmoid) L C1@12/2 H30K3an P24 F16",
        ];
        let own = own.map(|text| text.parse::<Architecture>().unwrap());
        for architecture in presets.chain(own) {
            let graph = Graph::of(&architecture);
            let config = ScarletConfig::from(architecture);
            let mut network = config.try_init(&Device::flex()).unwrap();
            let nodes = network.node_weights();
            assert_eq!(nodes.len(), graph.nodes().len());
            for (node, mut weights) in graph.nodes().iter().zip(nodes) {
                let has_none = matches!(node.op, Op::Add { .. } | Op::GlobalMean);
                assert_eq!(matches!(weights, NodeWeights::None), has_none);
                let entries = graph.entries_of(node).into_iter();
                let expected: Vec<_> = entries.map(|(_, shape)| shape).collect();
                let shapes: Vec<_> = weights.places().into_iter().map(shape).collect();
                assert_eq!(shapes, expected, "{}", graph.name(node));
            }
            let norms = graph.nodes().iter().filter(|node| node.norm.is_some());
            assert_eq!(network.batch_norms_mut().count(), norms.count());
        }
    }
}
