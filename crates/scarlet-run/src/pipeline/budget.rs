//! Budgets that have to be kept together: whether any network can, and the one that comes nearest.

use scarlet_arch::{Cost, CostMetric, Genome};
use scarlet_search::{Bound, Constraint, SearchState};
use scarlet_train::evaluator::ACCURACY;
use scarlet_train::latency::LATENCY_METRIC;
use scarlet_train::supernet::plain_architecture;

use super::measured::MeasuredMetric;
use super::stages::Run;
use crate::RunError;

/// Excesses below it are rounding.
const ROUNDING: f64 = 1e-9;

/// A budget with what every choice adds to it. All excesses are signed shares of the limit, at
/// most 0 where it is kept.
struct Part<'a> {
    constraint: &'a Constraint,
    /// Of the network that has the first choice everywhere.
    base: f64,
    /// By layer and choice, beyond the base.
    added: Vec<Vec<f64>>,
}

impl Part<'_> {
    fn excess(&self, genes: &[u8]) -> f64 {
        let added = self.added.iter().zip(genes);
        self.base
            + added
                .map(|(layer, &gene)| layer[usize::from(gene)])
                .sum::<f64>()
    }

    fn violation(&self, genes: &[u8]) -> f64 {
        let excess = self.excess(genes);
        match excess > ROUNDING {
            true => excess,
            false => 0.0,
        }
    }
}

/// The network of least weighted excess. Every layer can be chosen on its own.
fn least(a: &Part<'_>, b: &Part<'_>, weights: [f64; 2]) -> Vec<u8> {
    let layers = a.added.iter().zip(&b.added);
    let choices = layers.map(|(a, b)| {
        let weighed = |choice: usize| weights[0] * a[choice] + weights[1] * b[choice];
        let best = (0..a.len()).min_by(|&a, &b| weighed(a).total_cmp(&weighed(b)));
        best.unwrap_or(0) as u8
    });
    choices.collect()
}

/// What is known of two budgets.
enum Together {
    /// A network that keeps both.
    Kept(Vec<u8>),
    /// No network does; the nearest.
    Impossible(Vec<u8>),
    /// Some that keep one, or nearly both.
    Unknown(Vec<Vec<u8>>),
}

/// Looks for a network that keeps two budgets, by the dual problem: if a weighted sum of both
/// excesses is positive for all networks, none keeps both. The weight of the largest least sum is
/// found by going from intersection to intersection of the lines that networks are over the weight.
fn together(a: &Part<'_>, b: &Part<'_>) -> Together {
    let keeps = |genes: &[u8]| a.violation(genes) + b.violation(genes) == 0.0;
    // Of least excess of the one, and of the other.
    let mut first = least(a, b, [1.0, 0.0]);
    let mut second = least(a, b, [0.0, 1.0]);
    let mut seen = Vec::new();
    loop {
        for genes in [&first, &second] {
            if keeps(genes) {
                return Together::Kept(genes.clone());
            }
            seen.push(genes.clone());
        }
        let fall = b.excess(&first) - b.excess(&second);
        let rise = a.excess(&second) - a.excess(&first);
        // The budgets do not pull in different directions: the caller has checked each alone.
        if fall <= 0.0 || rise <= 0.0 {
            return Together::Unknown(seen);
        }
        let weight = fall / (fall + rise);
        let sum = |genes: &[u8]| weight * a.excess(genes) + (1.0 - weight) * b.excess(genes);
        let next = least(a, b, [weight, 1.0 - weight]);
        if sum(&next) > ROUNDING {
            return Together::Impossible(next);
        }
        if keeps(&next) {
            return Together::Kept(next);
        }
        // No network lies below the line of the last two.
        if sum(&next) >= sum(&first) - ROUNDING {
            return Together::Unknown(seen);
        }
        match a.excess(&next) > 0.0 {
            true => second = next,
            false => first = next,
        }
    }
}

