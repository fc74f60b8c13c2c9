//! The second stage: candidates are measured by the weights they inherit from the supernet.

use std::path::Path;
use std::sync::Arc;

use scarlet::Precision;
use scarlet_arch::{Cost, CostMetric};
use scarlet_search::{
    Algorithm, Constraint, GeneSpace, Nsga2, Objective, Search, SearchConfig, SearchError,
    SearchState, Stall, Stop,
};
use scarlet_train::error::require;
use scarlet_train::evaluator::{ACCURACY, METRICS, check_calibration};
use scarlet_train::latency::LARGEST_ERROR;
use scarlet_train::limits::Limit;
use scarlet_train::{
    Ancestor, CandidateEvaluator, Control, EvaluatorConfig, Measurement, ScoreCache, TrainError,
};
use serde::{Deserialize, Serialize};

use super::budget::check_limits;
use super::measured::{MEASURED, MeasuredMetric};
use super::stages::Run;
use super::whole::equal_parts;
use super::{RunEvent, Stage};
use crate::RunError;
use crate::RunFolder;
use crate::files;

/// Sides of the images that the default budget is made for, in pixels.
const DEFAULT_SIDE: f64 = 32.0;

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
    /// The mean relative error on whole networks that the latency table's own check may have, 0.1
    /// unless set. Runs of versions before there was a limit have none.
    #[serde(default)]
    pub latency_error: Option<f64>,
    /// The numbers in which the network will run: `f32`, `bf16` or `int8`. Candidates are judged and
    /// timed in them, and the finished network is written in them too. How it is rounded to int8 is
    /// calibrated on `calibration_images`. The CPU's kernels alone compute in others than floats, so
    /// that candidates are brought to the CPU for them, wherever they are.
    #[serde(default)]
    pub deploy: Precision,
    /// How candidates are bred.
    pub algorithm: Algorithm,
    /// How many candidates are measured.
    pub evaluations: usize,
    /// When fewer are enough: once the hypervolume has not grown by more than a fraction
    /// (`tolerance`) over some `generations`.
    pub stall: Option<Stall>,
    /// Training images that the statistics of batch normalisation are measured on for every
    /// candidate; with 0 the supernet's are used. Classifiers on a published supernet's features are
    /// fitted to them too, and int8 is calibrated on them.
    pub calibration_images: usize,
    /// Images per forward pass.
    pub batch_size: usize,
    /// A file that scores are kept in instead of the run's own, so that runs that judge the same
    /// supernet by the same images share them, at the same time too. It is made if there is none.
    pub score_cache: Option<String>,
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
            latency_error: Some(LARGEST_ERROR),
            deploy: Precision::Float32,
            algorithm: Algorithm::Nsga2(Nsga2 {
                population: 20,
                ..Nsga2::default()
            }),
            evaluations: 120,
            stall: None,
            calibration_images: 256,
            batch_size: 128,
            score_cache: None,
            seed: 0,
        }
    }
}

impl SearchSettings {
    /// Lets networks cost more mult-adds than the default, as far as they see more pixels than it
    /// is made for.
    pub(super) fn grow_budget(&mut self, side: usize) {
        let times = (side as f64 / DEFAULT_SIDE).powi(2).max(1.0);
        for constraint in &mut self.budget {
            constraint.limit = (constraint.limit * times).round();
        }
    }

    /// Checks the settings that nothing but themselves decides on.
    pub(super) fn check(&self) -> Result<(), RunError> {
        Limit::Evaluations.check("search.evaluations", self.evaluations)?;
        Limit::Batch.check("search.batch_size", self.batch_size)?;
        Limit::Threads.check("search.latency_threads", self.latency_threads)?;
        let calibrated = self.calibration_images;
        check_calibration(self.deploy, "search.calibration_images", calibrated)?;
        if let Some(limit) = self.latency_error {
            require(
                limit >= 0.0 && limit.is_finite(),
                "search.latency_error",
                limit,
                "a share such as 0.1",
            )?;
        }
        if let Some(Stall {
            generations,
            tolerance,
        }) = self.stall
        {
            let setting = "search.stall.generations";
            require(generations > 0, setting, generations, "at least 1")?;
            require(
                tolerance >= 0.0 && tolerance.is_finite(),
                "search.stall.tolerance",
                tolerance,
                "0 or a positive number",
            )?;
        }
        if let Some(file) = &self.score_cache {
            let file = Path::new(file);
            let folder = match file.parent() {
                Some(folder) if folder != Path::new("") => folder,
                _ => Path::new("."),
            };
            require(
                folder.is_dir() && !file.is_dir(),
                "search.score_cache",
                format!("`{}`", file.display()),
                "a file in a folder that exists",
            )?;
        }
        self.check_metrics()?;
        check_limits(&self.budget)
    }

    /// The costs that are named, but not measured of every candidate.
    fn further_costs(&self) -> impl Iterator<Item = CostMetric> {
        CostMetric::ALL
            .into_iter()
            .filter(|metric| !METRICS.contains(&metric.name()) && self.names(metric.name()))
    }

    /// Whether an objective or the budget is on this metric.
    pub(super) fn names(&self, metric: &str) -> bool {
        self.objectives.iter().any(|it| it.name == metric)
            || self.budget.iter().any(|it| it.name == metric)
    }

