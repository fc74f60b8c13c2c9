//! [`Rule`]: how a candidate is picked out of those that a search found.

use std::fmt;
use std::str::FromStr;

use scarlet_arch::{ArchitectureError, Genome, SearchSpace};
use scarlet_search::{Candidate, Constraint, SearchState};
use scarlet_train::evaluator::ACCURACY;
use serde::{Deserialize, Serialize};

use crate::RunError;
use crate::pipeline::budget::nothing_feasible;

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

impl Rule {
    /// The genome that is named, if one is.
    ///
    /// # Errors
    ///
    /// [`RunError::UnknownChoice`] for one that is not of the space.
    pub(in crate::pipeline) fn named(
        &self,
        space: &SearchSpace,
    ) -> Result<Option<Genome>, RunError> {
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
    pub(super) fn pick(
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
pub(super) fn larger_of_best(
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
