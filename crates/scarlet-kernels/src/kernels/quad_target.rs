//! Where results of convolutions of bytes go, four pixels at a time.

use crate::simd::{
    LANES,
    byte_sums::QUAD,
    quads::QuadSums,
    vector::{Arithmetic, Floats, Vector},
};

use super::{
    activation::Finish,
    rounding::ToBytes,
    sum_target::{Finished, SumTarget},
};

/// Stores results that were sums of this kind, from the registers.
pub(crate) trait QuadTarget<S: QuadSums>: Copy {
    /// Stores the first `count` of some neighbouring pixels, which begin with a quad, of one panel that begins
    /// with this block.
    ///
    /// # Safety
    ///
    /// They must be among the target's.
    unsafe fn put<const M: usize>(
        &self,
        block: usize,
        pixel: usize,
        count: usize,
        results: [S::Floats; M],
    );

    /// Does what is left to do for all pixels, when they are stored, of so many blocks.
    ///
    /// # Safety
    ///
    /// They must be among the target's.
    #[inline(always)]
    unsafe fn complete<V: Vector>(&self, _blocks: usize, _pixels: usize) {}
}

impl<S: QuadSums> QuadTarget<S> for Finished {
    #[inline(always)]
    unsafe fn put<const M: usize>(
        &self,
        block: usize,
        pixel: usize,
        count: usize,
        results: [S::Floats; M],
    ) {
        let mut results = [results];
        self.finish.at_once(&mut results);
        let pixels = self.pixels.pixels::<M>(pixel);
        // SAFETY: the caller vouches for the pixels.
        unsafe {
            let target = self.pixels.block(block);
            let adds = !self.finish.is_long() && !target.shortcut.is_null();
            let pairs = results[0].iter().zip(pixels);
            for (result, pixel) in pairs.take(count) {
                let shortcut = target.shortcut.wrapping_add(pixel);
                let result = match adds {
                    true => result.add(S::Floats::load_blocks(shortcut, target.plane)),
                    false => *result,
                };
                result.store_blocks(target.output.add(pixel), target.plane);
            }
        }
    }

    #[inline(always)]
    unsafe fn complete<V: Vector>(&self, blocks: usize, pixels: usize) {
        // SAFETY: the caller vouches for the pixels.
        unsafe { SumTarget::<S>::complete::<V>(self, (0, blocks), 0, pixels) }
    }
}

/// A row as a depthwise convolution of bytes reads it: panel after panel,
/// `[four pixels][channel of the panel][pixel of the four]`.
#[derive(Clone, Copy)]
pub(crate) struct QuadRow {
    /// Where the row of the first panel begins.
    pub(crate) output: *mut u8,
    /// Quads in front of the first pixel.
    pub(crate) lead: usize,
    /// Bytes from one panel of two blocks to the next.
    pub(crate) panel: usize,
    /// One [for registers](Finish::is_for_registers).
    pub(crate) finish: Finish,
    pub(crate) rounding: ToBytes,
}

impl QuadRow {
    /// Where a pixel, the first of a quad, is in a panel of so many blocks that begins with this one.
    ///
    /// # Safety
    ///
    /// The pixel and the block must be among the row's.
    #[inline(always)]
    pub(super) unsafe fn at(&self, block: usize, blocks: usize, pixel: usize) -> *mut u8 {
        let pixel = (self.lead * QUAD + pixel) * blocks * LANES;
        // SAFETY: as above.
        unsafe { self.output.add(block / 2 * self.panel + pixel) }
    }
}

impl<S: QuadSums> QuadTarget<S> for QuadRow {
    #[inline(always)]
    unsafe fn put<const M: usize>(
        &self,
        block: usize,
        pixel: usize,
        count: usize,
        results: [S::Floats; M],
    ) {
        let bytes = S::BLOCKS * LANES;
        // SAFETY: the caller vouches for the pixels.
        unsafe {
            let output = self.at(block, S::BLOCKS, pixel);
            for quad in 0..M.div_ceil(QUAD) {
                // Beyond the row there are zeros.
                let mut pixels = [S::Floats::splat(self.rounding.zero); QUAD];
                for (index, pixel) in pixels.iter_mut().enumerate() {
                    if quad * QUAD + index < count {
                        let result = results[quad * QUAD + index];
                        *pixel = self.rounding.packable(self.finish, result);
                    }
                }
                S::store_quads(S::pack(pixels), output.add(quad * QUAD * bytes));
            }
        }
    }
}

/// A map as a pointwise convolution of bytes reads it, `[block][pixel][lane]`.
#[derive(Clone, Copy)]
pub(crate) struct PixelBytes {
    /// The first pixel of the first block.
    pub(crate) output: *mut u8,
    /// Bytes from one block to the next.
    pub(crate) plane: usize,
    /// One [for registers](Finish::is_for_registers).
    pub(crate) finish: Finish,
    pub(crate) rounding: ToBytes,
}

impl<S: QuadSums> QuadTarget<S> for PixelBytes {
    #[inline(always)]
    unsafe fn put<const M: usize>(
        &self,
        block: usize,
        pixel: usize,
        count: usize,
        results: [S::Floats; M],
    ) {
        // SAFETY: the caller vouches for the pixels.
        unsafe {
            let output = self.output.add(block * self.plane + pixel * LANES);
            for quad in 0..M.div_ceil(QUAD) {
                let mut pixels = [S::Floats::splat(0.0); QUAD];
                for (index, pixel) in pixels.iter_mut().enumerate() {
                    if quad * QUAD + index < M {
                        let result = results[quad * QUAD + index];
                        *pixel = self.rounding.packable(self.finish, result);
                    }
                }
                let packed = S::pack(pixels);
                let output = output.add(quad * QUAD * LANES);
                let rest = count.saturating_sub(quad * QUAD);
                if rest >= QUAD {
                    S::store_pixels(packed, output, self.plane);
                    continue;
                }
                let mut whole = [[0; QUAD * LANES]; 2];
                S::store_pixels(packed, whole.as_mut_ptr().cast(), QUAD * LANES);
                for (block, whole) in whole.iter().enumerate().take(S::BLOCKS) {
                    let output = output.add(block * self.plane);
                    output.copy_from_nonoverlapping(whole.as_ptr(), rest * LANES);
                }
            }
        }
    }
}
