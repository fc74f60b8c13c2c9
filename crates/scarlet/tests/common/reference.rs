//! Networks computed in the plainest way, in f64, from the entries of a checkpoint: what the module,
//! the deployed form and the folded network are compared with.

use std::collections::BTreeMap;

use scarlet::Architecture;
use scarlet::arch::{
    Activation, BatchNormSpec, Gate, InvertedResidual, Operation, Padding, PlacedBlock,
    SqueezedWidth,
};
use scarlet::weights::StateDict;

/// What normalisations go by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistics {
    /// Those of the checkpoint: inference.
    Running,
    /// Those of the batch: training.
    Batch,
}

/// Maps `[image][channel][row][column]`.
#[derive(Debug, Clone)]
struct Maps {
    images: usize,
    channels: usize,
    size: (usize, usize),
    values: Vec<f64>,
}

impl Maps {
    fn pixels(&self) -> usize {
        self.size.0 * self.size.1
    }

    /// The channel of a value.
    fn channel(&self, index: usize) -> usize {
        index / self.pixels() % self.channels
    }

    fn map(mut self, function: impl Fn(f64) -> f64) -> Self {
        self.values.iter_mut().for_each(|x| *x = function(*x));
        self
    }
}

struct Reference<'a> {
    architecture: &'a Architecture,
    weights: BTreeMap<String, Vec<f64>>,
    statistics: Statistics,
}

/// Logits, image after image, of images `[batch, channels, height, width]`.
pub fn logits(
    architecture: &Architecture,
    weights: &StateDict,
    statistics: Statistics,
    images: &[f32],
    [batch, channels, height, width]: [usize; 4],
) -> Vec<f64> {
    let read = |entry: &scarlet::weights::Entry| {
        let values = entry.read_f32().unwrap().into_iter().map(f64::from);
        (entry.name().to_owned(), values.collect())
    };
    let reference = Reference {
        architecture,
        weights: weights.entries().iter().map(read).collect(),
        statistics,
    };
    let mut x = Maps {
        images: batch,
        channels,
        size: (height, width),
        values: images.iter().map(|&x| f64::from(x)).collect(),
    };
    for (index, block) in architecture.placed_blocks().iter().enumerate() {
        x = reference.block(index, block, x);
    }
    reference.head(x)
}

