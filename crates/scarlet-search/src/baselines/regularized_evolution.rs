//! Regularized evolution.

use serde::{Deserialize, Serialize};

use crate::{
    Point, SearchError,
    algorithm::{Members, Strategy},
    batch::Batch,
    config::require_genomes,
    operators::mutate_one,
    rng::Rng,
};

/// Mutations in a row that may bring nothing new before a random genome joins the batch.
const FRUITLESS_MUTATIONS: usize = 50;

/// Regularized (ageing) evolution (Real, Aggarwal, Huang and Le 2019, arXiv 1802.01548).
///
/// The best of a random sample of the population has a child with one gene changed; the child
/// joins the population, and the oldest member leaves it, however good. It is a single-objective
/// method: the best is the one of least constraint violation, and among equals the one best in
/// the *first* objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegularizedEvolution {
    /// Members of the population, at least 1.
    pub population: usize,
    /// Members drawn, with replacement, for each child's parent; at least 1.
    pub sample: usize,
    /// Children per generation, at least 1. More than the published 1 lets an evaluator work on
    /// several side by side.
    pub batch: usize,
}

impl Default for RegularizedEvolution {
    fn default() -> Self {
        Self {
            population: 100,
            sample: 25,
            batch: 1,
        }
    }
}

impl Strategy for RegularizedEvolution {
    fn validate(&self) -> Result<(), SearchError> {
        require_genomes(1, "population", self.population)?;
        require_genomes(1, "sample", self.sample)?;
        require_genomes(1, "batch", self.batch)
    }

    fn first_batch(&self) -> usize {
        self.population
    }

    fn later_batch(&self) -> usize {
        self.batch
    }

    fn breed(&self, parents: &Members<'_>, rng: &mut Rng, batch: &mut Batch<'_>) {
        let points = parents.points();
        let mut fruitless = 0;
        while !batch.is_full() {
            if points.is_empty() || fruitless >= FRUITLESS_MUTATIONS {
                batch.offer_random(rng);
                fruitless = 0;
                continue;
            }
            let mut parent = rng.below(points.len());
            for _ in 1..self.sample {
                let rival = rng.below(points.len());
                if is_better(points[rival], points[parent]) {
                    parent = rival;
                }
            }
            let mut child = parents.genome(parent).to_vec();
            mutate_one(&mut child, batch.space(), rng);
            match batch.offer(&child) {
                true => fruitless = 0,
                false => fruitless += 1,
            }
        }
    }

    fn survive(&self, members: &Members<'_>, _: &mut Rng) -> Vec<usize> {
        let oldest = members.len().saturating_sub(self.population);
        members.positions[oldest..].to_vec()
    }
}

fn is_better(a: &Point, b: &Point) -> bool {
    let standing = |point: &Point| (point.violation(), point.objectives().first().copied());
    standing(a) < standing(b)
}