/// Refuses bounds that are no numbers, or that say nothing of what they are on.
pub(super) fn check_limits(budget: &[Constraint]) -> Result<(), RunError> {
    for constraint in budget {
        let limit = constraint.limit;
        let problem = if !limit.is_finite() {
            "its limit is not a finite number".to_owned()
        } else if constraint.name == ACCURACY && !(0.0..=1.0).contains(&limit) {
            let hint = match (1.0..=100.0).contains(&limit) {
                true => format!(": for {limit} %, write {}", limit / 100.0),
                false => String::new(),
            };
            format!("accuracies are from 0 to 1{hint}")
        } else if let Some(metric) = MeasuredMetric::named(&constraint.name)
            && limit <= 0.0
        {
            format!("{} are above 0", metric.values)
        } else {
            continue;
        };
        return Err(RunError::Setting {
            section: "search",
            problem: format!("the budget `{constraint}` is impossible: {problem}"),
        });
    }
    Ok(())
}

/// Refuses bounds on one metric that exclude each other.
pub(super) fn check_bounds(budget: &[Constraint]) -> Result<(), RunError> {
    for (index, a) in budget.iter().enumerate() {
        for b in &budget[index + 1..] {
            let (least, most) = match (a.bound, b.bound) {
                (Bound::AtLeast, Bound::AtMost) => (a, b),
                (Bound::AtMost, Bound::AtLeast) => (b, a),
                _ => continue,
            };
            if least.name == most.name && least.limit > most.limit {
                return Err(RunError::Setting {
                    section: "search",
                    problem: format!("nothing has {most} and {least}; change one of them"),
                });
            }
        }
    }
    Ok(())
}

impl Run {
    /// Refuses budgets of which each can be kept, but not all together.
    pub(super) fn check_budgets_together(&self) -> Result<(), RunError> {
        if !self.layers_add_up() {
            return Ok(());
        }
        let parts = self.parts()?;
        for (index, a) in parts.iter().enumerate() {
            for b in &parts[index + 1..] {
                if let Together::Impossible(nearest) = together(a, b) {
                    return Err(RunError::ImpossibleBudgets {
                        constraints: format!("{} and {}", a.constraint, b.constraint),
                        nearest: self.described(&Genome::new(nearest)?)?,
                    });
                }
            }
        }
        Ok(())
    }

    /// Whether a network costs what its layers cost on their own. Skips that are removed are merged
    /// into other layers, whose costs they change, the resolution changes all of them, and features cost
    /// something behind them.
    fn layers_add_up(&self) -> bool {
        self.space.skip().is_none() && self.space.genes().len() == self.space.layers()
    }

    /// A network that keeps all budgets that can be computed beforehand, if one is found; else one
    /// that comes near.
    pub(super) fn nearest_to_budget(&self) -> Result<Option<Genome>, RunError> {
        let parts = self.parts()?;
        let mut starts = Vec::new();
        for (index, a) in parts.iter().enumerate() {
            for b in &parts[index + 1..] {
                match together(a, b) {
                    Together::Kept(genes) | Together::Impossible(genes) => starts.push(genes),
                    Together::Unknown(seen) => starts.extend(seen),
                }
            }
        }
        let mut nearest = None;
        for start in starts {
            let (genome, violation) = self.improved(Genome::new(start)?)?;
            if nearest.as_ref().is_none_or(|(_, least)| violation < *least) {
                nearest = Some((genome, violation));
            }
        }
        Ok(nearest.map(|(genome, _)| genome))
    }

    /// A network with one gene changed after the other, each time to what violates the budgets
    /// least, until nothing is better; and its violation.
    pub(super) fn improved(&self, mut genome: Genome) -> Result<(Genome, f64), RunError> {
        let mut least = self.violation(&genome)?;
        loop {
            let before = least;
            let mut better = genome.clone();
            for (gene, values) in self.space.genes().into_iter().enumerate() {
                for choice in 0..values as u8 {
                    let mut genes = genome.genes().to_vec();
                    genes[gene] = choice;
                    let changed = Genome::new(genes)?;
                    let violation = self.violation(&changed)?;
                    if violation < least {
                        (better, least) = (changed, violation);
                    }
                }
            }
            if least == before {
                return Ok((genome, least));
            }
            genome = better;
        }
    }

