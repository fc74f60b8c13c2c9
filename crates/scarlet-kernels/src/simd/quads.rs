//! Four neighbouring pixels of each channel at a time: depthwise convolutions of bytes.
#![cfg_attr(
    not(target_arch = "x86_64"),
    expect(dead_code, reason = "only sets of x86-64 have instructions for quads")
)]

use super::{
    byte_sums::{ByteVector, QUAD},
    sums::Sums,
};

/// Sums of products whose quads can be pixels too, with weights of any size.
///
/// Only sets that have instructions for it: without, floats are as fast.
pub(crate) trait QuadSums: Sums {
    /// # Safety
    ///
    /// All sums must be readable at the pointer.
    unsafe fn load(from: *const i32) -> Self;

    /// # Safety
    ///
    /// All quads must be writable at the pointer.
    unsafe fn store_quads(quads: Self::Words, to: *mut u8);

    /// Four pixels as bytes: the nearest ones to floats between 0 and 255, ties to the even one.
    fn pack(pixels: [Self::Floats; QUAD]) -> Self::Words;

    /// Four neighbouring pixels that begin within the first four, by so many bits, and end within the
    /// next.
    fn window<const BITS: u32>(first: Self::Words, next: Self::Words) -> Self::Words;

    /// Stores four pixels `[pixel][lane]`, those of a second block at a distance from the first's.
    ///
    /// # Safety
    ///
    /// 32 bytes must be writable where each block is.
    unsafe fn store_pixels(quads: Self::Words, to: *mut u8, distance: usize);
}

/// A vector whose sums are [`QuadSums`].
pub(crate) trait QuadVector: ByteVector<Sums: QuadSums, PairSums: QuadSums> {}

impl<V: ByteVector<Sums: QuadSums, PairSums: QuadSums>> QuadVector for V {}

/// As [`Kernel`](super::Kernel), for [`InstructionSet::run_quads`](super::instruction_set::InstructionSet::run_quads).
pub(crate) trait QuadKernel {
    fn run<V: QuadVector>(self);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::*;

    use super::{
        super::{
            byte_sums::{VnniPairSums, VnniSums},
            x86::{Avx512Pair, Avx512Vnni},
        },
        QUAD, QuadSums,
    };

    /// The bytes of four channels and four pixels, sixteen of them, the other way around.
    const TRANSPOSED: [i8; 16] = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];

    impl QuadSums for VnniSums {
        #[inline(always)]
        unsafe fn load(from: *const i32) -> Self {
            // SAFETY: called only from code compiled for AVX-512 with VNNI and VBMI2 on a processor
            // that has them; the caller vouches for the pointer.
            Self(unsafe { _mm256_loadu_si256(from.cast()) })
        }

        #[inline(always)]
        unsafe fn store_quads(quads: __m256i, to: *mut u8) {
            // SAFETY: as above.
            unsafe { _mm256_storeu_si256(to.cast(), quads) }
        }

        #[inline(always)]
        fn pack(pixels: [Avx512Vnni; QUAD]) -> __m256i {
            // SAFETY: as above.
            unsafe {
                // No closure: only what is inlined is compiled for the instruction set.
                let [a, b, c, d] = pixels;
                let (a, b) = (_mm256_cvtps_epi32(a.0), _mm256_cvtps_epi32(b.0));
                let (c, d) = (_mm256_cvtps_epi32(c.0), _mm256_cvtps_epi32(d.0));
                let (first, second) = (_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
                let bytes = _mm256_packus_epi16(first, second);
                let order = _mm_loadu_si128(TRANSPOSED.as_ptr().cast());
                _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(order))
            }
        }

        #[inline(always)]
        fn window<const BITS: u32>(first: __m256i, next: __m256i) -> __m256i {
            // SAFETY: as above.
            unsafe {
                match BITS {
                    0 => first,
                    8 => _mm256_shrdi_epi32::<8>(first, next),
                    16 => _mm256_shrdi_epi32::<16>(first, next),
                    _ => _mm256_shrdi_epi32::<24>(first, next),
                }
            }
        }

        #[inline(always)]
        unsafe fn store_pixels(quads: __m256i, to: *mut u8, _distance: usize) {
            // SAFETY: as above.
            unsafe {
                let order = _mm_loadu_si128(TRANSPOSED.as_ptr().cast());
                let halves = _mm256_shuffle_epi8(quads, _mm256_broadcastsi128_si256(order));
                let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
                let pixels = _mm256_permutevar8x32_epi32(halves, order);
                _mm256_storeu_si256(to.cast(), pixels);
            }
        }
    }

    impl QuadSums for VnniPairSums {
        #[inline(always)]
        unsafe fn load(from: *const i32) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_loadu_si512(from.cast()) })
        }

        #[inline(always)]
        unsafe fn store_quads(quads: __m512i, to: *mut u8) {
            // SAFETY: as above.
            unsafe { _mm512_storeu_si512(to.cast(), quads) }
        }

        #[inline(always)]
        fn pack(pixels: [Avx512Pair; QUAD]) -> __m512i {
            // SAFETY: as above.
            unsafe {
                // No closure: only what is inlined is compiled for the instruction set.
                let [a, b, c, d] = pixels;
                let (a, b) = (_mm512_cvtps_epi32(a.0), _mm512_cvtps_epi32(b.0));
                let (c, d) = (_mm512_cvtps_epi32(c.0), _mm512_cvtps_epi32(d.0));
                let (first, second) = (_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
                let bytes = _mm512_packus_epi16(first, second);
                let order = _mm_loadu_si128(TRANSPOSED.as_ptr().cast());
                _mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(order))
            }
        }

        #[inline(always)]
        fn window<const BITS: u32>(first: __m512i, next: __m512i) -> __m512i {
            // SAFETY: as above.
            unsafe {
                match BITS {
                    0 => first,
                    8 => _mm512_shrdi_epi32::<8>(first, next),
                    16 => _mm512_shrdi_epi32::<16>(first, next),
                    _ => _mm512_shrdi_epi32::<24>(first, next),
                }
            }
        }

        #[inline(always)]
        unsafe fn store_pixels(quads: __m512i, to: *mut u8, distance: usize) {
            // SAFETY: as above.
            unsafe {
                let order = _mm_loadu_si128(TRANSPOSED.as_ptr().cast());
                let quarters = _mm512_shuffle_epi8(quads, _mm512_broadcast_i32x4(order));
                let order = _mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
                let pixels = _mm512_permutexvar_epi32(order, quarters);
                _mm256_storeu_si256(to.cast(), _mm512_castsi512_si256(pixels));
                let second = _mm512_extracti64x4_epi64::<1>(pixels);
                _mm256_storeu_si256(to.add(distance).cast(), second);
            }
        }
    }
}
