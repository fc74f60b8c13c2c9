//! Depthwise convolution, with the normalisations and activations on both sides of it.

mod backward;

use std::ops::Range;

use rayon::prelude::*;

use super::batch_norm::{
    Affine, BatchNormGradients, Norm, Statistics, channel_statistics, input_gradient,
};
use super::buffers::take_buffer;
use super::correlate::Correlate;
use super::elementwise::{activate, run};
use super::fewest_tasks;
use super::geometry::Geometry;
use super::images::Images;
use super::sums::Moments;
use crate::padding::Padding;
use crate::simd::LANES;
use backward::Backward;

/// A depthwise convolution; with the normalisation and activation in front of it and those
/// after it, if there are any.
#[derive(Debug, Clone, Copy)]
pub struct DepthwiseStage<'a> {
    /// In front of the convolution.
    pub norm_before: Option<Norm<'a>>,
    /// `[channels, kernel, kernel]`.
    pub weight: &'a [f32],
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// In both directions.
    pub stride: usize,
    /// Zeros around the convolution's input.
    pub padding: Padding,
    /// Behind the convolution.
    pub norm_after: Option<Norm<'a>>,
}

/// What [`DepthwiseStage::forward`] computes. Tensors lie channels first.
#[derive(Debug, Clone)]
pub struct DepthwiseOutput {
    /// `[batch, channels, height, width]` of the output.
    pub shape: [usize; 4],
    /// The output.
    pub output: Vec<f32>,
    /// What comes out of the convolution, in front of the normalisation after it; none without.
    pub convolved: Option<Vec<f32>>,
    /// Of the input, where a normalisation is in front.
    pub norm_before: Option<Statistics>,
    /// Of `convolved`.
    pub norm_after: Option<Statistics>,
}

/// Gradients of a [`DepthwiseStage`]. Tensors lie channels first.
#[derive(Debug, Clone)]
pub struct DepthwiseGradients {
    /// By the input.
    pub input: Vec<f32>,
    /// By the weight, `[channels, kernel, kernel]`.
    pub weight: Vec<f32>,
    /// By what the normalisation in front learns.
    pub norm_before: Option<BatchNormGradients>,
    /// By what the normalisation after learns.
    pub norm_after: Option<BatchNormGradients>,
}

/// Memory of one thread.
struct Scratch {
    /// The input with padding; zero where there is no image.
    source: Vec<f32>,
    /// The convolution's gradient with padding; likewise.
    gradient: Vec<f32>,
    /// Rows of a result.
    rows: Vec<f32>,
    /// Planes of a group, brought together.
    gathered: Vec<f32>,
    /// Planes of a group, activated.
    activated: Vec<f32>,
    /// A channel's gradient after the convolution.
    channel: Vec<f32>,
    weight_sums: Vec<f32>,
    weight: Vec<f32>,
    /// Images in `source` and `gradient`.
    images: usize,
}

impl Scratch {
    fn new(geometry: &Geometry, backward: bool) -> Self {
        let [height, width] = geometry.output();
        let stride = geometry.horizontal.stride;
        let inputs =
            [&geometry.vertical, &geometry.horizontal].map(|axis| axis.input.div_ceil(stride));
        let vectors = geometry.vectors(geometry.group, width.max(inputs[1]));
        let weights = geometry.vertical.kernel.len() * geometry.horizontal.kernel.len();
        Self {
            source: vec![0.0; geometry.source_length()],
            gradient: vec![
                0.0;
                if backward {
                    geometry.gradient_length()
                } else {
                    0
                }
            ],
            rows: vec![0.0; height.max(inputs[0] * stride) * vectors * LANES],
            gathered: Vec::new(),
            activated: Vec::new(),
            channel: Vec::new(),
            weight_sums: vec![0.0; if backward { weights * LANES } else { 0 }],
            weight: Vec::with_capacity(weights),
            images: 0,
        }
    }

    /// Clears what a larger group left.
    fn expect(&mut self, images: usize) {
        if images < self.images {
            self.source.fill(0.0);
            self.gradient.fill(0.0);
        }
        self.images = images;
    }
}

/// Groups of images that lie side by side.
fn groups(batch: usize, group: usize) -> impl Iterator<Item = Range<usize>> {
    (0..batch)
        .step_by(group)
        .map(move |start| start..(start + group).min(batch))
}