    /// What makes it doubtful that any network keeps all budgets, in words: none was found that
    /// does. `None` where one was.
    ///
    /// # Errors
    ///
    /// None for a prepared run.
    pub fn budget_doubt(&self) -> Result<Option<String>, RunError> {
        let mut nearest: Option<(Genome, f64)> = None;
        for genes in self.first_networks()? {
            let genome = Genome::new(genes)?;
            let violation = self.violation(&genome)?;
            if nearest.as_ref().is_none_or(|(_, least)| violation < *least) {
                nearest = Some((genome, violation));
            }
        }
        match nearest {
            Some((nearest, violation)) if violation > 0.0 => Ok(Some(format!(
                "no network that satisfies {} was found beforehand, and the search may find \
                 none; the nearest is {}",
                listed(&self.config.search.budget),
                self.described(&nearest)?
            ))),
            _ => Ok(None),
        }
    }

    /// By how much a network violates the budgets that can be computed.
    pub(super) fn violation(&self, genome: &Genome) -> Result<f64, RunError> {
        let mut violation = 0.0;
        for constraint in &self.config.search.budget {
            if let Some(value) = self.computed(genome, &constraint.name)? {
                violation += constraint.violation(value);
            }
        }
        Ok(violation)
    }

    /// A metric of a network, if it can be computed beforehand.
    fn computed(&self, genome: &Genome, name: &str) -> Result<Option<f64>, RunError> {
        if name == LATENCY_METRIC {
            let table = self.latency_table.as_ref();
            return Ok(table.map(|table| table.latency_ms(genome)).transpose()?);
        }
        let network = plain_architecture(&self.space, genome)?;
        let cost = Cost::of(&network, network.preprocessing.resolution)?;
        Ok(CostMetric::named(name).map(|metric| metric.of(&cost) as f64))
    }

    /// The budgets on what is the sum over a network's layers.
    fn parts(&self) -> Result<Vec<Part<'_>>, RunError> {
        let budget = self.config.search.budget.iter();
        let mut parts = Vec::new();
        for constraint in budget {
            if CostMetric::named(&constraint.name).is_some_and(|metric| !metric.adds_up()) {
                continue;
            }
            let excess = |genes: Vec<u8>| -> Result<Option<f64>, RunError> {
                let value = self.computed(&Genome::new(genes)?, &constraint.name)?;
                Ok(value.map(|value| signed_excess(constraint, value)))
            };
            let first = self.space.first().genes().to_vec();
            let Some(base) = excess(first.clone())? else {
                continue;
            };
            let mut added = Vec::with_capacity(first.len());
            for (gene, values) in self.space.genes().into_iter().enumerate() {
                let mut choices = vec![0.0];
                for choice in 1..values as u8 {
                    let mut genes = first.clone();
                    genes[gene] = choice;
                    choices.push(excess(genes)?.unwrap_or(base) - base);
                }
                added.push(choices);
            }
            parts.push(Part {
                constraint,
                base,
                added,
            });
        }
        Ok(parts)
    }

    /// A network by what the budgets are on.
    fn described(&self, genome: &Genome) -> Result<String, RunError> {
        let mut values: Vec<String> = Vec::new();
        for constraint in &self.config.search.budget {
            let value = self.computed(genome, &constraint.name)?;
            let text = value.map(|value| format!("{} {value}", constraint.name));
            values.extend(text.filter(|text| !values.contains(text)));
        }
        let layers = plain_architecture(&self.space, genome)?;
        Ok(format!("`{genome}` with {} ({layers})", values.join(", ")))
    }
}

/// [`Constraint::violation`] with a sign: how far a value lies within the limit, too.
fn signed_excess(constraint: &Constraint, value: f64) -> f64 {
    let excess = match constraint.bound {
        Bound::AtMost => value - constraint.limit,
        Bound::AtLeast => constraint.limit - value,
    };
    match constraint.limit == 0.0 {
        true => excess,
        false => excess / constraint.limit.abs(),
    }
}

