//! From a network's weights to the operations that the kernels run.

use scarlet_arch as arch;
use scarlet_arch::graph::{Graph, Node, Op};
use scarlet_kernels::{
    Activation, Convolution, Depthwise, Gate, Linear, Network, Operation, PaddingRule, Pointwise,
    SqueezeExcite,
};

use crate::fold::fold;
use crate::weights::{NetworkWeights, NodeWeights};

/// Weights that would make every result worthless.
#[derive(Debug, thiserror::Error)]
#[error(
    "the weights of `{part}` are not finite once batch normalisation is folded into them: the \
     training that made them diverged, or they are damaged"
)]
pub struct NotFinite {
    /// Name of the part of the network, such as `mb_module.3`.
    pub part: String,
}

impl NetworkWeights {
    /// The operations of the network, one for each node of its graph, with batch normalisation folded
    /// into the convolutions. All weights in them are finite.
    ///
    /// # Errors
    ///
    /// When one would not be.
    pub fn lower(self) -> Result<Network, NotFinite> {
        let graph = Graph::of(self.architecture());
        let mut operations = Vec::with_capacity(self.nodes.len());
        for (node, weights) in graph.nodes().iter().zip(self.nodes) {
            let operation = operation(node, weights, operations.is_empty());
            let is_finite = |values: &Vec<f32>| values.iter().all(|value| value.is_finite());
            if !weights_of(&operation).into_iter().all(is_finite) {
                return Err(NotFinite {
                    part: graph.parts()[node.part].name.clone(),
                });
            }
            operations.push(operation);
        }
        Ok(Network {
            input_channels: graph.input_channels(),
            operations,
        })
    }
}

/// What the kernels do for a node.
fn operation(node: &Node, weights: NodeWeights<f32>, is_first: bool) -> Operation {
    let (input, output) = (node.input.channels, node.output.channels);
    match (node.op, weights) {
        (Op::Conv { .. }, NodeWeights::Conv { weight, bias, norm }) => {
            let mut weight = weight;
            let bias = match norm {
                Some(norm) => fold(&mut weight, &norm),
                None => bias.unwrap_or_else(|| vec![0.0; output]),
            };
            convolution(node, [weight, bias], is_first)
        }
        (
            Op::SqueezeExcite {
                inner,
                activation,
                gate,
            },
            NodeWeights::SqueezeExcite {
                squeeze_weight,
                squeeze_bias,
                excite_weight,
                excite_bias,
            },
        ) => Operation::SqueezeExcite(SqueezeExcite {
            channels: input,
            squeezed: inner,
            squeeze_weight,
            squeeze_bias,
            excite_weight,
            excite_bias,
            activation: kernels_activation(activation),
            gate: kernels_gate(gate),
        }),
        (Op::Linear { activation, .. }, NodeWeights::Linear { weight, bias }) => {
            Operation::Linear(Linear {
                input,
                output,
                weight,
                bias: bias.unwrap_or_else(|| vec![0.0; output]),
                activation: kind(activation),
            })
        }
        (Op::GlobalMean, NodeWeights::None) => Operation::GlobalMean,
        (Op::Add { from }, NodeWeights::None) => Operation::Add(from),
        _ => unreachable!("the graph is the network's own"),
    }
}

/// A convolution with these weights and biases.
fn convolution(node: &Node, [weight, bias]: [Vec<f32>; 2], is_first: bool) -> Operation {
    let Op::Conv {
        kernel,
        stride,
        groups,
        padding,
        activation,
        ..
    } = node.op
    else {
        unreachable!("the node is a convolution")
    };
    let (input, output) = (node.input.channels, node.output.channels);
    let activation = kind(activation);
    let padding = match padding {
        arch::Padding::Symmetric => PaddingRule::all(kernel / 2),
        arch::Padding::Same => PaddingRule::Same,
    };
    if is_first || !(node.is_depthwise() || kernel == 1) {
        // That of the image, whose one channel may look depthwise.
        Operation::Convolution(Convolution {
            input,
            output,
            kernel,
            stride,
            padding,
            weight,
            bias,
            activation,
        })
    } else if groups == 1 && kernel == 1 {
        Operation::Pointwise(Pointwise {
            input,
            output,
            stride,
            weight,
            bias,
            activation,
        })
    } else {
        Operation::Depthwise(Depthwise {
            channels: output,
            kernel,
            stride,
            padding,
            weight,
            bias,
            activation,
        })
    }
}

/// What comes after an operation, as the kernels know it.
fn kind(activation: Option<arch::Activation>) -> Activation {
    activation.map_or(Activation::None, kernels_activation)
}

/// An activation as the kernels know it.
pub fn kernels_activation(activation: arch::Activation) -> Activation {
    match activation {
        arch::Activation::Relu => Activation::Relu,
        arch::Activation::Relu6 => Activation::Relu6,
        arch::Activation::HSwish => Activation::HSwish,
        arch::Activation::Swish => Activation::Swish,
    }
}

/// A squeeze-excite's gate as the kernels know it.
pub fn kernels_gate(gate: arch::Gate) -> Gate {
    match gate {
        arch::Gate::HSigmoid => Gate::HSigmoid,
        arch::Gate::Sigmoid => Gate::Sigmoid,
    }
}

/// All weights of an operation.
fn weights_of(operation: &Operation) -> Vec<&Vec<f32>> {
    match operation {
        Operation::Convolution(it) => vec![&it.weight, &it.bias],
        Operation::Pointwise(it) => vec![&it.weight, &it.bias],
        Operation::Depthwise(it) => vec![&it.weight, &it.bias],
        Operation::Linear(it) => vec![&it.weight, &it.bias],
        Operation::SqueezeExcite(it) => vec![
            &it.squeeze_weight,
            &it.squeeze_bias,
            &it.excite_weight,
            &it.excite_bias,
        ],
        Operation::GlobalMean | Operation::Add(_) => Vec::new(),
    }
}
