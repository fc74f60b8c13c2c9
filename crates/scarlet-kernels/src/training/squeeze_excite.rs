//! Squeeze-excite (Hu et al., arXiv 1709.01507): a gate per channel and image, from the means.

use rayon::prelude::*;

use super::buffers::take_buffer;
use super::curves;
use super::elementwise::run;
use super::fewest_tasks;
use super::images::Images;
use super::pointwise::{pointwise, pointwise_input_gradient, pointwise_weight_gradient};
use super::sums::{dots, totals};
use crate::activation::{Activation, Gate};
use crate::simd::{Kernel, vector::Vector};

/// The two layers that turn means into gates, `gate(excite · activation(squeeze · mean))`.
#[derive(Debug, Clone, Copy)]
pub struct SqueezeExcite<'a> {
    /// `[inner, channels]`.
    pub squeeze_weight: &'a [f32],
    /// `[inner]`.
    pub squeeze_bias: &'a [f32],
    /// `[channels, inner]`.
    pub excite_weight: &'a [f32],
    /// `[channels]`.
    pub excite_bias: &'a [f32],
    /// Between the two layers.
    pub activation: Activation,
    /// Behind them.
    pub gate: Gate,
}

/// What [`SqueezeExcite::forward`] computes, each channels first.
#[derive(Debug, Clone)]
pub struct SqueezeExciteOutput {
    /// The input times its gates.
    pub output: Vec<f32>,
    /// Means of the input, `[channels, batch]`.
    pub mean: Vec<f32>,
    /// `squeeze · mean`, in front of the activation, `[inner, batch]`.
    pub squeezed: Vec<f32>,
    /// The gates, `[channels, batch]`.
    pub gate: Vec<f32>,
}

/// Gradients of a [`SqueezeExcite`].
#[derive(Debug, Clone)]
pub struct SqueezeExciteGradients {
    /// By the input, channels first.
    pub input: Vec<f32>,
    /// By the first layer's weight.
    pub squeeze_weight: Vec<f32>,
    /// By its bias.
    pub squeeze_bias: Vec<f32>,
    /// By the second layer's weight.
    pub excite_weight: Vec<f32>,
    /// By its bias.
    pub excite_bias: Vec<f32>,
}

/// `output = factor · input + addend`, over planes that follow each other.
struct Scale<'a> {
    input: &'a [f32],
    pixels: usize,
    /// One each plane.
    factors: &'a [f32],
    addends: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Scale<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let planes = (self.output.chunks_exact_mut(self.pixels))
            .zip(self.input.chunks_exact(self.pixels))
            .zip(self.factors.iter().zip(self.addends));
        for ((output, input), (factor, addend)) in planes {
            for (output, &input) in output.iter_mut().zip(input) {
                *output = input * factor + addend;
            }
        }
    }
}

/// `factors[plane] · input + addends[plane]`, channels first.
fn scale_planes(input: Images<'_>, factors: &[f32], addends: &[f32]) -> Vec<f32> {
    let (values, pixels, piece) = (input.channel_values(), input.pixels(), input.piece());
    let mut output = take_buffer(input.channels() * values);
    let channels = output.par_chunks_mut(values.max(1)).enumerate();
    let channels = channels.with_min_len(fewest_tasks(values));
    channels.for_each(|(channel, output)| {
        for (index, output) in output.chunks_mut(piece).enumerate() {
            let start = index * piece;
            let first = channel * input.batch() + start / pixels;
            let planes = first..first + piece / pixels;
            run(Scale {
                input: input.part(channel, start, piece),
                pixels,
                factors: &factors[planes.clone()],
                addends: &addends[planes],
                output,
            });
        }
    });
    output
}

/// A number for each plane, `[channels, batch]`, by `fill`, which is given a channel, the first
/// pixel of planes that follow each other, and the places of their numbers.
fn for_planes(
    images: &Images<'_>,
    piece: usize,
    fill: impl Fn(usize, usize, &mut [f64]) + Sync,
) -> Vec<f64> {
    let (batch, pixels) = (images.batch(), images.pixels());
    let mut numbers = vec![0.0; images.channels() * batch];
    if pixels == 0 {
        return numbers;
    }
    let channels = numbers.par_chunks_mut(batch.max(1)).enumerate();
    let channels = channels.with_min_len(fewest_tasks(batch * pixels));
    channels.for_each(|(channel, numbers)| {
        for (index, numbers) in numbers.chunks_mut(piece / pixels).enumerate() {
            fill(channel, index * piece, numbers);
        }
    });
    numbers
}

