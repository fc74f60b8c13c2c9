//! Weights that are rounded to bytes.

use crate::{
    Network, Operation, Pointwise, Quantisation, ValueRange,
    simd::{LANES, QUAD},
    steps::{DENSE_PANEL, PANEL, panels},
};

use super::{Offset, RoundedRow};

/// Packs all weights that are rounded, each with its biases and scales, into their places, which
/// are zero.
pub(super) fn pack(
    network: &Network,
    quantisation: &Quantisation,
    places: &Network<Offset>,
    to: &mut [f32],
) {
    let operations = network.operations.iter().zip(&places.operations);
    for (index, pair) in operations.enumerate() {
        match pair {
            (Operation::Pointwise(c), Operation::Pointwise(place)) => {
                if let Some(range) = quantisation.input(index) {
                    pack_pointwise(c, (range, quantisation.means(index)), place, to);
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

/// As [`BytePointwiseRun`](crate::kernels::BytePointwiseRun) reads it, its input rounded within
/// the range; the means are those of the input's channels, if they are known.
fn pack_pointwise(
    c: &Pointwise,
    (range, means): (ValueRange, &[f32]),
    place: &Pointwise<Offset>,
    to: &mut [f32],
) {
    let blocks = c.output.div_ceil(LANES);
    let depth = c.input.next_multiple_of(LANES);
    let scales = scales_behind(place.bias, c.output);
    let mut packed = vec![0; blocks * LANES * depth];
    let rows = c.weight.chunks_exact(c.input).zip(&c.bias);
    for panel in panels(blocks, PANEL) {
        let first = panel.first * LANES;
        let width = panel.blocks * LANES;
        let packed = &mut packed[first * depth..];
        for (lane, (row, bias)) in rows.clone().skip(first).take(width).enumerate() {
            let rounded = RoundedRow::in_pairs(row, 0.0);
            let bias = f64::from(*bias) + rounded.lost(row, means);
            let RoundedRow { bytes, scale } = rounded;
            for (index, quad) in bytes.chunks(QUAD).enumerate() {
                let at = (index * width + lane) * QUAD;
                packed[at..at + quad.len()].copy_from_slice(quad);
            }
            // An input of 0 is the byte `zero`: what it adds to every sum, the bias takes away.
            let sum: i64 = bytes.iter().copied().map(i64::from).sum();
            let product = f64::from(scale) * f64::from(range.step());
            let excess = product * (sum * i64::from(range.zero())) as f64;
            to[place.bias + first + lane] = (bias - excess) as f32;
            to[scales + first + lane] = product as f32;
        }
    }
    store(&packed, &mut to[place.weight..]);
}

/// A matrix of rows of `depth` weights, as [`DenseRun`](crate::kernels::DenseRun) reads it, for inputs
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

/// Stores bytes, a multiple of four of them, where floats are.
fn store(bytes: &[i8], to: &mut [f32]) {
    let (words, _) = bytes.as_chunks::<4>();
    for (to, word) in to.iter_mut().zip(words) {
        *to = f32::from_ne_bytes(word.map(|byte| byte as u8));
    }
}
