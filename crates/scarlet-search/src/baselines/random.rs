//! Random search.

use serde::{Deserialize, Serialize};

use crate::{
    SearchError,
    algorithm::{Members, Strategy},
    batch::Batch,
    config::require_genomes,
    rng::Rng,
};

/// Random search: every genome drawn uniformly from those not yet evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomSearch {
    /// Genomes per generation, at least 1.
    pub batch: usize,
}

impl Default for RandomSearch {
    fn default() -> Self {
        Self { batch: 75 }
    }
}

impl Strategy for RandomSearch {
    fn validate(&self) -> Result<(), SearchError> {
        require_genomes(1, "batch", self.batch)
    }

    fn first_batch(&self) -> usize {
        self.batch
    }

    fn later_batch(&self) -> usize {
        self.batch
    }

    fn breed(&self, _: &Members<'_>, rng: &mut Rng, batch: &mut Batch<'_>) {
        while !batch.is_full() {
            batch.offer_random(rng);
        }
    }

    fn survive(&self, _: &Members<'_>, _: &mut Rng) -> Vec<usize> {
        Vec::new()
    }
}
