//! The operations of a network, and their names.

use scarlet_arch::{Activation, Architecture, Gate, Operation, PlacedBlock, SqueezedWidth};

use super::part_name;

/// An operation as an engine computes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Computed {
    /// Input and output channels, kernel, stride, activation.
    Convolution(usize, usize, usize, usize, Option<Activation>),
    /// Channels, kernel, stride, activation.
    Depthwise(usize, usize, usize, Option<Activation>),
    /// Channels, and those inside; activation and gate.
    SqueezeExcite(usize, usize, Activation, Gate),
    /// The index of the operation whose output is added.
    Add(usize),
    GlobalMean,
    /// Inputs and outputs, activation, bias.
    Linear(usize, usize, Option<Activation>, bool),
}

/// Name and operation, in the order of computation.
pub(crate) fn operations(network: &Architecture) -> Vec<(String, Computed)> {
    let mut walk = Walk {
        operations: Vec::new(),
    };
    for (index, block) in network.placed_blocks().iter().enumerate() {
        walk.block(&part_name(network, index), block);
    }
    let mut channels = network.channels_before_head();
    if let Some(conv) = network.head.conv {
        let operation = Computed::Convolution(channels, conv.channels, 1, 1, Some(conv.activation));
        walk.add("conv_before_pooling.0", operation);
        channels = conv.channels;
    }
    if let Some(hidden) = network.head.hidden {
        walk.add("hidden.mean", Computed::GlobalMean);
        let activation = Some(hidden.activation);
        let operation = Computed::Linear(channels, hidden.channels, activation, hidden.bias);
        walk.add("hidden", operation);
        channels = hidden.channels;
    } else {
        walk.add("classifier.mean", Computed::GlobalMean);
    }
    let classifier = Computed::Linear(channels, network.classes, None, true);
    walk.add("classifier", classifier);
    walk.operations
}

struct Walk {
    operations: Vec<(String, Computed)>,
}

impl Walk {
    fn add(&mut self, name: &str, operation: Computed) {
        self.operations.push((name.to_owned(), operation));
    }

    fn block(&mut self, name: &str, placed: &PlacedBlock) {
        let PlacedBlock {
            operation,
            channels_in,
            channels_out,
            stride,
        } = *placed;
        let block = match operation {
            Operation::Identity => return,
            Operation::Linear => {
                let linear = Computed::Convolution(channels_in, channels_out, 1, stride, None);
                return self.add(name, linear);
            }
            Operation::Conv(conv) => {
                let (kernel, activation) = (conv.kernel, Some(conv.activation));
                let conv =
                    Computed::Convolution(channels_in, channels_out, kernel, stride, activation);
                return self.add(&format!("{name}.0"), conv);
            }
            Operation::InvertedResidual(block) => block,
        };
        let names = if name == "separable_conv" {
            ["", "0", "3"]
        } else {
            ["conv1", "conv2", "conv3"]
        };
        let names = names.map(|below| format!("{name}.{below}"));
        let start = self.operations.len() - 1;
        let hidden = block.expansion.hidden(channels_in);
        let inner = Some(block.activation);
        if block.has_expansion() {
            let expand = Computed::Convolution(channels_in, hidden, 1, 1, inner);
            self.add(&names[0], expand);
        }
        let depthwise = Computed::Depthwise(hidden, block.kernel, stride, inner);
        self.add(&names[1], depthwise);
        if let Some(excite) = block.squeeze_excite {
            let width = match excite.width {
                SqueezedWidth::Quarter => hidden / 4,
                SqueezedWidth::To(inner) => inner,
            };
            let operation = Computed::SqueezeExcite(hidden, width, excite.activation, excite.gate);
            self.add(&format!("{name}.mid_se"), operation);
        }
        let last = inner.filter(|_| block.activate_output);
        let project = Computed::Convolution(hidden, channels_out, 1, 1, last);
        self.add(&names[2], project);
        if block.shortcut && stride == 1 && channels_in == channels_out {
            self.add(&format!("{name}.shortcut"), Computed::Add(start));
        }
    }
}
