//! [`Algorithm`]: the choice of search algorithm, and what all of them have in common.

use serde::{Deserialize, Serialize};

use crate::{
    Archive, Nsga2, Point, RandomSearch, RegularizedEvolution, SearchError, batch::Batch,
    problem::Problem, rng::Rng,
};

/// How candidates are bred and kept.
///
/// ```
/// use scarlet_search::{Algorithm, Crossover, Nsga2};
///
/// let text = r#"{"name": "nsga2", "population": 50, "crossover": "uniform"}"#;
/// let algorithm: Algorithm = serde_json::from_str(text)?;
/// assert_eq!(
///     algorithm,
///     Algorithm::Nsga2(Nsga2 { population: 50, crossover: Crossover::Uniform, ..Nsga2::default() })
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Algorithm {
    /// The multi-objective search.
    Nsga2(Nsga2),
    /// The baseline without any learning.
    RandomSearch(RandomSearch),
    /// The single-objective baseline.
    RegularizedEvolution(RegularizedEvolution),
}

impl Default for Algorithm {
    fn default() -> Self {
        Self::Nsga2(Nsga2::default())
    }
}

impl Algorithm {
    pub(crate) fn strategy(&self) -> &dyn Strategy {
        match self {
            Self::Nsga2(strategy) => strategy,
            Self::RandomSearch(strategy) => strategy,
            Self::RegularizedEvolution(strategy) => strategy,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), SearchError> {
        self.strategy().validate()
    }
}

/// A search algorithm: pure functions of the archive, the population and the random numbers, so
/// that these are all that must be saved.
///
/// A population is a list of positions in the archive. What failed is never part of it.
pub(crate) trait Strategy {
    fn validate(&self) -> Result<(), SearchError>;

    /// Number of genomes of the first generation, which are random.
    fn first_batch(&self) -> usize;

    /// Number of genomes of every later generation.
    fn later_batch(&self) -> usize;

    /// Fills the batch of the next generation.
    fn breed(&self, parents: &Members<'_>, rng: &mut Rng, batch: &mut Batch<'_>);

    /// The population after a generation: `members` are those of the last population, followed by
    /// the newcomers.
    fn survive(&self, members: &Members<'_>, rng: &mut Rng) -> Vec<usize>;
}

/// Some of an archive's candidates, with what is needed to judge them.
pub(crate) struct Members<'a> {
    pub(crate) problem: &'a Problem,
    pub(crate) archive: &'a Archive,
    pub(crate) positions: Vec<usize>,
}

impl Members<'_> {
    pub(crate) fn len(&self) -> usize {
        self.positions.len()
    }

    pub(crate) fn genome(&self, member: usize) -> &[u8] {
        self.archive.candidates()[self.positions[member]].genome()
    }

    /// The members' points, in their order. All have one, since what failed is no member.
    pub(crate) fn points(&self) -> Vec<&Point> {
        let candidate = |&position: &usize| self.archive.candidates()[position].point();
        self.positions.iter().filter_map(candidate).collect()
    }
}
