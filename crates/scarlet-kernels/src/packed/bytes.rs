//! Weights that are rounded to bytes.

use crate::{
    Network, Operation, Pointwise, Quantisation, ValueRange,
    simd::{LANES, QUAD},
    steps::{DENSE_PANEL, PANEL, panels},
};

use super::Offset;

/// One row of a matrix, rounded.
struct Row {
    bytes: Vec<i8>,
    /// What one unit of them stands for.
    scale: f32,
}

impl Row {
    /// Rounds weights so that the largest magnitude becomes 127.
    fn new(weights: &[f32]) -> Self {
        Self::with_limit(weights, largest(weights))
    }

    /// Rounds weights so that neither one's magnitude nor that of the sum of a pair, those that
    /// [`ByteSums`](crate::simd::ByteSums) adds in 16 bits, becomes larger than 127; a pair's by
    /// rounding one more.
    ///
    /// A finer scale, with only the pairs cut that do not fit, comes nearer to the weights, but
    /// was measured to change logits more: what it cuts are the largest weights.
    fn in_pairs(weights: &[f32]) -> Self {
        let sums = weights.chunks(2).map(|pair| pair.iter().sum::<f32>().abs());
        Self::with_limit(weights, sums.fold(largest(weights), f32::max))
    }

    /// `limit` becomes 127.
    fn with_limit(weights: &[f32], limit: f32) -> Self {
        let scale = limit / f32::from(i8::MAX);
        if !scale.is_finite() || weights.iter().any(|weight| weight.is_nan()) {
            // Outputs are no numbers in floats either, or so large that nothing is left of them.
            return Self {
                bytes: vec![0; weights.len()],
                scale: f32::NAN,
            };
        }
        if !scale.is_normal() {
            // All are 0, or so small that nothing is lost.
            return Self {
                bytes: vec![0; weights.len()],
                scale: 0.0,
            };
        }
        Self {
            bytes: weights.iter().map(|w| (w / scale).round() as i8).collect(),
            scale,
        }
    }
}

fn largest(weights: &[f32]) -> f32 {
    weights.iter().fold(0f32, |most, w| most.max(w.abs()))
}

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
                    pack_pointwise(c, range, place, to);
                }
            }
            (Operation::SqueezeExcite(c), Operation::SqueezeExcite(place)) => {
                let places = (place.squeeze_weight, place.squeeze_bias);
                pack_dense((&c.squeeze_weight, &c.squeeze_bias), c.channels, places, to);
                let places = (place.excite_weight, place.excite_bias);
                pack_dense((&c.excite_weight, &c.excite_bias), c.squeezed, places, to);
            }
            (Operation::Linear(c), Operation::Linear(place)) => {
                let places = (place.weight, place.bias);
                pack_dense((&c.weight, &c.bias), c.input, places, to);
            }
            _ => {}
        }
    }
}

/// As [`BytePointwiseRun`](crate::kernels::BytePointwiseRun) reads it, its input rounded within
/// `range`.
fn pack_pointwise(c: &Pointwise, range: ValueRange, place: &Pointwise<Offset>, to: &mut [f32]) {
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
            let Row { bytes, scale } = Row::in_pairs(row);
            for (index, quad) in bytes.chunks(QUAD).enumerate() {
                let at = (index * width + lane) * QUAD;
                packed[at..at + quad.len()].copy_from_slice(quad);
            }
            // An input of 0 is the byte `zero`: what it adds to every sum, the bias takes away.
            let sum: i64 = bytes.iter().copied().map(i64::from).sum();
            let product = f64::from(scale) * f64::from(range.step());
            let excess = product * (sum * i64::from(range.zero())) as f64;
            to[place.bias + first + lane] = (f64::from(*bias) - excess) as f32;
            to[scales + first + lane] = product as f32;
        }
    }
    store(&packed, &mut to[place.weight..]);
}

/// A matrix of rows of `depth` weights, as [`DenseRun`](crate::kernels::DenseRun) reads it.
fn pack_dense(
    (weights, bias): (&[f32], &[f32]),
    depth: usize,
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
            let Row { bytes, scale } = Row::new(row);
            for (to, byte) in packed[lane..].iter_mut().step_by(width).zip(bytes) {
                *to = byte;
            }
            to[bias_to + first + lane] = *bias;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_rounded_by_its_largest_weight() {
        let row = Row::new(&[0.5, -1.0, 0.0, 0.244, 0.01]);
        assert_eq!(row.bytes, [64, -127, 0, 31, 1]);
        assert_eq!(row.scale, 1.0 / 127.0);
        for weights in [[0.0, 0.0], [1e-44, 0.0]] {
            let row = Row::new(&weights);
            assert_eq!((row.bytes, row.scale), (vec![0, 0], 0.0));
        }
    }

    #[test]
    fn pairs_fit_into_sixteen_bits_with_any_inputs() {
        for (weights, bytes) in [
            ([1.0, -1.0, 0.5], [127, -127, 64]),
            ([1.0, 1.0, 0.5], [64, 64, 32]),
            ([-0.5, -1.0, 1.0], [-42, -85, 85]),
        ] {
            let row = Row::in_pairs(&weights);
            assert_eq!(row.bytes, bytes);
            for pair in row.bytes.chunks(2) {
                let sum: i32 = pair.iter().map(|&w| 255 * i32::from(w)).sum();
                assert!(i16::try_from(sum).is_ok(), "{pair:?}");
            }
        }
    }
}
