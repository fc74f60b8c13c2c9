//! 128-bit SIMD of WebAssembly, without its relaxed instructions: with them the compiler makes others of
//! the pseudo-minimum and -maximum, which give another number where one is NaN.

use core::arch::wasm32::*;

use super::{
    Kernel, LANES,
    bf16::{BELOW_HALF, Bf16Vector, FloatSums, Halves, LOWER, QUIET, UPPER},
    byte_sums::ByteVector,
    pair::Pair,
    sums::{Sums, WORD},
    vector::{Arithmetic, EXPONENT, Floats, Vector},
};

/// Floats of a register.
const HALF: usize = LANES / 2;

/// One block, in two registers of four floats.
#[derive(Clone, Copy)]
pub(super) struct Wasm(Half, Half);

impl Wasm {
    #[inline(always)]
    fn new(first: v128, second: v128) -> Self {
        Self(Half(first), Half(second))
    }
}

impl Vector for Wasm {
    const IS_NARROW: bool = true;

    type Pair = Pair<Self>;
    type Part = Half;

    #[inline(never)]
    unsafe fn call(part: impl Kernel) {
        part.run::<Self>();
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const i8) -> Self {
        // SAFETY: the caller vouches for the pointer.
        let words = unsafe { i16x8_load_extend_i8x8(from) };
        Self::new(
            f32x4_convert_i32x4(i32x4_extend_low_i16x8(words)),
            f32x4_convert_i32x4(i32x4_extend_high_i16x8(words)),
        )
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        // With this added, the lowest bits of a float are its integer: the addition rounds.
        let to_integer = f32x4_splat(12_582_912.0);
        let (low, high) = (
            f32x4_add(self.0.0, to_integer),
            f32x4_add(self.1.0, to_integer),
        );
        let bytes =
            i8x16_shuffle::<0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28>(low, high);
        // SAFETY: the caller vouches for the pointer.
        unsafe { v128_store64_lane::<0>(bytes, to.cast()) }
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> Self {
        // SAFETY: the caller vouches for the pointer.
        let numbers = unsafe { v128_load(from.cast()) };
        let zeros = u16x8_splat(0);
        Self::new(
            u16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(zeros, numbers),
            u16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(zeros, numbers),
        )
    }

    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut u16) {
        let numbers = u16x8_narrow_i32x4(upper_half(self.0.0), upper_half(self.1.0));
        // SAFETY: the caller vouches for the pointer.
        unsafe { v128_store(to.cast(), numbers) }
    }
}

/// The nearest numbers of bfloat16, ties to the even one, in 32 bits; a NaN stays one.
#[inline(always)]
fn upper_half(floats: v128) -> v128 {
    let odd = v128_and(u32x4_shr(floats, LOWER), u32x4_splat(1));
    let rounded = u32x4_add(u32x4_add(floats, odd), u32x4_splat(BELOW_HALF));
    let quiet = v128_or(floats, u32x4_splat(QUIET));
    let is_number = f32x4_eq(floats, floats);
    u32x4_shr(v128_bitselect(rounded, quiet, is_number), LOWER)
}

impl Halves for Wasm {
    // Beside their words, which take four registers.
    const TILE: usize = 4;

    #[inline(always)]
    unsafe fn store_numbers(self, to: *mut u16, _distance: usize) {
        // SAFETY: the caller vouches for the block.
        unsafe { self.store_bf16(to) }
    }

    #[inline(always)]
    unsafe fn load_halves(from: *const u8) -> [Self; 2] {
        // SAFETY: the caller vouches for the pointer.
        let (low, high) = unsafe {
            let words = from.cast::<v128>();
            (v128_load(words), v128_load(words.add(1)))
        };
        let ([first, second], [third, fourth]) = (halves(low), halves(high));
        [Self::new(first, third), Self::new(second, fourth)]
    }

    #[inline(always)]
    unsafe fn spread_halves(from: *const u8) -> [Self; 2] {
        // SAFETY: the caller vouches for the pointer.
        let word = unsafe { v128_load32_splat(from.cast()) };
        halves(word).map(|half| Self::new(half, half))
    }
}

/// The first number of each word of bfloat16, and the second.
#[inline(always)]
fn halves(words: v128) -> [v128; 2] {
    [u32x4_shl(words, LOWER), v128_and(words, u32x4_splat(UPPER))]
}

impl ByteVector for Wasm {
    type Sums = WasmSums;
    type PairSums = Pair<WasmSums>;
}

impl Bf16Vector for Wasm {
    type Bf16 = FloatSums<Self>;
    type PairBf16 = Pair<FloatSums<Self>>;
}

