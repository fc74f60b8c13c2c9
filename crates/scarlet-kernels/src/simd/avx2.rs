//! AVX2 and FMA.

use std::arch::x86_64::*;

use super::{Kernel, Vector};

#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256);

/// Runs a kernel with AVX2 and FMA.
///
/// # Safety
///
/// The processor must have both.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run(kernel: impl Kernel) {
    kernel.run::<Avx2>();
}

impl Vector for Avx2 {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: called only from `run`, whose caller vouches for AVX2 and FMA.
        Self(unsafe { _mm256_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: AVX2 as above; the caller vouches for the pointer.
        Self(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: AVX2 as above; the caller vouches for the pointer.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: called only from `run`, whose caller vouches for AVX2 and FMA.
        Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, addend.0) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: called only from `run`, whose caller vouches for AVX2 and FMA.
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: called only from `run`, whose caller vouches for AVX2 and FMA.
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: called only from `run`, whose caller vouches for AVX2 and FMA.
        Self(unsafe { _mm256_max_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        // SAFETY: called only from `run`, whose caller vouches for AVX2 and FMA.
        Self(unsafe { _mm256_min_ps(self.0, other.0) })
    }
}
