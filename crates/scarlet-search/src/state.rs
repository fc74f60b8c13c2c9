//! [`SearchState`]: a search between two generations, as data.

use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{
    Archive, Candidate, Evaluation, Genome, Point, SearchConfig, SearchError, Stop, StopReason,
    algorithm::Members,
    archive::Outcome,
    batch::Batch,
    hypervolume,
    problem::{self, Problem},
    rng::Rng,
};

/// Version of the saved form.
const VERSION: u32 = 1;

/// How far a search was after a generation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationRecord {
    /// Genomes evaluated so far.
    pub evaluations: usize,
    /// Feasible ones among them.
    pub feasible: usize,
    /// Failed ones among them.
    pub failed: usize,
    /// Feasible ones that none dominates.
    pub front: usize,
    /// Hypervolume of these, in the product of the objectives' units: see
    /// [`SearchState::reference_point`].
    pub hypervolume: f64,
}

/// A search between two generations: its configuration, random numbers, population and everything
/// it evaluated.
///
/// It can be saved after any generation, and [`Search::resume`](crate::Search::resume) continues
/// from it to exactly the result that the uninterrupted search would have reached. What is loaded
/// is checked, so that a state that cannot be is refused rather than followed.
///
/// The saved form is JSON. Anyone who writes it by other means than [`save`](Self::save) must keep
/// all digits of the numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SavedState")]
pub struct SearchState {
    version: u32,
    config: SearchConfig,
    metrics: Vec<String>,
    rng: Rng,
    reference_point: Option<Vec<f64>>,
    history: Vec<GenerationRecord>,
    population: Vec<usize>,
    archive: Archive,
    #[serde(skip)]
    problem: Problem,
}

/// A [`SearchState`] before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedState {
    version: u32,
    config: SearchConfig,
    metrics: Vec<String>,
    rng: Rng,
    reference_point: Option<Vec<f64>>,
    history: Vec<GenerationRecord>,
    population: Vec<usize>,
    archive: Vec<Candidate>,
    /// What a program that keeps checksums in its files may have added.
    #[serde(default, rename = "checksum")]
    _checksum: IgnoredAny,
}

impl SearchState {
    pub(crate) fn new(config: SearchConfig, metrics: Vec<String>) -> Result<Self, SearchError> {
        config.validate()?;
        Ok(Self {
            version: VERSION,
            problem: Problem::new(&config, &metrics)?,
            rng: Rng::new(config.seed),
            metrics,
            config,
            reference_point: None,
            history: Vec::new(),
            population: Vec::new(),
            archive: Archive::default(),
        })
    }

    /// The configuration the search was started with.
    pub fn config(&self) -> &SearchConfig {
        &self.config
    }

    /// Names of the metrics, in the order of every candidate's values.
    pub fn metrics(&self) -> &[String] {
        &self.metrics
    }

    /// The position of a metric among every candidate's values.
    ///
    /// # Errors
    ///
    /// [`SearchError::UnknownMetric`] lists those that there are.
    pub fn metric(&self, name: &str) -> Result<usize, SearchError> {
        problem::position(&self.metrics, name)
    }

    /// A record of every generation so far.
    pub fn history(&self) -> &[GenerationRecord] {
        &self.history
    }

    /// Everything evaluated so far.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The candidates that the next generation is bred from: best first for NSGA-II, oldest first
    /// for regularized evolution, none for random search.
    pub fn population(&self) -> impl ExactSizeIterator<Item = &Candidate> {
        let candidates = self.archive.candidates();
        self.population
            .iter()
            .map(|&position| &candidates[position])
    }

    /// The point, one value per objective as it is measured, from which on hypervolume counts:
    /// the objectives' own [`reference`](crate::Objective::reference)s, and for those that have
    /// none the worst value among the feasible candidates of the first generation that has any.
    /// `None` before that generation.
    pub fn reference_point(&self) -> Option<&[f64]> {
        self.reference_point.as_deref()
    }

