//! Sums of products of bfloat16 on x86-64: in floats, and by AVX-512's instructions for them.

use core::arch::x86_64::*;

use super::{
    bf16::{Bf16Sums, Bf16Vector, FloatSums, Halves, LOWER, UPPER},
    pair::Pair,
    sums::Sums,
    vector::{Arithmetic, Vector},
    x86::{Avx2, Avx512, Avx512Pair, Avx512Vnni},
};

macro_rules! halves_of_256_bits {
    ($type:ident, $tile:expr, $pair:ty) => {
        impl Halves for $type {
            const TILE: usize = $tile;

            #[inline(always)]
            unsafe fn store_numbers(self, to: *mut u16, _distance: usize) {
                // SAFETY: the caller vouches for the block.
                unsafe { self.store_bf16(to) }
            }

            #[inline(always)]
            unsafe fn load_halves(from: *const u8) -> [Self; 2] {
                // SAFETY: called only from code compiled for AVX2 on a processor that has it; the caller
                // vouches for the pointer.
                unsafe { Self::halves(_mm256_loadu_si256(from.cast())) }
            }

            #[inline(always)]
            unsafe fn spread_halves(from: *const u8) -> [Self; 2] {
                // SAFETY: as above.
                unsafe { Self::halves(_mm256_set1_epi32(from.cast::<i32>().read_unaligned())) }
            }
        }

        impl $type {
            #[inline(always)]
            fn halves(words: __m256i) -> [Self; 2] {
                // SAFETY: as above.
                unsafe {
                    let first = _mm256_slli_epi32::<{ LOWER as i32 }>(words);
                    let second = _mm256_and_si256(words, _mm256_set1_epi32(UPPER as i32));
                    [
                        Self(_mm256_castsi256_ps(first)),
                        Self(_mm256_castsi256_ps(second)),
                    ]
                }
            }
        }

        impl Bf16Vector for $type {
            type Bf16 = FloatSums<Self>;
            type PairBf16 = $pair;
        }
    };
}

halves_of_256_bits!(Avx2, 10, Pair<FloatSums<Self>>);
halves_of_256_bits!(Avx512, 12, FloatSums<Avx512Pair>);

impl Halves for Avx512Pair {
    const TILE: usize = 12;
    const IS_WIDE: bool = true;

    #[inline(always)]
    unsafe fn store_numbers(self, to: *mut u16, distance: usize) {
        // SAFETY: called only from code compiled for AVX-512 on a processor that has it; the caller
        // vouches for both blocks.
        unsafe {
            Avx512(_mm512_castps512_ps256(self.0)).store_bf16(to);
            Avx512(_mm512_extractf32x8_ps::<1>(self.0)).store_bf16(to.add(distance));
        }
    }

    #[inline(always)]
    unsafe fn load_halves(from: *const u8) -> [Self; 2] {
        // SAFETY: called only from code compiled for AVX-512 on a processor that has it; the caller
        // vouches for the pointer.
        unsafe { Self::halves(_mm512_loadu_si512(from.cast())) }
    }

    #[inline(always)]
    unsafe fn spread_halves(from: *const u8) -> [Self; 2] {
        // SAFETY: as above.
        unsafe { Self::halves(_mm512_set1_epi32(from.cast::<i32>().read_unaligned())) }
    }
}

impl Avx512Pair {
    #[inline(always)]
    fn halves(words: __m512i) -> [Self; 2] {
        // SAFETY: as above.
        unsafe {
            let first = _mm512_slli_epi32::<LOWER>(words);
            let second = _mm512_and_si512(words, _mm512_set1_epi32(UPPER as i32));
            [
                Self(_mm512_castsi512_ps(first)),
                Self(_mm512_castsi512_ps(second)),
            ]
        }
    }
}

/// Sums of products by one instruction. `Avx512Vnni` stands for all that processors with products of
/// bfloat16 have: there is nothing else in which their kernels differ.
macro_rules! dot_sums {
    (
        $name:ident, $floats:ident, $blocks:expr, $is_wide:expr, $words:ident, $set:ident, $load:ident,
        $number:ident, $dot:ident
    ) => {
        #[derive(Clone, Copy)]
        pub(crate) struct $name($floats);

        impl Sums for $name {
            const BLOCKS: usize = $blocks;
            const TILE: usize = 12;
            const IS_WIDE: bool = $is_wide;

            type Floats = $floats;
            type Words = $words;

            #[inline(always)]
            fn zero() -> Self {
                Self($floats::splat(0.0))
            }

            #[inline(always)]
            fn start(bias: Self::Floats) -> Self {
                Self(bias)
            }

            #[inline(always)]
            unsafe fn spread(from: *const u8) -> Self::Words {
                // SAFETY: called only from code compiled for AVX-512 with BF16 on a processor that has
                // it; the caller vouches for the pointer.
                unsafe { $set(from.cast::<i32>().read_unaligned()) }
            }

            #[inline(always)]
            unsafe fn load_words(from: *const u8) -> Self::Words {
                // SAFETY: as above.
                unsafe { $load(from.cast()) }
            }

            #[inline(always)]
            fn add_products(self, inputs: Self::Words, weights: Self::Words) -> Self {
                // SAFETY: as above; the types are registers of the same size.
                unsafe {
                    let inputs = core::mem::transmute::<$words, $number>(inputs);
                    let weights = core::mem::transmute::<$words, $number>(weights);
                    Self($floats($dot(self.0.0, inputs, weights)))
                }
            }

            #[inline(always)]
            fn to_floats(self) -> Self::Floats {
                self.0
            }

            #[inline(always)]
            fn finish(self, _scale: Self::Floats, _bias: Self::Floats) -> Self::Floats {
                self.0
            }
        }
    };
}

dot_sums!(
    DotSums,
    Avx512Vnni,
    1,
    false,
    __m256i,
    _mm256_set1_epi32,
    _mm256_loadu_si256,
    __m256bh,
    _mm256_dpbf16_ps
);
dot_sums!(
    DotPairSums,
    Avx512Pair,
    2,
    true,
    __m512i,
    _mm512_set1_epi32,
    _mm512_loadu_si512,
    __m512bh,
    _mm512_dpbf16_ps
);

impl Bf16Sums for DotSums {
    #[inline(always)]
    unsafe fn store_factors(floats: Avx512Vnni, to: *mut u16, _distance: usize) {
        // SAFETY: called only from code compiled for AVX-512 with BF16 on a processor that has it; the
        // caller vouches for the pointer; the types are registers of the same size.
        unsafe {
            let numbers = core::mem::transmute::<__m128bh, __m128i>(_mm256_cvtneps_pbh(floats.0));
            _mm_storeu_si128(to.cast(), numbers);
        }
    }
}

impl Bf16Sums for DotPairSums {
    #[inline(always)]
    unsafe fn store_factors(floats: Avx512Pair, to: *mut u16, distance: usize) {
        // SAFETY: as above, for both blocks.
        unsafe {
            let numbers = core::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(floats.0));
            _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(numbers));
            let second = _mm256_extracti128_si256::<1>(numbers);
            _mm_storeu_si128(to.add(distance).cast(), second);
        }
    }
}

impl Bf16Vector for Avx512Vnni {
    type Bf16 = DotSums;
    type PairBf16 = DotPairSums;
}
