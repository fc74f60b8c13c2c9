//! The second stage: candidates are measured by the weights they inherit from the supernet.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use scarlet_search::{
    Algorithm, Constraint, GeneSpace, Nsga2, Objective, Search, SearchConfig, SearchError,
    SearchState, Stall, Stop,
};
use serde::{Deserialize, Serialize};

use super::stages::Run;
use super::{RunError, RunEvent, Stage};
use crate::error::require;
use crate::evaluator::METRICS;
use crate::latency::LATENCY_METRIC;
use crate::{
    CandidateEvaluator, Control, EvaluatorConfig, Measurement, RunFolder, ScoreCache, Supernet,
    TrainError,
};

/// The search between two generations.
pub(super) const STATE: &str = "search/state.json";
/// The scores of all candidates.
pub(super) const SCORES: &str = "search/scores.jsonl";

/// What is searched for, and how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchSettings {
    /// What a network must keep to, such as `mult_adds <= 5M`.
    pub budget: Vec<Constraint>,
    /// What is to be large or small, the first of which decides between networks within the
    /// budget.
    pub objectives: Vec<Objective>,
    /// A file that `scarlet latency-table` wrote, which then says the metric `latency_ms` of every
    /// candidate. Without one, `latency_ms` is measured on the run's own device, one image at a
    /// time, if an objective or the budget names it; a run with such an objective cannot be
    /// repeated to the bit, but gone on with.
    pub latency_table: Option<String>,
    /// Threads of the CPU that latency is measured with where there is no table.
    pub latency_threads: usize,
    /// How candidates are bred.
    pub algorithm: Algorithm,
    /// How many candidates are measured.
    pub evaluations: usize,
    /// When fewer are enough: once the hypervolume has not grown by more than a fraction
    /// (`tolerance`) over some `generations`.
    pub stall: Option<Stall>,
    /// Training images that the statistics of batch normalisation are measured on for every
    /// candidate; with 0 the supernet's are used.
    pub calibration_images: usize,
    /// Images per forward pass.
    pub batch_size: usize,
    /// Seed of every random decision.
    pub seed: u64,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            budget: vec![Constraint::new(
                "mult_adds",
                scarlet_search::Bound::AtMost,
                5e6,
            )],
            objectives: vec![
                Objective::maximize("accuracy"),
                Objective::minimize("mult_adds"),
            ],
            latency_table: None,
            latency_threads: 1,
            algorithm: Algorithm::Nsga2(Nsga2 {
                population: 20,
                ..Nsga2::default()
            }),
            evaluations: 120,
            stall: None,
            calibration_images: 256,
            batch_size: 128,
            seed: 0,
        }
    }
}

impl SearchSettings {
    /// Refuses to want what is not measured.
    pub(super) fn check_metrics(&self) -> Result<(), RunError> {
        let threads = self.latency_threads;
        require(threads > 0, "search.latency_threads", threads, "at least 1")?;
        let known = || METRICS.into_iter().chain([LATENCY_METRIC]);
        let objectives = self.objectives.iter().map(|objective| &objective.name);
        let budget = self.budget.iter().map(|constraint| &constraint.name);
        match objectives
            .chain(budget)
            .find(|name| known().all(|metric| metric != name.as_str()))
        {
            None => Ok(()),
            Some(name) => Err(SearchError::UnknownMetric {
                name: name.clone(),
                known: known().map(str::to_owned).collect(),
            }
            .into()),
        }
    }
}

