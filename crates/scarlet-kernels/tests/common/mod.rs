//! Networks for tests, benches and examples: an architecture with made-up weights, its batch
//! normalisations folded.
#![allow(dead_code, reason = "each user needs a part of it")]

use std::collections::HashMap;

use scarlet_arch::{
    Architecture, Conv, InvertedResidual, Operation as Block, PlacedBlock, SqueezedWidth,
};
use scarlet_kernels::{
    Activation, Convolution, Depthwise, Engine, EngineSettings, Gate, InstructionSet, Linear,
    Network, Operation, PackedNetwork, PaddingRule, Pointwise, SqueezeExcite,
};

/// Weights by formula: reproducible anywhere without a file. A number in [0, 1) from splitmix64,
/// seeded by the FNV-1a hash of the entry's name.
fn unit(name: &str, index: usize) -> f64 {
    let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    let step = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut z = hash.wrapping_add(step);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 40) as f64 / (1u64 << 24) as f64
}

/// A checkpoint entry.
fn entry(name: &str, shape: &[usize]) -> Vec<f64> {
    let fan_in: usize = shape[1..].iter().product();
    let value = |u: f64| {
        if name.ends_with("running_var") || (name.ends_with("weight") && shape.len() == 1) {
            0.5 + u
        } else if name.ends_with("weight") {
            (u - 0.5) * 2.0 * (3.0 / fan_in as f64).sqrt()
        } else {
            (u - 0.5) * 0.2
        }
    };
    let length = shape.iter().product();
    // Stored as f32, as in a checkpoint.
    (0..length)
        .map(|index| f64::from(value(unit(name, index)) as f32))
        .collect()
}

/// Values of mean 0 and variance 1.
pub(crate) fn signal(name: &str, length: usize) -> Vec<f32> {
    (0..length)
        .map(|index| ((unit(name, index) - 0.5) * 2.0 * 3f64.sqrt()) as f32)
        .collect()
}

fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&x| x as f32).collect()
}

/// A convolution's weight with the batch normalisation behind it, as weight and bias.
/// Running statistics are those of `known`, where it has them.
fn folded(
    conv: &str,
    bn: &str,
    shape: &[usize],
    epsilon: f64,
    known: &Statistics,
) -> (Vec<f32>, Vec<f32>) {
    let channels = [shape[0]];
    let weight = entry(&format!("{conv}.weight"), shape);
    let [gamma, beta, mean, variance] =
        ["weight", "bias", "running_mean", "running_var"].map(|what| {
            let name = format!("{bn}.{what}");
            let known = known.get(&name).cloned();
            known.unwrap_or_else(|| entry(&name, &channels))
        });
    let scale: Vec<f64> = gamma
        .iter()
        .zip(&variance)
        .map(|(gamma, variance)| gamma / (variance + epsilon).sqrt())
        .collect();
    let row = weight.len() / shape[0];
    let weight: Vec<f64> = weight
        .iter()
        .enumerate()
        .map(|(index, w)| w * scale[index / row])
        .collect();
    let bias: Vec<f64> = (0..shape[0])
        .map(|c| beta[c] - mean[c] * scale[c])
        .collect();
    (to_f32(&weight), to_f32(&bias))
}

/// Values of checkpoint entries by their names.
pub(crate) type Statistics = HashMap<String, Vec<f64>>;

/// An architecture with formula weights under the published checkpoints' names.
#[allow(dead_code, reason = "not every test has made-up statistics")]
pub(crate) fn formula_network(architecture: &Architecture) -> Network {
    network_with(architecture, &Statistics::new())
}