impl Reference<'_> {
    fn weights(&self, name: &str) -> &[f64] {
        let found = self.weights.get(name);
        found.unwrap_or_else(|| panic!("no entry `{name}`"))
    }

    fn block(&self, index: usize, placed: &PlacedBlock, x: Maps) -> Maps {
        let before = self.architecture.blocks_before_layers();
        let layer = index.checked_sub(before);
        match (placed.operation, layer) {
            (Operation::Identity, _) => x,
            (Operation::Linear, Some(layer)) => {
                let name = format!("mb_module.{layer}");
                self.conv(&name, &x, placed.channels_out, (1, placed.stride), 1)
            }
            (Operation::Conv(conv), layer) => {
                let part = layer.map_or("stem".to_owned(), |it| format!("mb_module.{it}"));
                let window = (conv.kernel, placed.stride);
                let x = self.conv(&format!("{part}.0"), &x, placed.channels_out, window, 1);
                activated(self.norm(&format!("{part}.1"), x), conv.activation)
            }
            (Operation::InvertedResidual(block), None) => {
                let names = ["", "", "0", "1", "mid_se", "3", "4"];
                self.inverted_residual("separable_conv", names, block, placed, x)
            }
            (Operation::InvertedResidual(block), Some(layer)) => {
                let names = ["conv1", "bn1", "conv2", "bn2", "mid_se", "conv3", "bn3"];
                self.inverted_residual(&format!("mb_module.{layer}"), names, block, placed, x)
            }
            (Operation::Linear, None) => unreachable!("no stem is linear"),
        }
    }

    fn inverted_residual(
        &self,
        part: &str,
        names: [&str; 7],
        block: InvertedResidual,
        placed: &PlacedBlock,
        input: Maps,
    ) -> Maps {
        let [conv1, bn1, conv2, bn2, excite, conv3, bn3] =
            names.map(|name| format!("{part}.{name}"));
        let mut x = input.clone();
        let hidden = block.expansion.hidden(x.channels);
        if block.has_expansion() {
            x = self.norm(&bn1, self.conv(&conv1, &x, hidden, (1, 1), 1));
            x = activated(x, block.activation);
        }
        x = self.conv(&conv2, &x, hidden, (block.kernel, placed.stride), hidden);
        x = activated(self.norm(&bn2, x), block.activation);
        if let Some(layer) = block.squeeze_excite {
            let inner = match layer.width {
                SqueezedWidth::Quarter => hidden / 4,
                SqueezedWidth::To(inner) => inner,
            };
            let [squeeze, back] =
                ["squeeze_conv", "excite_conv"].map(|it| format!("{excite}.{it}"));
            let mut gates = self.linear(&squeeze, &mean(&x), inner, true);
            gates = activated(gates, layer.activation);
            gates = self
                .linear(&back, &gates, hidden, true)
                .map(|x| match layer.gate {
                    Gate::HSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
                    Gate::Sigmoid => 1.0 / (1.0 + (-x).exp()),
                });
            let pixels = x.pixels();
            let values = x.values.iter_mut().enumerate();
            values.for_each(|(index, x)| *x *= gates.values[index / pixels]);
        }
        x = self.norm(&bn3, self.conv(&conv3, &x, placed.channels_out, (1, 1), 1));
        if block.activate_output {
            x = activated(x, block.activation);
        }
        if block.shortcut && placed.stride == 1 && placed.channels_in == placed.channels_out {
            let values = x.values.iter_mut().zip(&input.values);
            values.for_each(|(x, input)| *x += input);
        }
        x
    }

    fn head(&self, mut x: Maps) -> Vec<f64> {
        let head = self.architecture.head;
        if let Some(conv) = head.conv {
            x = self.conv("conv_before_pooling.0", &x, conv.channels, (1, 1), 1);
            x = activated(self.norm("conv_before_pooling.1", x), conv.activation);
        }
        x = mean(&x);
        if let Some(layer) = head.hidden {
            x = self.linear("hidden", &x, layer.channels, layer.bias);
            x = activated(x, layer.activation);
        }
        self.linear("classifier", &x, self.architecture.classes, true)
            .values
    }

    fn conv(
        &self,
        name: &str,
        x: &Maps,
        outputs: usize,
        (kernel, stride): (usize, usize),
        groups: usize,
    ) -> Maps {
        let weight = self.weights(&format!("{name}.weight"));
        let (height, width) = x.size;
        let size = (height.div_ceil(stride), width.div_ceil(stride));
        // Zeros above and to the left.
        let begin = |pixels: usize, outputs: usize| match self.architecture.padding {
            Padding::Symmetric => kernel / 2,
            Padding::Same => ((outputs - 1) * stride + kernel).saturating_sub(pixels) / 2,
        };
        let (top, left) = (begin(height, size.0), begin(width, size.1));
        let inputs = x.channels / groups;
        let mut values = Vec::with_capacity(x.images * outputs * size.0 * size.1);
        for image in 0..x.images {
            for output in 0..outputs {
                let first = output / (outputs / groups) * inputs;
                for row in 0..size.0 {
                    for column in 0..size.1 {
                        let mut sum = 0.0;
                        for i in 0..inputs {
                            let plane = (image * x.channels + first + i) * height;
                            for ky in 0..kernel {
                                let y = (row * stride + ky).wrapping_sub(top);
                                for kx in 0..kernel {
                                    let at = (column * stride + kx).wrapping_sub(left);
                                    if y < height && at < width {
                                        let w = ((output * inputs + i) * kernel + ky) * kernel + kx;
                                        sum += weight[w] * x.values[(plane + y) * width + at];
                                    }
                                }
                            }
                        }
                        values.push(sum);
                    }
                }
            }
        }
        Maps {
            images: x.images,
            channels: outputs,
            size,
            values,
        }
    }

    fn norm(&self, name: &str, mut x: Maps) -> Maps {
        let [gamma, beta] = ["weight", "bias"].map(|it| self.weights(&format!("{name}.{it}")));
        let BatchNormSpec { epsilon, .. } = self.architecture.batch_norm;
        let (means, variances) = match self.statistics {
            Statistics::Running => {
                let of = |it: &str| self.weights(&format!("{name}.{it}")).to_vec();
                (of("running_mean"), of("running_var"))
            }
            Statistics::Batch => {
                let count = (x.images * x.pixels()) as f64;
                let sums = |value: &dyn Fn(usize, f64) -> f64| {
                    let mut sums = vec![0.0; x.channels];
                    for (index, &it) in x.values.iter().enumerate() {
                        let channel = x.channel(index);
                        sums[channel] += value(channel, it) / count;
                    }
                    sums
                };
                let means = sums(&|_, it| it);
                let variances = sums(&|channel, it| (it - means[channel]).powi(2));
                (means, variances)
            }
        };
        for index in 0..x.values.len() {
            let channel = x.channel(index);
            let scale = gamma[channel] / (variances[channel] + epsilon).sqrt();
            x.values[index] = (x.values[index] - means[channel]) * scale + beta[channel];
        }
        x
    }

    /// Of vectors.
    fn linear(&self, name: &str, x: &Maps, outputs: usize, bias: bool) -> Maps {
        let weight = self.weights(&format!("{name}.weight"));
        let bias = bias.then(|| self.weights(&format!("{name}.bias")));
        let rows = x.values.chunks(x.channels).flat_map(|x| {
            let rows = weight.chunks(x.len()).enumerate();
            rows.map(move |(output, row)| {
                let products = row.iter().zip(x).map(|(w, x)| w * x);
                products.sum::<f64>() + bias.map_or(0.0, |bias| bias[output])
            })
        });
        Maps {
            images: x.images,
            channels: outputs,
            size: (1, 1),
            values: rows.collect(),
        }
    }
}

fn mean(x: &Maps) -> Maps {
    let pixels = x.pixels();
    let planes = x.values.chunks(pixels);
    Maps {
        images: x.images,
        channels: x.channels,
        size: (1, 1),
        values: planes
            .map(|plane| plane.iter().sum::<f64>() / pixels as f64)
            .collect(),
    }
}

fn activated(x: Maps, activation: Activation) -> Maps {
    x.map(|x| match activation {
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::HSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Swish => x / (1.0 + (-x).exp()),
    })
}
