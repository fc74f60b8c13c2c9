//! bfloat16: floats without the lower half of their bits, and sums of products of them.
//!
//! Two of them are a word: two neighbouring inputs of a matrix product. Sums are floats. An instruction
//! set with products of bfloat16 takes numbers below the smallest normal one for 0, and may round sums
//! otherwise than two fused multiply-adds do.

use super::{
    LANES,
    pair::Pair,
    sums::{Sums, WORD},
    vector::{Floats, Vector},
};

/// Numbers of bfloat16 in a word.
pub(crate) const PAIR: usize = WORD / size_of::<u16>();

/// The bits that a number has less than a float.
pub(super) const LOWER: u32 = 16;

/// The bits that it has.
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_feature = "simd128"
))]
pub(super) const UPPER: u32 = !0 << LOWER;

/// The nearest number, ties to the even one; a NaN stays one.
#[inline(always)]
pub(crate) fn to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = match value.is_nan() {
        true => bits | QUIET,
        false => bits + BELOW_HALF + (bits >> LOWER & 1),
    };
    (rounded >> LOWER) as u16
}

#[inline(always)]
pub(crate) fn from_bf16(number: u16) -> f32 {
    f32::from_bits(u32::from(number) << LOWER)
}

/// Added to a float's bits, it makes the upper half the nearest number, unless that is a matter of which
/// one is even.
pub(super) const BELOW_HALF: u32 = (1 << (LOWER - 1)) - 1;

/// The bit by which a NaN stays one, whatever its lower half is.
pub(super) const QUIET: u32 = 1 << 22;

/// A vector with sums of products of bfloat16.
pub(crate) trait Bf16Vector: Vector {
    type Bf16: Bf16Sums<Floats = Self>;

    /// The same for two blocks.
    type PairBf16: Bf16Sums<Floats = Self::Pair>;
}

/// Sums of products of bfloat16.
pub(crate) trait Bf16Sums: Sums {
    /// Rounds floats to the nearest numbers, ties to the even one, and stores them, those of a second block
    /// at a distance. Numbers below the smallest normal one may become 0, where the products take them for
    /// that; a NaN stays one.
    ///
    /// # Safety
    ///
    /// Each block must be writable where it is.
    unsafe fn store_factors(floats: Self::Floats, to: *mut u16, distance: usize);
}

impl<S: Bf16Sums> Bf16Sums for Pair<S> {
    #[inline(always)]
    unsafe fn store_factors(floats: Self::Floats, to: *mut u16, distance: usize) {
        let [first, second] = floats.halves();
        // SAFETY: the caller vouches for both blocks.
        unsafe {
            S::store_factors(first, to, 0);
            S::store_factors(second, to.add(distance), 0);
        }
    }
}

/// As [`Kernel`](super::Kernel), for [`InstructionSet::run_bf16`](super::instruction_set::InstructionSet::run_bf16).
pub(crate) trait Bf16Kernel {
    fn run<V: Bf16Vector>(self);
}

/// Floats that words can be made into.
pub(crate) trait Halves: Floats {
    /// As in [`Sums`].
    const TILE: usize = 10;
    const IS_WIDE: bool = false;

    /// As [`Bf16Sums::store_factors`].
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn store_numbers(self, to: *mut u16, distance: usize);

    /// The first number of each channel's word, and the second.
    ///
    /// # Safety
    ///
    /// All words must be readable at the pointer.
    #[inline(always)]
    unsafe fn load_halves(from: *const u8) -> [Self; 2] {
        // SAFETY: the caller vouches for the pointer; arrays of as many floats as there are words.
        unsafe {
            let words = from.cast::<[[u16; PAIR]; LANES]>().read_unaligned();
            let [first, second] = [0, 1].map(|half| words.map(|word| from_bf16(word[half])));
            [Self::load(first.as_ptr()), Self::load(second.as_ptr())]
        }
    }

    /// The same of one word for all channels.
    ///
    /// # Safety
    ///
    /// The word must be readable at the pointer.
    #[inline(always)]
    unsafe fn spread_halves(from: *const u8) -> [Self; 2] {
        // SAFETY: the caller vouches for the pointer.
        let word = unsafe { from.cast::<[u16; PAIR]>().read_unaligned() };
        word.map(|number| Self::splat(from_bf16(number)))
    }
}

/// Sums of products that are computed in floats.
#[derive(Clone, Copy)]
pub(crate) struct FloatSums<F>(F);

impl<F: Halves> Sums for FloatSums<F> {
    const BLOCKS: usize = F::BLOCKS;
    const TILE: usize = F::TILE;
    const IS_WIDE: bool = F::IS_WIDE;

    type Floats = F;
    type Words = [F; 2];

    #[inline(always)]
    fn zero() -> Self {
        Self(F::splat(0.0))
    }

    #[inline(always)]
    fn start(bias: F) -> Self {
        Self(bias)
    }

    #[inline(always)]
    unsafe fn spread(from: *const u8) -> Self::Words {
        // SAFETY: the caller vouches for the pointer.
        unsafe { F::spread_halves(from) }
    }

    #[inline(always)]
    unsafe fn load_words(from: *const u8) -> Self::Words {
        // SAFETY: the caller vouches for the pointer.
        unsafe { F::load_halves(from) }
    }

    #[inline(always)]
    fn add_products(self, inputs: Self::Words, weights: Self::Words) -> Self {
        let ([first, second], [weight, next_weight]) = (inputs, weights);
        Self(second.mul_add(next_weight, first.mul_add(weight, self.0)))
    }

    #[inline(always)]
    fn to_floats(self) -> F {
        self.0
    }

    #[inline(always)]
    fn finish(self, _scale: F, _bias: F) -> F {
        self.0
    }
}

