//! The logistic function, `1 / (1 + e^-x)`, and swish, `x / (1 + e^-x)`.

use super::vector::Arithmetic;

/// Below it both functions are 0 in f32.
const LOWEST: f32 = -110.0;

/// Above it, and for some way below, the logistic function is 1 in f32, and swish the number itself.
const HIGHEST: f32 = 20.0;

/// By which divisors are smaller than they should be: they would be too large for a float, where the
/// results are hardly too small for one.
const SCALE: f32 = 1.0 / (1u64 << 33) as f32;

/// With this added, the lowest bits of a float are its nearest integer, and 127 − 33 more: the
/// exponent of the power of two that is so large, scaled.
const TO_EXPONENT: f32 = 12_582_912.0 + (127.0 - 33.0);

/// The natural logarithm of 2, as a sum. The first has so few digits that its products with
/// exponents are exact, also where they are rounded.
const LN_2: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];

/// `x / (1 + e^-x)` within two units in the last place, subnormal results included. Infinities
/// give 0 and infinity, and NaN itself.
#[inline(always)]
pub(crate) fn swish<N: Arithmetic>(x: N) -> N {
    let x = x.at_least(LOWEST);
    let limited = x.at_most(HIGHEST);
    // The function of the highest number is that number, to which the rest adds up.
    let rest = limited.mul_add(N::splat(-1.0), x);
    let scaled = limited.div(divisor(limited));
    scaled.mul_add(N::splat(SCALE), rest)
}

/// `1 / (1 + e^-x)`, as [`swish`]; infinities give 0 and 1.
#[inline(always)]
pub(crate) fn logistic<N: Arithmetic>(x: N) -> N {
    let limited = x.at_least(LOWEST).at_most(HIGHEST);
    N::splat(SCALE).div(divisor(limited))
}

