//! The entries of a network's checkpoint.

use scarlet_arch::{Architecture, Expansion, Operation, PlacedBlock, SqueezedWidth};

use super::part_name;

/// Names and shapes, in the order of computation.
pub(crate) fn entries(network: &Architecture) -> Vec<(String, Vec<usize>)> {
    let mut layout = Layout::default();
    for (index, block) in network.placed_blocks().iter().enumerate() {
        layout.block(&part_name(network, index), block);
    }
    let mut features = network.channels_before_head();
    if let Some(conv) = network.head.conv {
        let channels = std::mem::replace(&mut features, conv.channels);
        layout.conv("conv_before_pooling.0", [conv.channels, channels, 1, 1]);
        layout.batch_norm("conv_before_pooling.1", conv.channels);
    }
    if let Some(hidden) = network.head.hidden {
        let channels = std::mem::replace(&mut features, hidden.channels);
        layout.add("hidden.weight", &[hidden.channels, channels]);
        if hidden.bias {
            layout.add("hidden.bias", &[hidden.channels]);
        }
    }
    layout.add("classifier.weight", &[network.classes, features]);
    layout.add("classifier.bias", &[network.classes]);
    layout.0
}

#[derive(Default)]
struct Layout(Vec<(String, Vec<usize>)>);

impl Layout {
    fn add(&mut self, name: impl Into<String>, shape: &[usize]) {
        self.0.push((name.into(), shape.to_vec()));
    }

    fn conv(&mut self, name: &str, shape: [usize; 4]) {
        self.add(format!("{name}.weight"), &shape);
    }

    fn batch_norm(&mut self, name: &str, channels: usize) {
        for part in ["weight", "bias", "running_mean", "running_var"] {
            self.add(format!("{name}.{part}"), &[channels]);
        }
    }

    fn block(&mut self, name: &str, placed: &PlacedBlock) {
        let (channels_in, channels_out) = (placed.channels_in, placed.channels_out);
        let block = match placed.operation {
            Operation::Identity => return,
            Operation::Linear => return self.conv(name, [channels_out, channels_in, 1, 1]),
            Operation::Conv(conv) => {
                let kernel = conv.kernel;
                let shape = [channels_out, channels_in, kernel, kernel];
                self.conv(&format!("{name}.0"), shape);
                return self.batch_norm(&format!("{name}.1"), channels_out);
            }
            Operation::InvertedResidual(block) => block,
        };
        let names = if name == "separable_conv" {
            ["", "", "0", "1", "3", "4"]
        } else {
            ["conv1", "bn1", "conv2", "bn2", "conv3", "bn3"]
        };
        let names = names.map(|below| format!("{name}.{below}"));
        let hidden = block.expansion.hidden(channels_in);
        if block.expansion != Expansion::Times(1) {
            self.conv(&names[0], [hidden, channels_in, 1, 1]);
            self.batch_norm(&names[1], hidden);
        }
        let kernel = block.kernel;
        self.conv(&names[2], [hidden, 1, kernel, kernel]);
        self.batch_norm(&names[3], hidden);
        if let Some(excite) = block.squeeze_excite {
            let inner = match excite.width {
                SqueezedWidth::Quarter => hidden / 4,
                SqueezedWidth::To(inner) => inner,
            };
            for (part, out, into) in [
                ("squeeze_conv", inner, hidden),
                ("excite_conv", hidden, inner),
            ] {
                self.conv(&format!("{name}.mid_se.{part}"), [out, into, 1, 1]);
                self.add(format!("{name}.mid_se.{part}.bias"), &[out]);
            }
        }
        self.conv(&names[4], [channels_out, hidden, 1, 1]);
        self.batch_norm(&names[5], channels_out);
    }
}
