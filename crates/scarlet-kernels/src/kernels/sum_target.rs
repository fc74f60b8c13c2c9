//! Where the results of convolutions of bytes and of bfloat16 go.

use crate::simd::{Arithmetic, Bf16Sums, Floats, LANES, QUAD, QuadSums, Sums, Vector};

use super::{Finish, PixelTarget, ToBytes};

/// Stores results that were sums of this kind.
pub(crate) trait SumTarget<S: Sums>: Copy {
    /// Neighbouring pixels that are stored together, but for the last ones.
    const TOGETHER: usize;

    /// Stores the first `count` of some neighbouring pixels, of one panel that begins with this block.
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

    /// Does what is left to do for pixels that are stored, of so many blocks from one on.
    ///
    /// # Safety
    ///
    /// They must be among the target's.
    #[inline(always)]
    unsafe fn complete<V: Vector>(&self, _blocks: (usize, usize), _first: usize, _end: usize) {}
}

/// Floats, finished.
#[derive(Clone, Copy)]
pub(crate) struct Finished {
    pub(crate) pixels: PixelTarget,
    pub(crate) finish: Finish,
}

impl<S: Sums> SumTarget<S> for Finished {
    const TOGETHER: usize = 1;

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
    unsafe fn complete<V: Vector>(
        &self,
        (block, blocks): (usize, usize),
        first: usize,
        end: usize,
    ) {
        if self.finish.is_long() {
            // SAFETY: the caller vouches for the pixels.
            unsafe {
                let target = self.pixels.block(block);
                target.complete::<V>(self.finish, blocks, first, end);
            }
        }
    }
}

/// A map as a pointwise convolution of bfloat16 reads it, and in floats too if they are wanted.
#[derive(Clone, Copy)]
pub(crate) struct Bf16Pixels {
    /// The first pixel of the panel's first block, `[block][pixel][lane]`.
    pub(crate) output: *mut u16,
    /// Laid out like the output: floats that are not rounded, and what is added to them; or null.
    pub(crate) floats: *mut f32,
    pub(crate) shortcut: *const f32,
    /// Numbers from one block to the next.
    pub(crate) plane: usize,
    /// One that is not [long](Finish::is_long).
    pub(crate) finish: Finish,
}

impl<S: Bf16Sums> SumTarget<S> for Bf16Pixels {
    const TOGETHER: usize = 1;

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
        let first = block * self.plane + pixel * LANES;
        for (index, result) in results[0].iter().enumerate().take(count) {
            let at = first + index * LANES;
            // SAFETY: the caller vouches for the pixels.
            unsafe {
                let result = match self.shortcut.is_null() {
                    true => *result,
                    false => result.add(S::Floats::load_blocks(self.shortcut.add(at), self.plane)),
                };
                if !self.floats.is_null() {
                    result.store_blocks(self.floats.add(at), self.plane);
                }
                S::store_factors(result, self.output.add(at), self.plane);
            }
        }
    }
}

/// Rows as a depthwise convolution reads bytes that it computes with in floats: integers, less the byte
/// of 0.
#[derive(Clone, Copy)]
pub(crate) struct IntegerRows {
    pub(crate) pixels: PixelTarget,
    /// One [for registers](Finish::is_for_registers).
    pub(crate) finish: Finish,
    pub(crate) rounding: ToBytes,
}

impl<S: Sums> SumTarget<S> for IntegerRows {
    const TOGETHER: usize = 1;

    #[inline(always)]
    unsafe fn put<const M: usize>(
        &self,
        block: usize,
        pixel: usize,
        count: usize,
        results: [S::Floats; M],
    ) {
        let pixels = self.pixels.pixels::<M>(pixel);
        // SAFETY: the caller vouches for the pixels.
        unsafe {
            let target = self.pixels.block(block);
            for (result, pixel) in results.into_iter().zip(pixels).take(count) {
                let integer = self.rounding.finished_integer(self.finish, result);
                integer.store_blocks(target.output.add(pixel), target.plane);
            }
        }
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

impl<S: QuadSums> SumTarget<S> for QuadRow {
    const TOGETHER: usize = QUAD;

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

impl<S: QuadSums> SumTarget<S> for PixelBytes {
    const TOGETHER: usize = QUAD;

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