/// A channel's weights at the given kernel rows and columns.
fn pick(
    weight: &[f32],
    kernel: usize,
    rows: impl IntoIterator<Item = usize>,
    columns: impl IntoIterator<Item = usize> + Clone,
    into: &mut Vec<f32>,
) {
    into.clear();
    for row in rows {
        into.extend(
            columns
                .clone()
                .into_iter()
                .map(|column| weight[row * kernel + column]),
        );
    }
}

impl DepthwiseStage<'_> {
    fn geometry(&self, input: &Images<'_>) -> Geometry {
        let [_, _, height, width] = input.shape();
        Geometry::new([height, width], self.kernel, self.stride, self.padding)
    }

    /// Channels that a thread gets at least.
    fn fewest_channels(&self, geometry: &Geometry, batch: usize) -> usize {
        let [height, width] = geometry.output();
        // A vector of products takes about as long as a value of a simpler operation.
        let work = 4 + self.kernel * self.kernel / 4;
        fewest_tasks(batch * height * width * work)
    }

    fn channel_weight(&self, channel: usize) -> &[f32] {
        let size = self.kernel * self.kernel;
        &self.weight[channel * size..][..size]
    }

    /// The output, and what the backward pass needs.
    ///
    /// # Panics
    ///
    /// If the input has a side of 0, or the weight another size than the input's channels say.
    pub fn forward(&self, input: Images<'_>) -> DepthwiseOutput {
        let [batch, channels, ..] = input.shape();
        let geometry = self.geometry(&input);
        let [height, width] = geometry.output();
        let values = batch * height * width;
        assert_eq!(self.weight.len(), channels * self.kernel * self.kernel);
        let mut output = take_buffer(channels * values);
        let mut convolved = match self.norm_after {
            Some(_) => take_buffer(channels * values),
            None => Vec::new(),
        };
        let mut statistics = vec![[[0.0; 2]; 2]; channels];
        let columns = geometry.columns();
        // Without a normalisation after, the convolution writes into the output.
        let mut parts: Vec<(&mut [f32], &mut [f32])> = match self.norm_after {
            Some(_) => (output.chunks_mut(values))
                .zip(convolved.chunks_mut(values))
                .collect(),
            None => output
                .chunks_mut(values)
                .map(|output| (Default::default(), output))
                .collect(),
        };
        let tasks = parts.par_iter_mut().zip(&mut statistics).enumerate();
        let tasks = tasks.with_min_len(self.fewest_channels(&geometry, batch));
        tasks.for_each_init(
            || Scratch::new(&geometry, false),
            |scratch, (channel, ((output, convolved), [before, after]))| {
                let affine = self.norm_before.map(|norm| {
                    *before = channel_statistics(&input, channel);
                    norm.affine(channel, *before)
                });
                pick(
                    self.channel_weight(channel),
                    self.kernel,
                    geometry.vertical.kernel.clone(),
                    geometry.horizontal.kernel.clone(),
                    &mut scratch.weight,
                );
                for images in groups(batch, geometry.group) {
                    self.fill_source(&geometry, scratch, input, channel, images.clone(), affine);
                    run(Correlate {
                        source: &scratch.source,
                        start: 0,
                        step: geometry.vertical.stride * geometry.source_pitch(),
                        pitch: geometry.source_pitch(),
                        columns: &columns,
                        weights: &scratch.weight,
                        rows: height,
                        vectors: geometry.vectors(images.len(), width),
                        output: &mut scratch.rows,
                    });
                    let place = images.start * height * width..images.end * height * width;
                    geometry.drain_output(&scratch.rows, &mut convolved[place]);
                }
                if let Some(norm) = self.norm_after {
                    let mut moments = Moments::default();
                    moments.add(convolved);
                    *after = moments.rounded();
                    activate(
                        norm.activation,
                        norm.affine(channel, *after),
                        convolved,
                        output,
                    );
                }
            },
        );
        let pairs = |index: usize| {
            statistics
                .iter()
                .map(|pair| pair[index])
                .collect::<Vec<_>>()
        };
        DepthwiseOutput {
            shape: [batch, channels, height, width],
            output,
            convolved: self.norm_after.map(|_| convolved),
            norm_before: self.norm_before.map(|_| Statistics::from_pairs(&pairs(0))),
            norm_after: self.norm_after.map(|_| Statistics::from_pairs(&pairs(1))),
        }
    }

    /// All gradients, from the gradient by the output. `convolved`, and the statistics
    /// `before` and `after`, are those that [`forward`](Self::forward) gave.
    ///
    /// # Panics
    ///
    /// If a normalisation's statistics or `convolved` are missing.
    pub fn backward(
        &self,
        input: Images<'_>,
        convolved: Option<&[f32]>,
        before: Option<&Statistics>,
        after: Option<&Statistics>,
        output_gradient: Images<'_>,
    ) -> DepthwiseGradients {
        let [batch, channels, ..] = input.shape();
        let geometry = self.geometry(&input);
        let [height, width] = geometry.output();
        assert_eq!(output_gradient.shape(), [batch, channels, height, width]);
        let after = self.norm_after.map(|norm| {
            let convolved = convolved.expect("what came out of the convolution");
            assert_eq!(convolved.len(), channels * batch * height * width);
            (
                norm,
                convolved,
                after.expect("the statistics after the convolution"),
            )
        });
        let before = self.norm_before.map(|norm| {
            (
                norm,
                before.expect("the statistics in front of the convolution"),
            )
        });
        let (values, piece) = (input.channel_values(), input.piece());
        let mut gradient = take_buffer(channels * values);
        let mut weight_gradient = vec![0.0; channels * self.kernel * self.kernel];
        let mut learned = vec![[[0.0; 2]; 2]; channels];
        let work = Backward {
            stage: self,
            geometry: &geometry,
            columns: geometry.columns(),
            consecutive: (0..self.kernel).collect(),
            input,
            output_gradient,
        };
        (gradient.par_chunks_mut(values))
            .zip(weight_gradient.par_chunks_mut(self.kernel * self.kernel))
            .zip(&mut learned)
            .enumerate()
            .with_min_len(self.fewest_channels(&geometry, 2 * batch))
            .for_each_init(
                || Scratch::new(&geometry, true),
                |scratch, (channel, ((gradient, weight_gradient), [by_before, by_after]))| {
                    let mut channel_gradient = std::mem::take(&mut scratch.channel);
                    let sums = work.through_norm_after(channel, after, &mut channel_gradient);
                    *by_after = [sums.with_normalised as f32, sums.gradient as f32];
                    let affine =
                        before.map(|(norm, statistics)| norm.affine_of(channel, statistics));
                    let sums = work.convolution(
                        channel,
                        affine,
                        &channel_gradient,
                        gradient,
                        weight_gradient,
                        scratch,
                    );
                    *by_before = [sums.with_normalised as f32, sums.gradient as f32];
                    if let Some(affine) = affine {
                        let combination = input_gradient(affine, sums, values);
                        for (index, part) in gradient.chunks_mut(piece).enumerate() {
                            combination.apply(input.part(channel, index * piece, piece), part);
                        }
                    }
                    scratch.channel = channel_gradient;
                },
            );
        let pairs = |index: usize| learned.iter().map(|pair| pair[index]).collect::<Vec<_>>();
        DepthwiseGradients {
            input: gradient,
            weight: weight_gradient,
            norm_before: before.map(|_| BatchNormGradients::from_pairs(&pairs(0))),
            norm_after: after.map(|_| BatchNormGradients::from_pairs(&pairs(1))),
        }
    }

    /// Brings some images' planes of a channel, normalised and activated, into the padded input.
    fn fill_source(
        &self,
        geometry: &Geometry,
        scratch: &mut Scratch,
        input: Images<'_>,
        channel: usize,
        images: Range<usize>,
        affine: Option<Affine>,
    ) {
        scratch.expect(images.len());
        let planes = input.gather(channel, images, &mut scratch.gathered);
        match (self.norm_before, affine) {
            (Some(norm), Some(affine)) => {
                scratch.activated.resize(planes.len(), 0.0);
                activate(norm.activation, affine, planes, &mut scratch.activated);
                geometry.fill_source(&scratch.activated, &mut scratch.source);
            }
            _ => geometry.fill_source(planes, &mut scratch.source),
        }
    }
}
