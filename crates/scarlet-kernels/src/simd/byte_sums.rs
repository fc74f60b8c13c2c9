//! Sums of products of bytes: of an unsigned input and a signed weight, in 32-bit integers.
//!
//! Four bytes are a word, a quad: four inputs of a matrix product or, for a depthwise convolution, four
//! neighbouring pixels.
//!
//! The sums are exact, and so the same with every instruction set, if the first two weights of a quad add
//! up to between -128 and 128, and the last two: AVX2 adds the products of two in 16 bits.

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;
use core::marker::PhantomData;

#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512, Avx512Pair, Avx512Vnni};
use super::{Floats, LANES, Sums, WORD};

/// Bytes in a word.
pub(crate) const QUAD: usize = WORD;

/// One block in plain Rust, for floats of any instruction set.
#[derive(Clone, Copy)]
pub(crate) struct PlainSums<F>([i32; LANES], PhantomData<F>);

impl<F> PlainSums<F> {
    #[inline(always)]
    fn new(sums: [i32; LANES]) -> Self {
        Self(sums, PhantomData)
    }
}

/// The nearest bytes of floats between 0 and 255.
#[inline(always)]
pub(super) fn to_bytes(floats: [f32; LANES]) -> [u8; LANES] {
    // With this added, the lowest bits of a float are its integer: the addition rounds.
    const TO_INTEGER: f32 = 12_582_912.0;
    floats.map(|x| (x + TO_INTEGER).to_bits() as u8)
}

impl<F: Floats> Sums for PlainSums<F> {
    const BLOCKS: usize = 1;
    const TILE: usize = 10;

    type Floats = F;
    type Words = [[u8; QUAD]; LANES];

    #[inline(always)]
    fn zero() -> Self {
        Self::new([0; LANES])
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
        Self::new(core::array::from_fn(|lane| {
            let products = inputs[lane].iter().zip(weights[lane]);
            products.fold(self.0[lane], |sum, (&input, weight)| {
                sum.wrapping_add(i32::from(input) * i32::from(weight as i8))
            })
        }))
    }

    #[inline(always)]
    fn to_floats(self) -> Self::Floats {
        let floats = self.0.map(|sum| sum as f32);
        // SAFETY: an array of the floats of a block.
        unsafe { F::load(floats.as_ptr()) }
    }
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
