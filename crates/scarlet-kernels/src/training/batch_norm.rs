//! Batch normalisation in training, with the activation behind it (Ioffe and Szegedy,
//! arXiv 1502.03167).

use rayon::prelude::*;

use super::buffers::take_buffer;
use super::elementwise::{Combination, GradientSums, activate, activation_gradient_into};
use super::fewest_tasks;
use super::images::Images;
use super::sums::Moments;
use crate::activation::Activation;

/// What a normalisation learns, one value a channel, and the activation behind it.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// Factors of the normalised values.
    pub gamma: &'a [f32],
    /// Added to them.
    pub beta: &'a [f32],
    /// Added to the variance.
    pub epsilon: f64,
    /// Applied last.
    pub activation: Activation,
}

/// Mean and biased variance of each channel over the batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Means.
    pub mean: Vec<f32>,
    /// Biased variances.
    pub variance: Vec<f32>,
}

/// What [`batch_norm`] computes.
#[derive(Debug, Clone)]
pub struct Normalised {
    /// `activation(gamma · (x − mean) / sqrt(variance + epsilon) + beta)`, channels first.
    pub output: Vec<f32>,
    /// Of the input.
    pub statistics: Statistics,
}

/// Gradients of what a [`Norm`] learns.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNormGradients {
    /// By `gamma`.
    pub gamma: Vec<f32>,
    /// By `beta`.
    pub beta: Vec<f32>,
}

/// One channel's normalisation, `(x − mean) · scale + beta`. As `x · scale + shift` it would lose
/// digits where the mean is large against the deviation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Affine {
    pub(super) mean: f32,
    pub(super) scale: f32,
    pub(super) beta: f32,
    pub(super) inverse_deviation: f32,
}

impl Norm<'_> {
    pub(super) fn affine(&self, channel: usize, [mean, variance]: [f32; 2]) -> Affine {
        let inverse_deviation = 1.0 / (f64::from(variance) + self.epsilon).sqrt();
        Affine {
            mean,
            scale: (f64::from(self.gamma[channel]) * inverse_deviation) as f32,
            beta: self.beta[channel],
            inverse_deviation: inverse_deviation as f32,
        }
    }

    pub(super) fn affine_of(&self, channel: usize, statistics: &Statistics) -> Affine {
        let found = [statistics.mean[channel], statistics.variance[channel]];
        self.affine(channel, found)
    }
}

impl Statistics {
    /// From `[mean, variance]` of each channel.
    pub(super) fn from_pairs(pairs: &[[f32; 2]]) -> Self {
        Self {
            mean: pairs.iter().map(|pair| pair[0]).collect(),
            variance: pairs.iter().map(|pair| pair[1]).collect(),
        }
    }
}

impl BatchNormGradients {
    /// From `[gamma, beta]` of each channel.
    pub(super) fn from_pairs(pairs: &[[f32; 2]]) -> Self {
        Self {
            gamma: pairs.iter().map(|pair| pair[0]).collect(),
            beta: pairs.iter().map(|pair| pair[1]).collect(),
        }
    }
}

/// Mean and variance of one channel, rounded as they are stored: the backward pass, which reads
/// the stored ones, must see the very values of the forward pass.
pub(super) fn channel_statistics(input: &Images<'_>, channel: usize) -> [f32; 2] {
    let mut moments = Moments::default();
    if input.planes_adjoin() {
        moments.add(input.gather(channel, 0..input.batch(), &mut Vec::new()));
    } else {
        for image in 0..input.batch() {
            moments.add(input.plane(image, channel));
        }
    }
    moments.rounded()
}

/// How the gradient by a normalisation's input follows from the gradient behind it, whose sums
/// over `count` values of the channel are given.
pub(super) fn input_gradient(affine: Affine, sums: GradientSums, count: usize) -> Combination {
    let count = count as f64;
    let scale = f64::from(affine.scale);
    let by_distance = -scale * (sums.with_normalised / count) * f64::from(affine.inverse_deviation);
    Combination {
        by_gradient: affine.scale,
        by_distance: by_distance as f32,
        mean: affine.mean,
        constant: (-scale * (sums.gradient / count)) as f32,
    }
}

/// Normalises each channel over the batch and applies the activation.
pub fn batch_norm(input: Images<'_>, norm: &Norm<'_>) -> Normalised {
    let (channels, values, piece) = (input.channels(), input.channel_values(), input.piece());
    let mut output = take_buffer(channels * values);
    let mut statistics = vec![[0.0; 2]; channels];
    if values > 0 {
        (output
            .par_chunks_mut(values)
            .zip(&mut statistics)
            .enumerate())
        .with_min_len(fewest_tasks(2 * values))
        .for_each(|(channel, (output, statistics))| {
            *statistics = channel_statistics(&input, channel);
            let affine = norm.affine(channel, *statistics);
            for (index, output) in output.chunks_mut(piece).enumerate() {
                let input = input.part(channel, index * piece, piece);
                activate(norm.activation, affine, input, output);
            }
        });
    }
    Normalised {
        output,
        statistics: Statistics::from_pairs(&statistics),
    }
}

/// Gradients by the input (channels first) and by what the normalisation learns, from the
/// gradient by the output.
pub fn batch_norm_backward(
    input: Images<'_>,
    norm: &Norm<'_>,
    statistics: &Statistics,
    output_gradient: Images<'_>,
) -> (Vec<f32>, BatchNormGradients) {
    let (channels, values) = (input.channels(), input.channel_values());
    let piece = input.common_piece(&output_gradient);
    let mut gradient = take_buffer(channels * values);
    let mut learned = vec![[0.0; 2]; channels];
    if values > 0 {
        (gradient
            .par_chunks_mut(values)
            .zip(&mut learned)
            .enumerate())
        .with_min_len(fewest_tasks(3 * values))
        .for_each(|(channel, (gradient, learned))| {
            let affine = norm.affine_of(channel, statistics);
            let mut sums = GradientSums::default();
            for (index, gradient) in gradient.chunks_mut(piece).enumerate() {
                activation_gradient_into(
                    norm.activation,
                    affine,
                    input.part(channel, index * piece, piece),
                    output_gradient.part(channel, index * piece, piece),
                    gradient,
                    &mut sums,
                );
            }
            *learned = [sums.with_normalised as f32, sums.gradient as f32];
            let combination = input_gradient(affine, sums, values);
            for (index, gradient) in gradient.chunks_mut(piece).enumerate() {
                combination.apply(input.part(channel, index * piece, piece), gradient);
            }
        });
    }
    (gradient, BatchNormGradients::from_pairs(&learned))
}
