//! Variation: how children come from parents.
//!
//! Only comparisons and integer draws, nothing transcendental: a function whose last bit differs
//! between platforms would send the same search different ways.

use serde::{Deserialize, Serialize};

use crate::{GeneSpace, Genome, rng::Rng};

/// How two parents mix their genes into two children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Crossover {
    /// All genes from a random position on are exchanged.
    #[default]
    SinglePoint,
    /// Each gene is exchanged with probability one half.
    Uniform,
}

impl Crossover {
    pub(crate) fn cross(self, a: &[u8], b: &[u8], rng: &mut Rng) -> [Genome; 2] {
        let (mut a, mut b) = (a.to_vec(), b.to_vec());
        match self {
            // Between two genes, so that both sides have one; a single gene has no such place.
            Self::SinglePoint if a.len() > 1 => {
                let cut = 1 + rng.below(a.len() - 1);
                a[cut..].swap_with_slice(&mut b[cut..]);
            }
            Self::SinglePoint => {}
            Self::Uniform => {
                for (a, b) in a.iter_mut().zip(&mut b) {
                    if rng.below(2) == 0 {
                        std::mem::swap(a, b);
                    }
                }
            }
        }
        [a, b]
    }
}

/// Gives each gene another choice with the given probability.
pub(crate) fn mutate(genome: &mut [u8], space: &GeneSpace, probability: f64, rng: &mut Rng) {
    for (gene, choice) in genome.iter_mut().enumerate() {
        if rng.chance(probability) {
            *choice = other_choice(*choice, space.choices()[gene], rng);
        }
    }
}

/// Gives one random gene another choice.
pub(crate) fn mutate_one(genome: &mut [u8], space: &GeneSpace, rng: &mut Rng) {
    let gene = rng.below(genome.len());
    genome[gene] = other_choice(genome[gene], space.choices()[gene], rng);
}

/// One of the other choices, all equally likely; the same where there is no other.
fn other_choice(choice: u8, count: usize, rng: &mut Rng) -> u8 {
    if count < 2 {
        return choice;
    }
    let other = rng.below(count - 1) as u8;
    other + u8::from(other >= choice)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rng::Rng;

    fn space_and_parents() -> impl Strategy<Value = (GeneSpace, Genome, Genome, u64)> {
        prop::collection::vec(1usize..=256, 1..20).prop_flat_map(|choices| {
            let genome = || -> Vec<_> {
                let gene = |&count: &usize| 0..=(count - 1) as u8;
                choices.iter().map(gene).collect()
            };
            let space = GeneSpace::new(choices.clone()).unwrap();
            (Just(space), genome(), genome(), any::<u64>())
        })
    }

    proptest! {
        #[test]
        fn children_have_their_parents_genes((space, a, b, seed) in space_and_parents()) {
            for crossover in [Crossover::SinglePoint, Crossover::Uniform] {
                let [c, d] = crossover.cross(&a, &b, &mut Rng::new(seed));
                space.check(&c).unwrap();
                space.check(&d).unwrap();
                for gene in 0..a.len() {
                    let from = [(a[gene], b[gene]), (b[gene], a[gene])];
                    prop_assert!(from.contains(&(c[gene], d[gene])));
                }
            }
        }

        #[test]
        fn single_point_crossover_has_one_cut(genes in 2usize..20, seed in any::<u64>()) {
            let (a, b) = (vec![0; genes], vec![1; genes]);
            let [c, _] = Crossover::SinglePoint.cross(&a, &b, &mut Rng::new(seed));
            prop_assert_eq!((c[0], c[genes - 1]), (0, 1));
            prop_assert!(c.is_sorted());
        }

        #[test]
        fn mutants_stay_in_the_space((space, a, _, seed) in space_and_parents()) {
            let mut rng = Rng::new(seed);
            let mut mutant = a.clone();
            mutate(&mut mutant, &space, 1.0, &mut rng);
            space.check(&mutant).unwrap();
            for (gene, &count) in space.choices().iter().enumerate() {
                prop_assert_eq!(mutant[gene] != a[gene], count > 1);
            }

            let mut mutant = a.clone();
            mutate_one(&mut mutant, &space, &mut rng);
            space.check(&mutant).unwrap();
            prop_assert!(mutant.iter().zip(&a).filter(|(mutant, a)| mutant != a).count() <= 1);

            let mut mutant = a.clone();
            mutate(&mut mutant, &space, 0.0, &mut rng);
            prop_assert_eq!(mutant, a);
        }
    }

    #[test]
    fn every_other_choice_is_equally_likely() {
        let mut rng = Rng::new(5);
        let mut counts = [0i32; 4];
        for _ in 0..30_000 {
            counts[usize::from(other_choice(1, 4, &mut rng))] += 1;
        }
        assert_eq!(counts[1], 0);
        // Five standard deviations of a binomial count.
        assert!(
            [0, 2, 3]
                .iter()
                .all(|&choice| (counts[choice] - 10_000).abs() < 410)
        );
    }

    #[test]
    fn mutation_meets_its_probability() {
        let space = GeneSpace::uniform(20, 13).unwrap();
        let mut rng = Rng::new(11);
        let mut changed = 0;
        for _ in 0..5_000 {
            let mut genome = vec![0; 20];
            mutate(&mut genome, &space, 0.1, &mut rng);
            changed += genome.iter().filter(|&&choice| choice != 0).count();
        }
        // Five standard deviations around 10,000 of 100,000.
        assert!(changed.abs_diff(10_000) < 475);
    }
}
