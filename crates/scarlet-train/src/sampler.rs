//! [`PathSampler`]: which paths of the supernet a training step takes.

use scarlet_arch::{Genome, SearchSpace};
use scarlet_random::{Purpose, Random};
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// How the paths of a step are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// As many paths as the layer with the most choices has, which use every choice of such a layer
    /// exactly once:
    /// each layer deals its choices out in an order of its own (strict fairness; Chu et al.,
    /// FairNAS, arXiv 1907.01845).
    #[default]
    StrictFairness,
    /// One path, each layer's choice drawn on its own (Guo et al., arXiv 1904.00420).
    Uniform,
    /// Four paths: each layer's first choice, each layer's last, and two that are drawn as
    /// [`Uniform`](Self::Uniform) draws them: the sandwich rule, for spaces whose choices go from a
    /// whole block to the least of it (Yu and Huang, arXiv 1903.05134).
    Sandwich,
}

/// Draws the paths of every step of a supernet's training, and counts how often each choice was
/// taken.
///
/// What it draws depends on the seed and the number of the step alone. It can be written down
/// at any step and go on from there.
///
/// ```
/// use scarlet_arch::SearchSpace;
/// use scarlet_train::{PathSampler, Sampling};
///
/// let space = SearchSpace::scarlet();
/// let mut sampler = PathSampler::new(Sampling::StrictFairness, &space, 7);
/// let paths = sampler.next_paths()?;
/// assert_eq!(paths.len(), 13);
/// assert!(sampler.counts().iter().flatten().all(|&count| count == 1));
/// # Ok::<(), scarlet_train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathSampler {
    sampling: Sampling,
    seed: u64,
    /// Steps drawn so far.
    step: u64,
    /// For each gene and choice, how often it was taken.
    counts: Vec<Vec<u64>>,
}

impl PathSampler {
    /// A sampler at its first step.
    pub fn new(sampling: Sampling, space: &SearchSpace, seed: u64) -> Self {
        Self {
            sampling,
            seed,
            step: 0,
            counts: (space.genes().into_iter())
                .map(|values| vec![0; values])
                .collect(),
        }
    }

    /// How paths are drawn.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Number of paths a step takes.
    pub fn paths_per_step(&self) -> usize {
        match self.sampling {
            Sampling::StrictFairness => self.counts.iter().map(Vec::len).max().unwrap_or(1),
            Sampling::Uniform => 1,
            Sampling::Sandwich => 4,
        }
    }

    /// The paths of the next step.
    ///
    /// # Errors
    ///
    /// None for a sampler of a valid search space.
    pub fn next_paths(&mut self) -> Result<Vec<Genome>, TrainError> {
        let mut stream = Random::new(self.seed, Purpose::Paths, self.step);
        let count = self.paths_per_step();
        let mut paths = vec![Vec::with_capacity(self.counts.len()); count];
        for counts in &mut self.counts {
            let dealt = match self.sampling {
                // A layer with fewer choices than another deals them out again.
                Sampling::StrictFairness => {
                    let mut dealt = Vec::with_capacity(count);
                    while dealt.len() < count {
                        dealt.extend(stream.permutation(counts.len()));
                    }
                    dealt
                }
                Sampling::Uniform => vec![stream.below(counts.len())],
                Sampling::Sandwich => {
                    let drawn = [stream.below(counts.len()), stream.below(counts.len())];
                    [&[0, counts.len() - 1], &drawn[..]].concat()
                }
            };
            for (path, choice) in paths.iter_mut().zip(dealt) {
                counts[choice] += 1;
                path.push(choice as u8);
            }
        }
        self.step += 1;
        let genomes = paths.into_iter().map(Genome::new);
        Ok(genomes.collect::<Result<_, _>>()?)
    }

    /// For each gene (each layer, and the resolution where there are several) and choice, how often
    /// it was taken so far.
    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fairness_holds_after_every_step() {
        let mut sampler = PathSampler::new(Sampling::StrictFairness, &SearchSpace::scarlet(), 3);
        let mut taken = vec![vec![0; 13]; 19];
        for step in 1..=200 {
            let paths = sampler.next_paths().unwrap();
            assert_eq!(paths.len(), 13);
            for path in &paths {
                for (layer, &gene) in path.genes().iter().enumerate() {
                    taken[layer][usize::from(gene)] += 1;
                }
            }
            assert!(taken.iter().flatten().all(|&count| count == step));
            assert_eq!(sampler.counts(), taken);
        }
    }

    #[test]
    fn layers_are_dealt_independently() {
        let space = SearchSpace::without_squeeze_excite();
        let mut sampler = PathSampler::new(Sampling::StrictFairness, &space, 3);
        // Every pair of choices of two layers meets: 49 pairs, 700 paths.
        let mut pairs = HashSet::new();
        for _ in 0..100 {
            for path in sampler.next_paths().unwrap() {
                pairs.insert((path.genes()[0], path.genes()[1]));
            }
        }
        assert_eq!(pairs.len(), 49);
    }

    #[test]
    fn uniform_paths_are_uniform() {
        let mut sampler = PathSampler::new(Sampling::Uniform, &SearchSpace::scarlet(), 3);
        for _ in 0..13_000 {
            assert_eq!(sampler.next_paths().unwrap().len(), 1);
        }
        // Five standard deviations of a binomial count.
        for &count in sampler.counts().iter().flatten() {
            assert!((850..1150).contains(&count), "{count}");
        }
    }

    proptest! {
        #[test]
        fn a_stored_sampler_goes_on_where_it_stood(seed: u64, steps in 0usize..20, fair: bool) {
            let sampling = if fair { Sampling::StrictFairness } else { Sampling::Uniform };
            let mut sampler = PathSampler::new(sampling, &SearchSpace::scarlet(), seed);
            for _ in 0..steps {
                sampler.next_paths().unwrap();
            }
            let text = serde_json::to_string(&sampler).unwrap();
            let mut restored: PathSampler = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(restored.next_paths().unwrap(), sampler.next_paths().unwrap());
            prop_assert_eq!(restored, sampler);
        }
    }
}