/// A search that found nothing within its own constraints and these, with what came nearest.
pub(super) fn nothing_feasible(found: &SearchState, more: &[Constraint]) -> RunError {
    let constraints: Vec<Constraint> = [&found.config().constraints, more].concat();
    let known: Vec<(usize, &Constraint)> = constraints
        .iter()
        .filter_map(|constraint| Some((found.metric(&constraint.name).ok()?, constraint)))
        .collect();
    let candidates = found.archive().candidates().iter();
    let nearest = candidates
        .filter(|candidate| candidate.failure().is_none())
        .map(|candidate| {
            let terms = known.iter().filter_map(|(metric, constraint)| {
                Some(constraint.violation(candidate.value(*metric)?))
            });
            (terms.sum::<f64>(), candidate)
        })
        .min_by(|(a, _), (b, _)| a.total_cmp(b));
    let nearest = nearest.map_or_else(String::new, |(_, candidate)| {
        let mut values: Vec<String> = Vec::new();
        for (metric, constraint) in &known {
            let value = candidate.value(*metric);
            let text = value.map(|value| format!("{} {value}", constraint.name));
            values.extend(text.filter(|text| !values.contains(text)));
        }
        let genome = Genome::new(candidate.genome().to_vec());
        let genome = genome.map_or_else(|_| String::new(), |it| format!("`{it}`"));
        format!(": the nearest is {genome} with {}", values.join(", "))
    });
    RunError::NothingFeasible {
        evaluations: found.archive().len(),
        constraints: listed(&constraints),
        nearest,
    }
}

