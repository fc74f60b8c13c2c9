//! What kernels are written over: eight floats, two blocks of them, or one number.

use super::{Kernel, LANES};

/// Eight floats: one block of channels, or any eight neighbours.
///
/// The methods, and those of [`Floats`], are safe to call only from code that
/// [`InstructionSet::run`](super::instruction_set::InstructionSet::run) compiled; nothing else in the crate names the types that implement this.
pub(crate) trait Vector: Floats {
    /// Whether there are too few registers for the sums of two blocks: then convolutions compute one after
    /// the other.
    const IS_NARROW: bool = false;

    /// Two blocks, in as few registers as they fit.
    type Pair: Floats;

    /// A block, or a half of it where that leaves registers for more pixels of a depthwise convolution.
    type Part: Floats;

    /// Runs a part of a kernel that is not inlined, but compiled once and called.
    ///
    /// # Safety
    ///
    /// As the part demands of its pointers.
    unsafe fn call(part: impl Kernel);

    /// Eight signed bytes as floats.
    ///
    /// # Safety
    ///
    /// Eight bytes must be readable at the pointer.
    unsafe fn load_bytes(from: *const i8) -> Self;

    /// Rounds floats between 0 and 255 to the nearest bytes, ties to the even one.
    ///
    /// # Safety
    ///
    /// Eight bytes must be writable at the pointer.
    unsafe fn store_bytes(self, to: *mut u8);

    /// Eight numbers of bfloat16 as floats.
    ///
    /// # Safety
    ///
    /// They must be readable at the pointer.
    unsafe fn load_bf16(from: *const u16) -> Self;

    /// Rounds floats to the nearest numbers of bfloat16, ties to the even one; a NaN stays one.
    ///
    /// # Safety
    ///
    /// Eight numbers must be writable at the pointer.
    unsafe fn store_bf16(self, to: *mut u16);
}

/// The floats of one or two blocks.
pub(crate) trait Floats: Arithmetic {
    /// 1 or 2; of a part of a block, 1.
    const BLOCKS: usize;

    /// How many there are.
    const LENGTH: usize = Self::BLOCKS * LANES;

    /// How many sums of a matrix product stay in registers, beside its factors.
    const SUMS: usize;

    /// # Safety
    ///
    /// All floats must be readable at the pointer, which may have any alignment of a float.
    unsafe fn load(from: *const f32) -> Self;

    /// # Safety
    ///
    /// All floats must be writable at the pointer, which may have any alignment of a float.
    unsafe fn store(self, to: *mut f32);

    /// As [`load`](Self::load), with a second block at a distance from the first.
    ///
    /// # Safety
    ///
    /// Each block must be readable where it is.
    #[inline(always)]
    unsafe fn load_blocks(from: *const f32, _distance: usize) -> Self {
        // SAFETY: the caller vouches for the block.
        unsafe { Self::load(from) }
    }

    /// As [`store`](Self::store), with a second block at a distance from the first.
    ///
    /// # Safety
    ///
    /// Each block must be writable where it is.
    #[inline(always)]
    unsafe fn store_blocks(self, to: *mut f32, _distance: usize) {
        // SAFETY: the caller vouches for the block.
        unsafe { self.store(to) }
    }

    /// The larger one; of a NaN and a number the number, if that is `other`.
    fn max(self, other: Self) -> Self;
    /// The smaller one; as [`max`](Self::max) with a NaN.
    fn min(self, other: Self) -> Self;
}

/// Numbers that formulas can be written for: floats of one or two blocks, or a single float.
pub(crate) trait Arithmetic: Copy {
    fn splat(value: f32) -> Self;
    /// `self · factor + addend`; of vectors rounded once where the processor has it.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    /// The number or `low`, whichever is larger; a NaN stays one.
    fn at_least(self, low: f32) -> Self;
    /// The number or `high`, whichever is smaller; a NaN stays one.
    fn at_most(self, high: f32) -> Self;
    /// The float whose sign and exponent are the lowest nine bits of this one, and whose other bits
    /// are 0.
    fn exponent(self) -> Self;
}

/// Never fused, so that it is the same with every instruction set.
impl Arithmetic for f32 {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        self * factor + addend
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self * other
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self / other
    }

    #[inline(always)]
    fn at_least(self, low: f32) -> Self {
        if low > self { low } else { self }
    }

    #[inline(always)]
    fn at_most(self, high: f32) -> Self {
        if high < self { high } else { self }
    }

    #[inline(always)]
    fn exponent(self) -> Self {
        f32::from_bits(self.to_bits() << EXPONENT)
    }
}

/// The bits of a float behind its exponent.
pub(super) const EXPONENT: u32 = f32::MANTISSA_DIGITS - 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{LANES, instruction_set::InstructionSet};

    /// Numbers that need no rounding, a NaN, and blocks at a distance.
    #[test]
    fn every_set_computes_what_the_methods_say() {
        const DISTANCE: usize = 3 * LANES;

        struct Compute<'a> {
            input: &'a [f32; DISTANCE + LANES],
            output: &'a mut [f32; DISTANCE + LANES],
        }

        #[inline(always)]
        fn compute<V: Floats>(job: Compute<'_>) {
            // SAFETY: both arrays have a block at the start and one at the distance.
            unsafe {
                let x = V::load_blocks(job.input.as_ptr(), DISTANCE);
                let limited = x.max(V::splat(-2.0)).min(V::splat(2.0));
                let square = limited.mul(limited).add(V::splat(1.0));
                let result = square.mul_add(V::splat(0.5), V::load(job.input.as_ptr()));
                result.store_blocks(job.output.as_mut_ptr(), DISTANCE);
            }
        }

        struct Single<'a>(Compute<'a>);
        impl Kernel for Single<'_> {
            #[inline(always)]
            fn run<V: Vector>(self) {
                compute::<V>(self.0);
            }
        }

        struct Paired<'a>(Compute<'a>);
        impl Kernel for Paired<'_> {
            #[inline(always)]
            fn run<V: Vector>(self) {
                compute::<V::Pair>(self.0);
            }
        }

        let mut input: [f32; DISTANCE + LANES] = core::array::from_fn(|i| i as f32 / 4.0 - 3.0);
        input[DISTANCE + 1] = f32::NAN;
        let expect = |at: usize, plain: usize| {
            let x = match input[at] {
                x if x.is_nan() => -2.0,
                x => x.clamp(-2.0, 2.0),
            };
            (x * x + 1.0) * 0.5 + input[plain]
        };
        for set in InstructionSet::available() {
            for blocks in [1, 2] {
                let mut output = [0.0; DISTANCE + LANES];
                let job = Compute {
                    input: &input,
                    output: &mut output,
                };
                // SAFETY: the set is available.
                unsafe {
                    match blocks {
                        1 => set.run(Single(job)),
                        _ => set.run(Paired(job)),
                    }
                }
                for (at, &value) in output.iter().enumerate() {
                    let expected = match at {
                        0..LANES => expect(at, at),
                        DISTANCE.. if blocks == 2 => expect(at, at - DISTANCE + LANES),
                        _ => 0.0,
                    };
                    assert_eq!(value, expected, "{set}, {blocks} blocks, value {at}");
                }
            }
        }
    }
}
