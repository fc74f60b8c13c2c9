//! Weights that are rounded to bytes.

use alloc::vec::Vec;

use crate::{
    network::{Convolution, Depthwise, Network, Operation, Pointwise},
    quantisation::{Quantisation, ValueRange},
    simd::{LANES, byte_sums::QUAD},
    steps::{PANEL, dense::DENSE_PANEL, panels},
};

use super::{Offset, row::RoundedRow};

/// Packs all weights that are rounded, each with its biases and scales, into their places, which
/// are zero.
pub(super) fn pack(
    network: &Network,
    quantisation: &Quantisation,
    places: &Network<Offset>,
    to: &mut [f32],
) {
    let operations = network.operations.iter().zip(&places.operations);
    let shared = network.shared();
    for (index, pair) in operations.enumerate() {
        let output = quantisation.output(network, &shared, index);
        match pair {
            (Operation::Convolution(c), Operation::Convolution(place)) => {
                if let Some(range) = quantisation.input(index) {
                    let input = (range, quantisation.means(index));
                    pack_convolution(c, input, output, place, to);
                }
            }
            (Operation::Pointwise(c), Operation::Pointwise(place)) => {
                if let Some(range) = quantisation.input(index) {
                    let input = (range, quantisation.means(index));
                    pack_pointwise(c, input, output, place, to);
                }
            }
            (Operation::Depthwise(c), Operation::Depthwise(place)) => {
                if let Some(range) = quantisation.input(index) {
                    let input = (range, quantisation.means(index));
                    pack_depthwise(c, input, output, place, to);
                }
            }
            (Operation::SqueezeExcite(c), Operation::SqueezeExcite(place)) => {
                let places = (place.squeeze_weight, place.squeeze_bias);
                let weights = (&*c.squeeze_weight, &*c.squeeze_bias);
                pack_dense(weights, (c.channels, &[]), places, to);
                let places = (place.excite_weight, place.excite_bias);
                let weights = (&*c.excite_weight, &*c.excite_bias);
                pack_dense(weights, (c.squeezed, &[]), places, to);
            }
            (Operation::Linear(c), Operation::Linear(place)) => {
                let places = (place.weight, place.bias);
                let input = (c.input, quantisation.means(index));
                pack_dense((&c.weight, &c.bias), input, places, to);
            }
            _ => {}
        }
    }
}

/// A scale and a bias in steps of the range within which the output is rounded, if it is.
fn in_steps(scale: f64, bias: f64, output: Option<ValueRange>) -> (f32, f32) {
    match output {
        Some(range) => {
            let step = f64::from(range.step());
            let zero = f64::from(range.zero());
            ((scale / step) as f32, (bias / step + zero) as f32)
        }
        None => (scale as f32, bias as f32),
    }
}

/// As [`BytePointwiseRun`](crate::kernels::word_products::BytePointwiseRun) reads it, its input rounded within
/// the range; the means are those of the input's channels, if they are known.
fn pack_pointwise(
    c: &Pointwise,
    (range, means): (ValueRange, &[f32]),
    output: Option<ValueRange>,
    place: &Pointwise<Offset>,
    to: &mut [f32],
) {
    let rows = c.weight.chunks_exact(c.input).zip(&c.bias);
    let rows = rows.map(|(row, &bias)| {
        let rounded = RoundedRow::in_pairs(row, 0.0);
        let lost = rounded.lost(row, means);
        (rounded, f64::from(bias) + lost)
    });
    pack_products(
        c.output,
        c.input.next_multiple_of(LANES),
        rows,
        (range, output),
        (place.weight, place.bias),
        to,
    );
}

/// As [`ByteConvolutionRow`](crate::kernels::word_products::ByteConvolutionRow) reads it, its input rounded within the
/// range; the means are those of its channels, if they are known.
fn pack_convolution(
    c: &Convolution,
    (range, means): (ValueRange, &[f32]),
    output: Option<ValueRange>,
    place: &Convolution<Offset>,
    to: &mut [f32],
) {
    // Each row of a kernel is a quad.
    let in_quads = |row: &[f32]| -> Vec<f32> {
        let quads = row.chunks(c.kernel).flat_map(|row| {
            let padding = QUAD - row.len();
            row.iter()
                .copied()
                .chain(core::iter::repeat_n(0.0, padding))
        });
        quads.collect()
    };
    let of_quads = |&mean: &f32| core::iter::repeat_n(mean, c.kernel * QUAD);
    let means: Vec<f32> = means.iter().flat_map(of_quads).collect();
    let rows = c.weight.chunks_exact(c.input * c.kernel * c.kernel);
    let rows = rows.zip(&c.bias).map(|(row, &bias)| {
        let row = in_quads(row);
        let rounded = RoundedRow::of_kernels_in_pairs(&row, c.kernel * QUAD, 0.0);
        let lost = rounded.lost(&row, &means);
        (rounded, f64::from(bias) + lost)
    });
    pack_products(
        c.output,
        c.input * c.kernel * QUAD,
        rows,
        (range, output),
        (place.weight, place.bias),
        to,
    );
}