fn listed(constraints: &[Constraint]) -> String {
    let quoted = constraints.iter().map(|it| format!("`{it}`"));
    quoted.collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use burn::tensor::Device;
    use serde_json::json;

    use super::*;
    use crate::pipeline::RunConfig;

    /// A run over three layers on the embedded sample.
    fn run(skip: &str, budget: &[&str]) -> Run {
        let changes = json!({
            "space": {
                "layers": [[8, 2], [8, 1], [12, 2]],
                "choices": ["E3K3", "E6K3", "E3K7", "E3K3s"],
                "skip": skip, "stem": 8, "separable": 8, "head": 16,
            },
            "search": {"budget": budget},
        });
        let config = RunConfig::default().with(changes).unwrap();
        Run::prepare(config, Device::flex(), |_| {}).unwrap()
    }

    fn all(run: &Run) -> Vec<Genome> {
        let choices = run.space.choices(0).len() as u8;
        let genes = |number: u8| {
            let digits = [number / choices / choices, number / choices % choices];
            vec![digits[0], digits[1], number % choices]
        };
        let numbers = 0..choices.pow(3);
        numbers.map(|it| Genome::new(genes(it)).unwrap()).collect()
    }

    #[test]
    fn layers_add_up() {
        let budget = ["mult_adds <= 1M", "parameters >= 5K", "weight_bytes <= 20K"];
        let run = run("none", &budget);
        let parts = run.parts().unwrap();
        assert_eq!(parts.len(), 3);
        for genome in all(&run) {
            for part in &parts {
                let value = run.computed(&genome, &part.constraint.name);
                let expected = signed_excess(part.constraint, value.unwrap().unwrap());
                let found = part.excess(genome.genes());
                assert!((found - expected).abs() < 1e-9, "{found} {expected}");
            }
        }
    }

    #[test]
    fn what_stands_for_the_chosen_network_keeps_bounds_from_both_sides() {
        let budget = ["mult_adds <= 300K", "mult_adds >= 280K"];
        for skip in ["none", "stabilizer"] {
            let run = run(skip, &budget);
            let kept = |genome: &Genome| run.violation(genome).unwrap() == 0.0;
            assert!(all(&run).iter().any(kept), "the space has none");
            assert!(kept(&run.within_budget().unwrap()), "{skip}");
        }
    }

    #[test]
    fn bounds_that_exclude_each_other_are_refused() {
        let run = run("stabilizer", &["mult_adds <= 300K", "mult_adds >= 400K"]);
        assert_eq!(
            run.check_search().unwrap_err().to_string(),
            "[search]: nothing has mult_adds <= 300000 and mult_adds >= 400000; change one of them"
        );
    }

    #[test]
    fn limits_that_say_nothing_are_refused() {
        for (budget, part) in [
            (
                "accuracy >= 2",
                "accuracies are from 0 to 1: for 2 %, write 0.02",
            ),
            ("accuracy >= 75", "for 75 %, write 0.75"),
            ("accuracy <= -0.5", "accuracies are from 0 to 1"),
            ("mult_adds <= nan", "its limit is not a finite number"),
            ("parameters >= inf", "its limit is not a finite number"),
            ("latency_ms <= 0", "latencies are above 0"),
            ("energy_mj <= -1", "energies are above 0"),
        ] {
            let error = run("none", &[budget])
                .check_search()
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("[search]: the budget `"), "{error}");
            assert!(error.contains(part), "{error}");
        }
        run("none", &["accuracy >= 1"]).check_search().unwrap();
        run("none", &["accuracy >= 0.5"]).check_search().unwrap();
    }

    /// For budgets all over the space, of different directions: whether all networks together say
    /// that there is one that keeps them.
    fn for_all_budgets(skip: &str, check: impl Fn(&Run, [f64; 2], bool)) {
        let mut run = run(skip, &["mult_adds <= 1G"]);
        let mut costs = Vec::new();
        for genome in all(&run) {
            let cost = |name| run.computed(&genome, name).unwrap().unwrap();
            costs.push([cost("mult_adds"), cost("parameters")]);
        }
        let share = |metric: usize, share: u32| {
            let values = || costs.iter().map(|cost| cost[metric]);
            let least = values().reduce(f64::min).unwrap();
            let extent = values().reduce(f64::max).unwrap() - least;
            (least + extent * f64::from(share) / 8.0).round()
        };
        for (a, b) in (1..8).flat_map(|a| (1..8).map(move |b| (a, b))) {
            let (most, least) = (share(0, a), share(1, b));
            run.config.search.budget = vec![
                Constraint::new("mult_adds", Bound::AtMost, most),
                Constraint::new("parameters", Bound::AtLeast, least),
            ];
            let possible = costs.iter().any(|it| it[0] <= most && it[1] >= least);
            check(&run, [most, least], possible);
        }
    }

    #[test]
    fn budgets_that_no_network_keeps_are_refused() {
        let refused = Cell::new(0);
        for_all_budgets("none", |run, [most, least], possible| {
            let Err(error) = run.check_search() else {
                // What the bound cannot exclude is at least doubted.
                assert!(possible || run.budget_doubt().unwrap().is_some());
                return;
            };
            refused.set(refused.get() + 1);
            let error = error.to_string();
            assert!(!possible, "{error}");
            let both =
                format!("both mult_adds <= {most} and parameters >= {least}: the nearest is `");
            assert!(error.contains(&both), "{error}");
        });
        assert!(refused.get() > 5, "{}", refused.get());
    }

    #[test]
    fn the_search_begins_with_a_network_that_keeps_all_budgets() {
        let (kept, doubted) = (Cell::new(0), Cell::new(0));
        for_all_budgets("stabilizer", |run, _, possible| {
            run.check_search().unwrap();
            let first = run.search_config().unwrap().initial;
            let keeps = first.into_iter().any(|genes| {
                let genome = Genome::new(genes).unwrap();
                run.violation(&genome).unwrap() == 0.0
            });
            assert_eq!(keeps, possible);
            let doubt = run.budget_doubt().unwrap();
            assert_eq!(doubt.is_none(), keeps);
            if let Some(doubt) = doubt {
                assert!(doubt.contains("the nearest is `"), "{doubt}");
                doubted.set(doubted.get() + 1);
            } else {
                kept.set(kept.get() + 1);
            }
        });
        assert!(kept.get() > 10 && doubted.get() > 10);
    }
}
