//! The third stage: which candidate is taken.

mod rule;

use burn::tensor::Device;
use scarlet::Precision;
use scarlet_arch::{Cost, Genome, SearchSpace};
use scarlet_data::dataset::ImageSet;
use scarlet_search::{Constraint, SearchState};
use scarlet_train::latency::LATENCY_METRIC;
use scarlet_train::{Ancestor, Control, Extracted};
use serde::{Deserialize, Serialize};

use self::rule::larger_of_best;
use crate::RunError;
use crate::RunFolder;
use crate::files;
use crate::pipeline::budget::check_limits;
use crate::pipeline::lead::{BudgetUse, Lead, budget_uses, interval_of};
use crate::pipeline::stages::Run;
use crate::pipeline::supernet::open_supernet;
use crate::pipeline::{RunConfig, RunEvent, Stage};
use crate::report::card;

pub use self::rule::Rule;

/// Which candidate is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChooseSettings {
    /// `best`, the one that is best in the first objective; `knee`, the knee of the front; or
    /// a genome.
    pub network: Rule,
}

/// The chosen network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Choice {
    /// Its choice in every layer.
    pub genome: Genome,
    /// Its layers, stabilizers folded; with its head, where the search chose that.
    pub layers: String,
    /// Height and width of the images that it sees, in pixels, where the search chose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<usize>,
    /// Its accuracy on the held-out images with the supernet's weights, from 0 to 1, if it was
    /// measured, and with the batch normalisation that it is taken out with.
    pub inherited_accuracy: Option<f64>,
    /// Number of these images, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited_images: Option<usize>,
    /// 95 % confidence interval of this accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited_interval: Option<[f64; 2]>,
    /// The numbers that it was judged and timed in, as all candidates.
    #[serde(default, skip_serializing_if = "Precision::is_float32")]
    pub judged_in: Precision,
    /// How far it is ahead of the next best, where the best was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<Lead>,
    /// The accuracy of the best, where a larger network that is within one standard error of it was
    /// chosen instead, as among the parts of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_accuracy: Option<f64>,
    /// What each bound of the budget did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budget: Vec<BudgetUse>,
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
        ancestor: &Ancestor,
        found: &SearchState,
    ) -> Result<(Choice, Extracted), RunError> {
        self.stage(folder, Stage::Choose, || {
            let chosen = Chosen {
                rule: &self.config.choose.network,
                budget: &[],
                images: Some(self.data.holdout.len()),
                judged_in: self.config.search.deploy,
            };
            let statistics = self.statistics();
            let (choice, extracted) = take_out(ancestor, &chosen, &statistics, Some(found))?;
            folder.write_json(files::CHOICE, &choice)?;
            self.wrote(Stage::Choose, folder, files::CHOICE)?;
            let control = self.report(&RunEvent::Chosen(&choice));
            self.unless_stopped(Stage::Choose, control == Control::Continue)?;
            Ok((choice, extracted))
        })
    }
}

impl Run {
    /// Takes a network out of the supernet that the run's folder holds, as [`choose`](Self::choose)
    /// does, and changes nothing in the folder. [`Rule::Best`] satisfies `budget` in addition to
    /// the search's own.
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
        let chosen = Chosen {
            rule: &self.config.choose.network,
            budget,
            images: Some(self.data.holdout.len()),
            judged_in: self.config.search.deploy,
        };
        let ancestor = match self.published()? {
            Some(published) => published.into(),
            None => open_supernet(folder, &self.device)?.into(),
        };
        let (choice, extracted) = extract(folder, &chosen, &self.statistics(), &ancestor)?;
        // By the supernet's training; the network's own has not begun.
        let card = card(&self.config.data.source, &self.data.train);
        let network = extracted.network.with_card(card)?;
        Ok((
            choice,
            Extracted {
                network,
                ..extracted
            },
        ))
    }

    /// The statistics that candidates are judged with.
    pub(in crate::pipeline) fn statistics(&self) -> Statistics {
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
pub(in crate::pipeline) enum Statistics {
    /// Those that it has on these images, as candidates are judged.
    Measured { images: ImageSet, batch_size: usize },
    /// The supernet's own, which candidates were judged with.
    Judged,
    /// The supernet's own, although candidates were judged with others.
    Unjudged,
}

/// Takes a network out of the supernet that a run's folder holds, without the run's images. Its
/// batch normalisation keeps the supernet's statistics, a mixture of all paths': before it is used,
/// they have to be [measured again](scarlet_train::recalibrate), or the network trained on.
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
    let chosen = Chosen {
        rule: &config.choose.network,
        budget,
        images: None,
        judged_in: config.search.deploy,
    };
    let supernet = open_supernet(folder, device)?.into();
    extract(folder, &chosen, &statistics, &supernet)
}

