//! NEON, on aarch64.

use core::arch::aarch64::*;

use super::{
    Kernel, LANES,
    bf16::{BELOW_HALF, Bf16Kernel, Bf16Vector, FloatSums, Halves, LOWER, QUIET, UPPER},
    byte_sums::{ByteKernel, ByteVector},
    pair::Pair,
    sums::{Sums, WORD},
    vector::{Arithmetic, EXPONENT, Floats, Vector},
};

const HALF: usize = LANES / 2;

/// Runs a kernel with NEON.
///
/// # Safety
///
/// The processor must have it.
#[target_feature(enable = "neon")]
pub(super) unsafe fn run(kernel: impl Kernel) {
    kernel.run::<Neon>();
}

/// As [`run`].
///
/// # Safety
///
/// As there.
#[target_feature(enable = "neon")]
pub(super) unsafe fn run_bf16(kernel: impl Bf16Kernel) {
    kernel.run::<Neon>();
}

/// As [`run`].
///
/// # Safety
///
/// As there.
#[target_feature(enable = "neon")]
pub(super) unsafe fn run_bytes(kernel: impl ByteKernel) {
    kernel.run::<Neon>();
}

/// One block, in two registers of four floats.
#[derive(Clone, Copy)]
pub(super) struct Neon(float32x4_t, float32x4_t);

impl Vector for Neon {
    type Pair = Pair<Self>;
    type Part = Self;

    // Not `run`: that may be inlined, whatever an attribute says.
    #[inline(never)]
    unsafe fn call(part: impl Kernel) {
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        unsafe { run(part) }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const i8) -> Self {
        // SAFETY: NEON as above; the caller vouches for the pointer.
        unsafe {
            let words = vmovl_s8(vld1_s8(from));
            Self(
                vcvtq_f32_s32(vmovl_s16(vget_low_s16(words))),
                vcvtq_f32_s32(vmovl_high_s16(words)),
            )
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        // SAFETY: NEON as above; the caller vouches for the pointer.
        unsafe {
            let (low, high) = (vcvtnq_u32_f32(self.0), vcvtnq_u32_f32(self.1));
            let words = vcombine_u16(vmovn_u32(low), vmovn_u32(high));
            vst1_u8(to, vmovn_u16(words));
        }
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> Self {
        const BITS: i32 = LOWER as i32;
        // SAFETY: NEON as above; the caller vouches for the pointer.
        unsafe {
            let numbers = vld1q_u16(from);
            let low = vshll_n_u16::<BITS>(vget_low_u16(numbers));
            let high = vshll_high_n_u16::<BITS>(numbers);
            Self(vreinterpretq_f32_u32(low), vreinterpretq_f32_u32(high))
        }
    }

    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut u16) {
        // SAFETY: NEON as above; the caller vouches for the pointer.
        unsafe { vst1q_u16(to, vcombine_u16(upper_half(self.0), upper_half(self.1))) }
    }
}

/// The nearest numbers of bfloat16, ties to the even one; a NaN stays one.
#[inline(always)]
fn upper_half(floats: float32x4_t) -> uint16x4_t {
    const BITS: i32 = LOWER as i32;
    // SAFETY: called only from `run`, whose caller vouches for NEON.
    unsafe {
        let bits = vreinterpretq_u32_f32(floats);
        let odd = vandq_u32(vshrq_n_u32::<BITS>(bits), vdupq_n_u32(1));
        let rounded = vaddq_u32(vaddq_u32(bits, odd), vdupq_n_u32(BELOW_HALF));
        let quiet = vorrq_u32(bits, vdupq_n_u32(QUIET));
        let is_number = vceqq_f32(floats, floats);
        vshrn_n_u32::<BITS>(vbslq_u32(is_number, rounded, quiet))
    }
}

impl Halves for Neon {
    #[inline(always)]
    unsafe fn store_numbers(self, to: *mut u16, _distance: usize) {
        // SAFETY: the caller vouches for the block.
        unsafe { self.store_bf16(to) }
    }

    #[inline(always)]
    unsafe fn load_halves(from: *const u8) -> [Self; 2] {
        // SAFETY: NEON as above; the caller vouches for the pointer.
        unsafe {
            let words = from.cast::<u32>();
            let (low, high) = (halves(vld1q_u32(words)), halves(vld1q_u32(words.add(HALF))));
            [Self(low[0], high[0]), Self(low[1], high[1])]
        }
    }

