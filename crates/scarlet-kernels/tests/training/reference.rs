//! The same operations, slow and plain, in f64. Tensors lie `[image][channel][row][column]`.

use scarlet_kernels::training::{ConvolutionShape, Norm};
use scarlet_kernels::{Activation, Gate, Padding};

/// A dense tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    pub shape: [usize; 4],
    pub values: Vec<f64>,
}

impl Tensor {
    pub fn zeros(shape: [usize; 4]) -> Self {
        Self {
            shape,
            values: vec![0.0; shape.iter().product()],
        }
    }

    /// Numbers between -1 and 1 that follow from the seed.
    pub fn noise(shape: [usize; 4], seed: u64) -> Self {
        let mut tensor = Self::zeros(shape);
        for (value, noise) in tensor.values.iter_mut().zip(noise(seed)) {
            *value = noise;
        }
        tensor
    }

    pub fn at(&self, place: [usize; 4]) -> f64 {
        self.values[self.index(place)]
    }

    pub fn index(&self, [n, c, y, x]: [usize; 4]) -> usize {
        let [_, channels, height, width] = self.shape;
        ((n * channels + c) * height + y) * width + x
    }

    pub fn map(&self, function: impl Fn(f64) -> f64) -> Self {
        Self {
            shape: self.shape,
            values: self.values.iter().map(|&x| function(x)).collect(),
        }
    }

    pub fn zip(&self, other: &Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        assert_eq!(self.shape, other.shape);
        let values = self.values.iter().zip(&other.values);
        Self {
            shape: self.shape,
            values: values.map(|(&a, &b)| combine(a, b)).collect(),
        }
    }

    pub fn dot(&self, other: &Self) -> f64 {
        self.zip(other, |a, b| a * b).values.iter().sum()
    }

    /// The values in the order `[channel][image][row][column]`.
    pub fn channels_first(&self) -> Vec<f64> {
        let [batch, channels, height, width] = self.shape;
        let plane = height * width;
        (0..channels * batch)
            .flat_map(|index| {
                let (channel, image) = (index / batch, index % batch);
                let start = (image * channels + channel) * plane;
                self.values[start..start + plane].iter().copied()
            })
            .collect()
    }
}

pub fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

/// Evenly distributed between -1 and 1, rounded to f32.
pub fn noise(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x1234_5678_9ABC_DEF1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f64::from((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0)
    })
}

pub fn value(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::None => x,
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::HSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Swish => x * logistic(x),
    }
}

/// `1 / (1 + e^-x)`.
fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The factor that a number becomes.
pub fn gate(gate: Gate, x: f64) -> f64 {
    match gate {
        Gate::HSigmoid => (x / 6.0 + 0.5).clamp(0.0, 1.0),
        Gate::Sigmoid => logistic(x),
    }
}

/// Its derivative.
pub fn gate_slope(gate: Gate, x: f64) -> f64 {
    match gate {
        Gate::HSigmoid if x > -3.0 && x < 3.0 => 1.0 / 6.0,
        Gate::HSigmoid => 0.0,
        Gate::Sigmoid => logistic(x) * logistic(-x),
    }
}

/// The derivative.
pub fn slope(activation: Activation, x: f64) -> f64 {
    let inside = |low: f64, high: f64| x > low && x < high;
    match activation {
        Activation::None => 1.0,
        Activation::Relu => f64::from(u8::from(x > 0.0)),
        Activation::Relu6 => f64::from(u8::from(inside(0.0, 6.0))),
        Activation::HSwish if inside(-3.0, 3.0) => (2.0 * x + 3.0) / 6.0,
        Activation::HSwish => f64::from(u8::from(x >= 3.0)),
        Activation::Swish => logistic(x) * (1.0 + x * logistic(-x)),
    }
}

/// Where the derivative jumps.
pub fn kinks(activation: Activation) -> &'static [f64] {
    match activation {
        Activation::None | Activation::Swish => &[],
        Activation::Relu => &[0.0],
        Activation::Relu6 => &[0.0, 6.0],
        Activation::HSwish => &[-3.0, 3.0],
    }
}

/// Whether a value in front of the activation is so close to a kink that rounding decides on
/// which side it falls.
pub fn is_near_kink(input: &Tensor, norm: &Norm<'_>) -> bool {
    let plain = Norm {
        activation: Activation::None,
        ..*norm
    };
    let (values, ..) = batch_norm(input, &plain);
    (values.values.iter())
        .any(|x| (kinks(norm.activation).iter()).any(|kink| (x - kink).abs() < 1e-4))
}

/// Calls `visit` with the places of output, input and weight of each product of a convolution in
/// groups; `weight` is `[channels_out, channels_in / groups, kernel, kernel]`.
fn products(
    input: [usize; 4],
    weight: [usize; 4],
    output: [usize; 4],
    groups: usize,
    shape: ConvolutionShape,
    mut visit: impl FnMut([usize; 4], [usize; 4], [usize; 4]),
) {
    let [batch, channels_out, height, width] = output;
    let [_, filter, kernel, _] = weight;
    for (n, o) in (0..batch).flat_map(|n| (0..channels_out).map(move |o| (n, o))) {
        let first = o / (channels_out / groups) * filter;
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            for i in 0..filter {
                for (ky, kx) in (0..kernel).flat_map(|ky| (0..kernel).map(move |kx| (ky, kx))) {
                    let row = (y * shape.stride + ky).wrapping_sub(shape.padding.top);
                    let column = (x * shape.stride + kx).wrapping_sub(shape.padding.left);
                    if row < input[2] && column < input[3] {
                        visit([n, o, y, x], [n, first + i, row, column], [o, i, ky, kx]);
                    }
                }
            }
        }
    }
}

