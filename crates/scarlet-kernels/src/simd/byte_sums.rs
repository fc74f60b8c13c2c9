//! Sums of products of bytes: of an unsigned input and a signed weight, in 32-bit integers.
//!
//! Four bytes are a word, a quad: four inputs of a matrix product or, for a depthwise convolution, four
//! neighbouring pixels.
//!
//! The sums are exact, and so the same with every instruction set, if the first two weights of a quad add
//! up to between -128 and 128, and the last two: AVX2 adds the products of two in 16 bits.

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512, Avx512Pair, Avx512Vnni};
use super::{
    sums::{Sums, WORD},
    vector::Vector,
};

/// Bytes in a word.
pub(crate) const QUAD: usize = WORD;

/// A vector with sums of products of bytes.
pub(crate) trait ByteVector: Vector {
    type Sums: Sums<Floats = Self>;

    /// The same for two blocks.
    type PairSums: Sums<Floats = Self::Pair>;
}

/// As [`Kernel`](super::Kernel), for [`InstructionSet::run_bytes`](super::instruction_set::InstructionSet::run_bytes).
pub(crate) trait ByteKernel {
    /// Whether it is worth being compiled for VNNI: not where such processors do its work another way,
    /// but for kernels that are rare.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "x86-64's"))]
    const IS_FOR_VNNI: bool = true;

    fn run<V: ByteVector>(self);
}

/// Bytes in 256 bits, but for sums of products.
#[cfg(target_arch = "x86_64")]
macro_rules! bytes_of_256_bits {
    ($floats:ident, $tile:expr) => {
        const BLOCKS: usize = 1;
        const TILE: usize = $tile;

        type Floats = $floats;
        type Words = __m256i;

        #[inline(always)]
        fn zero() -> Self {
            // SAFETY: AVX2 as above.
            Self(unsafe { _mm256_setzero_si256() })
        }

        #[inline(always)]
        unsafe fn spread(from: *const u8) -> Self::Words {
            // SAFETY: AVX2 as above; the caller vouches for the pointer.
            unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }
        }

        #[inline(always)]
        unsafe fn load_words(from: *const u8) -> Self::Words {
            // SAFETY: AVX2 as above; the caller vouches for the pointer.
            unsafe { _mm256_loadu_si256(from.cast()) }
        }

        #[inline(always)]
        fn to_floats(self) -> Self::Floats {
            // SAFETY: AVX2 as above.
            $floats(unsafe { _mm256_cvtepi32_ps(self.0) })
        }
    };
}

/// Sums by AVX2, for floats of the type given.
#[cfg(target_arch = "x86_64")]
macro_rules! avx2_sums {
    ($name:ident, $floats:ident) => {
        #[derive(Clone, Copy)]
        pub(crate) struct $name(__m256i);

        impl Sums for $name {
            bytes_of_256_bits!($floats, 10);

            #[inline(always)]
            fn add_products(self, inputs: Self::Words, weights: Self::Words) -> Self {
                // SAFETY: called only from code compiled for AVX2 on a processor that has it.
                unsafe {
                    let pairs = _mm256_maddubs_epi16(inputs, weights);
                    let quads = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
                    Self(_mm256_add_epi32(self.0, quads))
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
avx2_sums!(Avx2Sums, Avx2);
#[cfg(target_arch = "x86_64")]
avx2_sums!(Avx512Sums, Avx512);

/// One block by AVX-512 with VNNI.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct VnniSums(pub(super) __m256i);

#[cfg(target_arch = "x86_64")]
impl Sums for VnniSums {
    bytes_of_256_bits!(Avx512Vnni, 12);

    #[inline(always)]
    fn add_products(self, inputs: Self::Words, weights: Self::Words) -> Self {
        // SAFETY: called only from code compiled for VNNI on a processor that has it.
        Self(unsafe { _mm256_dpbusd_epi32(self.0, inputs, weights) })
    }
}

/// Bytes in 512 bits, but for sums of products.
#[cfg(target_arch = "x86_64")]
macro_rules! bytes_of_512_bits {
    () => {
        const BLOCKS: usize = 2;
        const TILE: usize = 12;
        const IS_WIDE: bool = true;

        type Floats = Avx512Pair;
        type Words = __m512i;

        #[inline(always)]
        fn zero() -> Self {
            // SAFETY: AVX-512 as above.
            Self(unsafe { _mm512_setzero_si512() })
        }

        #[inline(always)]
        unsafe fn spread(from: *const u8) -> Self::Words {
            // SAFETY: AVX-512 as above; the caller vouches for the pointer.
            unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
        }

        #[inline(always)]
        unsafe fn load_words(from: *const u8) -> Self::Words {
            // SAFETY: AVX-512 as above; the caller vouches for the pointer.
            unsafe { _mm512_loadu_si512(from.cast()) }
        }

        #[inline(always)]
        fn to_floats(self) -> Self::Floats {
            // SAFETY: AVX-512 as above.
            Avx512Pair(unsafe { _mm512_cvtepi32_ps(self.0) })
        }
    };
}

/// Two blocks by AVX-512, in one register.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx512PairSums(__m512i);

#[cfg(target_arch = "x86_64")]
impl Sums for Avx512PairSums {
    bytes_of_512_bits!();

    #[inline(always)]
    fn add_products(self, inputs: Self::Words, weights: Self::Words) -> Self {
        // SAFETY: called only from code compiled for AVX-512 on a processor that has it.
        unsafe {
            let pairs = _mm512_maddubs_epi16(inputs, weights);
            let quads = _mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
            Self(_mm512_add_epi32(self.0, quads))
        }
    }
}

/// Two blocks by AVX-512 with VNNI, in one register.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct VnniPairSums(pub(super) __m512i);

#[cfg(target_arch = "x86_64")]
impl Sums for VnniPairSums {
    bytes_of_512_bits!();

    #[inline(always)]
    fn add_products(self, inputs: Self::Words, weights: Self::Words) -> Self {
        // SAFETY: called only from code compiled for VNNI on a processor that has it.
        Self(unsafe { _mm512_dpbusd_epi32(self.0, inputs, weights) })
    }
}
