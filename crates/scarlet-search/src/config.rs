//! [`SearchConfig`]: everything that determines a search, as data.

use serde::{Deserialize, Serialize};

use crate::{Algorithm, Constraint, GeneSpace, Genome, Objective, SearchError, Stop};

/// Everything that determines a search, apart from the evaluator's measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchConfig {
    /// The genomes that may be tried.
    pub space: GeneSpace,
    /// What to make as large or small as possible. Regularized evolution follows the first only.
    pub objectives: Vec<Objective>,
    /// What every candidate should satisfy.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// How candidates are bred and kept.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// When to stop.
    #[serde(default)]
    pub stop: Stop,
    /// Seed of every random choice.
    #[serde(default)]
    pub seed: u64,
    /// Genomes to evaluate first, such as known good ones; the first generation is filled up with
    /// random ones.
    #[serde(default)]
    pub initial: Vec<Genome>,
}

impl SearchConfig {
    /// A search by NSGA-II with its default settings and stop, without constraints, of seed 0.
    pub fn new(space: GeneSpace, objectives: Vec<Objective>) -> Self {
        Self {
            space,
            objectives,
            constraints: Vec::new(),
            algorithm: Algorithm::default(),
            stop: Stop::default(),
            seed: 0,
            initial: Vec::new(),
        }
    }

    /// Checks everything that can be checked without knowing the evaluator's metrics.
    ///
    /// # Errors
    ///
    /// Says which setting, objective, constraint or initial genome is out of range.
    pub fn validate(&self) -> Result<(), SearchError> {
        if self.objectives.is_empty() {
            return Err(SearchError::NoObjectives);
        }
        for (index, objective) in self.objectives.iter().enumerate() {
            objective.validate()?;
            let earlier = &self.objectives[..index];
            if earlier.iter().any(|other| other.name == objective.name) {
                return Err(SearchError::DuplicateObjective {
                    name: objective.name.clone(),
                });
            }
        }
        self.constraints.iter().try_for_each(Constraint::validate)?;
        self.initial
            .iter()
            .try_for_each(|genome| self.space.check(genome))?;
        self.algorithm.validate()?;
        self.stop.validate()
    }
}

/// Genomes of a population, a sample or a batch: sorting compares each with each.
const MAX_GENOMES: usize = 10_000;

/// Refuses a number of genomes that is under `least` or beyond all that can be sorted.
pub(crate) fn require_genomes(
    least: usize,
    setting: &'static str,
    value: usize,
) -> Result<(), SearchError> {
    let expected = match least {
        2 => "at least 2",
        _ => "at least 1",
    };
    require(value >= least, setting, value, expected)?;
    require(value <= MAX_GENOMES, setting, value, "at most 10000")
}

/// Refuses a setting that does not meet its condition.
pub(crate) fn require(
    condition: bool,
    setting: &'static str,
    value: impl ToString,
    expected: &'static str,
) -> Result<(), SearchError> {
    match condition {
        true => Ok(()),
        false => Err(SearchError::InvalidSetting {
            setting,
            value: value.to_string(),
            expected,
        }),
    }
}