/// A convolution in groups.
pub fn convolution(
    input: &Tensor,
    weight: &Tensor,
    groups: usize,
    shape: ConvolutionShape,
) -> Tensor {
    let ([batch, _, height, width], [channels, _, kernel, _]) = (input.shape, weight.shape);
    let Padding {
        top,
        bottom,
        left,
        right,
    } = shape.padding;
    let [height, width] = [height + top + bottom, width + left + right]
        .map(|side| (side - kernel) / shape.stride + 1);
    let mut output = Tensor::zeros([batch, channels, height, width]);
    let sizes = (input.shape, weight.shape, output.shape);
    products(sizes.0, sizes.1, sizes.2, groups, shape, |o, i, w| {
        let at = output.index(o);
        output.values[at] += input.at(i) * weight.at(w);
    });
    output
}

/// Gradients by input and weight of [`convolution`], from the gradient by its output.
pub fn convolution_backward(
    input: &Tensor,
    weight: &Tensor,
    groups: usize,
    shape: ConvolutionShape,
    gradient: &Tensor,
) -> (Tensor, Tensor) {
    let (mut by_input, mut by_weight) = (Tensor::zeros(input.shape), Tensor::zeros(weight.shape));
    products(
        input.shape,
        weight.shape,
        gradient.shape,
        groups,
        shape,
        |o, i, w| {
            let (place, tap) = (input.index(i), weight.index(w));
            by_input.values[place] += gradient.at(o) * weight.values[tap];
            by_weight.values[tap] += gradient.at(o) * input.values[place];
        },
    );
    (by_input, by_weight)
}

/// The places of a channel's values.
fn channel_places([batch, channels, height, width]: [usize; 4], channel: usize) -> Vec<usize> {
    let plane = height * width;
    (0..batch)
        .flat_map(|n| (0..plane).map(move |at| (n * channels + channel) * plane + at))
        .collect()
}

/// Batch normalisation with the batch's own statistics, and the activation; also means and biased
/// variances.
pub fn batch_norm(input: &Tensor, norm: &Norm<'_>) -> (Tensor, Vec<f64>, Vec<f64>) {
    let mut output = input.clone();
    let (mut means, mut variances) = (Vec::new(), Vec::new());
    for c in 0..input.shape[1] {
        let places = channel_places(input.shape, c);
        let count = places.len() as f64;
        let mean = places.iter().map(|&at| input.values[at]).sum::<f64>() / count;
        let squares = places.iter().map(|&at| (input.values[at] - mean).powi(2));
        let variance = squares.sum::<f64>() / count;
        for at in places {
            let normal = (input.values[at] - mean) / (variance + norm.epsilon).sqrt();
            let affine = normal * f64::from(norm.gamma[c]) + f64::from(norm.beta[c]);
            output.values[at] = value(norm.activation, affine);
        }
        means.push(mean);
        variances.push(variance);
    }
    (output, means, variances)
}

/// Gradients by input, gamma and beta of [`batch_norm`], value by value from the Jacobian.
pub fn batch_norm_backward(
    input: &Tensor,
    norm: &Norm<'_>,
    gradient: &Tensor,
) -> (Tensor, Vec<f64>, Vec<f64>) {
    let (_, means, variances) = batch_norm(input, norm);
    let channels = input.shape[1];
    let mut by_input = Tensor::zeros(input.shape);
    let (mut by_gamma, mut by_beta) = (vec![0.0; channels], vec![0.0; channels]);
    for c in 0..channels {
        let places = channel_places(input.shape, c);
        let (gamma, beta) = (f64::from(norm.gamma[c]), f64::from(norm.beta[c]));
        let deviation = (variances[c] + norm.epsilon).sqrt();
        let count = places.len() as f64;
        let normal = |at: usize| (input.values[at] - means[c]) / deviation;
        let behind: Vec<f64> = (places.iter())
            .map(|&at| gradient.values[at] * slope(norm.activation, normal(at) * gamma + beta))
            .collect();
        for (&i, own) in places.iter().zip(&behind) {
            by_gamma[c] += own * normal(i);
            by_beta[c] += own;
            let through: f64 = (places.iter().zip(&behind))
                .map(|(&j, other)| {
                    let same = f64::from(u8::from(i == j));
                    other * (same - (1.0 + normal(i) * normal(j)) / count)
                })
                .sum();
            by_input.values[i] = gamma / deviation * through;
        }
    }
    (by_input, by_gamma, by_beta)
}

/// The slope of `function` along a direction, by central differences.
pub fn directional(at: &Tensor, direction: &Tensor, function: impl Fn(&Tensor) -> f64) -> f64 {
    let step = 1e-5;
    let moved = |by: f64| function(&at.zip(direction, |a, d| a + by * d));
    (moved(step) - moved(-step)) / (2.0 * step)
}
