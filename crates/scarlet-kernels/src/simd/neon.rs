//! NEON, on aarch64.

use std::arch::aarch64::*;

use super::{
    Arithmetic, Bf16Kernel, Bf16Vector, EXPONENT, Floats, Kernel, LANES, Pair, Vector,
    bf16::{FloatSums, Halves, from_bf16, to_bf16},
    byte_sums::{PlainSums, to_bytes},
};

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

/// One block, in two registers of four floats.
#[derive(Clone, Copy)]
pub(super) struct Neon(float32x4_t, float32x4_t);

impl Vector for Neon {
    type Pair = Pair<Self>;
    type Sums = PlainSums<Self>;
    type PairSums = Pair<PlainSums<Self>>;

    // Not `run`: that may be inlined, whatever an attribute says.
    #[inline(never)]
    unsafe fn call(part: impl Kernel) {
        // SAFETY: called only from `run`, whose caller vouches for NEON.
        unsafe { run(part) }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const i8) -> Self {
        // SAFETY: the caller vouches for the pointer.
        let bytes = unsafe { from.cast::<[i8; LANES]>().read() };
        // SAFETY: an array of eight floats.
        unsafe { Self::load(bytes.map(f32::from).as_ptr()) }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        let mut floats = [0.0; LANES];
        // SAFETY: an array of eight floats; the caller vouches for the pointer.
        unsafe {
            self.store(floats.as_mut_ptr());
            to.cast::<[u8; LANES]>().write(to_bytes(floats));
        }
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> Self {
        // SAFETY: the caller vouches for the pointer.
        let numbers = unsafe { from.cast::<[u16; LANES]>().read() };
        // SAFETY: an array of eight floats.
        unsafe { Self::load(numbers.map(from_bf16).as_ptr()) }
    }

    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut u16) {
        let mut floats = [0.0; LANES];
        // SAFETY: an array of eight floats; the caller vouches for the pointer.
        unsafe {
            self.store(floats.as_mut_ptr());
            to.cast::<[u16; LANES]>().write(floats.map(to_bf16));
        }
    }
}

impl Halves for Neon {}

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
        unsafe { Self(vld1q_f32(from), vld1q_f32(from.add(LANES / 2))) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: NEON as above; the caller vouches for the pointer.
        unsafe {
            vst1q_f32(to, self.0);
            vst1q_f32(to.add(LANES / 2), self.1);
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
