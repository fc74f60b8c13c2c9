//! The backward pass of a depthwise convolution, channel by channel.

use crate::{
    simd::LANES,
    training::{
        batch_norm::{Affine, Norm, Statistics, input_gradient},
        correlate::{Correlate, CorrelateWeights},
        elementwise::{GradientSums, activation_gradient, activation_gradient_into, run},
        geometry::Geometry,
        images::Images,
    },
};

use super::{DepthwiseStage, Scratch, groups, pick};

/// The backward pass, channel by channel.
pub(super) struct Backward<'a> {
    pub(super) stage: &'a DepthwiseStage<'a>,
    pub(super) geometry: &'a Geometry,
    pub(super) columns: Vec<usize>,
    /// 0, 1, 2, …
    pub(super) consecutive: Vec<usize>,
    pub(super) input: Images<'a>,
    pub(super) output_gradient: Images<'a>,
}

impl Backward<'_> {
    /// The channel's gradient right after the convolution, and the sums that the normalisation
    /// there needs.
    pub(super) fn through_norm_after(
        &self,
        channel: usize,
        after: Option<(Norm<'_>, &[f32], &Statistics)>,
        gradient: &mut Vec<f32>,
    ) -> GradientSums {
        let images = &self.output_gradient;
        let (piece, values) = (images.piece(), images.channel_values());
        let mut sums = GradientSums::default();
        gradient.resize(values, 0.0);
        let Some((norm, convolved, statistics)) = after else {
            for (index, gradient) in gradient.chunks_mut(piece).enumerate() {
                gradient.copy_from_slice(images.part(channel, index * piece, piece));
            }
            return sums;
        };
        let affine = norm.affine_of(channel, statistics);
        let convolved = &convolved[channel * values..][..values];
        let parts = gradient.chunks_mut(piece).zip(convolved.chunks(piece));
        for (index, (gradient, convolved)) in parts.enumerate() {
            let from = images.part(channel, index * piece, piece);
            activation_gradient_into(
                norm.activation,
                affine,
                convolved,
                from,
                gradient,
                &mut sums,
            );
        }
        input_gradient(affine, sums, values).apply(convolved, gradient);
        sums
    }

    /// Gradients by the channel's weights and, after the normalisation in front, by its input.
    pub(super) fn convolution(
        &self,
        channel: usize,
        affine: Option<Affine>,
        after: &[f32],
        gradient: &mut [f32],
        weight_gradient: &mut [f32],
        scratch: &mut Scratch,
    ) -> GradientSums {
        let Self {
            stage,
            geometry,
            input,
            ..
        } = *self;
        let [height, width] = geometry.output();
        let mut sums = GradientSums::default();
        scratch.weight_sums.fill(0.0);
        for images in groups(input.batch(), geometry.group) {
            stage.fill_source(geometry, scratch, input, channel, images.clone(), affine);
            let place = images.start * height * width..images.end * height * width;
            geometry.fill_gradient(&after[place], &mut scratch.gradient);
            run(CorrelateWeights {
                source: &scratch.source,
                step: geometry.vertical.stride * geometry.source_pitch(),
                pitch: geometry.source_pitch(),
                columns: &self.columns,
                gradient: &scratch.gradient,
                gradient_start: geometry.gradient_start(),
                gradient_pitch: geometry.gradient_pitch(),
                kernel_rows: geometry.vertical.kernel.len(),
                rows: height,
                vectors: geometry.vectors(images.len(), width),
                sums: &mut scratch.weight_sums,
            });
            let place = images.start * input.pixels()..images.end * input.pixels();
            let gradient = &mut gradient[place];
            self.by_input(channel, images.len(), gradient, scratch);
            if let (Some(norm), Some(affine)) = (stage.norm_before, affine) {
                let planes = input.gather(channel, images, &mut scratch.gathered);
                activation_gradient(norm.activation, affine, planes, gradient, &mut sums);
            }
        }
        let mut lanes = scratch.weight_sums.chunks_exact(LANES);
        for row in geometry.vertical.kernel.clone() {
            for column in geometry.horizontal.kernel.clone() {
                let sum = lanes.next().into_iter().flatten().sum();
                weight_gradient[row * stage.kernel + column] = sum;
            }
        }
        sums
    }

    /// The gradient by the convolution's input, from the padded gradient.
    fn by_input(&self, channel: usize, images: usize, gradient: &mut [f32], scratch: &mut Scratch) {
        let geometry = self.geometry;
        let part = scratch.rows.len() / geometry.horizontal.stride;
        for (phase, vertical) in geometry.vertical.phases.iter().enumerate() {
            let outputs = scratch.rows.chunks_exact_mut(part);
            for (horizontal, output) in geometry.horizontal.phases.iter().zip(outputs) {
                pick(
                    self.stage.channel_weight(channel),
                    self.stage.kernel,
                    vertical.taps.iter().copied(),
                    horizontal.taps.iter().copied(),
                    &mut scratch.weight,
                );
                run(Correlate {
                    source: &scratch.gradient,
                    start: geometry.gradient_place(vertical.offset, horizontal.offset),
                    step: geometry.gradient_pitch(),
                    pitch: geometry.gradient_pitch(),
                    columns: &self.consecutive[..horizontal.taps.len()],
                    weights: &scratch.weight,
                    rows: vertical.inputs,
                    vectors: geometry.vectors(images, horizontal.inputs),
                    output,
                });
            }
            let rows = &scratch.rows[..part * geometry.horizontal.stride];
            geometry.drain_phase(phase, rows, gradient);
        }
    }
}
