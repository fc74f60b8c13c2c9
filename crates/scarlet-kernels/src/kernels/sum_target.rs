//! Where the results of convolutions of bytes and of bfloat16 go.

use crate::simd::{
    LANES,
    bf16::Bf16Sums,
    sums::Sums,
    vector::{Arithmetic, Floats, Vector},
};

use super::{
    activation::Finish,
    pixel_target::PixelTarget,
    rounding::ToBytes,
    tile::{Results, Scaled},
};

/// Stores results that were sums of this kind.
pub(crate) trait SumTarget<S: Sums>: Copy {
    /// Stores some neighbouring pixels, given by the first one and their number, of one panel that begins
    /// with this block.
    ///
    /// # Safety
    ///
    /// They must be among the target's, and the results those of so many.
    unsafe fn put(&self, block: usize, pixels: (usize, usize), results: Scaled<S>);

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
    #[inline(always)]
    unsafe fn put(&self, block: usize, pixels: (usize, usize), results: Scaled<S>) {
        let adds = !self.finish.is_long() && !self.pixels.shortcut.is_null();
        // SAFETY: the caller vouches for the pixels.
        unsafe {
            let target = self.pixels.block(block);
            target.put(self.finish, adds, pixels, results);
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
    #[inline(always)]
    unsafe fn put(&self, block: usize, (first, count): (usize, usize), results: Scaled<S>) {
        // SAFETY: the caller vouches for the pixels.
        unsafe {
            for pixel in 0..count {
                let at = block * self.plane + (first + pixel) * LANES;
                let mut result = self.finish.once(results.get(pixel));
                if !self.shortcut.is_null() {
                    let shortcut = self.shortcut.add(at);
                    result = result.add(S::Floats::load_blocks(shortcut, self.plane));
                }
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
    #[inline(always)]
    unsafe fn put(&self, block: usize, pixels: (usize, usize), results: Scaled<S>) {
        macro_rules! with_finish {
            ($finish:expr) => {{
                let integers = Integers {
                    finish: $finish,
                    rounding: self.rounding,
                    results,
                };
                // SAFETY: the caller vouches for the pixels.
                unsafe {
                    let target = self.pixels.block(block);
                    target.put(Finish::None, false, pixels, integers);
                }
            }};
        }
        match self.finish {
            Finish::HSwish => with_finish!(Finish::HSwish),
            _ => with_finish!(Finish::None),
        }
    }
}

/// Results as [`IntegerRows`] takes them.
#[derive(Clone, Copy)]
struct Integers<S: Sums> {
    finish: Finish,
    rounding: ToBytes,
    results: Scaled<S>,
}

impl<S: Sums> Results for Integers<S> {
    type Floats = S::Floats;

    #[inline(always)]
    unsafe fn get(self, pixel: usize) -> S::Floats {
        // SAFETY: the caller vouches for the pixel.
        let result = unsafe { self.results.get(pixel) };
        self.rounding.finished_integer(self.finish, result)
    }
}