/// The same with these running statistics.
pub(crate) fn network_with(architecture: &Architecture, statistics: &Statistics) -> Network {
    let mut lowering = Lowering {
        architecture,
        statistics,
        operations: Vec::new(),
    };
    let before = architecture.blocks_before_layers();
    for (index, block) in architecture.placed_blocks().iter().enumerate() {
        match (index.checked_sub(before), block.operation) {
            (None, Block::InvertedResidual(residual)) => {
                let part = |name: &str| format!("separable_conv.{name}");
                let names = ["", "", "0", "1", "mid_se", "3", "4"].map(part);
                lowering.inverted_residual(block, residual, names);
            }
            (Some(layer), Block::InvertedResidual(residual)) => {
                let part = |name: &str| format!("mb_module.{layer}.{name}");
                let names = ["conv1", "bn1", "conv2", "bn2", "mid_se", "conv3", "bn3"].map(part);
                lowering.inverted_residual(block, residual, names);
            }
            (layer, Block::Conv(conv)) => {
                let part = match layer {
                    Some(layer) => format!("mb_module.{layer}"),
                    None => "stem".to_owned(),
                };
                lowering.convolution(block, conv, &part);
            }
            (_, Block::Identity) => {}
            (layer, Block::Linear) => {
                let (input, output) = (block.channels_in, block.channels_out);
                let layer = layer.expect("no stem is linear");
                let weight = entry(&format!("mb_module.{layer}.weight"), &[output, input, 1, 1]);
                lowering.operations.push(Operation::Pointwise(Pointwise {
                    input,
                    output,
                    stride: block.stride,
                    weight: to_f32(&weight),
                    bias: vec![0.0; output],
                    activation: Activation::None,
                }));
            }
        }
    }
    lowering.head();
    Network {
        input_channels: architecture.input_channels,
        operations: lowering.operations,
    }
}

/// A network's operations on the way.
struct Lowering<'a> {
    architecture: &'a Architecture,
    statistics: &'a Statistics,
    operations: Vec<Operation>,
}

impl Lowering<'_> {
    fn folded(&self, conv: &str, bn: &str, shape: &[usize]) -> (Vec<f32>, Vec<f32>) {
        let epsilon = self.architecture.batch_norm.epsilon;
        folded(conv, bn, shape, epsilon, self.statistics)
    }

    fn padding(&self, kernel: usize) -> PaddingRule {
        match self.architecture.padding {
            scarlet_arch::Padding::Symmetric => PaddingRule::all(kernel / 2),
            scarlet_arch::Padding::Same => PaddingRule::Same,
        }
    }

    fn convolution(&mut self, block: &PlacedBlock, conv: Conv, part: &str) {
        let (input, output, kernel) = (block.channels_in, block.channels_out, conv.kernel);
        let (stride, activation) = (block.stride, kind(conv.activation));
        let names = [format!("{part}.0"), format!("{part}.1")];
        let shape = [output, input, kernel, kernel];
        let (weight, bias) = self.folded(&names[0], &names[1], &shape);
        self.operations.push(if self.operations.is_empty() {
            Operation::Convolution(Convolution {
                input,
                output,
                kernel,
                stride,
                padding: self.padding(kernel),
                weight,
                bias,
                activation,
            })
        } else {
            assert_eq!(kernel, 1, "behind the stem");
            Operation::Pointwise(Pointwise {
                input,
                output,
                stride,
                weight,
                bias,
                activation,
            })
        });
    }

    fn pointwise(
        &mut self,
        [conv, bn]: [&str; 2],
        input: usize,
        output: usize,
        activation: Activation,
    ) {
        let (weight, bias) = self.folded(conv, bn, &[output, input, 1, 1]);
        self.operations.push(Operation::Pointwise(Pointwise {
            input,
            output,
            stride: 1,
            weight,
            bias,
            activation,
        }));
    }

    fn inverted_residual(
        &mut self,
        placed: &PlacedBlock,
        block: InvertedResidual,
        [conv1, bn1, conv2, bn2, excite, conv3, bn3]: [String; 7],
    ) {
        let before = self.operations.len();
        let activation = kind(block.activation);
        let hidden = block.expansion.hidden(placed.channels_in);
        if block.has_expansion() {
            self.pointwise([&conv1, &bn1], placed.channels_in, hidden, activation);
        }
        let (weight, bias) = self.folded(&conv2, &bn2, &[hidden, 1, block.kernel, block.kernel]);
        self.operations.push(Operation::Depthwise(Depthwise {
            channels: hidden,
            kernel: block.kernel,
            stride: placed.stride,
            padding: self.padding(block.kernel),
            weight,
            bias,
            activation,
        }));
        if let Some(layer) = block.squeeze_excite {
            let inner = match layer.width {
                SqueezedWidth::Quarter => hidden / 4,
                SqueezedWidth::To(inner) => inner,
            };
            let part =
                |name: &str, shape: &[usize]| to_f32(&entry(&format!("{excite}.{name}"), shape));
            self.operations
                .push(Operation::SqueezeExcite(SqueezeExcite {
                    channels: hidden,
                    squeezed: inner,
                    squeeze_weight: part("squeeze_conv.weight", &[inner, hidden, 1, 1]),
                    squeeze_bias: part("squeeze_conv.bias", &[inner]),
                    excite_weight: part("excite_conv.weight", &[hidden, inner, 1, 1]),
                    excite_bias: part("excite_conv.bias", &[hidden]),
                    activation: kind(layer.activation),
                    gate: match layer.gate {
                        scarlet_arch::Gate::HSigmoid => Gate::HSigmoid,
                        scarlet_arch::Gate::Sigmoid => Gate::Sigmoid,
                    },
                }));
        }
        let last = match block.activate_output {
            true => activation,
            false => Activation::None,
        };
        self.pointwise([&conv3, &bn3], hidden, placed.channels_out, last);
        if placed.has_shortcut() {
            self.operations.push(Operation::Add(before - 1));
        }
    }

    fn linear(
        &mut self,
        part: &str,
        input: usize,
        output: usize,
        bias: bool,
        activation: Activation,
    ) {
        self.operations.push(Operation::Linear(Linear {
            input,
            output,
            weight: to_f32(&entry(&format!("{part}.weight"), &[output, input])),
            bias: match bias {
                true => to_f32(&entry(&format!("{part}.bias"), &[output])),
                false => vec![0.0; output],
            },
            activation,
        }));
    }

    fn head(&mut self) {
        let mut values = self.architecture.channels_before_head();
        let head = self.architecture.head;
        if let Some(conv) = head.conv {
            let names = ["conv_before_pooling.0", "conv_before_pooling.1"];
            self.pointwise(names, values, conv.channels, kind(conv.activation));
            values = conv.channels;
        }
        self.operations.push(Operation::GlobalMean);
        if let Some(layer) = head.hidden {
            let activation = kind(layer.activation);
            self.linear("hidden", values, layer.channels, layer.bias, activation);
            values = layer.channels;
        }
        let classes = self.architecture.classes;
        self.linear("classifier", values, classes, true, Activation::None);
    }
}

