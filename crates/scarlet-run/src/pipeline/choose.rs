//! The third stage: which candidate is taken.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
use scarlet::Precision;
use scarlet_arch::{ArchitectureError, Cost, Genome, SearchSpace};
use scarlet_data::dataset::ImageSet;
use scarlet_search::{Candidate, Constraint, SearchState};
use scarlet_train::evaluator::ACCURACY;
use scarlet_train::latency::LATENCY_METRIC;
use scarlet_train::{Ancestor, Control, Extracted};
use serde::{Deserialize, Serialize};

use super::budget::{check_limits, nothing_feasible};
use super::lead::{BudgetUse, Lead, budget_uses, interval_of};
use super::stages::Run;
use super::supernet::open_supernet;
use super::{RunConfig, RunEvent, Stage};
use crate::RunError;
use crate::RunFolder;
use crate::files;
use crate::report::card;

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
pub(super) fn chosen_layers(space: &SearchSpace, network: &scarlet::Architecture) -> String {
    match space.features().len() {
        1 => network.layers_text(),
        _ => network.layers_and_head_text(),
    }
}

/// The resolution of a network, where the space's networks have several.
pub(super) fn chosen_resolution(
    space: &SearchSpace,
    network: &scarlet::Architecture,
) -> Option<usize> {
    let several = space.resolutions().len() > 1;
    several.then_some(network.preprocessing.resolution)
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

/// The largest network in mult-adds whose accuracy on `images` held-out images is within one standard
/// error of the best's, and that of the best; `None` where that is the largest itself. So a part of a
/// network uses what the budget allows where the images do not say that less is as good.
fn larger_of_best(
    found: &SearchState,
    budget: &[Constraint],
    images: Option<usize>,
) -> Result<Option<(Genome, f64)>, RunError> {
    let objective = &found.config().objectives[0];
    let ranked = found.ranked(objective, budget)?;
    let (accuracy, size) = (found.metric(ACCURACY)?, found.metric("mult_adds")?);
    let value = |candidate: &Candidate, metric| candidate.value(metric).unwrap_or(0.0);
    let Some(first) = ranked.first().filter(|_| objective.name == ACCURACY) else {
        return Ok(None);
    };
    let best = value(first, accuracy);
    // Without their number, only what is as accurate.
    let error = images.map_or(0.0, |images| (best * (1.0 - best) / images as f64).sqrt());
    let alike = ranked
        .iter()
        .filter(|it| value(it, accuracy) >= best - error);
    let largest = alike.max_by(|a, b| value(a, size).total_cmp(&value(b, size)));
    let larger = largest.filter(|it| value(it, size) > value(first, size));
    let genome = larger
        .map(|it| Genome::new(it.genome().to_vec()))
        .transpose()?;
    Ok(genome.map(|genome| (genome, best)))
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

#[cfg(test)]
mod tests {
    use scarlet_search::{EvaluatorFn, GeneSpace, Search, SearchConfig, Stop};

    use super::*;

    /// All 16 candidates of two genes, judged by 100 images: accuracy follows from the second gene,
    /// size from both.
    fn found(objective: &str) -> SearchState {
        let evaluator = EvaluatorFn::new([ACCURACY, "mult_adds"], |genes: &[u8]| {
            let accuracy = [0.9, 0.88, 0.86, 0.2][usize::from(genes[1])];
            Ok(vec![accuracy, f64::from(10 * genes[1] + genes[0])])
        });
        let config = SearchConfig {
            constraints: vec!["mult_adds <= 22".parse().unwrap()],
            stop: Stop::after_evaluations(16),
            ..SearchConfig::new(
                GeneSpace::uniform(2, 4).unwrap(),
                vec![objective.parse().unwrap()],
            )
        };
        let mut search = Search::new(config, evaluator).unwrap();
        while search.step().unwrap().is_some() {}
        search.into_state()
    }

    #[test]
    fn the_largest_that_is_within_one_standard_error_of_the_best_is_taken() {
        let state = found("maximize accuracy");
        let larger = |images, more: &[Constraint]| {
            let larger = larger_of_best(&state, more, images).unwrap();
            larger.map(|(genome, best)| (genome.to_string(), best))
        };
        // An error of 3 points: 0.88 is within it, 0.86 is not.
        let within = Some(("31".to_owned(), 0.9));
        assert_eq!(larger(Some(100), &[]), within);
        // Of 4.2 points: 0.86 too, whose largest breaks the budget.
        assert_eq!(larger(Some(50), &[]), Some(("22".to_owned(), 0.9)));
        // A budget of one's own excludes more of them.
        let budget = ["mult_adds <= 12".parse().unwrap()];
        assert_eq!(larger(Some(100), &budget), Some(("21".to_owned(), 0.9)));
        // With so many images none but the best's own equals is left, nor without their number.
        for images in [Some(10_000), None] {
            let equal = larger(images, &[]);
            assert!(equal.is_none_or(|(genome, _)| genome == "30"));
        }
        // Of another objective nothing is known.
        let other = found("minimize mult_adds");
        assert!(larger_of_best(&other, &[], Some(100)).unwrap().is_none());
    }
}
