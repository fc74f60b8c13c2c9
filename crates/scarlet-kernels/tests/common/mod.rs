//! Networks for tests, benches and examples: an architecture with made-up weights, its batch
//! normalisations folded.
#![allow(dead_code, reason = "each user needs a part of it")]

use scarlet_arch::{Activation as BlockActivation, Architecture, Operation as Layer};
use scarlet_kernels::{
    Activation, Convolution, Depthwise, Gate, Linear, Network, Operation, PaddingRule, Pointwise,
    SqueezeExcite,
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
fn folded(conv: &str, bn: &str, shape: &[usize], epsilon: f64) -> (Vec<f32>, Vec<f32>) {
    let channels = [shape[0]];
    let weight = entry(&format!("{conv}.weight"), shape);
    let [gamma, beta, mean, variance] =
        ["weight", "bias", "running_mean", "running_var"].map(|what| {
            let name = format!("{bn}.{what}");
            entry(&name, &channels)
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

/// An architecture with formula weights under the published checkpoints' names, for images of
/// `size`.
pub(crate) fn formula_network(architecture: &Architecture, size: usize) -> Network {
    let epsilon = architecture.batch_norm.epsilon;
    let mut size = size;
    let mut padding = |kernel: usize, stride: usize| {
        let padding = match architecture.padding {
            scarlet_arch::Padding::Symmetric => PaddingRule::all(kernel / 2),
            scarlet_arch::Padding::Same => PaddingRule::Same,
        };
        size = size.div_ceil(stride);
        padding
    };
    let convolution = |c: (&str, &str), input: usize, output: usize, padding: PaddingRule| {
        let (weight, bias) = folded(c.0, c.1, &[output, input, 3, 3], epsilon);
        Operation::Convolution(Convolution {
            input,
            output,
            kernel: 3,
            stride: 2,
            padding,
            weight,
            bias,
            activation: Activation::Relu6,
        })
    };
    let depthwise = |c: (&str, &str), channels, kernel, stride, padding, activation| {
        let (weight, bias) = folded(c.0, c.1, &[channels, 1, kernel, kernel], epsilon);
        Operation::Depthwise(Depthwise {
            channels,
            kernel,
            stride,
            padding,
            weight,
            bias,
            activation,
        })
    };
    let pointwise = |c: (&str, &str), input, output, activation| {
        let (weight, bias) = folded(c.0, c.1, &[output, input, 1, 1], epsilon);
        Operation::Pointwise(Pointwise {
            input,
            output,
            stride: 1,
            weight,
            bias,
            activation,
        })
    };
    let inner = match architecture.activation {
        BlockActivation::HSwish => Activation::HSwish,
        BlockActivation::Relu6 => Activation::Relu6,
    };
    let (stem, separable) = (architecture.stem, architecture.separable);
    let mut operations = vec![
        convolution(
            ("stem.0", "stem.1"),
            architecture.input_channels,
            stem,
            padding(3, 2),
        ),
        depthwise(
            ("separable_conv.0", "separable_conv.1"),
            stem,
            3,
            1,
            padding(3, 1),
            Activation::Relu6,
        ),
        pointwise(
            ("separable_conv.3", "separable_conv.4"),
            stem,
            separable,
            Activation::None,
        ),
    ];
    for (index, layer) in architecture.placed_layers().iter().enumerate() {
        let name = |part: &str| format!("mb_module.{index}.{part}");
        let (input, output) = (layer.channels_in, layer.channels_out);
        match layer.operation {
            Layer::Identity => {}
            Layer::Linear => {
                let weight = entry(&name("weight"), &[output, input, 1, 1]);
                padding(1, layer.stride);
                operations.push(Operation::Pointwise(Pointwise {
                    input,
                    output,
                    stride: layer.stride,
                    weight: to_f32(&weight),
                    bias: vec![0.0; output],
                    activation: Activation::None,
                }));
            }
            Layer::InvertedResidual(block) => {
                let shortcut = operations.len() - 1;
                let hidden = block.expansion.hidden(input);
                if hidden != input {
                    let c = (&*name("conv1"), &*name("bn1"));
                    operations.push(pointwise(c, input, hidden, inner));
                }
                operations.push(depthwise(
                    (&name("conv2"), &name("bn2")),
                    hidden,
                    block.kernel,
                    layer.stride,
                    padding(block.kernel, layer.stride),
                    inner,
                ));
                if block.squeeze_excite {
                    let squeezed = hidden / 4;
                    let part = |part: &str, shape: &[usize]| {
                        to_f32(&entry(&name(&format!("mid_se.{part}")), shape))
                    };
                    operations.push(Operation::SqueezeExcite(SqueezeExcite {
                        channels: hidden,
                        squeezed,
                        squeeze_weight: part("squeeze_conv.weight", &[squeezed, hidden, 1, 1]),
                        squeeze_bias: part("squeeze_conv.bias", &[squeezed]),
                        excite_weight: part("excite_conv.weight", &[hidden, squeezed, 1, 1]),
                        excite_bias: part("excite_conv.bias", &[hidden]),
                        activation: Activation::Relu,
                        gate: Gate::HSigmoid,
                    }));
                }
                operations.push(pointwise(
                    (&name("conv3"), &name("bn3")),
                    hidden,
                    output,
                    Activation::None,
                ));
                if layer.has_shortcut() {
                    operations.push(Operation::Add(shortcut));
                }
            }
        }
    }
    let (last, head, classes) = (
        architecture.channels_before_head(),
        architecture.head,
        architecture.classes,
    );
    operations.extend([
        pointwise(
            ("conv_before_pooling.0", "conv_before_pooling.1"),
            last,
            head,
            Activation::Relu6,
        ),
        Operation::GlobalMean,
        Operation::Linear(Linear {
            input: head,
            output: classes,
            weight: to_f32(&entry("classifier.weight", &[classes, head])),
            bias: to_f32(&entry("classifier.bias", &[classes])),
            activation: Activation::None,
        }),
    ]);
    Network {
        input_channels: architecture.input_channels,
        operations,
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
