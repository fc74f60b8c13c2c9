//! The third stage: which candidate is taken.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
use scarlet::fold::FoldOptions;
use scarlet_arch::{ArchitectureError, Cost, Genome, SearchSpace};
use scarlet_search::{Candidate, Constraint, SearchState};
use serde::{Deserialize, Serialize};

use super::budget::nothing_feasible;
use super::search::STATE;
use super::stages::Run;
use super::supernet::open_supernet;
use super::{RunConfig, RunError, RunEvent, Stage};
use crate::dataset::ImageSet;
use crate::latency::LATENCY_METRIC;
use crate::{Control, Extracted, RunFolder, Supernet};

/// Which candidate is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChooseSettings {
    /// `best`, the one that is best in the first objective; `knee`, the knee of the front; or
    /// a genome.
    pub network: Rule,
}

/// How the candidate is picked out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Rule {
    /// The best in the first objective among those within the budget; of equals the best in the
    /// next.
    #[default]
    Best,
    /// The front's knee: the best compromise of all objectives
    /// ([`SearchState::knee`]).
    Knee,
    /// A genome in its text form, measured or not.
    Named(String),
}

impl From<String> for Rule {
    fn from(text: String) -> Self {
        match text.as_str() {
            "best" => Self::Best,
            "knee" => Self::Knee,
            _ => Self::Named(text),
        }
    }
}

impl FromStr for Rule {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.to_owned().into())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Best => f.pad("best"),
            Self::Knee => f.pad("knee"),
            Self::Named(genome) => f.pad(genome),
        }
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_string()
    }
}

/// The chosen network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Choice {
    /// Its choice in every layer.
    pub genome: Genome,
    /// Its layers, stabilizers folded.
    pub layers: String,
    /// Its accuracy on the held-out images with the supernet's weights, from 0 to 1, if it was
    /// measured, and with the batch normalisation that it is taken out with.
    pub inherited_accuracy: Option<f64>,
    /// Its mult-adds.
    pub mult_adds: u64,
    /// Its trained numbers.
    pub parameters: u64,
    /// Its latency in milliseconds, if the search knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// What became of each stabilizer, in words.
    pub stabilizers: Vec<String>,
}

impl Run {
    /// Picks a candidate and takes it out of the supernet.
    ///
    /// # Errors
    ///
    /// When nothing is within the budget, what is to be chosen does not exist, a stabilizer cannot
    /// be folded, or a file cannot be written.
    pub fn choose(
        &self,
        folder: &RunFolder,
        supernet: &Supernet,
        found: &SearchState,
    ) -> Result<(Choice, Extracted), RunError> {
        self.stage(folder, Stage::Choose, || {
            let genome = self
                .config
                .choose
                .network
                .pick(&self.space, Some(found), &[])?;
            let statistics = self.statistics();
            let (choice, extracted) = take_out(supernet, &genome, &statistics, Some(found))?;
            folder.write_json("choice.json", &choice)?;
            self.wrote(Stage::Choose, folder, "choice.json")?;
            let control = self.report(&RunEvent::Chosen(&choice));
            self.unless_stopped(Stage::Choose, control == Control::Continue)?;
            Ok((choice, extracted))
        })
    }
}

impl Run {
    /// Takes a network out of the supernet that the run's folder holds, as [`choose`](Self::choose)
    /// does, and changes nothing in the folder. [`Rule::Best`] keeps to `budget` besides the
    /// search's own.
    ///
    /// # Errors
    ///
    /// When the folder has no supernet yet, or no search to choose from, when what is to be chosen
    /// does not exist, or a stabilizer cannot be folded.
    pub fn extract(
        &self,
        folder: &RunFolder,
        budget: &[Constraint],
    ) -> Result<(Choice, Extracted), RunError> {
        extract(
            folder,
            &self.config.choose.network,
            budget,
            &self.statistics(),
            &self.device,
        )
    }

    /// The statistics that candidates are judged with.
    pub(super) fn statistics(&self) -> Statistics {
        let config = self.evaluator_config();
        match config.calibration((&self.data.train).into()) {
            Some(images) => Statistics::Measured {
                images,
                batch_size: config.batch_size,
            },
            None => Statistics::Judged,
        }
    }
}

