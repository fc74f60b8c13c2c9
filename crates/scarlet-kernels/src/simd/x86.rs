//! AVX2 with FMA, and AVX-512 without and with VNNI and BF16.

use core::arch::x86_64::*;

use super::{
    Kernel,
    bf16::{BELOW_HALF, Bf16Kernel, QUIET},
    byte_sums::{
        Avx2Sums, Avx512PairSums, Avx512Sums, ByteKernel, ByteVector, VnniPairSums, VnniSums,
    },
    pair::Pair,
    quads::QuadKernel,
    vector::{Arithmetic, EXPONENT, Floats, Vector},
};

/// Calls, and from and to bytes and bfloat16, of one block in 256 bits.
macro_rules! vector {
    ($run:ident) => {
        // Not the other function: that may be inlined, whatever an attribute says.
        #[inline(never)]
        unsafe fn call(part: impl Kernel) {
            // SAFETY: called only from a `run`, whose caller vouches for the instructions.
            unsafe { $run(part) }
        }

        #[inline(always)]
        unsafe fn load_bytes(from: *const i8) -> Self {
            // SAFETY: called only from a `run`, whose caller vouches for the instructions; the caller
            // vouches for the pointer.
            unsafe {
                let bytes = _mm_loadl_epi64(from.cast());
                Self(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)))
            }
        }

        #[inline(always)]
        unsafe fn store_bytes(self, to: *mut u8) {
            // SAFETY: as above; the caller vouches for the pointer.
            unsafe {
                let integers = _mm256_cvtps_epi32(self.0);
                let low = _mm256_castsi256_si128(integers);
                let words = _mm_packs_epi32(low, _mm256_extracti128_si256::<1>(integers));
                _mm_storel_epi64(to.cast(), _mm_packus_epi16(words, words));
            }
        }

        #[inline(always)]
        unsafe fn load_bf16(from: *const u16) -> Self {
            // SAFETY: as above; the caller vouches for the pointer.
            unsafe {
                let upper = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
                Self(_mm256_castsi256_ps(_mm256_slli_epi32::<16>(upper)))
            }
        }

        #[inline(always)]
        unsafe fn store_bf16(self, to: *mut u16) {
            // SAFETY: as above; the caller vouches for the pointer.
            unsafe {
                let bits = _mm256_castps_si256(self.0);
                let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
                let half = _mm256_add_epi32(odd, _mm256_set1_epi32(BELOW_HALF as i32));
                let rounded = _mm256_add_epi32(bits, half);
                let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(QUIET as i32));
                let is_nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0);
                let result = _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(is_nan));
                let upper = _mm256_srli_epi32::<16>(result);
                let low = _mm256_castsi256_si128(upper);
                let high = _mm256_extracti128_si256::<1>(upper);
                _mm_storeu_si128(to.cast(), _mm_packus_epi32(low, high));
            }
        }
    };
}

/// Runs a kernel with AVX2 and FMA.
///
/// # Safety
///
/// The processor must have both.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run_avx2(kernel: impl Kernel) {
    kernel.run::<Avx2>();
}

/// Runs a kernel with AVX-512.
///
/// # Safety
///
/// The processor must have AVX-512F, VL, DQ and BW, and AVX2 and FMA.
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")]
pub(super) unsafe fn run_avx512(kernel: impl Kernel) {
    kernel.run::<Avx512>();
}

/// As [`run_avx2`].
///
/// # Safety
///
/// As there.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run_bytes_avx2(kernel: impl ByteKernel) {
    kernel.run::<Avx2>();
}

/// As [`run_avx512`].
///
/// # Safety
///
/// As there.
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")]
pub(super) unsafe fn run_bytes_avx512(kernel: impl ByteKernel) {
    kernel.run::<Avx512>();
}

/// Runs a kernel with AVX-512, VNNI and VBMI2.
///
/// # Safety
///
/// As for AVX-512; and the processor must have both.
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512vnni,avx512vbmi2")]
pub(super) unsafe fn run_bytes_vnni(kernel: impl ByteKernel) {
    kernel.run::<Avx512Vnni>();
}

/// As [`run_bytes_vnni`].
///
/// # Safety
///
/// As there.
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512vnni,avx512vbmi2")]
pub(super) unsafe fn run_quads(kernel: impl QuadKernel) {
    kernel.run::<Avx512Vnni>();
}

/// As [`run_avx2`].
///
/// # Safety
///
/// As there.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run_bf16_avx2(kernel: impl Bf16Kernel) {
    kernel.run::<Avx2>();
}

/// As [`run_avx512`].
///
/// # Safety
///
/// As there.
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")]
pub(super) unsafe fn run_bf16_avx512(kernel: impl Bf16Kernel) {
    kernel.run::<Avx512>();
}

/// As [`run_bytes_vnni`], with BF16.
///
/// # Safety
///
/// As there; and the processor must have BF16.
#[target_feature(
    enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512vnni,avx512vbmi2,avx512bf16"
)]
pub(super) unsafe fn run_bf16(kernel: impl Bf16Kernel) {
    kernel.run::<Avx512Vnni>();
}

#[derive(Clone, Copy)]
pub(crate) struct Avx2(pub(super) __m256);