/// Sums over the images, of `[channels, batch]`.
fn sum_images(values: &[f32], batch: usize) -> Vec<f32> {
    values
        .chunks(batch.max(1))
        .map(|row| row.iter().sum())
        .collect()
}

impl SqueezeExcite<'_> {
    fn inner(&self) -> usize {
        self.squeeze_bias.len()
    }

    /// The input times its gates.
    ///
    /// # Panics
    ///
    /// If a weight's size does not fit.
    pub fn forward(&self, input: Images<'_>) -> SqueezeExciteOutput {
        let [batch, channels, ..] = input.shape();
        let (pixels, piece) = (input.pixels(), input.piece());
        let sums = for_planes(&input, piece, |channel, start, sums| {
            totals(input.part(channel, start, piece), pixels, sums);
        });
        let mean: Vec<f32> = (sums.iter())
            .map(|sum| (sum / pixels as f64) as f32)
            .collect();
        let means = Images::channels_first(&mean, [batch, channels, 1, 1]);
        let mut squeezed = pointwise(means, self.squeeze_weight, self.inner());
        for (row, bias) in squeezed.chunks_mut(batch.max(1)).zip(self.squeeze_bias) {
            row.iter_mut().for_each(|value| *value += bias);
        }
        let inner = self.activated(&squeezed);
        let inners = Images::channels_first(&inner, [batch, self.inner(), 1, 1]);
        let mut gate = pointwise(inners, self.excite_weight, channels);
        for (row, bias) in gate.chunks_mut(batch.max(1)).zip(self.excite_bias) {
            (row.iter_mut()).for_each(|x| *x = curves::gate(self.gate, *x + bias));
        }
        SqueezeExciteOutput {
            output: scale_planes(input, &gate, &vec![0.0; gate.len()]),
            mean,
            squeezed,
            gate,
        }
    }

    fn activated(&self, squeezed: &[f32]) -> Vec<f32> {
        let values = squeezed.iter();
        values
            .map(|&x| curves::activation(self.activation, x))
            .collect()
    }

    /// All gradients, from the gradient by the output; `mean`, `squeezed` and `gate` are those
    /// that [`forward`](Self::forward) gave.
    ///
    /// # Panics
    ///
    /// If a size does not fit.
    pub fn backward(
        &self,
        input: Images<'_>,
        mean: &[f32],
        squeezed: &[f32],
        gate: &[f32],
        output_gradient: Images<'_>,
    ) -> SqueezeExciteGradients {
        let [batch, channels, height, width] = input.shape();
        let pixels = (height * width) as f32;
        let means = Images::channels_first(mean, [batch, channels, 1, 1]);
        let inner = self.activated(squeezed);
        let inners = Images::channels_first(&inner, [batch, self.inner(), 1, 1]);
        // In front of the gate.
        let piece = input.common_piece(&output_gradient);
        let sums = for_planes(&input, piece, |channel, start, sums| {
            let [input, gradient] =
                [input, output_gradient].map(|images| images.part(channel, start, piece));
            dots(input, gradient, height * width, sums);
        });
        let by_gate: Vec<f32> = (sums.iter().zip(gate))
            .map(|(sum, &gate)| match curves::gate_slope(self.gate, gate) {
                0.0 => 0.0,
                slope => (sum * slope) as f32,
            })
            .collect();
        let by_gates = Images::channels_first(&by_gate, [batch, channels, 1, 1]);
        let mut by_inner = pointwise_input_gradient(by_gates, self.excite_weight, self.inner());
        for (gradient, &x) in by_inner.iter_mut().zip(squeezed) {
            *gradient *= curves::activation_slope(self.activation, x);
        }
        let by_inners = Images::channels_first(&by_inner, [batch, self.inner(), 1, 1]);
        let mut by_mean = pointwise_input_gradient(by_inners, self.squeeze_weight, channels);
        by_mean.iter_mut().for_each(|value| *value /= pixels);
        SqueezeExciteGradients {
            input: scale_planes(output_gradient, gate, &by_mean),
            squeeze_weight: pointwise_weight_gradient(means, by_inners),
            squeeze_bias: sum_images(&by_inner, batch),
            excite_weight: pointwise_weight_gradient(inners, by_gates),
            excite_bias: sum_images(&by_gate, batch),
        }
    }
}
