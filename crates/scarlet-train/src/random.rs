//! Seeded streams of random numbers.
//!
//! Every random decision of a training run has a stream of its own, named by the run's seed, by
//! what it is for and by a counter such as the number of the mini-batch. Nothing has to be
//! remembered for a resumed run to draw what an uninterrupted one would have drawn.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng};

/// What a stream is for. The numbers are part of what a seed means: never reuse one.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(crate) enum Purpose {
    /// Dividing a data set.
    Split = 1,
    /// The order of the training images in an epoch.
    Order = 2,
    /// Augmenting one training image.
    Augment = 3,
    /// The paths of a step.
    Paths = 4,
    /// What the device draws in a step: dropout and drop path.
    Device = 5,
    /// First weights.
    Weights = 6,
    /// The images that batch normalisation is measured on.
    Calibration = 7,
}

/// xoshiro256++ (Blackman and Vigna 2021). The draws are our own, in integer arithmetic, so that
/// they stay what they are on every platform and in every later version.
#[derive(Debug, Clone)]
pub(crate) struct Stream(Xoshiro256PlusPlus);

impl Stream {
    pub(crate) fn new(seed: u64, purpose: Purpose, counter: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed_of(
            seed, purpose, counter,
        )))
    }

    /// A number in `0..bound`; uniform but for a bias of at most `bound / 2^64`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.0.next_u64()) * bound as u128) >> 64) as usize
    }

    /// A number in `[0, 1)`, a multiple of `2^-53`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Fisher and Yates' shuffle.
    pub(crate) fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last + 1));
        }
    }

    /// The numbers `0..length` in random order.
    pub(crate) fn permutation(&mut self, length: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..length).collect();
        self.shuffle(&mut order);
        order
    }
}

/// A seed for generators that are not ours.
pub(crate) fn seed_of(seed: u64, purpose: Purpose, counter: u64) -> u64 {
    // SplitMix64's finaliser between the parts, so that near numbers lead to far seeds.
    [purpose as u64, counter]
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
        let first = |seed, purpose, counter| Stream::new(seed, purpose, counter).0.next_u64();
        let base = first(1, Purpose::Split, 0);
        assert_eq!(base, first(1, Purpose::Split, 0));
        assert_ne!(base, first(2, Purpose::Split, 0));
        assert_ne!(base, first(1, Purpose::Order, 0));
        assert_ne!(base, first(1, Purpose::Split, 1));
    }

    #[test]
    fn splitmix_is_the_published_one() {
        // First output of SplitMix64 from state 0, as its authors' reference code prints it.
        assert_eq!(finalise(0), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn permutations_are_uniform() {
        let mut counts = [[0; 3]; 3];
        for counter in 0..6_000 {
            let order = Stream::new(7, Purpose::Order, counter).permutation(3);
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
