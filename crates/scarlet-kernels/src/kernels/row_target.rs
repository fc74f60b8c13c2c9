//! Where the rows of depthwise convolutions go.

use crate::simd::{
    Kernel, LANES,
    bf16::{Bf16Sums, Bf16Vector},
    vector::{Floats, Vector},
};

use super::{depthwise::DepthwiseRow, elementwise::SumRun};

/// Where the pixels of a row go.
pub(crate) trait RowTarget<P>: Copy {
    /// Stores a pixel of a block, or of those channels of it that begin with this lane.
    ///
    /// # Safety
    ///
    /// It must be one of the row's.
    unsafe fn put(&self, part: (usize, usize), pixel: usize, value: P);

    /// Takes the sum over the row of what was stored.
    ///
    /// # Safety
    ///
    /// As above.
    #[inline(always)]
    unsafe fn put_total(&self, _row: &DepthwiseRow<Self>, _part: (usize, usize), _total: P) {}

    /// Does what is left to do for a block whose pixels are stored.
    ///
    /// # Safety
    ///
    /// As above; the row must have so many pixels.
    #[inline(always)]
    unsafe fn complete<V: Vector>(&self, _row: &DepthwiseRow<Self>, _block: usize) {}
}

/// A row of floats.
#[derive(Clone, Copy)]
pub(crate) struct FloatRow {
    pub(crate) output: *mut f32,
    /// Floats from one block to the next.
    pub(crate) plane: usize,
    /// Where the sum over the row goes, `[block][lane]`, unless null.
    pub(crate) sums: *mut f32,
}

impl FloatRow {
    /// Whether sums over the row are made of what is in memory: of what is not finished before, and of
    /// integers, which are added as bytes are.
    #[inline(always)]
    fn sums_memory(row: &DepthwiseRow<Self>) -> bool {
        row.finish.is_long() || !row.scales.is_null()
    }
}

impl<P: Floats> RowTarget<P> for FloatRow {
    #[inline(always)]
    unsafe fn put(&self, (block, lane): (usize, usize), pixel: usize, value: P) {
        // SAFETY: as above.
        unsafe { value.store(self.output.add(block * self.plane + pixel * LANES + lane)) }
    }

    #[inline(always)]
    unsafe fn put_total(&self, row: &DepthwiseRow<Self>, (block, lane): (usize, usize), total: P) {
        if !(self.sums.is_null() || Self::sums_memory(row)) {
            // SAFETY: the sums of a block.
            unsafe { total.store(self.sums.add(block * LANES + lane)) }
        }
    }

    #[inline(always)]
    unsafe fn complete<V: Vector>(&self, row: &DepthwiseRow<Self>, block: usize) {
        // SAFETY: a row of the output, and its sums.
        unsafe {
            let output = self.output.add(block * self.plane);
            row.finish.afterwards::<V>(output, row.pixels);
            if !self.sums.is_null() && Self::sums_memory(row) {
                let row = SumRun {
                    vectors: row.pixels,
                    input: output,
                    stride: LANES,
                    factor: 1.0,
                    output: self.sums.add(block * LANES),
                };
                row.run::<V>();
            }
        }
    }
}

/// A row of numbers of bfloat16, for a finish that is not [long](super::activation::Finish::is_long).
#[derive(Clone, Copy)]
pub(crate) struct Bf16Row {
    pub(crate) output: *mut u16,
    /// Numbers from one block to the next.
    pub(crate) plane: usize,
}

impl<V: Bf16Vector> RowTarget<V> for Bf16Row {
    #[inline(always)]
    unsafe fn put(&self, (block, _): (usize, usize), pixel: usize, value: V) {
        // SAFETY: as above.
        unsafe {
            let output = self.output.add(block * self.plane + pixel * LANES);
            V::Bf16::store_factors(value, output, 0);
        }
    }
}
