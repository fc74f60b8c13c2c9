//! Whether the search pays: other algorithms with the same supernet, budget and evaluations.

use scarlet_search::{
    Algorithm, GenerationRecord, Nsga2, RandomSearch, RegularizedEvolution, Search, SearchConfig,
    Stop,
};
use scarlet_train::error::require_different;
use scarlet_train::limits::Limit;
use scarlet_train::{Ancestor, Control};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::overlay::changed;
use super::stages::Run;
use super::{RunEvent, Stage};
use crate::RunError;
use crate::RunFolder;

/// What is compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparisonConfig {
    /// Every algorithm searches once with each of these seeds.
    pub seeds: Vec<u64>,
    /// How many candidates each search may measure; those beyond the budget count.
    pub evaluations: usize,
}

impl ComparisonConfig {
    /// The same with some settings changed: a tree of settings, as read from a configuration file.
    ///
    /// # Errors
    ///
    /// [`TrainError::Settings`](scarlet_train::TrainError::Settings) for one that does not exist or is of the wrong kind,
    /// [`TrainError::Setting`](scarlet_train::TrainError::Setting) for one that is out of its range.
    pub fn with(&self, changes: Value) -> Result<Self, RunError> {
        let config = changed(self, changes, "")?;
        require_different(&config.seeds)?;
        let evaluations = config.evaluations;
        Limit::Evaluations.check("evaluations", evaluations)?;
        Ok(config)
    }
}

/// What a comparison is going to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ComparisonPlan {
    /// The algorithms, the search's own first.
    pub algorithms: Vec<&'static str>,
    /// Each searches with each of these seeds.
    pub seeds: Vec<u64>,
    /// Candidates that each search may measure.
    pub evaluations: usize,
    /// Candidates of all searches together. What two of them or the run's own search have in
    /// common is measured once, so fewer will be.
    pub candidates: usize,
    /// Updates that the supernet has yet to be trained by.
    pub supernet_steps: u64,
    /// How long that will take.
    pub supernet_seconds: f64,
    /// How long it takes to measure all candidates.
    pub search_seconds: f64,
}

/// A search of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ComparedSearch {
    /// What bred the candidates.
    pub algorithm: &'static str,
    /// Seed of its random decisions.
    pub seed: u64,
    /// How far it was after every generation. Hypervolumes are shares of the box between the
    /// reference point and the best conceivable network, so from 0 to 1; see
    /// [`Run::compare_searches`].
    pub history: Vec<GenerationRecord>,
}

impl ComparedSearch {
    /// The hypervolume at the end, from 0 to 1.
    pub fn hypervolume(&self) -> f64 {
        self.history.last().map_or(0.0, |record| record.hypervolume)
    }
}

/// The algorithms that are compared, the search's own first.
fn algorithms(own: &Algorithm) -> [(&'static str, Algorithm); 3] {
    let nsga2 = match own {
        Algorithm::Nsga2(nsga2) => nsga2.clone(),
        _ => Nsga2::default(),
    };
    let batch = nsga2.population;
    [
        ("NSGA-II", Algorithm::Nsga2(nsga2)),
        (
            "random search",
            Algorithm::RandomSearch(RandomSearch { batch }),
        ),
        (
            "regularized evolution",
            Algorithm::RegularizedEvolution(RegularizedEvolution {
                population: batch,
                // A quarter of the population, as in the paper.
                sample: (batch / 4).max(2),
                batch: 1,
            }),
        ),
    ]
}

impl Run {
    /// What [`compare_searches`](Self::compare_searches) is going to do, and how long a few steps
    /// and candidates let expect.
    ///
    /// # Errors
    ///
    /// When the search cannot be done, or a step fails.
    pub fn timed_comparison(
        &self,
        folder: &RunFolder,
        config: &ComparisonConfig,
    ) -> Result<ComparisonPlan, RunError> {
        self.check_search()?;
        let algorithms = algorithms(&self.search_config()?.algorithm).map(|(name, _)| name);
        let candidates = algorithms.len() * config.seeds.len() * config.evaluations;
        let (ancestor, step) = self.time_supernet()?;
        let candidate = self.time_candidate(&ancestor, &self.within_budget()?)?;
        let supernet_steps = self.supernet_steps_left(folder.path())?;
        Ok(ComparisonPlan {
            algorithms: algorithms.to_vec(),
            seeds: config.seeds.clone(),
            evaluations: config.evaluations,
            candidates,
            supernet_steps,
            supernet_seconds: step.as_secs_f64() * supernet_steps as f64,
            search_seconds: candidate.as_secs_f64() * candidates as f64,
        })
    }

    /// Searches by NSGA-II, at random and by regularized evolution, with each seed, all with the
    /// run's objectives, budget and first networks, and out of the same ancestor. Scores are shared
    /// with the run's own search, so nothing is measured twice.
    ///
    /// Hypervolume counts from a point that is the same for all: the accuracy of guessing, and for
    /// every cost its budget, or the costliest network where it has none (the cheapest, for what is
    /// to be large). It is divided by that of a network that is always right and of the least
    /// cost that the space has.
    ///
    /// # Errors
    ///
    /// [`RunError::Setting`] for an objective that has no such point because it can only be
    /// measured, or no range; as [`search`](Self::search) otherwise.
    pub fn compare_searches(
        &self,
        folder: &RunFolder,
        ancestor: &Ancestor,
        config: &ComparisonConfig,
    ) -> Result<Vec<ComparedSearch>, RunError> {
        self.check_search()?;
        let common = self.search_config()?;
        let mut objectives = Vec::with_capacity(common.objectives.len());
        let mut box_volume = 1.0;
        for objective in &common.objectives {
            let corners = self.worst(objective)?.zip(self.best(objective)?);
            let (worst, best) = corners.ok_or_else(|| RunError::Setting {
                section: "search",
                problem: format!(
                    "searches cannot be compared by `{}`, whose range is not known beforehand: \
                     compare them by costs that can be computed",
                    objective.name
                ),
            })?;
            objectives.push(objective.clone().with_reference(worst));
            box_volume *= (worst - best).abs();
        }
        if box_volume == 0.0 {
            return Err(RunError::Setting {
                section: "search",
                problem: "searches cannot be compared where an objective has one value only: \
                          allow more than the cheapest network"
                    .to_owned(),
            });
        }
        let algorithms = algorithms(&common.algorithm);
        let total = algorithms.len() * config.seeds.len();
        let mut evaluator = self.search_evaluator(folder, ancestor)?;
        let mut searches = Vec::with_capacity(total);
        for &seed in &config.seeds {
            for (name, algorithm) in &algorithms {
                let beginning = self.report(&RunEvent::Comparing {
                    algorithm: name,
                    seed,
                    done: searches.len(),
                    total,
                });
                self.unless_stopped(Stage::Search, beginning == Control::Continue)?;
                let settings = SearchConfig {
                    objectives: objectives.clone(),
                    algorithm: algorithm.clone(),
                    stop: Stop::after_evaluations(config.evaluations),
                    seed,
                    ..common.clone()
                };
                let mut search = Search::new(settings, &mut evaluator)?;
                self.searching(search.state(), config.evaluations)?;
                while let Some(record) = search.step()? {
                    self.generation(record, config.evaluations)?;
                }
                let mut history = search.state().history().to_vec();
                for record in &mut history {
                    record.hypervolume /= box_volume;
                }
                searches.push(ComparedSearch {
                    algorithm: name,
                    seed,
                    history,
                });
            }
        }
        Ok(searches)
    }
}
