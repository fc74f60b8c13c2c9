//! Ordinary convolutions, as in a network's stem: the values that each weight meets are laid out
//! as rows of a matrix, and the rest is a pointwise convolution.

use std::ops::Range;

use rayon::prelude::*;

use super::buffers::{give_buffer, take_buffer};
use super::fewest_tasks;
use super::images::Images;
use super::pointwise::{pointwise, pointwise_input_gradient, pointwise_weight_gradient};
use crate::padding::Padding;

/// Shape of a convolution whose weight is `[channels_out, channels_in, kernel, kernel]`.
#[derive(Debug, Clone, Copy)]
pub struct ConvolutionShape {
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// In both directions.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: Padding,
}

impl ConvolutionShape {
    /// `[height, width]` of the output.
    fn output(&self, [_, _, height, width]: [usize; 4]) -> [usize; 2] {
        let Padding {
            top,
            bottom,
            left,
            right,
        } = self.padding;
        [height + top + bottom, width + left + right]
            .map(|side| side.saturating_sub(self.kernel) / self.stride + 1)
    }

    /// Outputs along an axis for which the weight at `tap` meets the image, and the input that
    /// the first of them meets.
    fn met(&self, input: usize, output: usize, before: usize, tap: usize) -> (Range<usize>, usize) {
        let first = before.saturating_sub(tap).div_ceil(self.stride).min(output);
        let end = (input + before).saturating_sub(tap).div_ceil(self.stride);
        let start = (first * self.stride + tap).saturating_sub(before);
        (first..end.clamp(first, output), start)
    }
}

/// `[batch, channels · kernel², height, width]` of the output, channels first: what each weight
/// meets.
fn unfold(input: Images<'_>, shape: ConvolutionShape) -> (Vec<f32>, [usize; 4]) {
    let [batch, channels, in_height, in_width] = input.shape();
    let [height, width] = shape.output(input.shape());
    let taps = shape.kernel * shape.kernel;
    let values = batch * height * width;
    let mut unfolded = take_buffer(channels * taps * values);
    let rows = unfolded.par_chunks_mut(values.max(1)).enumerate();
    let rows = rows.with_min_len(fewest_tasks(values));
    rows.for_each(|(row, output)| {
        let (channel, tap) = (row / taps, row % taps);
        let (ky, kx) = (tap / shape.kernel, tap % shape.kernel);
        let (ys, y_start) = shape.met(in_height, height, shape.padding.top, ky);
        let (xs, x_start) = shape.met(in_width, width, shape.padding.left, kx);
        output.fill(0.0);
        for (image, output) in output.chunks_mut(height * width).enumerate() {
            let rows = (input.plane(image, channel).chunks(in_width))
                .skip(y_start)
                .step_by(shape.stride);
            let places = output[ys.start * width..ys.end * width].chunks_mut(width);
            for (row, place) in rows.zip(places) {
                let values = row[x_start.min(in_width)..].iter().step_by(shape.stride);
                for (place, &value) in place[xs.clone()].iter_mut().zip(values) {
                    *place = value;
                }
            }
        }
    });
    (unfolded, [batch, channels * taps, height, width])
}

/// The gradient by the input, channels first, from the gradient by [`unfold`]'s result.
fn fold(unfolded: &[f32], input: [usize; 4], shape: ConvolutionShape) -> Vec<f32> {
    let [batch, channels, in_height, in_width] = input;
    let [height, width] = shape.output(input);
    let taps = shape.kernel * shape.kernel;
    let values = batch * height * width;
    let plane = in_height * in_width;
    let mut folded = take_buffer(channels * batch * plane);
    let channels = folded.par_chunks_mut((batch * plane).max(1)).enumerate();
    let channels = channels.with_min_len(fewest_tasks(taps * values));
    channels.for_each(|(channel, folded)| {
        folded.fill(0.0);
        for tap in 0..taps {
            let (ky, kx) = (tap / shape.kernel, tap % shape.kernel);
            let (ys, y_start) = shape.met(in_height, height, shape.padding.top, ky);
            let (xs, x_start) = shape.met(in_width, width, shape.padding.left, kx);
            let rows = &unfolded[(channel * taps + tap) * values..][..values];
            let images = rows.chunks(height * width).zip(folded.chunks_mut(plane));
            for (gradient, folded) in images {
                let places = folded
                    .chunks_mut(in_width)
                    .skip(y_start)
                    .step_by(shape.stride);
                let rows = gradient[ys.start * width..ys.end * width].chunks(width);
                for (place, row) in places.zip(rows) {
                    let places = place[x_start.min(in_width)..]
                        .iter_mut()
                        .step_by(shape.stride);
                    for (place, value) in places.zip(&row[xs.clone()]) {
                        *place += value;
                    }
                }
            }
        }
    });
    folded
}

/// The convolution, channels first, and its shape `[batch, channels_out, height, width]`.
///
/// # Panics
///
/// If `weight` is shorter than the shapes say.
pub fn convolution(
    input: Images<'_>,
    weight: &[f32],
    channels_out: usize,
    shape: ConvolutionShape,
) -> (Vec<f32>, [usize; 4]) {
    let (unfolded, [batch, rows, height, width]) = unfold(input, shape);
    let view = Images::channels_first(&unfolded, [batch, rows, height, width]);
    let output = pointwise(view, weight, channels_out);
    give_buffer(unfolded);
    (output, [batch, channels_out, height, width])
}

/// Gradients by the input (channels first; if `with_input`) and by the weight, from the gradient
/// by the output.
///
/// # Panics
///
/// If a size does not fit.
pub fn convolution_backward(
    input: Images<'_>,
    weight: &[f32],
    shape: ConvolutionShape,
    output_gradient: Images<'_>,
    with_input: bool,
) -> (Option<Vec<f32>>, Vec<f32>) {
    let (unfolded, unfolded_shape) = unfold(input, shape);
    let view = Images::channels_first(&unfolded, unfolded_shape);
    let by_weight = pointwise_weight_gradient(view, output_gradient);
    give_buffer(unfolded);
    let by_input = with_input.then(|| {
        let unfolded = pointwise_input_gradient(output_gradient, weight, unfolded_shape[1]);
        let folded = fold(&unfolded, input.shape(), shape);
        give_buffer(unfolded);
        folded
    });
    (by_input, by_weight)
}
