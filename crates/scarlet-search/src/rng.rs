//! [`Rng`]: the random numbers of a search.

use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng as _, SeedableRng},
};
use serde::{Deserialize, Serialize};

/// xoshiro256++ (Blackman and Vigna 2021), seeded through SplitMix64.
///
/// The draws are our own, in integer arithmetic: the generators of the `rand` family keep their
/// values for good, their distributions do not, and a saved search must resume to the same result
/// after an update too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Rng(Xoshiro256PlusPlus);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A number in `0..bound`. Uniform but for a bias of at most `bound / 2^64`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.0.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Puts items in random order, every order equally likely.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// True with the given probability, in steps of `2^-53`.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        let unit = (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        unit < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_never_change() {
        // From the definitions of SplitMix64 and xoshiro256++, computed outside of this crate.
        let mut rng = Rng::new(42);
        let drawn: Vec<usize> = (0..8).map(|_| rng.below(13)).collect();
        assert_eq!(drawn, [10, 4, 12, 9, 10, 7, 1, 7]);
    }

    #[test]
    fn draws_are_uniform() {
        let mut rng = Rng::new(1);
        let mut counts = [0; 5];
        for _ in 0..50_000 {
            counts[rng.below(5)] += 1;
        }
        // Five standard deviations of a binomial count.
        assert!(
            counts
                .iter()
                .all(|&count: &i32| (count - 10_000).abs() < 450)
        );
    }

    #[test]
    fn every_order_is_equally_likely() {
        let mut rng = Rng::new(2);
        let mut counts = std::collections::HashMap::new();
        for _ in 0..24_000 {
            let mut items = [0, 1, 2, 3];
            rng.shuffle(&mut items);
            *counts.entry(items).or_insert(0i32) += 1;
        }
        assert_eq!(counts.len(), 24);
        // Five standard deviations of a binomial count.
        assert!(counts.values().all(|count| (count - 1_000).abs() < 155));
    }

    #[test]
    fn certain_and_impossible_chances() {
        let mut rng = Rng::new(3);
        assert!((0..1000).all(|_| rng.chance(1.0)));
        assert!((0..1000).all(|_| !rng.chance(0.0)));
    }
}