/// The rows of a matrix of so many outputs and so many inputs, each with its bias: panel after panel,
/// `[four inputs][channel of the panel][input of the four]`, with biases and scales.
fn pack_products(
    outputs: usize,
    depth: usize,
    rows: impl Iterator<Item = (RoundedRow, f64)>,
    (range, output): (ValueRange, Option<ValueRange>),
    (weights_to, bias_to): (Offset, Offset),
    to: &mut [f32],
) {
    let blocks = outputs.div_ceil(LANES);
    let scales = scales_behind(bias_to, outputs);
    let mut packed = vec![0; blocks * LANES * depth];
    for (channel, (RoundedRow { bytes, scale }, bias)) in rows.enumerate() {
        let panel = channel / (PANEL * LANES) * PANEL;
        let width = PANEL.min(blocks - panel) * LANES;
        let lane = channel - panel * LANES;
        for (index, quad) in bytes.chunks(QUAD).enumerate() {
            let at = panel * LANES * depth + (index * width + lane) * QUAD;
            packed[at..at + quad.len()].copy_from_slice(quad);
        }
        // An input of 0 is the byte `zero`: what it adds to every sum, the bias takes away.
        let sum: i64 = bytes.iter().copied().map(i64::from).sum();
        let product = f64::from(scale) * f64::from(range.step());
        let excess = product * (sum * i64::from(range.zero())) as f64;
        let (scale, bias) = in_steps(product, bias - excess, output);
        to[bias_to + channel] = bias;
        to[scales + channel] = scale;
    }
    store(&packed, &mut to[weights_to..]);
}

/// As [`ByteDepthwiseRow`](crate::kernels::byte_depthwise::ByteDepthwiseRow) reads it, its input rounded within the
/// range; the means are those of its channels, if they are known.
fn pack_depthwise(
    c: &Depthwise,
    (range, means): (ValueRange, &[f32]),
    output: Option<ValueRange>,
    place: &Depthwise<Offset>,
    to: &mut [f32],
) {
    let blocks = c.channels.div_ceil(LANES);
    let taps = c.kernel * c.kernel;
    let quads = c.kernel.div_ceil(QUAD);
    let depth = c.kernel * quads * QUAD;
    let scales = scales_behind(place.bias, c.channels);
    let starts = starts_behind(place.bias, c.channels);
    let mut packed = vec![0; blocks * LANES * depth];
    for (channel, (taps, bias)) in c.weight.chunks_exact(taps).zip(&c.bias).enumerate() {
        let rounded = RoundedRow::of_kernels(taps, taps.len(), 0.0);
        let means = means
            .get(channel)
            .map_or(Vec::new(), |&mean| vec![mean; taps.len()]);
        let bias = f64::from(*bias) + rounded.lost(taps, &means);
        let RoundedRow { bytes, scale } = rounded;
        let panel = channel / (PANEL * LANES) * PANEL;
        let width = PANEL.min(blocks - panel) * LANES;
        let lane = channel - panel * LANES;
        for (tap, &byte) in bytes.iter().enumerate() {
            let (row, column) = (tap / c.kernel, tap % c.kernel);
            let quad = (row * quads + column / QUAD) * width + lane;
            packed[panel * LANES * depth + quad * QUAD + column % QUAD] = byte;
        }
        // An input of 0 is the byte `zero`: what it adds to every sum is taken away before.
        let sum: i32 = bytes.iter().copied().map(i32::from).sum();
        let start = -sum * i32::from(range.zero());
        let product = f64::from(scale) * f64::from(range.step());
        let (scale, bias) = in_steps(product, bias, output);
        to[place.bias + channel] = bias;
        to[scales + channel] = scale;
        to[starts + channel] = f32::from_bits(start as u32);
    }
    store(&packed, &mut to[place.weight..]);
}

/// A matrix of rows of `depth` weights, as [`DenseRun`](crate::kernels::dense::DenseRun) reads it, for inputs
/// of these means, if they are known.
fn pack_dense(
    (weights, bias): (&[f32], &[f32]),
    (depth, means): (usize, &[f32]),
    (weights_to, bias_to): (Offset, Offset),
    to: &mut [f32],
) {
    if depth == 0 {
        return;
    }
    let blocks = bias.len().div_ceil(LANES);
    let scales = scales_behind(bias_to, bias.len());
    let mut packed = vec![0; blocks * LANES * depth];
    let rows = weights.chunks_exact(depth).zip(bias);
    for panel in panels(blocks, DENSE_PANEL) {
        let first = panel.first * LANES;
        let width = panel.blocks * LANES;
        let packed = &mut packed[first * depth..];
        for (lane, (row, bias)) in rows.clone().skip(first).take(width).enumerate() {
            let rounded = RoundedRow::new(row, 0.0);
            let bias = f64::from(*bias) + rounded.lost(row, means);
            let RoundedRow { bytes, scale } = rounded;
            for (to, byte) in packed[lane..].iter_mut().step_by(width).zip(bytes) {
                *to = byte;
            }
            to[bias_to + first + lane] = bias as f32;
            to[scales + first + lane] = scale;
        }
    }
    store(&packed, &mut to[weights_to..]);
}

/// Where the scales of weights in bytes are, given where the biases of so many rows are.
pub(crate) fn scales_behind(bias: Offset, rows: usize) -> Offset {
    bias + rows.next_multiple_of(LANES)
}

/// Where what the sums of so many channels start from is, as integers, given where the biases are.
pub(crate) fn starts_behind(bias: Offset, rows: usize) -> Offset {
    scales_behind(scales_behind(bias, rows), rows)
}

/// Stores bytes, a multiple of four of them, where floats are.
fn store(bytes: &[i8], to: &mut [f32]) {
    let (words, _) = bytes.as_chunks::<4>();
    for (to, word) in to.iter_mut().zip(words) {
        *to = f32::from_ne_bytes(word.map(|byte| byte as u8));
    }
}
