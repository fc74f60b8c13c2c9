//! From floats to bytes.

use crate::simd::{Kernel, LANES, Vector};

/// Rounds a run of vectors: byte = value · factor / step + zero, within 0 and 255.
#[derive(Clone, Copy)]
pub(crate) struct RoundRun {
    pub(crate) vectors: usize,
    pub(crate) input: *const f32,
    /// One for each lane, or null for none.
    pub(crate) factors: *const f32,
    /// Bytes for one unit of a value.
    pub(crate) per_unit: f32,
    /// The byte of 0.
    pub(crate) zero: f32,
    pub(crate) output: *mut u8,
}

impl Kernel for RoundRun {
    #[inline(always)]
    fn run<V: Vector>(self) {
        // SAFETY: the step that made the run vouches for its pointers.
        unsafe {
            let mut per_unit = V::splat(self.per_unit);
            if !self.factors.is_null() {
                per_unit = per_unit.mul(V::load(self.factors));
            }
            let zero = V::splat(self.zero);
            for index in 0..self.vectors {
                let at = index * LANES;
                // Rounded twice on every processor, so that all give the same.
                let value = V::load(self.input.add(at)).mul(per_unit).add(zero);
                let value = value.max(V::splat(0.0)).min(V::splat(255.0));
                value.store_bytes(self.output.add(at));
            }
        }
    }
}
