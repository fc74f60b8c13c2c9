//! The second stage: candidates are measured by the weights they inherit from the supernet.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use scarlet_search::{
    Algorithm, Constraint, GeneSpace, Nsga2, Objective, Search, SearchConfig, SearchError,
    SearchState, Stop,
};
use serde::{Deserialize, Serialize};

use super::plan::extreme;
use super::stages::Run;
use super::{RunError, RunEvent, Stage};
use crate::evaluator::METRICS;
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
    /// How candidates are bred.
    pub algorithm: Algorithm,
    /// How many candidates are measured.
    pub evaluations: usize,
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
            algorithm: Algorithm::Nsga2(Nsga2 {
                population: 20,
                ..Nsga2::default()
            }),
            evaluations: 150,
            calibration_images: 256,
            batch_size: 128,
            seed: 0,
        }
    }
}

impl SearchSettings {
    /// Refuses to want what is not measured.
    pub(super) fn check_metrics(&self) -> Result<(), SearchError> {
        let objectives = self.objectives.iter().map(|objective| &objective.name);
        let budget = self.budget.iter().map(|constraint| &constraint.name);
        match objectives
            .chain(budget)
            .find(|name| !METRICS.contains(&name.as_str()))
        {
            None => Ok(()),
            Some(name) => Err(SearchError::UnknownMetric {
                name: name.clone(),
                known: METRICS.map(str::to_owned).to_vec(),
            }),
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
        self.stage(folder, Stage::Search, || {
            let evaluator = self.evaluator(supernet, ScoreCache::open(folder.file(SCORES))?)?;
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
            self.write_report(folder, &state, None)?;
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

    pub(super) fn evaluator(
        &self,
        supernet: &Supernet,
        cache: ScoreCache,
    ) -> Result<CandidateEvaluator, RunError> {
        let settings = &self.config.search;
        let config = EvaluatorConfig {
            batch_size: settings.batch_size,
            calibration_images: settings.calibration_images,
            seed: settings.seed,
        };
        let observer = Arc::clone(&self.observer);
        let stopped = Arc::clone(&self.stopped);
        let evaluator =
            CandidateEvaluator::new(supernet, &self.data.train, &self.data.holdout, config)?
                .with_constraints(settings.budget.iter().cloned())
                .with_cache(cache)
                .with_workers(self.workers, std::slice::from_ref(&self.device))?
                .with_observer(move |measurement: &Measurement| {
                    let control = observer.event(&RunEvent::Candidate(measurement));
                    if control == Control::Stop {
                        stopped.store(true, Ordering::Relaxed);
                    }
                    control
                });
        Ok(evaluator)
    }

    pub(super) fn search_config(&self) -> Result<SearchConfig, RunError> {
        let settings = &self.config.search;
        let genes = (0..self.space.layers()).map(|layer| self.space.choices(layer).len());
        // The network that is furthest within each budget: where there is a way to keep it, the
        // search starts with it.
        let mut initial: Vec<Vec<u8>> = Vec::new();
        for constraint in &settings.budget {
            if let Some((genome, _)) = extreme(&self.space, constraint)? {
                let genes = genome.genes().to_vec();
                if !initial.contains(&genes) {
                    initial.push(genes);
                }
            }
        }
        let config = SearchConfig {
            constraints: settings.budget.clone(),
            algorithm: settings.algorithm.clone(),
            stop: Stop::after_evaluations(settings.evaluations),
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