/// What is to be chosen.
struct Chosen<'a> {
    rule: &'a Rule,
    /// What the best must satisfy in addition to the search's own budget.
    budget: &'a [Constraint],
    /// Images that candidates were judged by, where they are known.
    images: Option<usize>,
    /// The numbers that they were judged in.
    judged_in: Precision,
}

fn extract(
    folder: &RunFolder,
    chosen: &Chosen<'_>,
    statistics: &Statistics,
    ancestor: &Ancestor,
) -> Result<(Choice, Extracted), RunError> {
    check_limits(chosen.budget)?;
    let found: Option<SearchState> = match folder.file(files::STATE).exists() {
        true => Some(folder.read_json(files::STATE)?),
        false => None,
    };
    take_out(ancestor, chosen, statistics, found.as_ref())
}

/// The layers of a network as text, with its head where the space's networks have several.
pub(in crate::pipeline) fn chosen_layers(
    space: &SearchSpace,
    network: &scarlet::Architecture,
) -> String {
    match space.features().len() {
        1 => network.layers_text(),
        _ => network.layers_and_head_text(),
    }
}

/// The resolution of a network, where the space's networks have several.
pub(in crate::pipeline) fn chosen_resolution(
    space: &SearchSpace,
    network: &scarlet::Architecture,
) -> Option<usize> {
    let several = space.resolutions().len() > 1;
    several.then_some(network.preprocessing.resolution)
}

/// Chooses a network and takes it out of what it inherits from, its stabilizers folded.
fn take_out(
    ancestor: &Ancestor,
    chosen: &Chosen<'_>,
    statistics: &Statistics,
    search: Option<&SearchState>,
) -> Result<(Choice, Extracted), RunError> {
    let mut genome = chosen.rule.pick(ancestor.space(), search, chosen.budget)?;
    let are_parts = ancestor.is_of_parts();
    let mut best = None;
    if let (Some(search), Rule::Best, true) = (search, chosen.rule, are_parts)
        && let Some((larger, accuracy)) = larger_of_best(search, chosen.budget, chosen.images)?
    {
        best = Some(accuracy);
        genome = larger;
    }
    let genome = &genome;
    let extracted = match statistics {
        Statistics::Measured { images, batch_size } => {
            ancestor.take_out(genome, Some(images), *batch_size)?
        }
        Statistics::Judged | Statistics::Unjudged => ancestor.take_out(genome, None, 1)?,
    };
    let architecture = extracted.network.architecture();
    let cost = Cost::of(architecture, architecture.preprocessing.resolution)?;
    let found = |name| {
        let search = search?;
        let metric = search.metric(name).ok()?;
        search.archive().get(genome.genes())?.value(metric)
    };
    let inherited_accuracy = match statistics {
        Statistics::Unjudged => None,
        _ => found("accuracy"),
    };
    let inherited_images = inherited_accuracy.and(chosen.images);
    let judged = inherited_accuracy.zip(inherited_images);
    let lead = match (search, chosen.rule, inherited_images) {
        // The largest of several has none.
        _ if best.is_some() => None,
        (Some(search), Rule::Best, Some(images)) => Lead::of(search, chosen.budget, images)?,
        _ => None,
    };
    let budget = match search {
        Some(search) => budget_uses(search, chosen.budget, genome)?,
        None => Vec::new(),
    };
    let folds = &extracted.stabilizers.stabilizers;
    let choice = Choice {
        genome: genome.clone(),
        layers: chosen_layers(ancestor.space(), architecture),
        resolution: chosen_resolution(ancestor.space(), architecture),
        inherited_accuracy,
        inherited_images,
        inherited_interval: judged.map(|(accuracy, images)| interval_of(accuracy, images)),
        judged_in: chosen.judged_in,
        lead,
        best_accuracy: best,
        budget,
        mult_adds: cost.mult_adds,
        parameters: cost.parameters,
        latency_ms: found(LATENCY_METRIC),
        stabilizers: folds.iter().map(ToString::to_string).collect(),
    };
    Ok((choice, extracted))
}