fn kind(activation: scarlet_arch::Activation) -> Activation {
    match activation {
        scarlet_arch::Activation::Relu => Activation::Relu,
        scarlet_arch::Activation::Relu6 => Activation::Relu6,
        scarlet_arch::Activation::HSwish => Activation::HSwish,
        scarlet_arch::Activation::Swish => Activation::Swish,
    }
}

/// The network computed in the plainest way, in double precision: what every engine is compared
/// with. The input and output are one image's, `[channels, height, width]`.
pub(crate) fn reference(network: &Network, height: usize, width: usize, image: &[f32]) -> Vec<f64> {
    let mut sizes = vec![(network.input_channels, height, width)];
    let mut outputs: Vec<Vec<f64>> = vec![image.iter().map(|&x| f64::from(x)).collect()];
    for operation in &network.operations {
        let (channels, height, width) = sizes[sizes.len() - 1];
        let x = &outputs[outputs.len() - 1];
        let (size, y) = match operation {
            Operation::Convolution(c) => convolve(
                x,
                (channels, height, width),
                (&c.weight, &c.bias, c.output),
                (c.kernel, c.stride, c.padding),
                false,
                c.activation,
            ),
            Operation::Depthwise(c) => convolve(
                x,
                (channels, height, width),
                (&c.weight, &c.bias, c.channels),
                (c.kernel, c.stride, c.padding),
                true,
                c.activation,
            ),
            Operation::Pointwise(c) => convolve(
                x,
                (channels, height, width),
                (&c.weight, &c.bias, c.output),
                (1, c.stride, PaddingRule::all(0)),
                false,
                c.activation,
            ),
            Operation::SqueezeExcite(c) => {
                let mean = mean(x, channels);
                let squeezed = matrix(&mean, &c.squeeze_weight, &c.squeeze_bias);
                let squeezed: Vec<f64> = squeezed
                    .iter()
                    .map(|&x| activate(x, c.activation))
                    .collect();
                let gates = matrix(&squeezed, &c.excite_weight, &c.excite_bias);
                let pixels = height * width;
                let y = x.iter().enumerate().map(|(index, x)| {
                    let x_gate: f64 = gates[index / pixels];
                    x * gate(x_gate, c.gate)
                });
                ((channels, height, width), y.collect())
            }
            Operation::Add(from) => {
                let other = &outputs[from + 1];
                let y = x.iter().zip(other).map(|(a, b)| a + b).collect();
                ((channels, height, width), y)
            }
            Operation::GlobalMean => ((channels, 1, 1), mean(x, channels)),
            Operation::Linear(c) => {
                let y = matrix(x, &c.weight, &c.bias);
                let y = y.into_iter().map(|y| activate(y, c.activation));
                ((c.output, 1, 1), y.collect())
            }
        };
        sizes.push(size);
        outputs.push(y);
    }
    outputs.pop().unwrap_or_default()
}