    /// Why the search is over, or `None` while it is not.
    pub fn stop_reason(&self) -> Option<StopReason> {
        if self.archive.len() as u128 >= self.config.space.size() {
            return Some(StopReason::SpaceExhausted);
        }
        self.config.stop.reason(&self.history)
    }

    /// The same search, to be stopped by other criteria, such as a larger budget.
    ///
    /// # Errors
    ///
    /// [`SearchError::InvalidSetting`] for a limit of 0.
    pub fn with_stop(mut self, stop: Stop) -> Result<Self, SearchError> {
        stop.validate()?;
        self.config.stop = stop;
        Ok(self)
    }

    /// Saves the search to a file, which at every moment holds either its old or its new content.
    ///
    /// # Errors
    ///
    /// [`SearchError::Io`] if the file's folder cannot be written to; the file is then as before.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), SearchError> {
        let path = path.as_ref();
        let temporary = temporary_beside(path);
        let written = self
            .write(&temporary)
            .and_then(|()| fs::rename(&temporary, path));
        written.map_err(|source| {
            // What is wrong with the disk is worth reporting, not what follows from it.
            let _ = fs::remove_file(&temporary);
            SearchError::Io {
                action: "write",
                path: path.to_owned(),
                source,
            }
        })
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut writer = BufWriter::new(File::create(path)?);
        serde_json::to_writer(&mut writer, self)?;
        writer.write_all(b"\n")?;
        writer.into_inner()?.sync_all()
    }

    /// Loads a search from a file written by [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// [`SearchError::Io`] if the file cannot be read, [`SearchError::Json`] if it holds no saved
    /// search, or a damaged one.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, SearchError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| SearchError::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_reader(BufReader::new(file)).map_err(|source| SearchError::Json {
            path: path.to_owned(),
            source,
        })
    }

    /// The genomes of the next generation, and the random numbers behind them.
    pub(crate) fn propose(&self) -> (Vec<Genome>, Rng) {
        let strategy = self.config.algorithm.strategy();
        let is_first = self.history.is_empty();
        let size = match is_first {
            true => strategy.first_batch().max(self.config.initial.len()),
            false => strategy.later_batch(),
        };
        let budget = self.config.stop.evaluations.unwrap_or(usize::MAX);
        let size = size.min(budget.saturating_sub(self.archive.len()));

        let mut rng = self.rng.clone();
        let mut batch = Batch::new(&self.config.space, &self.archive, size);
        if is_first {
            for genome in &self.config.initial {
                batch.offer(genome);
            }
            while !batch.is_full() {
                batch.offer_random(&mut rng);
            }
        } else {
            let parents = self.members(self.population.clone());
            strategy.breed(&parents, &mut rng, &mut batch);
        }
        (batch.into_genomes(), rng)
    }

    /// Takes in the evaluations of a proposed generation. On errors the state stays as it was.
    pub(crate) fn absorb(
        &mut self,
        genomes: Vec<Genome>,
        evaluations: Vec<Evaluation>,
        mut rng: Rng,
    ) -> Result<(), SearchError> {
        if evaluations.len() != genomes.len() {
            return Err(SearchError::EvaluationCount {
                expected: genomes.len(),
                found: evaluations.len(),
            });
        }
        for (genome, evaluation) in genomes.iter().zip(&evaluations) {
            if let Ok(values) = evaluation {
                self.check_value_count(genome, values.len())?;
            }
        }

        let before = self.archive.len();
        for (genome, evaluation) in genomes.into_iter().zip(evaluations) {
            let measured = |value: f64| Some(value).filter(|value| value.is_finite());
            let outcome = match evaluation {
                Ok(values) => Outcome::Values(values.into_iter().map(measured).collect()),
                Err(reason) => Outcome::Failure(reason),
            };
            let (outcome, point) = self.problem.settle(outcome);
            self.archive.insert(Candidate::new(genome, outcome, point));
        }
        let candidates = self.archive.candidates();
        let newcomers = (before..candidates.len()).filter(|&at| candidates[at].point().is_some());
        let members = self.population.iter().copied().chain(newcomers).collect();
        let strategy = self.config.algorithm.strategy();
        self.population = strategy.survive(&self.members(members), &mut rng);
        self.rng = rng;
        self.record()
    }

    fn members(&self, positions: Vec<usize>) -> Members<'_> {
        Members {
            problem: &self.problem,
            archive: &self.archive,
            positions,
        }
    }

    fn record(&mut self) -> Result<(), SearchError> {
        if self.reference_point.is_none() && self.archive.feasible() > 0 {
            self.reference_point = Some(self.choose_reference_point());
        }
        let hypervolume = match &self.reference_point {
            None => 0.0,
            Some(reference) => {
                let objectives = self.problem.objectives();
                let oriented = objectives
                    .zip(reference)
                    .map(|(it, &value)| it.oriented(value));
                let reference: Vec<f64> = oriented.collect();
                let front: Vec<&Point> =
                    self.archive.front().filter_map(Candidate::point).collect();
                hypervolume(&front, &reference)?
            }
        };
        self.history.push(GenerationRecord {
            evaluations: self.archive.len(),
            feasible: self.archive.feasible(),
            failed: self.archive.failed(),
            front: self.archive.front().len(),
            hypervolume,
        });
        Ok(())
    }

    /// The reference value of every objective that has one, the worst feasible value of the rest.
    fn choose_reference_point(&self) -> Vec<f64> {
        let feasible = self
            .archive
            .candidates()
            .iter()
            .filter(|it| it.is_feasible());
        let points: Vec<&Point> = feasible.filter_map(Candidate::point).collect();
        let objectives = self.problem.objectives().enumerate();
        objectives
            .map(|(index, objective)| {
                let values = points.iter().map(|point| point.objectives()[index]);
                let worst = || objective.oriented(values.fold(f64::NEG_INFINITY, f64::max));
                objective.reference.unwrap_or_else(worst)
            })
            .collect()
    }

    fn check_value_count(&self, genome: &[u8], found: usize) -> Result<(), SearchError> {
        let expected = self.metrics.len();
        match found == expected {
            true => Ok(()),
            false => Err(SearchError::ValueCount {
                genome: genome.to_vec(),
                expected,
                found,
            }),
        }
    }
}