impl Vector for Avx2 {
    type Pair = Pair<Self>;
    type Part = Self;

    vector!(run_avx2);
}

impl ByteVector for Avx2 {
    type Sums = Avx2Sums;
    type PairSums = Pair<Avx2Sums>;
}

/// One block with AVX-512: half a register, of which there are 32.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(pub(super) __m256);

impl Vector for Avx512 {
    type Pair = Avx512Pair;
    type Part = Self;

    vector!(run_avx512);
}

impl ByteVector for Avx512 {
    type Sums = Avx512Sums;
    type PairSums = Avx512PairSums;
}

/// One block with AVX-512 and VNNI.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Vnni(pub(super) __m256);

impl Vector for Avx512Vnni {
    type Pair = Avx512Pair;
    type Part = Self;

    vector!(run_avx512);
}

impl ByteVector for Avx512Vnni {
    type Sums = VnniSums;
    type PairSums = VnniPairSums;
}

/// Two blocks in one register.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Pair(pub(super) __m512);

/// Arithmetic, each operation by one instruction.
macro_rules! arithmetic {
    (
        $type:ident, $splat:ident, $mul_add:ident, $add:ident, $mul:ident, $div:ident, $max:ident,
        $min:ident, $shift:ident, $to_integers:ident, $to_floats:ident
    ) => {
        impl Arithmetic for $type {
            #[inline(always)]
            fn splat(value: f32) -> Self {
                // SAFETY: called only from a `run`, whose caller vouches for the instructions.
                Self(unsafe { $splat(value) })
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                // SAFETY: as above.
                Self(unsafe { $mul_add(self.0, factor.0, addend.0) })
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: as above.
                Self(unsafe { $add(self.0, other.0) })
            }

            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                // SAFETY: as above.
                Self(unsafe { $mul(self.0, other.0) })
            }

            #[inline(always)]
            fn div(self, other: Self) -> Self {
                // SAFETY: as above.
                Self(unsafe { $div(self.0, other.0) })
            }

            // Of a NaN and a number the instructions take what comes second.
            #[inline(always)]
            fn at_least(self, low: f32) -> Self {
                // SAFETY: as above.
                Self(unsafe { $max($splat(low), self.0) })
            }

            #[inline(always)]
            fn at_most(self, high: f32) -> Self {
                // SAFETY: as above.
                Self(unsafe { $min($splat(high), self.0) })
            }

            #[inline(always)]
            fn exponent(self) -> Self {
                // SAFETY: as above.
                Self(unsafe { $to_floats($shift::<{ EXPONENT as _ }>($to_integers(self.0))) })
            }
        }
    };
}

/// The larger and the smaller one, which belong to [`Floats`].
macro_rules! extremes {
    ($max:ident, $min:ident) => {
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            // SAFETY: called only from a `run`, whose caller vouches for the instructions.
            Self(unsafe { $max(self.0, other.0) })
        }

        #[inline(always)]
        fn min(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { $min(self.0, other.0) })
        }
    };
}

/// One block of floats in 256 bits.
macro_rules! block {
    ($type:ident) => {
        arithmetic!(
            $type,
            _mm256_set1_ps,
            _mm256_fmadd_ps,
            _mm256_add_ps,
            _mm256_mul_ps,
            _mm256_div_ps,
            _mm256_max_ps,
            _mm256_min_ps,
            _mm256_slli_epi32,
            _mm256_castps_si256,
            _mm256_castsi256_ps
        );

        impl Floats for $type {
            const BLOCKS: usize = 1;
            const SUMS: usize = 12;

            extremes!(_mm256_max_ps, _mm256_min_ps);

            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                // SAFETY: the caller vouches for the pointer and the instructions.
                Self(unsafe { _mm256_loadu_ps(from) })
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: as above.
                unsafe { _mm256_storeu_ps(to, self.0) }
            }
        }
    };
}

block!(Avx2);
block!(Avx512);
block!(Avx512Vnni);

arithmetic!(
    Avx512Pair,
    _mm512_set1_ps,
    _mm512_fmadd_ps,
    _mm512_add_ps,
    _mm512_mul_ps,
    _mm512_div_ps,
    _mm512_max_ps,
    _mm512_min_ps,
    _mm512_slli_epi32,
    _mm512_castps_si512,
    _mm512_castsi512_ps
);

impl Floats for Avx512Pair {
    const BLOCKS: usize = 2;
    const SUMS: usize = 12;

    extremes!(_mm512_max_ps, _mm512_min_ps);

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the pointer and the instructions.
        Self(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as above.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn load_blocks(from: *const f32, distance: usize) -> Self {
        // SAFETY: as above.
        unsafe {
            let first = _mm512_castps256_ps512(_mm256_loadu_ps(from));
            let second = _mm256_loadu_ps(from.add(distance));
            Self(_mm512_insertf32x8::<1>(first, second))
        }
    }

    #[inline(always)]
    unsafe fn store_blocks(self, to: *mut f32, distance: usize) {
        // SAFETY: as above.
        unsafe {
            _mm256_storeu_ps(to, _mm512_castps512_ps256(self.0));
            _mm256_storeu_ps(to.add(distance), _mm512_extractf32x8_ps::<1>(self.0));
        }
    }
}
