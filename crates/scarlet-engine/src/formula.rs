//! Weights and inputs that a formula gives: for tests, benchmarks and comparisons with other
//! programs, wherever real weights are not at hand. They are arbitrary but well-scaled numbers;
//! a network with them recognises nothing.
//!
//! Any language computes the same numbers, so that two programs can be compared without exchanging
//! files. For the `i`-th element (from 0, in row-major order) of the entry `name`:
//!
//! ```text
//! z = fnv1a64(name) + (i + 1) · 0x9E3779B97F4A7C15            (mod 2⁶⁴)
//! z ^= z >> 30;  z *= 0xBF58476D1CE4E5B9
//! z ^= z >> 27;  z *= 0x94D049BB133111EB
//! z ^= z >> 31
//! u = (z >> 40) / 2²⁴                                         in [0, 1)
//! ```
//!
//! (FNV-1a; splitmix64, Steele et al., *Fast Splittable Pseudorandom Number Generators*, 2014.)
//! Running variances and one-dimensional weights are `0.5 + u`, running means and biases
//! `0.2 · (u − 0.5)`, other weights `2 · sqrt(3 / fan_in) · (u − 0.5)`, and inputs
//! `2 · sqrt(3) · (u − 0.5)`: variance 1.

use std::convert::Infallible;

use scarlet_arch::Architecture;

use crate::NetworkWeights;

/// `u` of element `index` of `name`, in [0, 1).
pub fn unit(name: &str, index: u64) -> f64 {
    unit_of_hash(hash(name), index)
}

/// Values of the checkpoint entry `name`, in row-major order.
pub fn entry(name: &str, shape: &[usize]) -> Vec<f32> {
    let parameter = name.rsplit('.').next().unwrap_or(name);
    let (scale, offset) = match parameter {
        "running_var" => (1.0, 0.5),
        "weight" if shape.len() == 1 => (1.0, 0.5),
        "running_mean" | "bias" => (0.2, -0.1),
        _ => {
            let fan_in: usize = shape.iter().skip(1).product();
            let scale = 2.0 * (3.0 / fan_in as f64).sqrt();
            (scale, -0.5 * scale)
        }
    };
    values(name, shape, |u| u * scale + offset)
}

/// Values of the input `name`, in row-major order.
pub fn signal(name: &str, shape: &[usize]) -> Vec<f32> {
    values(name, shape, |u| (u - 0.5) * 2.0 * 3.0f64.sqrt())
}

/// All weights of a network.
pub fn weights(architecture: Architecture) -> NetworkWeights {
    let values = |name: &str, shape: &[usize]| Ok::<_, Infallible>(entry(name, shape));
    match NetworkWeights::try_collect(architecture, values) {
        Ok(weights) => weights,
        Err(never) => match never {},
    }
}

fn values(name: &str, shape: &[usize], value: impl Fn(f64) -> f64) -> Vec<f32> {
    let hash = hash(name);
    let count: usize = shape.iter().product();
    (0..count as u64)
        .map(|index| value(unit_of_hash(hash, index)) as f32)
        .collect()
}

fn hash(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

fn unit_of_hash(hash: u64, index: u64) -> f64 {
    let step = 0x9E37_79B9_7F4A_7C15u64;
    let mut z = hash.wrapping_add(index.wrapping_add(1).wrapping_mul(step));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 40) as f64 / f64::from(1 << 24)
}
