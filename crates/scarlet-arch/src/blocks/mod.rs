//! What networks are made of: a kind of block a file, which expands into nodes of the
//! [graph](crate::graph).

mod conv;
mod head;
mod inverted_residual;
mod linear;
mod separable;

use crate::graph::{Graph, GraphBuilder, Nonlinearity};
use crate::{Architecture, Operation};

use conv::Conv;
use head::{Classifier, Head};
use inverted_residual::InvertedResidual;
use linear::Linear;
use separable::Separable;

impl Graph {
    /// The graph of a network.
    ///
    /// That of a [valid](Architecture::validate) network passes every [check](Self::check). Another
    /// network may be looked at too, but its graph promises nothing.
    pub fn of(architecture: &Architecture) -> Self {
        let mut graph = GraphBuilder::new(
            architecture.input_channels,
            architecture.padding,
            architecture.batch_norm,
        );
        let stem = Conv {
            channels: architecture.stem,
            kernel: 3,
            stride: 2,
            activation: Nonlinearity::Relu6,
        };
        stem.expand(&mut graph.part("stem", None, "3×3 conv"));

        let separable = Separable {
            channels: architecture.separable,
            kernel: 3,
            activation: Nonlinearity::Relu6,
        };
        separable.expand(&mut graph.part("separable_conv", None, "3×3 depthwise, 1×1"));

        for (index, layer) in architecture.placed_layers().iter().enumerate() {
            let (name, label) = (format!("mb_module.{index}"), layer.operation.to_string());
            let mut part = graph.part(name, Some(index), label);
            match layer.operation {
                Operation::Identity => {}
                Operation::Linear => {
                    let linear = Linear {
                        channels: layer.channels_out,
                        stride: layer.stride,
                    };
                    linear.expand(&mut part);
                }
                Operation::InvertedResidual(block) => {
                    let residual = InvertedResidual {
                        block,
                        channels: layer.channels_out,
                        stride: layer.stride,
                        shortcut: layer.has_shortcut(),
                        activation: architecture.activation.into(),
                    };
                    residual.expand(&mut part);
                }
            }
        }

        let head = Head {
            channels: architecture.head,
            activation: Nonlinearity::Relu6,
        };
        head.expand(&mut graph.part("conv_before_pooling", None, "1×1 conv"));
        let classifier = Classifier {
            classes: architecture.classes,
        };
        classifier.expand(&mut graph.part("classifier", None, "mean, linear"));
        graph.finish()
    }
}