    /// Refuses to want what is not measured.
    fn check_metrics(&self) -> Result<(), RunError> {
        let known = || {
            let costs = CostMetric::ALL.iter().map(CostMetric::name);
            let measured = MEASURED.iter().map(|metric| metric.name);
            [ACCURACY].into_iter().chain(costs).chain(measured)
        };
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
    /// Searches, or continues searching, or takes the finished search from the folder.
    ///
    /// # Errors
    ///
    /// When networks cannot be taken out of the ancestor, a file cannot be read or written, or the
    /// observer stops the run.
    pub fn search(&self, folder: &RunFolder, ancestor: &Ancestor) -> Result<SearchState, RunError> {
        self.check_search()?;
        self.stage(folder, Stage::Search, || {
            let evaluator = self.search_evaluator(folder, ancestor)?;
            let path = folder.file(files::STATE);
            let mut search = match path.try_exists().map_err(TrainError::read(&path))? {
                true => Search::resume(folder.read_json(files::STATE)?, evaluator)?,
                false => Search::new(self.search_config()?, evaluator)?,
            };
            let evaluations = self.config.search.evaluations;
            self.searching(search.state(), evaluations)?;
            for record in search.state().history() {
                self.generation(record, evaluations)?;
            }
            while search.step()?.is_some() {
                folder.write_json(files::STATE, search.state())?;
                if let Some(record) = search.state().history().last() {
                    self.generation(record, evaluations)?;
                }
            }
            let state = search.into_state();
            // That of a finished run says more.
            if !folder.file(files::RESULT).exists() {
                self.write_report(Stage::Search, folder, &state, None)?;
            }
            Ok(state)
        })
    }

    /// Reports where a search begins or continues.
    pub(super) fn searching(
        &self,
        known: &SearchState,
        evaluations: usize,
    ) -> Result<(), RunError> {
        let accuracy = known.metric(ACCURACY)?;
        let candidates = known.archive().candidates();
        let event = RunEvent::Searching {
            known: candidates.len(),
            evaluations,
            best: candidates
                .iter()
                .filter_map(|candidate| candidate.value(accuracy))
                .reduce(f64::max),
        };
        self.unless_stopped(Stage::Search, self.report(&event) == Control::Continue)
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
        ancestor: &Ancestor,
    ) -> Result<CandidateEvaluator, RunError> {
        let own = folder.file(files::SCORES);
        let cache = match &self.config.search.score_cache {
            Some(shared) => ScoreCache::open(shared)?.with_scores_of(own)?,
            None => ScoreCache::open(own)?,
        };
        let mut evaluator = self.evaluator(ancestor, cache)?;
        for metric in self.config.search.further_costs() {
            evaluator = evaluator.with_metric(metric.name(), move |_, network| {
                let cost = Cost::of(network, network.preprocessing.resolution)?;
                Ok(metric.of(&cost) as f64)
            });
        }
        self.with_measured(evaluator, folder)
    }

    pub(super) fn evaluator(
        &self,
        ancestor: &Ancestor,
        cache: ScoreCache,
    ) -> Result<CandidateEvaluator, RunError> {
        let settings = &self.config.search;
        let config = self.evaluator_config();
        let observer = Arc::clone(&self.observer);
        let evaluator =
            CandidateEvaluator::new(ancestor, &self.data.train, &self.data.holdout, config)?
                .with_constraints(settings.budget.iter().cloned())
                .with_cache(cache)
                .with_precision(settings.deploy)?
                .with_workers(self.side_by_side(), &self.evaluators)?
                .with_observer(move |measurement: &Measurement| {
                    observer.event(&RunEvent::Candidate(measurement))
                });
        Ok(evaluator)
    }

    pub(super) fn evaluator_config(&self) -> EvaluatorConfig {
        let settings = &self.config.search;
        EvaluatorConfig {
            batch_size: settings.batch_size,
            calibration_images: settings.calibration_images,
            // Not the search's: every search of the supernet judges by the same images.
            seed: self.config.data.seed,
        }
    }

    pub(super) fn search_config(&self) -> Result<SearchConfig, RunError> {
        let settings = &self.config.search;
        // From where hypervolume counts, the same in every run. The selection does not look at it.
        let mut objectives = settings.objectives.clone();
        for objective in &mut objectives {
            if objective.reference.is_none() {
                objective.reference = self.worst(objective)?;
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
            initial: self.first_networks()?,
            ..SearchConfig::new(GeneSpace::new(self.space.genes())?, objectives)
        };
        Ok(config)
    }

    /// The networks that the search starts with: the one that is furthest within each budget, and,
    /// where none of them keeps all budgets, one that does, if there is a way to find it. Where they
    /// are parts of one network, also what people would try by hand: all blocks kept equally wide, at
    /// every resolution.
    pub(super) fn first_networks(&self) -> Result<Vec<Vec<u8>>, RunError> {
        let mut networks: Vec<Vec<u8>> = Vec::new();
        let mut kept = false;
        for constraint in &self.config.search.budget {
            // What has to be measured can be guessed.
            let guess = Constraint::new("mult_adds", constraint.bound, 0.0);
            let found = match self.extreme(constraint)? {
                None if MeasuredMetric::named(&constraint.name).is_some() => {
                    self.extreme(&guess)?
                }
                found => found,
            };
            if let Some((genome, _)) = found {
                kept |= self.violation(&genome)? == 0.0;
                let genes = genome.genes().to_vec();
                if !networks.contains(&genes) {
                    networks.push(genes);
                }
            }
        }
        if !kept {
            let nearest = self.nearest_to_budget()?;
            networks.extend(nearest.map(|genome| genome.genes().to_vec()));
        }
        if self.whole.is_some() {
            for genome in equal_parts(&self.space)? {
                let genes = genome.genes().to_vec();
                if self.violation(&genome)? == 0.0 && !networks.contains(&genes) {
                    networks.push(genes);
                }
            }
        }
        Ok(networks)
    }
}
