//! [`CandidateEvaluator`]: what a search asks how good a candidate is.

mod cache;
mod judges;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use burn::tensor::Device;
use scarlet::DeployError;
use scarlet::Precision;
use scarlet::fold::FoldError;
use scarlet_arch::{Architecture, Cost, CostMetric, Genome, SearchSpace};
use scarlet_kernels::EngineError;
use scarlet_search::{Constraint, Evaluation, Evaluator, EvaluatorError};
use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::Supernet;
use crate::batch::Batcher;
use crate::error::require;
use crate::fingerprint::Fingerprint;
use crate::measure::calibration;
use crate::supernet::plain_architecture;
use crate::{Ancestor, Control, Measurement, TrainError};
use scarlet_data::dataset::{ImageSet, Source};

use self::judges::Judges;

pub use self::cache::ScoreCache;
pub use self::judges::{caught, check_calibration};

/// How candidates are measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluatorConfig {
    /// Images per forward pass.
    pub batch_size: usize,
    /// Training images that the running statistics of batch normalisation are measured on anew
    /// for every candidate, the same for all; with 0 those of the supernet are used.
    pub calibration_images: usize,
    /// Seed of the choice of these images.
    pub seed: u64,
}

impl Default for EvaluatorConfig {
    fn default() -> Self {
        Self {
            batch_size: 128,
            calibration_images: 512,
            seed: 0,
        }
    }
}

impl EvaluatorConfig {
    /// The training images that statistics are measured on anew, if they are.
    pub fn calibration(&self, training: Source<'_>) -> Option<ImageSet> {
        calibration(training, self.calibration_images, self.seed)
    }
}

/// Share of the held-out images that are put into their class.
pub const ACCURACY: &str = "accuracy";

/// What is measured of every candidate, in the order of the values. Other costs
/// ([`CostMetric::ALL`]) are added where a search names them.
pub const METRICS: [&str; 5] = [
    ACCURACY,
    "mult_adds",
    "parameters",
    "weight_bytes",
    "peak_activation_bytes",
];

/// A metric of a candidate's plain architecture alone.
type AddedMetric = Box<dyn FnMut(&Genome, &Architecture) -> Result<f64, TrainError> + Send>;

/// Measures the candidates of a search by the weights they inherit from a supernet: each is taken
/// out of it as the chosen one will be. One whose stabilizers cannot be removed accurately fails,
/// for it would not be the network that it is priced as.
///
/// The metrics are `accuracy`, from 0 to 1, on images that were never trained on, in the numbers
/// of [`with_precision`](Self::with_precision), and the costs of the candidate's
/// [plain network](Supernet::plain_architecture): `mult_adds`, `parameters`, `weight_bytes`,
/// `peak_activation_bytes` (see [`Cost`] for what they count), and what
/// [`with_metric`](Self::with_metric) adds.
///
/// Candidates are measured side by side, and every one on its own: results do not depend on the
/// number of workers. Which of several devices measures a candidate is decided by its genome.
pub struct CandidateEvaluator {
    space: SearchSpace,
    judges: Judges,
    cache: ScoreCache,
    constraints: Vec<Constraint>,
    added: Vec<(String, AddedMetric)>,
    observer: Option<ScoreObserver>,
}

/// What a candidate has measured, or why it cannot be measured at all.
pub type Score = Result<Measurement, Arc<TrainError>>;

/// Told of every score; says whether to go on.
type ScoreObserver = Box<dyn FnMut(&Measurement) -> Control + Send>;

/// Whether an error is a verdict on the candidate that was to be measured: there is no such
/// network, or none in the numbers that it is judged in. All others are of the images, the files or the
/// device, and might not come again.
fn is_verdict(error: &TrainError) -> bool {
    match error {
        TrainError::Architecture(_)
        | TrainError::Network(_)
        | TrainError::Fold(FoldError::NearSingular { .. }) => true,
        TrainError::Deploy(error) => {
            matches!(**error, DeployError::Engine(EngineError::NotFinite { .. }))
        }
        _ => false,
    }
}