/// `1 + e^-x`, scaled, for numbers within the limits.
///
/// With `x = q − n ln 2`, where `n` is an integer and `|q|` at most `ln 2 / 2`, it is
/// `1 + 2^n + 2^n (e^-q − 1)`.
#[inline(always)]
fn divisor<N: Arithmetic>(x: N) -> N {
    let shifted = x.mul_add(N::splat(-core::f32::consts::LOG2_E), N::splat(TO_EXPONENT));
    let n = shifted.add(N::splat(-TO_EXPONENT));
    let q = n.mul_add(N::splat(LN_2[0]), x);
    let q = n.mul_add(N::splat(LN_2[1]), q);
    // e^-q − 1 = −q + …, of all such polynomials the one with the least largest error, 2^-28.
    let exponential = N::splat(0.001_381_459_8)
        .mul_add(q, N::splat(-0.008_368_717_5))
        .mul_add(q, N::splat(0.041_668_39))
        .mul_add(q, N::splat(-0.166_665_21))
        .mul_add(q, N::splat(0.499_999_94))
        .mul_add(q, N::splat(-1.0))
        .mul(q);
    // The power alone comes last: a sum of the others is exact, or small, where its rounding would
    // show.
    let power = shifted.exponent();
    power.mul_add(exponential, N::splat(SCALE)).add(power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::instruction_set::InstructionSet;
    use crate::simd::{
        Kernel, LANES,
        vector::{Floats, Vector},
    };

    const NUMBERS: usize = 1 << 12;

    /// Both functions of some numbers.
    struct Both<'a> {
        numbers: &'a [f32; NUMBERS],
        swishes: &'a mut [f32; NUMBERS],
        logistics: &'a mut [f32; NUMBERS],
        is_paired: bool,
    }

    impl Both<'_> {
        #[inline(always)]
        fn by<V: Floats>(self) {
            for at in (0..NUMBERS).step_by(V::BLOCKS * LANES) {
                // SAFETY: the arrays have a whole number of vectors.
                unsafe {
                    let x = V::load(self.numbers.as_ptr().add(at));
                    swish(x).store(self.swishes.as_mut_ptr().add(at));
                    logistic(x).store(self.logistics.as_mut_ptr().add(at));
                }
            }
        }
    }

    impl Kernel for Both<'_> {
        #[inline(always)]
        fn run<V: Vector>(self) {
            match self.is_paired {
                true => self.by::<V::Pair>(),
                false => self.by::<V>(),
            }
        }
    }

    /// How many units in the last place a float is away from what it should be.
    fn distance(found: f32, expected: f64) -> f64 {
        if expected.is_infinite() {
            return if f64::from(found) == expected {
                0.0
            } else {
                f64::INFINITY
            };
        }
        // The exponent of an f64, and that of the smallest normal f32.
        let exponent = (expected.to_bits() >> 52 & 0x7FF) as i32 - 1023;
        let unit = f64::from(2f32).powi(exponent.max(-126) - 23);
        (f64::from(found) - expected).abs() / unit
    }

    /// The largest distances of swish and of the logistic function.
    fn check(set: Option<(InstructionSet, bool)>, numbers: &[f32; NUMBERS]) -> [f64; 2] {
        let (mut swishes, mut logistics) = ([0.0; NUMBERS], [0.0; NUMBERS]);
        match set {
            // SAFETY: the set is available.
            Some((set, is_paired)) => unsafe {
                set.run(Both {
                    numbers,
                    swishes: &mut swishes,
                    logistics: &mut logistics,
                    is_paired,
                });
            },
            None => {
                swishes = numbers.map(swish);
                logistics = numbers.map(logistic);
            }
        }
        let mut worst = [0f64; 2];
        for ((&number, a), b) in numbers.iter().zip(swishes).zip(logistics) {
            let x = f64::from(number);
            let factor = 1.0 / (1.0 + (-x).exp());
            let expected = [
                if x == f64::NEG_INFINITY {
                    0.0
                } else {
                    x * factor
                },
                factor,
            ];
            for ((worst, found), expected) in worst.iter_mut().zip([a, b]).zip(expected) {
                if x.is_nan() {
                    assert!(found.is_nan(), "{set:?}: {found} for {number}");
                    continue;
                }
                let distance = distance(found, expected);
                assert!(
                    distance <= 2.0,
                    "{set:?}: {found:e} for {number:e}, not {expected:e}"
                );
                *worst = worst.max(distance);
            }
        }
        worst
    }

    /// Every `step`-th float, of either sign, and some that need care.
    fn sweep(step: usize) {
        let special = [
            0.0,
            f32::MIN_POSITIVE,
            f32::from_bits(1),
            f32::MAX,
            f32::INFINITY,
            f32::NAN,
            1e4,
            HIGHEST,
            LOWEST,
        ];
        let special = special.iter().flat_map(|x| {
            // And their neighbours.
            let bits = x.to_bits();
            [bits.wrapping_sub(1), bits, bits.wrapping_add(1)]
        });
        let special = special.flat_map(|bits| [bits, bits ^ 1 << 31]);
        let mut all = special
            .chain((0..=u32::MAX).step_by(step))
            .map(f32::from_bits);
        let sets = InstructionSet::available().flat_map(|set| [(set, false), (set, true)]);
        let sets: Vec<_> = [None].into_iter().chain(sets.map(Some)).collect();
        let mut worst = vec![[0f64; 2]; sets.len()];
        loop {
            let mut numbers = [f32::NAN; NUMBERS];
            let mut count = 0;
            for (place, number) in numbers.iter_mut().zip(&mut all) {
                *place = number;
                count += 1;
            }
            for (&set, worst) in sets.iter().zip(&mut worst) {
                let found = check(set, &numbers);
                *worst = [worst[0].max(found[0]), worst[1].max(found[1])];
            }
            if count < NUMBERS {
                break;
            }
        }
        for (set, worst) in sets.iter().zip(worst) {
            println!("{set:?}: {worst:?}");
        }
    }

    #[test]
    fn floats_everywhere_are_within_two_units() {
        sweep((1 << 10) - 1);
    }

    #[test]
    #[ignore = "takes ten minutes"]
    fn all_floats_are_within_two_units() {
        sweep(1);
    }

    #[test]
    fn the_ends_are_exact() {
        let sets = InstructionSet::available().flat_map(|set| [(set, false), (set, true)]);
        for set in [None].into_iter().chain(sets.map(Some)) {
            let (mut swishes, mut logistics) = ([1.0; NUMBERS], [1.0; NUMBERS]);
            let mut numbers = [0.0; NUMBERS];
            numbers[..6].copy_from_slice(&[
                f32::INFINITY,
                f32::NEG_INFINITY,
                -0.0,
                1e4,
                -1e4,
                f32::MIN,
            ]);
            match set {
                // SAFETY: the set is available.
                Some((set, is_paired)) => unsafe {
                    set.run(Both {
                        numbers: &numbers,
                        swishes: &mut swishes,
                        logistics: &mut logistics,
                        is_paired,
                    });
                },
                None => {
                    swishes = numbers.map(swish);
                    logistics = numbers.map(logistic);
                }
            }
            let expected = [f32::INFINITY, 0.0, 0.0, 1e4, 0.0, 0.0, 0.0];
            assert_eq!(swishes[..7], expected, "{set:?}");
            let expected = [1.0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.5];
            assert_eq!(logistics[..7], expected, "{set:?}");
        }
    }
}