fn mean(x: &[f64], channels: usize) -> Vec<f64> {
    let pixels = x.len() / channels;
    let planes = x.chunks_exact(pixels);
    planes
        .map(|plane| plane.iter().sum::<f64>() / pixels as f64)
        .collect()
}

fn matrix(x: &[f64], weight: &[f32], bias: &[f32]) -> Vec<f64> {
    let rows = weight.chunks_exact(x.len()).zip(bias);
    rows.map(|(row, &bias)| {
        let products = row.iter().zip(x).map(|(&w, x)| f64::from(w) * x);
        f64::from(bias) + products.sum::<f64>()
    })
    .collect()
}

fn activate(x: f64, activation: Activation) -> f64 {
    match activation {
        Activation::None => x,
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::HSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Swish => x / (1.0 + (-x).exp()),
    }
}

fn gate(x: f64, gate: Gate) -> f64 {
    match gate {
        Gate::HSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Gate::Sigmoid => 1.0 / (1.0 + (-x).exp()),
    }
}

type Size = (usize, usize, usize);

fn convolve(
    x: &[f64],
    (channels, height, width): Size,
    (weight, bias, outputs): (&[f32], &[f32], usize),
    (kernel, stride, padding): (usize, usize, PaddingRule),
    depthwise: bool,
    activation: Activation,
) -> (Size, Vec<f64>) {
    let padding = padding.resolve(kernel, stride, height, width);
    let out_height = (height + padding.top + padding.bottom - kernel) / stride + 1;
    let out_width = (width + padding.left + padding.right - kernel) / stride + 1;
    let mut y = Vec::with_capacity(outputs * out_height * out_width);
    for (output, &bias) in bias.iter().enumerate() {
        let inputs = if depthwise {
            output..output + 1
        } else {
            0..channels
        };
        for row in 0..out_height {
            for column in 0..out_width {
                let mut sum = f64::from(bias);
                for (i, input) in inputs.clone().enumerate() {
                    for ky in 0..kernel {
                        for kx in 0..kernel {
                            let (r, c) = (row * stride + ky, column * stride + kx);
                            let (Some(r), Some(c)) =
                                (r.checked_sub(padding.top), c.checked_sub(padding.left))
                            else {
                                continue;
                            };
                            if r < height && c < width {
                                let w = ((output * inputs.len() + i) * kernel + ky) * kernel + kx;
                                sum += f64::from(weight[w]) * x[(input * height + r) * width + c];
                            }
                        }
                    }
                }
                y.push(activate(sum, activation));
            }
        }
    }
    ((outputs, out_height, out_width), y)
}

/// With weights that keep the variance.
pub(crate) fn pointwise(
    input: usize,
    output: usize,
    stride: usize,
    activation: Activation,
) -> Pointwise {
    let scale = 1.0 / (input as f32).sqrt();
    let weight = signal("weight", input * output).into_iter();
    Pointwise {
        input,
        output,
        stride,
        weight: weight.map(|w| w * scale).collect(),
        bias: signal("bias", output),
        activation,
    }
}

