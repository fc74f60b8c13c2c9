//! Squeeze-excite (Hu et al., arXiv 1709.01507): a gate per channel and image, from the means.

use rayon::prelude::*;

use super::buffers::take_buffer;
use super::curves;
use super::elementwise::{dot, run, total};
use super::images::Images;
use super::pointwise::{pointwise, pointwise_input_gradient, pointwise_weight_gradient};
use crate::simd::{Kernel, Vector};
use crate::{Activation, Gate};

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

/// `output = factor · input + addend`, over a plane.
struct Scale<'a> {
    input: &'a [f32],
    factor: f32,
    addend: f32,
    output: &'a mut [f32],
}

impl Kernel for Scale<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        for (output, &input) in self.output.iter_mut().zip(self.input) {
            *output = input * self.factor + self.addend;
        }
    }
}

/// `factor[plane] · input + addend(plane)`, channels first.
fn scale_planes(
    input: Images<'_>,
    factor: &[f32],
    addend: impl Fn(usize) -> f32 + Sync,
) -> Vec<f32> {
    let (batch, values) = (input.batch(), input.channel_values());
    let mut output = take_buffer(input.channels() * values);
    (output.par_chunks_mut(values.max(1)).enumerate()).for_each(|(channel, output)| {
        for (image, output) in output.chunks_mut(input.pixels()).enumerate() {
            let plane = channel * batch + image;
            run(Scale {
                input: input.plane(image, channel),
                factor: factor[plane],
                addend: addend(plane),
                output,
            });
        }
    });
    output
}

/// A number for each plane, `[channels, batch]`.
fn for_planes(images: &Images<'_>, number: impl Fn(usize, usize) -> f32 + Sync) -> Vec<f32> {
    let batch = images.batch();
    let mut numbers = vec![0.0; images.channels() * batch];
    (numbers.par_chunks_mut(batch.max(1)).enumerate()).for_each(|(channel, numbers)| {
        for (image, place) in numbers.iter_mut().enumerate() {
            *place = number(image, channel);
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
        let pixels = input.pixels() as f64;
        let mean = for_planes(&input, |image, channel| {
            (total(input.plane(image, channel)) / pixels) as f32
        });
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
            output: scale_planes(input, &gate, |_| 0.0),
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
        let by_gate = for_planes(&input, |image, channel| {
            let slope = curves::gate_slope(self.gate, gate[channel * batch + image]);
            if slope == 0.0 {
                return 0.0;
            }
            let planes = [input, output_gradient].map(|images| images.plane(image, channel));
            (dot(planes[0], planes[1]) * slope) as f32
        });
        let by_gates = Images::channels_first(&by_gate, [batch, channels, 1, 1]);
        let mut by_inner = pointwise_input_gradient(by_gates, self.excite_weight, self.inner());
        for (gradient, &x) in by_inner.iter_mut().zip(squeezed) {
            *gradient *= curves::activation_slope(self.activation, x);
        }
        let by_inners = Images::channels_first(&by_inner, [batch, self.inner(), 1, 1]);
        let by_mean = pointwise_input_gradient(by_inners, self.squeeze_weight, channels);
        SqueezeExciteGradients {
            input: scale_planes(output_gradient, gate, |plane| by_mean[plane] / pixels),
            squeeze_weight: pointwise_weight_gradient(means, by_inners),
            squeeze_bias: sum_images(&by_inner, batch),
            excite_weight: pointwise_weight_gradient(inners, by_gates),
            excite_bias: sum_images(&by_gate, batch),
        }
    }
}
