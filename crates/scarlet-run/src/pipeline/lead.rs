//! What the choice of a network rests on: how far it is ahead of the next, and what the budget did.

use scarlet::{accuracy_difference_interval, accuracy_interval};
use scarlet_arch::Genome;
use scarlet_search::{Bound, Candidate, Constraint, SearchState};
use scarlet_train::evaluator::ACCURACY;
use serde::{Deserialize, Serialize};

use super::plan::opposite;
use super::stages::Run;
use crate::RunError;

/// How far the best candidate is ahead of the next one that keeps the budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Lead {
    /// The next best candidate.
    pub next: Genome,
    /// The metric of the first objective, by which they are ranked.
    pub metric: String,
    /// How much better the best one is, at least 0, in the metric's unit; an accuracy is from 0 to
    /// 1.
    pub by: f64,
    /// Held-out images that both accuracies are of. `None` for other metrics.
    pub images: Option<usize>,
    /// 95 % interval of the difference of accuracies ([`accuracy_difference_interval`]); where it
    /// reaches below 0, the difference may be chance. `None` for other metrics.
    pub interval: Option<[f64; 2]>,
}

/// What a bound of the budget did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BudgetUse {
    /// The bound, such as `mult_adds <= 5000000`.
    pub constraint: String,
    /// The chosen network's value, where it was measured.
    pub value: Option<f64>,
    /// The bound's limit.
    pub limit: f64,
    /// Candidates that break it.
    pub excluded: usize,
    /// All candidates whose value is known.
    pub candidates: usize,
}

impl BudgetUse {
    /// Whether any candidate breaks the bound: without one, the search would have gone no other way.
    pub fn binds(&self) -> bool {
        self.excluded > 0
    }
}

/// How well `images` tell an accuracy that was measured on them: its 95 % interval.
pub(crate) fn interval_of(accuracy: f64, images: usize) -> [f64; 2] {
    accuracy_interval(right(accuracy, images), images as u64)
}

/// How many of the images an accuracy stands for.
fn right(accuracy: f64, images: usize) -> u64 {
    (accuracy * images as f64).round() as u64
}

impl Lead {
    /// Whether the difference may be chance.
    pub fn may_be_chance(&self) -> bool {
        self.interval.is_some_and(|[low, _]| low <= 0.0)
    }

    /// Of the best candidate within the search's own budget and `more`; `None` where it is the only
    /// one. Accuracies are of `images` held-out images.
    pub(super) fn of(
        found: &SearchState,
        more: &[Constraint],
        images: usize,
    ) -> Result<Option<Self>, RunError> {
        let objective = &found.config().objectives[0];
        let metric = found.metric(&objective.name)?;
        let ranked = found.ranked(objective, more)?;
        let [best, next, ..] = ranked.as_slice() else {
            return Ok(None);
        };
        let value = |candidate: &Candidate| candidate.value(metric).unwrap_or(f64::NAN);
        let (best, value_of_next) = (value(best), value(next));
        let images = (objective.name == ACCURACY).then_some(images);
        Ok(Some(Self {
            next: Genome::new(next.genome().to_vec())?,
            metric: objective.name.clone(),
            by: (best - value_of_next).abs(),
            images,
            interval: images.map(|images| {
                let counted = |accuracy| (right(accuracy, images), images as u64);
                accuracy_difference_interval(counted(best), counted(value_of_next))
            }),
        }))
    }
}

/// What each bound of the search's own budget and `more` did to the choice of `genome`.
pub(super) fn budget_uses(
    found: &SearchState,
    more: &[Constraint],
    genome: &Genome,
) -> Result<Vec<BudgetUse>, RunError> {
    let constraints = found.config().constraints.iter().chain(more);
    let uses = constraints.map(|constraint| {
        let metric = found.metric(&constraint.name)?;
        let candidates = found.archive().candidates().iter();
        let values: Vec<f64> = candidates.filter_map(|it| it.value(metric)).collect();
        let breaks = |value: &&f64| constraint.violation(**value) > 0.0;
        let chosen = found.archive().get(genome.genes());
        Ok(BudgetUse {
            constraint: constraint.to_string(),
            value: chosen.and_then(|candidate| candidate.value(metric)),
            limit: constraint.limit,
            excluded: values.iter().filter(breaks).count(),
            candidates: values.len(),
        })
    });
    uses.collect()
}

