//! Plain Rust, which the compiler turns into what the target's baseline has.

use super::{
    Kernel, LANES,
    bf16::{Bf16Vector, FloatSums, Halves, from_bf16, to_bf16},
    byte_sums::{ByteVector, QUAD},
    pair::Pair,
    sums::Sums,
    vector::{Arithmetic, Floats, Vector},
};

/// Floats that the compiler finds registers for.
#[derive(Clone, Copy)]
pub(super) struct Plain<const N: usize>([f32; N]);

/// One block: the baseline of most processors has registers of four floats, and sixteen of them.
pub(super) type Portable = Plain<LANES>;

impl<const N: usize> Plain<N> {
    #[inline(always)]
    fn zip(self, other: Self, combine: impl Fn(f32, f32) -> f32) -> Self {
        Self(core::array::from_fn(|i| combine(self.0[i], other.0[i])))
    }
}

impl Vector for Portable {
    const IS_NARROW: bool = true;

    type Pair = Pair<Self>;
    type Part = Plain<{ LANES / 2 }>;

    #[inline(never)]
    unsafe fn call(part: impl Kernel) {
        part.run::<Self>();
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const i8) -> Self {
        // SAFETY: the caller vouches for the pointer.
        let bytes = unsafe { from.cast::<[i8; LANES]>().read() };
        Self(bytes.map(f32::from))
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        // SAFETY: the caller vouches for the pointer.
        unsafe { to.cast::<[u8; LANES]>().write(to_bytes(self.0)) }
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> Self {
        // SAFETY: the caller vouches for the pointer.
        let numbers = unsafe { from.cast::<[u16; LANES]>().read() };
        Self(numbers.map(from_bf16))
    }

    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut u16) {
        // SAFETY: the caller vouches for the pointer.
        unsafe { to.cast::<[u16; LANES]>().write(self.0.map(to_bf16)) }
    }
}

impl Halves for Portable {
    // Beside their words, which take four registers.
    const TILE: usize = 4;

    #[inline(always)]
    unsafe fn store_numbers(self, to: *mut u16, _distance: usize) {
        // SAFETY: the caller vouches for the block.
        unsafe { self.store_bf16(to) }
    }
}

impl ByteVector for Portable {
    type Sums = PlainSums;
    type PairSums = Pair<PlainSums>;
}

impl Bf16Vector for Portable {
    type Bf16 = FloatSums<Self>;
    type PairBf16 = Pair<FloatSums<Self>>;
}

impl<const N: usize> Floats for Plain<N> {
    const BLOCKS: usize = 1;
    const LENGTH: usize = N;
    // Beside them stand two weights, an input and a product.
    const SUMS: usize = 5;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the pointer; an array aligns like its elements.
        Self(unsafe { from.cast::<[f32; N]>().read() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for the pointer; an array aligns like its elements.
        unsafe { to.cast::<[f32; N]>().write(self.0) }
    }

    // Comparisons rather than `f32::max`, whose rule for NaN costs more instructions.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
}

impl<const N: usize> Arithmetic for Plain<N> {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; N])
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(core::array::from_fn(|i| {
            // Where it is one instruction. Elsewhere `mul_add` would be a slow library call.
            if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
                self.0[i].mul_add(factor.0[i], addend.0[i])
            } else {
                self.0[i] * factor.0[i] + addend.0[i]
            }
        }))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }

    #[inline(always)]
    fn at_least(self, low: f32) -> Self {
        Self(self.0.map(|x| x.at_least(low)))
    }

    #[inline(always)]
    fn at_most(self, high: f32) -> Self {
        Self(self.0.map(|x| x.at_most(high)))
    }

    #[inline(always)]
    fn exponent(self) -> Self {
        Self(self.0.map(Arithmetic::exponent))
    }
}

/// Sums of products of bytes for one block.
#[derive(Clone, Copy)]
pub(super) struct PlainSums([i32; LANES]);

/// The nearest bytes of floats between 0 and 255.
#[inline(always)]
fn to_bytes(floats: [f32; LANES]) -> [u8; LANES] {
    // With this added, the lowest bits of a float are its integer: the addition rounds.
    const TO_INTEGER: f32 = 12_582_912.0;
    floats.map(|x| (x + TO_INTEGER).to_bits() as u8)
}

impl Sums for PlainSums {
    const BLOCKS: usize = 1;
    const TILE: usize = 2;

    type Floats = Portable;
    type Words = [[u8; QUAD]; LANES];

    #[inline(always)]
    fn zero() -> Self {
        Self([0; LANES])
    }

    #[inline(always)]
    unsafe fn spread(from: *const u8) -> Self::Words {
        // SAFETY: the caller vouches for the pointer.
        unsafe { [from.cast::<[u8; QUAD]>().read(); LANES] }
    }

    #[inline(always)]
    unsafe fn load_words(from: *const u8) -> Self::Words {
        // SAFETY: the caller vouches for the pointer.
        unsafe { from.cast::<Self::Words>().read() }
    }

    #[inline(always)]
    fn add_products(self, inputs: Self::Words, weights: Self::Words) -> Self {
        Self(core::array::from_fn(|lane| {
            let products = inputs[lane].iter().zip(weights[lane]);
            products.fold(self.0[lane], |sum, (&input, weight)| {
                sum.wrapping_add(i32::from(input) * i32::from(weight as i8))
            })
        }))
    }

    #[inline(always)]
    fn to_floats(self) -> Self::Floats {
        Plain(self.0.map(|sum| sum as f32))
    }
}