/// Networks of all kinds of operations, and every way in which a pointwise convolution's input is made.
pub(crate) fn every_kind() -> Vec<Network> {
    let mut networks: Vec<_> = [
        "C3@6/2:relu6 E1K3@5:relu6 E3K3@8/2 E6K5s@12 - E3K7s@12 L@16/2 P20:relu6",
        "C3@6/2:relu6 E1K3@5:relu6 E6K7s@24 E3K3@24/2 P20:relu6",
        "[swish, se swish sigmoid] C3@6/2 E1K3s2a@6 E3K5s3@8/2 C1@12:relu E3K3n@12 F20n",
    ]
    .map(|text| {
        let architecture: scarlet_arch::Architecture =
            text.parse().expect("a network in text form");
        formula_network(&architecture.with_classes(7))
    })
    .to_vec();
    // Squeeze-excite on a tensor that a shortcut needs too, and a map as the result.
    let c = |input, output| Operation::Pointwise(pointwise(input, output, 1, Activation::Swish));
    let excite = || {
        Operation::SqueezeExcite(SqueezeExcite {
            channels: 20,
            squeezed: 5,
            squeeze_weight: signal("squeeze", 100),
            squeeze_bias: signal("squeeze bias", 5),
            excite_weight: signal("excite", 100),
            excite_bias: signal("excite bias", 20),
            activation: Activation::Swish,
            gate: Gate::Sigmoid,
        })
    };
    networks.push(Network {
        input_channels: 3,
        operations: vec![
            c(3, 20),
            excite(),
            c(20, 20),
            Operation::Add(0),
            Operation::Pointwise(pointwise(20, 9, 2, Activation::None)),
        ],
    });
    // As EfficientNet has it, and a fully connected layer more.
    let dense = |input: usize, output: usize, activation| {
        let scale = 1.0 / (input as f32).sqrt();
        let weight = signal("dense", input * output).into_iter();
        Operation::Linear(Linear {
            input,
            output,
            weight: weight.map(|w| w * scale).collect(),
            bias: signal("dense bias", output),
            activation,
        })
    };
    let depthwise = |kernel: usize, stride| {
        Operation::Depthwise(Depthwise {
            channels: 20,
            kernel,
            stride,
            padding: PaddingRule::Same,
            weight: signal("depthwise", 20 * kernel * kernel)
                .into_iter()
                .map(|w| w / kernel as f32)
                .collect(),
            bias: signal("depthwise bias", 20),
            activation: Activation::Swish,
        })
    };
    networks.push(Network {
        input_channels: 3,
        operations: vec![
            c(3, 20),
            depthwise(3, 2),
            excite(),
            Operation::Pointwise(pointwise(20, 12, 1, Activation::None)),
            c(12, 20),
            depthwise(9, 1),
            excite(),
            Operation::Pointwise(pointwise(20, 12, 1, Activation::Swish)),
            Operation::Add(3),
            c(12, 30),
            Operation::GlobalMean,
            dense(30, 24, Activation::Swish),
            dense(24, 10, Activation::None),
        ],
    });
    networks
}

/// Runs seven images with every instruction set, by other numbers of threads and in other batches, which
/// must not change a bit.
pub(crate) fn assert_alone_and_together_agree(
    packed: &PackedNetwork,
    (height, width): (usize, usize),
    images: &[f32],
) {
    for set in InstructionSet::available() {
        let run = |batch: usize, threads: usize| {
            let settings = EngineSettings {
                batch,
                height,
                width,
                threads,
                instruction_set: Some(set),
            };
            let mut engine = Engine::with_packed(packed.clone(), settings).expect("an engine");
            let batches = images.chunks(batch * packed.input_channels() * height * width);
            let results = batches.map(|images| {
                let values = engine.run(images).expect("images of the network's size");
                values.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
            });
            results.collect::<Vec<_>>().concat()
        };
        let expected = run(1, 1);
        for (batch, threads) in [(1, 3), (2, 2), (7, 1), (7, 2), (5, 4)] {
            assert_eq!(run(batch, threads), expected, "{set}: {batch}, {threads}");
        }
    }
}