impl<F: Halves> Bf16Sums for FloatSums<F> {
    #[inline(always)]
    unsafe fn store_factors(floats: F, to: *mut u16, distance: usize) {
        // SAFETY: the caller vouches for each block.
        unsafe { floats.store_numbers(to, distance) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::instruction_set::InstructionSet;

    /// By the distances to both neighbours, in f64.
    fn nearest(value: f32) -> u16 {
        let below = (value.to_bits() >> LOWER) as u16;
        // Beyond the largest number there is infinity, as if it were the next one.
        let next = f64::from(f32::MAX) * (1.0 + f64::from(f32::EPSILON) / 2.0);
        let number = |bits: u16| match from_bf16(bits) {
            x if x.is_infinite() => next.copysign(x.into()),
            x => x.into(),
        };
        let value = f64::from(value);
        let (down, up) = (value - number(below), number(below + 1) - value);
        match down.abs().total_cmp(&up.abs()) {
            core::cmp::Ordering::Less => below,
            core::cmp::Ordering::Greater => below + 1,
            core::cmp::Ordering::Equal => below + below % 2,
        }
    }

    fn samples() -> Vec<f32> {
        let halves = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff];
        let all = (0..=u16::MAX).flat_map(|upper| {
            halves.map(|lower| f32::from_bits(u32::from(upper) << LOWER | lower))
        });
        all.collect()
    }

    #[test]
    fn every_set_rounds_to_the_nearest_number() {
        struct Round<'a> {
            input: &'a [f32],
            output: &'a mut [u16],
            factors: &'a mut [u16],
            back: &'a mut [f32],
        }
        impl Bf16Kernel for Round<'_> {
            #[inline(always)]
            fn run<V: Bf16Vector>(self) {
                let (input, _) = self.input.as_chunks::<LANES>();
                let (output, _) = self.output.as_chunks_mut::<LANES>();
                let (factors, _) = self.factors.as_chunks_mut::<LANES>();
                let (back, _) = self.back.as_chunks_mut::<LANES>();
                let results = output.iter_mut().zip(factors).zip(back);
                for (input, ((output, factors), back)) in input.iter().zip(results) {
                    // SAFETY: arrays of eight.
                    unsafe {
                        let value = V::load(input.as_ptr());
                        value.store_bf16(output.as_mut_ptr());
                        V::Bf16::store_factors(value, factors.as_mut_ptr(), 0);
                        V::load_bf16(output.as_ptr()).store(back.as_mut_ptr());
                    }
                }
            }
        }

        let input = samples();
        for set in InstructionSet::available() {
            let (mut output, mut back) = (vec![0; input.len()], vec![0.0; input.len()]);
            let mut factors = output.clone();
            let round = Round {
                input: &input,
                output: &mut output,
                factors: &mut factors,
                back: &mut back,
            };
            // SAFETY: the set is available.
            unsafe { set.run_bf16(round) };
            let found = output.into_iter().zip(factors).zip(back);
            for (value, ((found, factor), back)) in input.iter().zip(found) {
                match value.is_nan() {
                    true => assert!(from_bf16(factor).is_nan(), "{set}: {value} {factor:x}"),
                    false if value.abs() >= f32::MIN_POSITIVE => assert_eq!(factor, found),
                    false => assert!(factor == found || factor << 1 == 0, "{set}: {value:e}"),
                }
                assert_eq!(back.to_bits(), from_bf16(found).to_bits());
                if value.is_nan() {
                    assert!(back.is_nan(), "{set}: {value} {found:x}");
                } else if value.is_infinite() {
                    assert_eq!(back, *value, "{set}");
                } else {
                    assert_eq!(found, nearest(*value), "{set}: {value:e}");
                    assert_eq!(found, to_bf16(*value));
                }
            }
        }
    }

    #[test]
    fn two_blocks_are_rounded_as_each_is() {
        const DISTANCE: usize = 2 * LANES;

        struct Round<'a> {
            input: &'a [f32],
            single: &'a mut [u16],
            pairs: &'a mut [[u16; DISTANCE + LANES]],
        }
        impl Bf16Kernel for Round<'_> {
            #[inline(always)]
            fn run<V: Bf16Vector>(self) {
                let (input, _) = self.input.as_chunks::<{ 2 * LANES }>();
                let (single, _) = self.single.as_chunks_mut::<{ 2 * LANES }>();
                for ((input, single), pair) in input.iter().zip(single).zip(self.pairs) {
                    // SAFETY: arrays of two blocks, and of two at a distance.
                    unsafe {
                        for block in 0..2 {
                            let value = V::load(input.as_ptr().add(block * LANES));
                            let to = single.as_mut_ptr().add(block * LANES);
                            V::Bf16::store_factors(value, to, 0);
                        }
                        let values = V::Pair::load(input.as_ptr());
                        V::PairBf16::store_factors(values, pair.as_mut_ptr(), DISTANCE);
                    }
                }
            }
        }

        let input = samples();
        for set in InstructionSet::available() {
            let mut single = vec![0; input.len()];
            let mut pairs = vec![[7; DISTANCE + LANES]; input.len() / (2 * LANES)];
            let round = Round {
                input: &input,
                single: &mut single,
                pairs: &mut pairs,
            };
            // SAFETY: the set is available.
            unsafe { set.run_bf16(round) };
            for (single, pair) in single.chunks(2 * LANES).zip(pairs) {
                assert_eq!(pair[..LANES], single[..LANES], "{set}");
                assert_eq!(pair[LANES..DISTANCE], [7; LANES], "{set}");
                assert_eq!(pair[DISTANCE..], single[LANES..], "{set}");
            }
        }
    }
}