    #[inline(always)]
    unsafe fn spread_halves(from: *const u8) -> [Self; 2] {
        // SAFETY: NEON as above; the caller vouches for the pointer.
        let word = unsafe { vdupq_n_u32(from.cast::<u32>().read_unaligned()) };
        halves(word).map(|half| Self(half, half))
    }
}

/// The first number of each word of bfloat16, and the second.
#[inline(always)]
fn halves(words: uint32x4_t) -> [float32x4_t; 2] {
    const BITS: i32 = LOWER as i32;
    // SAFETY: called only from `run`, whose caller vouches for NEON.
    unsafe {
        let second = vandq_u32(words, vdupq_n_u32(UPPER));
        [
            vreinterpretq_f32_u32(vshlq_n_u32::<BITS>(words)),
            vreinterpretq_f32_u32(second),
        ]
    }
}

impl ByteVector for Neon {
    type Sums = NeonSums;
    type PairSums = Pair<NeonSums>;
}

impl Bf16Vector for Neon {
    type Bf16 = FloatSums<Self>;
    type PairBf16 = Pair<FloatSums<Self>>;
}

impl Floats for Neon {
    const BLOCKS: usize = 1;
    const SUMS: usize = 12;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: NEON as above; the caller vouches for the pointer.
        unsafe { Self(vld1q_f32(from), vld1q_f32(from.add(HALF))) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: NEON as above; the caller vouches for the pointer.
        unsafe {
            vst1q_f32(to, self.0);
            vst1q_f32(to.add(HALF), self.1);
        }
    }

    // The `nm` forms: of a NaN and a number they take the number, as the other instruction sets
    // do where the number comes second.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        unsafe { Self(vmaxnmq_f32(self.0, other.0), vmaxnmq_f32(self.1, other.1)) }
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        unsafe { Self(vminnmq_f32(self.0, other.0), vminnmq_f32(self.1, other.1)) }
    }
}

impl Arithmetic for Neon {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        let half = unsafe { vdupq_n_f32(value) };
        Self(half, half)
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        unsafe {
            Self(
                vfmaq_f32(addend.0, self.0, factor.0),
                vfmaq_f32(addend.1, self.1, factor.1),
            )
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        unsafe { Self(vaddq_f32(self.0, other.0), vaddq_f32(self.1, other.1)) }
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        unsafe { Self(vmulq_f32(self.0, other.0), vmulq_f32(self.1, other.1)) }
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        unsafe { Self(vdivq_f32(self.0, other.0), vdivq_f32(self.1, other.1)) }
    }

    // Not the `nm` forms: of a NaN and a number these take the NaN.
    #[inline(always)]
    fn at_least(self, low: f32) -> Self {
        let low = Self::splat(low);
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        unsafe { Self(vmaxq_f32(self.0, low.0), vmaxq_f32(self.1, low.1)) }
    }

    #[inline(always)]
    fn at_most(self, high: f32) -> Self {
        let high = Self::splat(high);
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        unsafe { Self(vminq_f32(self.0, high.0), vminq_f32(self.1, high.1)) }
    }

    #[inline(always)]
    fn exponent(self) -> Self {
        const BITS: i32 = EXPONENT as i32;
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        unsafe {
            let (low, high) = (vreinterpretq_u32_f32(self.0), vreinterpretq_u32_f32(self.1));
            Self(
                vreinterpretq_f32_u32(vshlq_n_u32::<BITS>(low)),
                vreinterpretq_f32_u32(vshlq_n_u32::<BITS>(high)),
            )
        }
    }
}

/// Sums of products of bytes for one block, in two registers of four.
///
/// Instructions for such sums, those of the extension for dot products, are not to be had from stable
/// Rust. Products are computed in 16 bits, which hold them, and two of them, as AVX2's do.
#[derive(Clone, Copy)]
pub(super) struct NeonSums(int32x4_t, int32x4_t);

impl Sums for NeonSums {
    const BLOCKS: usize = 1;
    const TILE: usize = 10;

    type Floats = Neon;
    type Words = [uint8x16_t; 2];

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        let zeros = unsafe { vdupq_n_s32(0) };
        Self(zeros, zeros)
    }

    #[inline(always)]
    unsafe fn spread(from: *const u8) -> Self::Words {
        // SAFETY: NEON as above; the caller vouches for the pointer.
        let word = unsafe { vdupq_n_u32(from.cast::<u32>().read_unaligned()) };
        // SAFETY: NEON as above.
        [unsafe { vreinterpretq_u8_u32(word) }; 2]
    }

    #[inline(always)]
    unsafe fn load_words(from: *const u8) -> Self::Words {
        // SAFETY: NEON as above; the caller vouches for the pointer.
        unsafe { [vld1q_u8(from), vld1q_u8(from.add(HALF * WORD))] }
    }

    #[inline(always)]
    fn add_products(self, inputs: Self::Words, weights: Self::Words) -> Self {
        Self(
            add_products(self.0, inputs[0], weights[0]),
            add_products(self.1, inputs[1], weights[1]),
        )
    }

    #[inline(always)]
    fn to_floats(self) -> Neon {
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        unsafe { Neon(vcvtq_f32_s32(self.0), vcvtq_f32_s32(self.1)) }
    }
}

/// Adds the products of the words of four channels.
#[inline(always)]
fn add_products(sums: int32x4_t, inputs: uint8x16_t, weights: uint8x16_t) -> int32x4_t {
    // SAFETY: called only from `run`, whose caller vouches for NEON.
    unsafe {
        let weights = vreinterpretq_s8_u8(weights);
        let low = vmulq_s16(
            vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(inputs))),
            vmovl_s8(vget_low_s8(weights)),
        );
        let high = vmulq_s16(
            vreinterpretq_s16_u16(vmovl_high_u8(inputs)),
            vmovl_high_s8(weights),
        );
        vpadalq_s16(sums, vpaddq_s16(low, high))
    }
}
