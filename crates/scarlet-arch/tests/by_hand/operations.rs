//! The operations of a network, and their names.

use scarlet_arch::{Activation, Architecture, Operation, PlacedLayer};

/// An operation as an engine computes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Computed {
    /// Input and output channels, kernel, stride, activation.
    Convolution(usize, usize, usize, usize, &'static str),
    /// Channels, kernel, stride, activation.
    Depthwise(usize, usize, usize, &'static str),
    /// Channels, and those inside.
    SqueezeExcite(usize, usize),
    /// The index of the operation whose output is added.
    Add(usize),
    GlobalMean,
    /// Inputs and outputs.
    Linear(usize, usize),
}

/// Name and operation, in the order of computation.
pub(crate) fn operations(network: &Architecture) -> Vec<(String, Computed)> {
    let mut walk = Walk {
        operations: Vec::new(),
        inner: match network.activation {
            Activation::HSwish => "h-swish",
            Activation::Relu6 => "ReLU6",
        },
    };
    let (stem, separable) = (network.stem, network.separable);
    let first = Computed::Convolution(network.input_channels, stem, 3, 2, "ReLU6");
    walk.add("stem.0", first);
    walk.add("separable_conv.0", Computed::Depthwise(stem, 3, 1, "ReLU6"));
    let pointwise = Computed::Convolution(stem, separable, 1, 1, "");
    walk.add("separable_conv.3", pointwise);
    for (index, layer) in network.placed_layers().iter().enumerate() {
        walk.layer(&format!("mb_module.{index}"), layer);
    }
    let (channels, head) = (network.channels_before_head(), network.head);
    let last = Computed::Convolution(channels, head, 1, 1, "ReLU6");
    walk.add("conv_before_pooling.0", last);
    walk.add("classifier.mean", Computed::GlobalMean);
    walk.add("classifier", Computed::Linear(head, network.classes));
    walk.operations
}

struct Walk {
    operations: Vec<(String, Computed)>,
    inner: &'static str,
}

impl Walk {
    fn add(&mut self, name: &str, operation: Computed) {
        self.operations.push((name.to_owned(), operation));
    }

    fn layer(&mut self, name: &str, layer: &PlacedLayer) {
        let PlacedLayer {
            operation,
            channels_in,
            channels_out,
            stride,
        } = *layer;
        let block = match operation {
            Operation::Identity => return,
            Operation::Linear => {
                let linear = Computed::Convolution(channels_in, channels_out, 1, stride, "");
                return self.add(name, linear);
            }
            Operation::InvertedResidual(block) => block,
        };
        let start = self.operations.len() - 1;
        let hidden = block.expansion.hidden(channels_in);
        if block.has_expansion() {
            let expand = Computed::Convolution(channels_in, hidden, 1, 1, self.inner);
            self.add(&format!("{name}.conv1"), expand);
        }
        let depthwise = Computed::Depthwise(hidden, block.kernel, stride, self.inner);
        self.add(&format!("{name}.conv2"), depthwise);
        if block.squeeze_excite {
            let squeeze_excite = Computed::SqueezeExcite(hidden, hidden / 4);
            self.add(&format!("{name}.mid_se"), squeeze_excite);
        }
        let project = Computed::Convolution(hidden, channels_out, 1, 1, "");
        self.add(&format!("{name}.conv3"), project);
        if layer.has_shortcut() {
            self.add(&format!("{name}.shortcut"), Computed::Add(start));
        }
    }
}