impl Floats for Wasm {
    const BLOCKS: usize = 1;
    // Beside them stand two weights, an input and a product: of the sixteen registers of x86-64 browsers
    // keep one for themselves.
    const SUMS: usize = 5;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the pointer.
        unsafe { Self(Half::load(from), Half::load(from.add(HALF))) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for the pointer.
        unsafe {
            self.0.store(to);
            self.1.store(to.add(HALF));
        }
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0), self.1.max(other.1))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0), self.1.min(other.1))
    }
}

impl Arithmetic for Wasm {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(Half::splat(value), Half::splat(value))
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(
            self.0.mul_add(factor.0, addend.0),
            self.1.mul_add(factor.1, addend.1),
        )
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0.add(other.0), self.1.add(other.1))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(self.0.mul(other.0), self.1.mul(other.1))
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(self.0.div(other.0), self.1.div(other.1))
    }

    #[inline(always)]
    fn at_least(self, low: f32) -> Self {
        Self(self.0.at_least(low), self.1.at_least(low))
    }

    #[inline(always)]
    fn at_most(self, high: f32) -> Self {
        Self(self.0.at_most(high), self.1.at_most(high))
    }

    #[inline(always)]
    fn exponent(self) -> Self {
        Self(self.0.exponent(), self.1.exponent())
    }
}

/// A half of a block, in one register.
#[derive(Clone, Copy)]
pub(super) struct Half(v128);

impl Floats for Half {
    const BLOCKS: usize = 1;
    const LENGTH: usize = HALF;
    const SUMS: usize = 8;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the pointer.
        Self(unsafe { v128_load(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for the pointer.
        unsafe { v128_store(to.cast(), self.0) }
    }

    // Pseudo-minimum and -maximum are the first number unless the second is beyond it.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(f32x4_pmax(other.0, self.0))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(f32x4_pmin(other.0, self.0))
    }
}

impl Arithmetic for Half {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(f32x4_splat(value))
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        self.mul(factor).add(addend)
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(f32x4_add(self.0, other.0))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(f32x4_mul(self.0, other.0))
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(f32x4_div(self.0, other.0))
    }

    #[inline(always)]
    fn at_least(self, low: f32) -> Self {
        Self(f32x4_pmax(self.0, f32x4_splat(low)))
    }

    #[inline(always)]
    fn at_most(self, high: f32) -> Self {
        Self(f32x4_pmin(self.0, f32x4_splat(high)))
    }

    #[inline(always)]
    fn exponent(self) -> Self {
        Self(u32x4_shl(self.0, EXPONENT))
    }
}

/// Sums of products of bytes for one block: two for each channel, of the first two products of a word and
/// of the others, in four registers of two channels each.
///
/// The instruction multiplies numbers of 16 bits, to which bytes are widened as they are loaded.
#[derive(Clone, Copy)]
pub(super) struct WasmSums([v128; 4]);

impl Sums for WasmSums {
    const BLOCKS: usize = 1;
    const TILE: usize = 2;

    type Floats = Wasm;
    type Words = [v128; 4];

    #[inline(always)]
    fn zero() -> Self {
        Self([i32x4_splat(0); 4])
    }

    #[inline(always)]
    unsafe fn spread(from: *const u8) -> Self::Words {
        // SAFETY: the caller vouches for the pointer.
        let word = unsafe { v128_load32_splat(from.cast()) };
        [u16x8_extend_low_u8x16(word); 4]
    }

    #[inline(always)]
    unsafe fn load_words(from: *const u8) -> Self::Words {
        let from = from.cast::<i8>();
        // SAFETY: the caller vouches for the pointer.
        unsafe {
            [
                i16x8_load_extend_i8x8(from),
                i16x8_load_extend_i8x8(from.add(2 * WORD)),
                i16x8_load_extend_i8x8(from.add(4 * WORD)),
                i16x8_load_extend_i8x8(from.add(6 * WORD)),
            ]
        }
    }

    #[inline(always)]
    fn add_products(self, inputs: Self::Words, weights: Self::Words) -> Self {
        let mut sums = self.0;
        for ((sum, input), weight) in sums.iter_mut().zip(inputs).zip(weights) {
            *sum = i32x4_add(*sum, i32x4_dot_i16x8(input, weight));
        }
        Self(sums)
    }

    #[inline(always)]
    fn to_floats(self) -> Wasm {
        let [a, b, c, d] = self.0;
        let whole = |a, b| {
            let first = i32x4_shuffle::<0, 2, 4, 6>(a, b);
            let others = i32x4_shuffle::<1, 3, 5, 7>(a, b);
            f32x4_convert_i32x4(i32x4_add(first, others))
        };
        Wasm::new(whole(a, b), whole(c, d))
    }
}