impl Run {
    /// Searches, or goes on searching, or takes the finished search from the folder.
    ///
    /// # Errors
    ///
    /// When the supernet cannot be evaluated, a file cannot be read or written, or the observer
    /// stops the run.
    pub fn search(&self, folder: &RunFolder, supernet: &Supernet) -> Result<SearchState, RunError> {
        self.check_search()?;
        self.stage(folder, Stage::Search, || {
            let evaluator = self.search_evaluator(folder, supernet)?;
            let path = folder.file(STATE);
            let mut search = match path.try_exists().map_err(TrainError::read(&path))? {
                true => Search::resume(SearchState::load(&path)?, evaluator)?,
                false => Search::new(self.search_config()?, evaluator)?,
            };
            for record in search.state().history() {
                self.generation(record, self.config.search.evaluations)?;
            }
            loop {
                match search.step() {
                    Ok(None) => break,
                    Ok(Some(_)) => {}
                    // What the candidates in hand have scored is in the cache.
                    Err(_) if self.stopped.load(Ordering::Relaxed) => {
                        return Err(RunError::Interrupted {
                            stage: Stage::Search,
                        });
                    }
                    Err(error) => return Err(error.into()),
                }
                folder.write_json(STATE, search.state())?;
                if let Some(record) = search.state().history().last() {
                    self.generation(record, self.config.search.evaluations)?;
                }
            }
            let state = search.into_state();
            self.write_report(Stage::Search, folder, &state, None)?;
            Ok(state)
        })
    }

    pub(super) fn generation(
        &self,
        record: &scarlet_search::GenerationRecord,
        evaluations: usize,
    ) -> Result<(), RunError> {
        let event = RunEvent::Generation {
            record,
            evaluations,
        };
        self.unless_stopped(Stage::Search, self.report(&event) == Control::Continue)
    }

    /// What judges candidates by all that is wanted of them, and keeps what it measured in the
    /// folder.
    pub(super) fn search_evaluator(
        &self,
        folder: &RunFolder,
        supernet: &Supernet,
    ) -> Result<CandidateEvaluator, RunError> {
        let evaluator = self.evaluator(supernet, ScoreCache::open(folder.file(SCORES))?)?;
        self.with_latency(evaluator, folder)
    }

    pub(super) fn evaluator(
        &self,
        supernet: &Supernet,
        cache: ScoreCache,
    ) -> Result<CandidateEvaluator, RunError> {
        let settings = &self.config.search;
        let config = self.evaluator_config();
        let observer = Arc::clone(&self.observer);
        let stopped = Arc::clone(&self.stopped);
        let evaluator =
            CandidateEvaluator::new(supernet, &self.data.train, &self.data.holdout, config)?
                .with_constraints(settings.budget.iter().cloned())
                .with_cache(cache)
                .with_workers(self.side_by_side(), &self.evaluators)?
                .with_observer(move |measurement: &Measurement| {
                    let control = observer.event(&RunEvent::Candidate(measurement));
                    if control == Control::Stop {
                        stopped.store(true, Ordering::Relaxed);
                    }
                    control
                });
        Ok(evaluator)
    }

    pub(super) fn evaluator_config(&self) -> EvaluatorConfig {
        let settings = &self.config.search;
        EvaluatorConfig {
            batch_size: settings.batch_size,
            calibration_images: settings.calibration_images,
            seed: settings.seed,
        }
    }

    pub(super) fn search_config(&self) -> Result<SearchConfig, RunError> {
        let settings = &self.config.search;
        let genes = (0..self.space.layers()).map(|layer| self.space.choices(layer).len());
        // The network that is furthest within each budget: where there is a way to keep it, the
        // search starts with it.
        let mut initial: Vec<Vec<u8>> = Vec::new();
        for constraint in &settings.budget {
            // What has to be measured can be guessed.
            let guess = Constraint::new("mult_adds", constraint.bound, 0.0);
            let found = match self.extreme(constraint)? {
                None if constraint.name == LATENCY_METRIC => self.extreme(&guess)?,
                found => found,
            };
            if let Some((genome, _)) = found {
                let genes = genome.genes().to_vec();
                if !initial.contains(&genes) {
                    initial.push(genes);
                }
            }
        }
        let config = SearchConfig {
            constraints: settings.budget.clone(),
            algorithm: settings.algorithm.clone(),
            stop: Stop {
                stall: settings.stall,
                ..Stop::after_evaluations(settings.evaluations)
            },
            seed: settings.seed,
            initial,
            ..SearchConfig::new(
                GeneSpace::new(genes.collect::<Vec<_>>())?,
                settings.objectives.clone(),
            )
        };
        Ok(config)
    }
}