impl TryFrom<SavedState> for SearchState {
    type Error = SearchError;

    fn try_from(saved: SavedState) -> Result<Self, SearchError> {
        let invalid = |reason: String| Err(SearchError::InvalidState { reason });
        if saved.version != VERSION {
            return invalid(format!(
                "it is of version {}, and this program reads version {VERSION}",
                saved.version
            ));
        }
        let mut state = Self::new(saved.config, saved.metrics)?;
        for candidate in saved.archive {
            let (genome, outcome) = candidate.into_parts();
            state.config.space.check(&genome)?;
            if let Outcome::Values(values) = &outcome {
                state.check_value_count(&genome, values.len())?;
            }
            let text = format!("{genome:?}");
            let (outcome, point) = state.problem.settle(outcome);
            if !state.archive.insert(Candidate::new(genome, outcome, point)) {
                return invalid(format!("genome {text} is in the archive twice"));
            }
        }
        let evaluations = saved.history.last().map_or(0, |record| record.evaluations);
        if evaluations != state.archive.len() {
            return invalid(format!(
                "its history counts {evaluations} evaluations, its archive {}",
                state.archive.len()
            ));
        }
        let candidates = state.archive.candidates();
        let has_point = |&at: &usize| candidates.get(at).is_some_and(|it| it.point().is_some());
        if let Some(position) = saved.population.iter().find(|at| !has_point(at)) {
            return invalid(format!(
                "its population refers to candidate {position}, which was not evaluated"
            ));
        }
        let coordinates = saved.reference_point.as_ref().map(Vec::len);
        if coordinates.is_some_and(|count| count != state.config.objectives.len()) {
            return invalid("its reference point has not one value per objective".to_owned());
        }
        Ok(Self {
            rng: saved.rng,
            reference_point: saved.reference_point,
            history: saved.history,
            population: saved.population,
            ..state
        })
    }
}

/// A name in the same folder, so that renaming it is one step; of this process alone, so that two
/// programs do not write into each other's.
fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}
