//! Weights that are rounded to bfloat16.

use crate::simd::bf16::{PAIR, to_bf16};

use super::layout::{Array, pack_matrix};

/// Packs an array's values into its place, which is zero.
pub(super) fn pack(values: &[f32], array: &Array, to: &mut [f32]) {
    let mut packed = vec![0; to.len() * PAIR];
    pack_matrix(values, array, &mut packed, to_bf16);
    let (words, _) = packed.as_chunks::<PAIR>();
    for (to, word) in to.iter_mut().zip(words) {
        let [[a, b], [c, d]] = word.map(u16::to_ne_bytes);
        *to = f32::from_ne_bytes([a, b, c, d]);
    }
}
