//! [`Random`]: seeded streams of random numbers, and [`Purpose`]: what those of a training run are
//! named by.

#![deny(missing_docs)]

mod purpose;

pub use purpose::{Purpose, mask_seed, repeat_seed, weights_seed};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng};

/// A stream of random numbers, named by a seed, by what it is for and by a counter such as the
/// number of an image. Nothing has to be remembered to draw the same numbers again, and no stream
/// depends on what others drew, so results are the same for any number of threads.
///
/// xoshiro256++ (Blackman and Vigna 2021). The draws are our own, so that they stay what they are
/// in every later version; all but the normal distribution, which needs a logarithm, are made of
/// integer arithmetic and exact products, so that they are the same on every platform too.
#[derive(Debug, Clone)]
pub struct Random(Xoshiro256PlusPlus);

impl Random {
    /// The stream of this name.
    pub fn new(seed: u64, purpose: impl Into<u64>, counter: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed_of(
            seed, purpose, counter,
        )))
    }

    /// A number in `0..bound`; uniform but for a bias of at most `bound / 2^64`.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.0.next_u64()) * bound as u128) >> 64) as usize
    }

    /// A number in `[0, 1)`, a multiple of `2^-53`.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number between two others.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Two independent numbers of the normal distribution with mean 0 and standard deviation 1, by
    /// Marsaglia's polar method (Marsaglia and Bray 1964).
    pub fn normal_pair(&mut self) -> [f64; 2] {
        loop {
            let point = [self.between(-1.0, 1.0), self.between(-1.0, 1.0)];
            let square = point[0] * point[0] + point[1] * point[1];
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                return point.map(|coordinate| coordinate * scale);
            }
        }
    }

    /// Fisher and Yates' shuffle.
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last + 1));
        }
    }

    /// The numbers `0..length` in random order.
    pub fn permutation(&mut self, length: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..length).collect();
        self.shuffle(&mut order);
        order
    }
}

/// The seed of the stream of this name, for generators that are not ours.
pub fn seed_of(seed: u64, purpose: impl Into<u64>, counter: u64) -> u64 {
    // SplitMix64's finaliser between the parts, so that near numbers lead to far seeds.
    [purpose.into(), counter]
        .iter()
        .fold(finalise(seed), |state, part| finalise(state ^ part))
}

fn finalise(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_in_each_of_their_names() {
        let first = |seed, purpose: u64, counter| Random::new(seed, purpose, counter).0.next_u64();
        let base = first(1, 1, 0);
        assert_eq!(base, first(1, 1, 0));
        assert_ne!(base, first(2, 1, 0));
        assert_ne!(base, first(1, 2, 0));
        assert_ne!(base, first(1, 1, 1));
    }

    #[test]
    fn splitmix_is_the_published_one() {
        // First output of SplitMix64 from state 0, as its authors' reference code prints it.
        assert_eq!(finalise(0), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn normal_numbers_have_the_moments_of_their_distribution() {
        let mut random = Random::new(3, 0u64, 0);
        let pairs: Vec<[f64; 2]> = (0..100_000).map(|_| random.normal_pair()).collect();
        let mean = |of: &dyn Fn(f64, f64) -> f64| {
            pairs.iter().map(|pair| of(pair[0], pair[1])).sum::<f64>() / pairs.len() as f64
        };
        // Expected values, each with the variance of what is averaged; five standard deviations.
        let close = |found: f64, expected: f64, variance: f64| {
            let allowed = 5.0 * (variance / pairs.len() as f64).sqrt();
            assert!((found - expected).abs() < allowed, "{found} {expected}");
        };
        for index in [0, 1] {
            let power = |n| mean(&|x, y| [x, y][index].powi(n));
            close(power(1), 0.0, 1.0);
            close(power(2), 1.0, 2.0);
            close(power(3), 0.0, 15.0);
            close(power(4), 3.0, 96.0);
        }
        close(mean(&|x, y| x * y), 0.0, 1.0);
        close(mean(&|x, _| f64::from(x > 1.0)), 0.158_655, 0.133_5);
    }

    #[test]
    fn draws_never_change() {
        // From the definitions of SplitMix64, xoshiro256++ and the polar method, computed outside
        // of this crate.
        let mut random = Random::new(7, 3u64, 5);
        let expected = [
            [0.608_980_717_589_965, 0.287_992_235_917_760_3],
            [-1.320_225_913_374_352_4, -0.442_647_694_107_471_3],
        ];
        for pair in expected {
            for (found, expected) in random.normal_pair().iter().zip(pair) {
                assert!((found - expected).abs() < 1e-14, "{found} {expected}");
            }
        }
        let mut random = Random::new(7, 3u64, 0);
        let drawn: Vec<u8> = (0..16).map(|_| u8::from(random.chance(0.75))).collect();
        assert_eq!(drawn, [1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1]);
    }

    #[test]
    fn permutations_are_uniform() {
        let mut counts = [[0; 3]; 3];
        for counter in 0..6_000 {
            let order = Random::new(7, 2u64, counter).permutation(3);
            counts[order[0]][order[1]] += 1;
        }
        for (first, counts) in counts.iter().enumerate() {
            for (second, &count) in counts.iter().enumerate() {
                let expected = if first == second { 0 } else { 1000i32 };
                // Five standard deviations of a binomial count.
                assert!((count - expected).abs() <= expected / 7, "{counts:?}");
            }
        }
    }
}
