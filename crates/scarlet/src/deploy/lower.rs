//! From a folded network to the operations that the kernels run.

use burn::nn::conv::Conv2d;
use burn::tensor::TensorData;
use scarlet_arch as arch;
use scarlet_arch::graph::{Graph, Node, Op};
use scarlet_kernels::{
    Activation, Convolution, Depthwise, Linear, Network, Operation, PaddingRule, Pointwise,
    SqueezeExcite as Excite,
};

use super::Part;
use crate::walk::NodeWeights;
use crate::{Scarlet, blocks};

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

/// The operations of a network whose batch normalisation is folded, one for each node of its graph,
/// and its parts. All weights in them are finite.
pub(crate) fn lower(network: &Scarlet) -> Result<(Network, Vec<Part>), NotFinite> {
    let graph = Graph::of(network.architecture());
    // It shares the weights.
    let mut network = network.clone();
    let mut operations = Vec::with_capacity(graph.nodes().len());
    for (node, weights) in graph.nodes().iter().zip(network.node_weights()) {
        let operation = operation(node, weights, operations.is_empty());
        let is_finite = |values: &Vec<f32>| values.iter().all(|value| value.is_finite());
        if !weights_of(&operation).into_iter().all(is_finite) {
            return Err(NotFinite {
                part: graph.parts()[node.part].name.clone(),
            });
        }
        operations.push(operation);
    }
    let lowered = Network {
        input_channels: graph.input_channels(),
        operations,
    };
    Ok((lowered, Part::all_of(&graph)))
}

/// What the kernels do for a node.
fn operation(node: &Node, weights: NodeWeights<'_>, is_first: bool) -> Operation {
    let (input, output) = (node.input.channels, node.output.channels);
    match (node.op, weights) {
        (
            Op::Conv {
                kernel,
                stride,
                groups,
                padding,
                activation,
                ..
            },
            NodeWeights::Conv { weight, bias, norm },
        ) => {
            // Of a folded normalisation the bias alone is left.
            let bias = norm.map(|norm| &mut norm.beta).or(bias);
            let bias = match bias {
                Some(bias) => values(bias.val().into_data()),
                None => vec![0.0; output],
            };
            let (weight, activation) = (values(weight.val().into_data()), kind(activation));
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
        (
            Op::SqueezeExcite {
                inner,
                activation,
                gate,
            },
            NodeWeights::SqueezeExcite(se),
        ) => Operation::SqueezeExcite(Excite {
            channels: input,
            squeezed: inner,
            squeeze_weight: values(se.squeeze_conv.weight.val().into_data()),
            squeeze_bias: bias_of(&se.squeeze_conv),
            excite_weight: values(se.excite_conv.weight.val().into_data()),
            excite_bias: bias_of(&se.excite_conv),
            activation: blocks::operation(activation),
            gate: blocks::gate(gate),
        }),
        (Op::Linear { activation, .. }, NodeWeights::Linear(linear)) => Operation::Linear(Linear {
            input,
            output,
            // Burn keeps `[input, output]`, the kernels read `[output, input]`.
            weight: values(linear.weight.val().transpose().into_data()),
            bias: match &linear.bias {
                Some(bias) => values(bias.val().into_data()),
                None => vec![0.0; output],
            },
            activation: kind(activation),
        }),
        (Op::GlobalMean, NodeWeights::None) => Operation::GlobalMean,
        (Op::Add { from }, NodeWeights::None) => Operation::Add(from),
        _ => unreachable!("the graph is the network's own"),
    }
}

/// What comes after an operation, as the kernels know it.
fn kind(activation: Option<arch::Activation>) -> Activation {
    activation.map_or(Activation::None, blocks::operation)
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

fn bias_of(conv: &Conv2d) -> Vec<f32> {
    match &conv.bias {
        Some(bias) => values(bias.val().into_data()),
        None => vec![0.0; conv.weight.dims()[0]],
    }
}

fn values(data: TensorData) -> Vec<f32> {
    data.iter().collect()
}