impl CandidateEvaluator {
    /// An evaluator on the ancestor's own device, with one worker. Statistics of batch
    /// normalisation are measured on some of the `training` images, and classifiers fitted to them
    /// where the ancestor was trained on others; accuracy is measured on all of `holdout`, which
    /// training must not have seen.
    ///
    /// # Errors
    ///
    /// When the images do not fit the ancestor's networks or cannot be read, or the batch size is 0.
    pub fn new<'a>(
        ancestor: impl Into<Ancestor>,
        training: impl Into<Source<'a>>,
        holdout: impl Into<Source<'a>>,
        config: EvaluatorConfig,
    ) -> Result<Self, TrainError> {
        let batch_size = config.batch_size;
        require(batch_size > 0, "batch_size", batch_size, "at least 1")?;
        let (training, holdout) = (training.into(), holdout.into());
        let ancestor: Ancestor = ancestor.into();
        let space = ancestor.space().clone();
        for images in [training, holdout] {
            Batcher::new(images, space.template(), &ancestor.device())?;
        }
        let calibration = config.calibration(training);
        let fingerprint = Fingerprint::default()
            .text(&format!("{space:?}"))
            .text(&format!("batch size {batch_size}"));
        let mut fingerprint = ancestor.fingerprint(fingerprint).images(holdout)?;
        if let Some(calibration) = &calibration {
            fingerprint = fingerprint.images(calibration.into())?;
        }
        Ok(Self {
            space,
            judges: Judges::new(
                ancestor,
                fingerprint.finish(),
                calibration,
                holdout.to_set(),
                batch_size,
            ),
            cache: ScoreCache::in_memory(),
            constraints: Vec::new(),
            added: Vec::new(),
            observer: None,
        })
    }

    /// Judges candidates in these numbers, as they are deployed, instead of in floats. Those that are not
    /// on the CPU are brought there to be judged in others, which its kernels alone compute with. How a
    /// candidate is rounded to int8 is calibrated on the images that its batch normalisation is
    /// measured on. Scores in different numbers have different names in a cache.
    ///
    /// # Errors
    ///
    /// When int8 has no images to be calibrated on.
    pub fn with_precision(mut self, precision: Precision) -> Result<Self, TrainError> {
        self.judges = self.judges.with_precision(precision)?;
        Ok(self)
    }

    /// Measures candidates with so many workers, on these devices in turn; each has at least one.
    ///
    /// # Errors
    ///
    /// When there is no device or no worker, or a device fails.
    pub fn with_workers(mut self, workers: usize, devices: &[Device]) -> Result<Self, TrainError> {
        self.judges = self.judges.with_workers(workers, devices)?;
        Ok(self)
    }

    /// Keeps scores in `cache`, and takes from it what was measured before.
    pub fn with_cache(mut self, cache: ScoreCache) -> Self {
        self.cache = cache;
        self
    }

    /// Does not measure the accuracy of candidates whose costs violate one of these constraints.
    pub fn with_constraints(mut self, constraints: impl IntoIterator<Item = Constraint>) -> Self {
        self.constraints.extend(constraints);
        self
    }

    /// Adds a metric that a candidate's plain architecture alone decides, such as its latency. It
    /// is asked for one candidate after the other, while no accuracy is measured; an error of it
    /// ends the evaluation.
    pub fn with_metric(
        mut self,
        name: impl Into<String>,
        metric: impl FnMut(&Genome, &Architecture) -> Result<f64, TrainError> + Send + 'static,
    ) -> Self {
        self.added.push((name.into(), Box::new(metric)));
        self
    }

    /// Reports every accuracy that was measured, and can be stopped: [`TrainError::Stopped`] then
    /// ends the evaluation as soon as the candidates in hand are done. What was measured is in the
    /// cache.
    pub fn with_observer(
        mut self,
        observer: impl FnMut(&Measurement) -> Control + Send + 'static,
    ) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// The scores that are known.
    pub fn cache(&self) -> &ScoreCache {
        &self.cache
    }

    /// How well each candidate knows the held-out images, measured or out of the cache.
    ///
    /// # Errors
    ///
    /// An inner error concerns its candidate alone: its genome is not of the supernet's space, or
    /// its network cannot be. The outer one ends the evaluation: an image or the cache cannot be
    /// read or written, a device fails, or the observer has stopped it. What was measured until
    /// then is in the cache.
    pub fn scores(&mut self, genomes: &[Genome]) -> Result<Vec<Score>, TrainError> {
        self.cache.catch_up()?;
        let mut scores: HashMap<Genome, Score> = HashMap::new();
        let mut missing: Vec<Genome> = Vec::new();
        let mut seen = HashSet::new();
        for genome in genomes.iter().filter(|genome| seen.insert(*genome)) {
            match self.cache.get(self.judges.fingerprint(genome), genome) {
                Some(score) => {
                    scores.insert(genome.clone(), Ok(score));
                }
                None => missing.push(genome.clone()),
            }
        }
        let (mut failure, mut stopped) = (None, false);
        self.judges.measure(&missing, |genome, score| {
            match score {
                // Filed as they come, so that no work is lost when the program is killed.
                Ok(score) => {
                    let fingerprint = self.judges.fingerprint(genome);
                    if let Err(error) = self.cache.insert(fingerprint, genome.clone(), score) {
                        failure.get_or_insert(error);
                    }
                    scores.insert(genome.clone(), Ok(score));
                    let observer = self.observer.as_mut();
                    stopped |= observer.is_some_and(|it| it(&score) == Control::Stop);
                }
                Err(error) if is_verdict(&error) => {
                    scores.insert(genome.clone(), Err(Arc::new(error)));
                }
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
            match stopped || failure.is_some() {
                true => Control::Stop,
                false => Control::Continue,
            }
        });
        match (failure, stopped) {
            (Some(error), _) => Err(error),
            (None, true) => Err(TrainError::Stopped),
            (None, false) => Ok(genomes.iter().map(|it| scores[it].clone()).collect()),
        }
    }

    /// Everything but the accuracy, in the order of the metrics. The inner error is the
    /// candidate's own.
    fn costs(&mut self, genome: &Genome) -> Result<Evaluation, TrainError> {
        let counted = plain_architecture(&self.space, genome).and_then(|network| {
            let cost = Cost::of(&network, network.preprocessing.resolution)?;
            Ok((network, cost))
        });
        let (network, cost) = match counted {
            Ok(counted) => counted,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let costs = METRICS.into_iter().filter_map(CostMetric::named);
        let mut values: Vec<f64> = costs.map(|metric| metric.of(&cost) as f64).collect();
        for (_, metric) in &mut self.added {
            values.push(metric(genome, &network)?);
        }
        Ok(Ok(values))
    }

    fn violates(&self, metrics: &[String], costs: &[f64]) -> bool {
        let mut known = metrics[1..].iter().zip(costs);
        known.any(|(name, &value)| {
            let mut constraints = self.constraints.iter().filter(|c| c.name == *name);
            constraints.any(|constraint| constraint.violation(value) > 0.0)
        })
    }
}

impl Evaluator for CandidateEvaluator {
    fn metrics(&self) -> Vec<String> {
        let added = self.added.iter().map(|(name, _)| name.clone());
        METRICS
            .into_iter()
            .map(str::to_owned)
            .chain(added)
            .collect()
    }

    fn evaluate(
        &mut self,
        genomes: &[scarlet_search::Genome],
    ) -> Result<Vec<Evaluation>, EvaluatorError> {
        let metrics = self.metrics();
        // The accuracy is not known yet, and stays so where a constraint is violated.
        let mut evaluations: Vec<Evaluation> = Vec::with_capacity(genomes.len());
        let (mut measured, mut places) = (Vec::new(), Vec::new());
        for (place, genes) in genomes.iter().enumerate() {
            let costs = match Genome::new(genes.clone()) {
                Ok(genome) => self.costs(&genome)?.map(|costs| (genome, costs)),
                Err(error) => Err(error.to_string()),
            };
            evaluations.push(costs.map(|(genome, costs)| {
                if !self.violates(&metrics, &costs) {
                    measured.push(genome);
                    places.push(place);
                }
                [vec![f64::NAN], costs].concat()
            }));
        }
        for (place, score) in places.into_iter().zip(self.scores(&measured)?) {
            match score {
                Ok(score) => {
                    if let Ok(values) = &mut evaluations[place] {
                        values[0] = score.accuracy();
                    }
                }
                Err(error) => evaluations[place] = Err(error.to_string()),
            }
        }
        Ok(evaluations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_a_range_are_the_candidates_own_failure() {
        let of = |error: EngineError| is_verdict(&TrainError::from(DeployError::Engine(error)));
        assert!(of(EngineError::NotFinite { operation: 3 }));
        // That is the images'.
        assert!(!of(EngineError::ImageNotFinite { place: 3 }));
        assert!(!of(EngineError::NothingObserved));
    }
}