/// The running statistics of batch normalisation that a network is taken out with.
pub(super) enum Statistics {
    /// Those that it has on these images, as candidates are judged.
    Measured { images: ImageSet, batch_size: usize },
    /// The supernet's own, which candidates were judged with.
    Judged,
    /// The supernet's own, although candidates were judged with others.
    Unjudged,
}

/// Takes a network out of the supernet that a run's folder holds, without the run's images. Its
/// batch normalisation keeps the supernet's statistics, a mixture of all paths': before it is used,
/// they have to be [measured anew](crate::recalibrate), or the network trained on.
///
/// # Errors
///
/// Those of [`Run::extract`].
pub fn extract_uncalibrated(
    folder: &RunFolder,
    config: &RunConfig,
    budget: &[Constraint],
    device: &Device,
) -> Result<(Choice, Extracted), RunError> {
    let statistics = match config.search.calibration_images {
        0 => Statistics::Judged,
        _ => Statistics::Unjudged,
    };
    extract(folder, &config.choose.network, budget, &statistics, device)
}

fn extract(
    folder: &RunFolder,
    rule: &Rule,
    budget: &[Constraint],
    statistics: &Statistics,
    device: &Device,
) -> Result<(Choice, Extracted), RunError> {
    let supernet = open_supernet(folder, device)?;
    let state = folder.file(STATE);
    let found = match state.exists() {
        true => Some(SearchState::load(state)?),
        false => None,
    };
    let genome = rule.pick(supernet.space(), found.as_ref(), budget)?;
    take_out(&supernet, &genome, statistics, found.as_ref())
}

impl Rule {
    /// The genome that is named, if one is.
    ///
    /// # Errors
    ///
    /// [`RunError::UnknownChoice`] for one that is not of the space.
    pub(super) fn named(&self, space: &SearchSpace) -> Result<Option<Genome>, RunError> {
        let Self::Named(text) = self else {
            return Ok(None);
        };
        let unknown = |error: ArchitectureError| RunError::UnknownChoice {
            given: text.clone(),
            problem: error.to_string(),
        };
        let genome: Genome = text.parse().map_err(unknown)?;
        space.decode(&genome).map_err(unknown)?;
        Ok(Some(genome))
    }

    /// The genome that the rule chooses out of a search.
    fn pick(
        &self,
        space: &SearchSpace,
        found: Option<&SearchState>,
        budget: &[Constraint],
    ) -> Result<Genome, RunError> {
        if let Some(genome) = self.named(space)? {
            return Ok(genome);
        }
        let found = found.ok_or(RunError::NothingFound)?;
        let picked: Option<&Candidate> = match self {
            Self::Knee => found.knee(),
            _ => found.best(&found.config().objectives[0], budget)?,
        };
        let picked = picked.ok_or_else(|| nothing_feasible(found, budget))?;
        Ok(Genome::new(picked.genome().to_vec())?)
    }
}

/// Takes a network out of a supernet, its stabilizers folded.
pub(super) fn take_out(
    supernet: &Supernet,
    genome: &Genome,
    statistics: &Statistics,
    found: Option<&SearchState>,
) -> Result<(Choice, Extracted), RunError> {
    let options = FoldOptions::default();
    let extracted = match statistics {
        Statistics::Measured { images, batch_size } => {
            supernet.extract_calibrated(genome, images, *batch_size, &options)?
        }
        Statistics::Judged | Statistics::Unjudged => supernet.extract(genome, &options)?,
    };
    let architecture = extracted.network.architecture();
    let cost = Cost::of(architecture, architecture.preprocessing.resolution)?;
    let found = |name| {
        let found = found?;
        let metric = found.metric(name).ok()?;
        found.archive().get(genome.genes())?.value(metric)
    };
    let inherited_accuracy = match statistics {
        Statistics::Unjudged => None,
        _ => found("accuracy"),
    };
    let folds = &extracted.stabilizers.stabilizers;
    let choice = Choice {
        genome: genome.clone(),
        layers: architecture.to_string(),
        inherited_accuracy,
        mult_adds: cost.mult_adds,
        parameters: cost.parameters,
        latency_ms: found(LATENCY_METRIC),
        stabilizers: folds.iter().map(ToString::to_string).collect(),
    };
    Ok((choice, extracted))
}
