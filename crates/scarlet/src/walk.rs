//! The weights of a network, node after node of its graph.

use burn::module::Param;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, Linear};
use burn::tensor::Tensor;

use crate::blocks::{ConvBn, InvertedResidual, SqueezeExcite};
use crate::{MbLayer, Scarlet};

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
    fn conv(conv: &'a mut Conv2d, norm: &'a mut BatchNorm) -> Self {
        Self::Conv {
            weight: &mut conv.weight,
            bias: conv.bias.as_mut(),
            norm: Some(norm),
        }
    }

    fn conv_bn(pair: &'a mut ConvBn) -> Self {
        Self::conv(&mut pair.conv, &mut pair.bn)
    }

    fn norm(self) -> Option<&'a mut BatchNorm> {
        match self {
            Self::Conv { norm, .. } => norm,
            Self::SqueezeExcite(_) | Self::Linear(_) | Self::None => None,
        }
    }
}

impl Scarlet {
    /// The weights of every node of the network's graph, in its order.
    pub(crate) fn node_weights(&mut self) -> Vec<NodeWeights<'_>> {
        let separable = &mut self.separable_conv;
        let mut nodes = vec![
            NodeWeights::conv_bn(&mut self.stem),
            NodeWeights::conv_bn(&mut separable.depthwise),
            NodeWeights::conv_bn(&mut separable.pointwise),
        ];
        for layer in &mut self.mb_module {
            match layer {
                MbLayer::Identity(_) => {}
                MbLayer::Linear(stabilizer) => nodes.push(NodeWeights::Conv {
                    weight: &mut stabilizer.weight,
                    bias: None,
                    norm: None,
                }),
                MbLayer::InvertedResidual(block) => add_block(block, &mut nodes),
            }
        }
        nodes.extend([
            NodeWeights::conv_bn(&mut self.conv_before_pooling),
            NodeWeights::None,
            NodeWeights::Linear(&mut self.classifier),
        ]);
        nodes
    }

    /// All batch normalisations, in the order of computation.
    pub fn batch_norms_mut(&mut self) -> impl Iterator<Item = &mut BatchNorm> {
        self.node_weights()
            .into_iter()
            .filter_map(NodeWeights::norm)
    }
}

fn add_block<'a>(block: &'a mut InvertedResidual, nodes: &mut Vec<NodeWeights<'a>>) {
    let has_shortcut = block.has_shortcut();
    if let (Some(conv), Some(norm)) = (&mut block.conv1, &mut block.bn1) {
        nodes.push(NodeWeights::conv(conv, norm));
    }
    nodes.push(NodeWeights::conv(&mut block.conv2, &mut block.bn2));
    nodes.extend(block.mid_se.as_mut().map(NodeWeights::SqueezeExcite));
    nodes.push(NodeWeights::conv(&mut block.conv3, &mut block.bn3));
    if has_shortcut {
        nodes.push(NodeWeights::None);
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;
    use scarlet_arch::graph::{Graph, Op};
    use scarlet_arch::{NAMES, by_name};

    use super::*;
    use crate::{Architecture, ScarletConfig};

    /// The shapes of a node's weights, in the order of its entries in a checkpoint.
    fn shapes(weights: NodeWeights<'_>) -> Vec<Vec<usize>> {
        let vector = |bias: &Option<Param<Tensor<1>>>| {
            let bias = bias.as_ref().map(|bias| bias.lazy_shape().to_vec());
            bias.into_iter()
        };
        match weights {
            NodeWeights::Conv { weight, bias, norm } => {
                let bias = bias.map(|bias| bias.lazy_shape().to_vec());
                let norm = norm.map(|norm| vec![norm.beta.lazy_shape().to_vec(); 4]);
                let shapes = [weight.lazy_shape().to_vec()].into_iter().chain(bias);
                shapes.chain(norm.into_iter().flatten()).collect()
            }
            NodeWeights::SqueezeExcite(se) => [&se.squeeze_conv, &se.excite_conv]
                .into_iter()
                .flat_map(|conv| {
                    let weight = conv.weight.lazy_shape().to_vec();
                    [weight].into_iter().chain(vector(&conv.bias))
                })
                .collect(),
            NodeWeights::Linear(linear) => {
                let mut weight = linear.weight.lazy_shape().to_vec();
                // Burn keeps `[in, out]`.
                weight.reverse();
                [weight].into_iter().chain(vector(&linear.bias)).collect()
            }
            NodeWeights::None => Vec::new(),
        }
    }

    #[test]
    fn weights_are_those_of_the_graphs_nodes() {
        let presets = NAMES.iter().map(|name| by_name(name).unwrap());
        let own = "E1K3@16 L@24/2 - E3K5s@24 H40K7@24 L@24 E6K3s@40/2";
        let own: Architecture = own.parse().unwrap();
        for architecture in presets.chain([own]) {
            let graph = Graph::of(&architecture);
            let config = ScarletConfig::from(architecture);
            let mut network = config.try_init(&Device::flex()).unwrap();
            let nodes = network.node_weights();
            assert_eq!(nodes.len(), graph.nodes().len());
            for (node, weights) in graph.nodes().iter().zip(nodes) {
                let has_none = matches!(node.op, Op::Add { .. } | Op::GlobalMean);
                assert_eq!(matches!(weights, NodeWeights::None), has_none);
                let entries = graph.entries_of(node).into_iter();
                let expected: Vec<_> = entries.map(|(_, shape)| shape).collect();
                assert_eq!(shapes(weights), expected, "{}", graph.name(node));
            }
            let norms = graph.nodes().iter().filter(|node| node.norm.is_some());
            assert_eq!(network.batch_norms_mut().count(), norms.count());
        }
    }
}
