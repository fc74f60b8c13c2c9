//! Sums of products of bytes.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::LANES;

/// Bytes whose products one lane adds up at a time.
pub(crate) const QUAD: usize = 4;

/// Eight 32-bit sums of products of an unsigned input and a signed weight. They are exact, and so
/// the same with every instruction set, if the first two weights of a quad add up to between -128
/// and 128, and the last two: AVX2 adds the products of two in 16 bits.
///
/// As with [`Vector`](super::Vector), the methods are safe to call only from code that
/// [`InstructionSet::run`](super::InstructionSet::run) compiled.
pub(crate) trait ByteSums: Copy {
    /// Four inputs for all lanes.
    type Inputs: Copy;
    /// Four weights for each lane.
    type Weights: Copy;

    fn zero() -> Self;

    /// # Safety
    ///
    /// Four bytes must be readable at the pointer.
    unsafe fn inputs(from: *const u8) -> Self::Inputs;

    /// Weights `[lane][input]`.
    ///
    /// # Safety
    ///
    /// 32 bytes must be readable at the pointer.
    unsafe fn weights(from: *const i8) -> Self::Weights;

    /// Adds four products to each lane.
    fn add_products(self, inputs: Self::Inputs, weights: Self::Weights) -> Self;
}

/// In plain Rust.
#[derive(Clone, Copy)]
pub(crate) struct PortableSums([i32; LANES]);

impl PortableSums {
    #[inline(always)]
    pub(super) fn to_floats(self) -> [f32; LANES] {
        self.0.map(|sum| sum as f32)
    }
}

/// The nearest bytes of floats between 0 and 255.
#[inline(always)]
pub(super) fn to_bytes(floats: [f32; LANES]) -> [u8; LANES] {
    // With this added, the lowest bits of a float are its integer: the addition rounds.
    const TO_INTEGER: f32 = 12_582_912.0;
    floats.map(|x| (x + TO_INTEGER).to_bits() as u8)
}

impl ByteSums for PortableSums {
    type Inputs = [u8; QUAD];
    type Weights = [[i8; QUAD]; LANES];

    #[inline(always)]
    fn zero() -> Self {
        Self([0; LANES])
    }

    #[inline(always)]
    unsafe fn inputs(from: *const u8) -> Self::Inputs {
        // SAFETY: the caller vouches for the pointer.
        unsafe { from.cast::<Self::Inputs>().read() }
    }

    #[inline(always)]
    unsafe fn weights(from: *const i8) -> Self::Weights {
        // SAFETY: the caller vouches for the pointer.
        unsafe { from.cast::<Self::Weights>().read() }
    }

    #[inline(always)]
    fn add_products(self, inputs: Self::Inputs, weights: Self::Weights) -> Self {
        Self(std::array::from_fn(|lane| {
            let products = inputs.iter().zip(weights[lane]);
            products.fold(self.0[lane], |sum, (&input, weight)| {
                sum.wrapping_add(i32::from(input) * i32::from(weight))
            })
        }))
    }
}

#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx2Sums(pub(super) __m256i);

#[cfg(target_arch = "x86_64")]
impl ByteSums for Avx2Sums {
    type Inputs = __m256i;
    type Weights = __m256i;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: called only from code compiled for AVX2 on a processor that has it.
        Self(unsafe { _mm256_setzero_si256() })
    }

    #[inline(always)]
    unsafe fn inputs(from: *const u8) -> Self::Inputs {
        // SAFETY: AVX2 as above; the caller vouches for the pointer.
        unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn weights(from: *const i8) -> Self::Weights {
        // SAFETY: AVX2 as above; the caller vouches for the pointer.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    fn add_products(self, inputs: Self::Inputs, weights: Self::Weights) -> Self {
        // SAFETY: AVX2 as above.
        unsafe {
            let pairs = _mm256_maddubs_epi16(inputs, weights);
            let quads = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
            Self(_mm256_add_epi32(self.0, quads))
        }
    }
}
