//! From an architecture to what the kernels run, with weights that only have to be numbers.

use scarlet_arch as arch;
use scarlet_arch::Architecture;
use scarlet_arch::graph::{Graph, Node, Op};
use scarlet_kernels::{
    Activation, Convolution, Depthwise, Gate, Linear, Network, Operation, PaddingRule, Pointwise,
    SqueezeExcite,
};

/// The operations of a network, one for each node of its graph, as they are deployed: batch
/// normalisation is part of the convolutions.
pub(crate) fn lower(network: &Architecture) -> Network {
    let graph = Graph::of(network);
    let nodes = graph.nodes().iter().enumerate();
    Network {
        input_channels: graph.input_channels(),
        operations: nodes
            .map(|(index, node)| operation(node, index == 0))
            .collect(),
    }
}

fn operation(node: &Node, is_first: bool) -> Operation {
    let (input, output) = (node.input.channels, node.output.channels);
    match node.op {
        Op::Conv {
            kernel,
            stride,
            groups,
            padding,
            activation,
            ..
        } => {
            let padding = match padding {
                arch::Padding::Symmetric => PaddingRule::all(kernel / 2),
                arch::Padding::Same => PaddingRule::Same,
            };
            let activation = kind(activation);
            let bias = weights(output, 1);
            if is_first || !(node.is_depthwise() || kernel == 1) {
                Operation::Convolution(Convolution {
                    input,
                    output,
                    kernel,
                    stride,
                    padding,
                    weight: weights(output, input * kernel * kernel),
                    bias,
                    activation,
                })
            } else if groups == 1 && kernel == 1 {
                Operation::Pointwise(Pointwise {
                    input,
                    output,
                    stride,
                    weight: weights(output, input),
                    bias,
                    activation,
                })
            } else {
                Operation::Depthwise(Depthwise {
                    channels: output,
                    kernel,
                    stride,
                    padding,
                    weight: weights(output, kernel * kernel),
                    bias,
                    activation,
                })
            }
        }
        Op::SqueezeExcite {
            inner,
            activation,
            gate,
        } => Operation::SqueezeExcite(SqueezeExcite {
            channels: input,
            squeezed: inner,
            squeeze_weight: weights(inner, input),
            squeeze_bias: weights(inner, 1),
            excite_weight: weights(input, inner),
            excite_bias: weights(input, 1),
            activation: kind(Some(activation)),
            gate: match gate {
                arch::Gate::HSigmoid => Gate::HSigmoid,
                arch::Gate::Sigmoid => Gate::Sigmoid,
            },
        }),
        Op::Linear { activation, .. } => Operation::Linear(Linear {
            input,
            output,
            weight: weights(output, input),
            bias: weights(output, 1),
            activation: kind(activation),
        }),
        Op::GlobalMean => Operation::GlobalMean,
        Op::Add { from } => Operation::Add(from),
    }
}

fn kind(activation: Option<arch::Activation>) -> Activation {
    match activation {
        None => Activation::None,
        Some(arch::Activation::Relu) => Activation::Relu,
        Some(arch::Activation::Relu6) => Activation::Relu6,
        Some(arch::Activation::HSwish) => Activation::HSwish,
        Some(arch::Activation::Swish) => Activation::Swish,
    }
}

/// Neither zeros nor denormal numbers, which some processors treat differently, and so small that
/// values keep their size from layer to layer.
fn weights(rows: usize, columns: usize) -> Vec<f32> {
    let size = (3.0 / columns.max(1) as f32).sqrt();
    (0..rows * columns)
        .map(|index| size * ((index % 251) as f32 / 125.0 - 0.9961))
        .collect()
}
