//! The entries of a network's checkpoint.

use scarlet_arch::{Architecture, Expansion, Operation, PlacedLayer};

/// Names and shapes, in the order of computation.
pub(crate) fn entries(network: &Architecture) -> Vec<(String, Vec<usize>)> {
    let mut layout = Layout::default();
    let (stem, separable) = (network.stem, network.separable);
    layout.conv("stem.0", [stem, network.input_channels, 3, 3]);
    layout.batch_norm("stem.1", stem);
    layout.conv("separable_conv.0", [stem, 1, 3, 3]);
    layout.batch_norm("separable_conv.1", stem);
    layout.conv("separable_conv.3", [separable, stem, 1, 1]);
    layout.batch_norm("separable_conv.4", separable);
    for (index, layer) in network.placed_layers().iter().enumerate() {
        layout.layer(&format!("mb_module.{index}"), layer);
    }
    let (head, classes) = (network.head, network.classes);
    let channels = network.channels_before_head();
    layout.conv("conv_before_pooling.0", [head, channels, 1, 1]);
    layout.batch_norm("conv_before_pooling.1", head);
    layout.add("classifier.weight", &[classes, head]);
    layout.add("classifier.bias", &[classes]);
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

    fn layer(&mut self, name: &str, layer: &PlacedLayer) {
        let (channels_in, channels_out) = (layer.channels_in, layer.channels_out);
        let block = match layer.operation {
            Operation::Identity => return,
            Operation::Linear => return self.conv(name, [channels_out, channels_in, 1, 1]),
            Operation::InvertedResidual(block) => block,
        };
        let hidden = block.expansion.hidden(channels_in);
        if block.expansion != Expansion::Times(1) {
            self.conv(&format!("{name}.conv1"), [hidden, channels_in, 1, 1]);
            self.batch_norm(&format!("{name}.bn1"), hidden);
        }
        let kernel = block.kernel;
        self.conv(&format!("{name}.conv2"), [hidden, 1, kernel, kernel]);
        self.batch_norm(&format!("{name}.bn2"), hidden);
        if block.squeeze_excite {
            let inner = hidden / 4;
            for (part, out, into) in [
                ("squeeze_conv", inner, hidden),
                ("excite_conv", hidden, inner),
            ] {
                self.conv(&format!("{name}.mid_se.{part}"), [out, into, 1, 1]);
                self.add(format!("{name}.mid_se.{part}.bias"), &[out]);
            }
        }
        self.conv(&format!("{name}.conv3"), [channels_out, hidden, 1, 1]);
        self.batch_norm(&format!("{name}.bn3"), channels_out);
    }
}