impl Run {
    /// The bounds of the budget that every network of the space keeps, each as a sentence: the
    /// search would be the same without them.
    ///
    /// # Errors
    ///
    /// None for a prepared run.
    pub fn loose_budget(&self) -> Result<Vec<String>, RunError> {
        let mut loose = Vec::new();
        for constraint in &self.config.search.budget {
            let Some((genome, value)) = self.extreme(&opposite(constraint))? else {
                continue;
            };
            if constraint.violation(value) == 0.0 {
                let extreme = match constraint.bound {
                    Bound::AtMost => "most",
                    Bound::AtLeast => "least",
                };
                loose.push(format!(
                    "the budget `{constraint}` does not bind: the network of this space with the \
                     {extreme} {} has {value} (`{genome}`)",
                    constraint.name
                ));
            }
        }
        Ok(loose)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use scarlet_search::{EvaluatorFn, GeneSpace, Search, SearchConfig, Stop};
    use serde_json::json;

    use super::*;
    use crate::pipeline::RunConfig;

    /// A search of 16 candidates whose accuracy on 100 images and size follow from their genes.
    fn found(accuracy: fn(&[u8]) -> f64) -> SearchState {
        let evaluator = EvaluatorFn::new(["accuracy", "parameters"], move |genes: &[u8]| {
            Ok(vec![accuracy(genes), f64::from(genes[0]) * 10.0])
        });
        let config = SearchConfig {
            constraints: vec!["parameters <= 20".parse().unwrap()],
            stop: Stop::after_evaluations(16),
            ..SearchConfig::new(
                GeneSpace::uniform(2, 4).unwrap(),
                vec!["maximize accuracy".parse().unwrap()],
            )
        };
        let mut search = Search::new(config, evaluator).unwrap();
        while search.step().unwrap().is_some() {}
        search.into_state()
    }

    fn ninety_and_less(genes: &[u8]) -> f64 {
        match genes {
            [2, 3] => 0.9,
            [1, 1] => 0.85,
            // Over the budget.
            [3, _] => 0.99,
            _ => 0.2,
        }
    }

    #[test]
    fn the_best_is_told_with_its_lead_and_how_sure_that_is() {
        let state = found(ninety_and_less);
        let lead = Lead::of(&state, &[], 100).unwrap().unwrap();
        assert_eq!(
            (lead.next.to_string().as_str(), lead.images),
            ("11", Some(100))
        );
        assert!((lead.by - 0.05).abs() < 1e-12);
        let expected = accuracy_difference_interval((90, 100), (85, 100));
        assert_eq!(lead.interval, Some(expected));
        assert!(expected[0] < 0.0 && lead.may_be_chance());
        // As many as these leave no doubt.
        let sure = Lead::of(&state, &[], 10_000).unwrap().unwrap();
        assert!(!sure.may_be_chance());
        // More budgets leave other candidates.
        let fewer = ["parameters <= 10".parse().unwrap()];
        let lead = Lead::of(&state, &fewer, 100).unwrap().unwrap();
        assert!((lead.by - 0.65).abs() < 1e-12);
        let none = ["parameters <= -1".parse().unwrap()];
        assert_eq!(Lead::of(&state, &none, 100).unwrap(), None);
    }

    #[test]
    fn a_budget_is_told_with_what_it_excluded() {
        let state = found(ninety_and_less);
        let chosen: Genome = "23".parse().unwrap();
        let more = ["accuracy >= 0.1".parse().unwrap()];
        let uses = budget_uses(&state, &more, &chosen).unwrap();
        let told = |it: &BudgetUse| (it.value, it.limit, it.excluded, it.candidates, it.binds());
        assert_eq!(told(&uses[0]), (Some(20.0), 20.0, 4, 16, true));
        assert_eq!(told(&uses[1]), (Some(0.9), 0.1, 0, 16, false));
        assert_eq!(uses[0].constraint, "parameters <= 20");
    }

    #[test]
    fn a_budget_that_all_networks_keep_is_found_beforehand() {
        let loose = |budget: &[&str]| {
            let changes = json!({
                "space": {
                    "layers": [[8, 2], [8, 1]], "choices": ["E3K3", "E6K3"],
                    "skip": "none", "stem": 8, "separable": 8, "head": 16,
                },
                "search": {"budget": budget},
            });
            let config = RunConfig::default().with(changes).unwrap();
            let run = Run::prepare(config, Device::flex(), |_| {}).unwrap();
            run.loose_budget().unwrap()
        };
        let told = loose(&["mult_adds <= 500M", "parameters >= 1", "accuracy >= 0"]);
        assert_eq!(told.len(), 2, "{told:?}");
        let parts = [
            "`mult_adds <= 500000000` does not bind",
            "the most mult_adds has ",
            "(`11`)",
        ];
        for part in parts {
            assert!(told[0].contains(part), "{told:?}");
        }
        assert!(told[1].contains("the least parameters has "), "{told:?}");
        assert_eq!(loose(&["parameters <= 3K"]), [""; 0]);
    }
}
