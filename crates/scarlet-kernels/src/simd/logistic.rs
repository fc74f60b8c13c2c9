//! The logistic function, `1 / (1 + e^-x)`, and swish, `x / (1 + e^-x)`.

use super::Arithmetic;

/// Below it both functions are 0 in f32, and so close to -0 that swish is -0.
const LOWEST: f32 = -110.0;

/// Above it, and for some way below, the logistic function is 1 in f32.
const HIGHEST: f32 = 20.0;

/// With this added, the lowest nine bits of a float are its nearest integer, and 127 more.
const TO_EXPONENT: f32 = 12_582_912.0 + 127.0;

/// Half of the binary logarithm of e.
const TO_ROOTS: f32 = std::f32::consts::LOG2_E / 2.0;

/// Twice the natural logarithm of 2, as a sum. The first has so few digits that its products with
/// exponents are exact, also where they are rounded.
const LN_4: [f32; 2] = [1.386_291_5, 2.857_213_5e-6];

/// `x / (1 + e^-x)` within two units in the last place, subnormal results included. Infinities
/// give -0 and infinity, and NaN itself.
#[inline(always)]
pub(crate) fn swish<N: Arithmetic>(x: N) -> N {
    let x = x.at_least(LOWEST);
    let (root, divisor) = parts(x);
    // One factor after the other: their product may be too small for a float, though that with x
    // is not.
    x.div(divisor).mul(root).mul(root)
}

/// `1 / (1 + e^-x)`, as [`swish`]; infinities give 0 and 1.
#[inline(always)]
pub(crate) fn logistic<N: Arithmetic>(x: N) -> N {
    let (root, divisor) = parts(x.at_least(LOWEST));
    root.div(divisor).mul(root)
}

/// A power of two and a divisor such that `1 / (1 + e^-x)` is the square of the power, which may
/// be too small for a float, over the divisor.
///
/// With `x = g · ln 4 + q`, where `g` is an integer and `|q|` at most `ln 2`, it is
/// `4^g / (4^g + e^-q)`.
#[inline(always)]
fn parts<N: Arithmetic>(x: N) -> (N, N) {
    let x = x.at_most(HIGHEST);
    let shifted = x.mul_add(N::splat(TO_ROOTS), N::splat(TO_EXPONENT));
    let g = shifted.add(N::splat(-TO_EXPONENT));
    let q = g.mul_add(N::splat(-LN_4[0]), x);
    let q = g.mul_add(N::splat(-LN_4[1]), q);
    // e^-q, of all such polynomials the one whose largest relative error is least, 2^-26.
    let mut exponential = N::splat(-0.000_196_118_43);
    for coefficient in [
        0.001_410_427,
        -0.008_336_098,
        0.041_661_277,
        -0.166_666_15,
        0.500_000_36,
        -1.0,
        1.0,
    ] {
        exponential = exponential.mul_add(q, N::splat(coefficient));
    }
    let root = shifted.exponent();
    (root, root.mul_add(root, exponential))
}
