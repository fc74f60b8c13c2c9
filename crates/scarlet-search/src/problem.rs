//! [`Problem`]: judges measured values by a search's objectives and constraints.

use crate::{Constraint, Objective, Point, SearchConfig, SearchError, archive::Outcome};

/// Objectives and constraints, each with the position of its metric.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    objectives: Vec<(usize, Objective)>,
    constraints: Vec<(usize, Constraint)>,
}

impl Problem {
    pub(crate) fn new(config: &SearchConfig, metrics: &[String]) -> Result<Self, SearchError> {
        for (index, name) in metrics.iter().enumerate() {
            if metrics[..index].contains(name) {
                return Err(SearchError::DuplicateMetric { name: name.clone() });
            }
        }
        let objectives = config.objectives.iter();
        let constraints = config.constraints.iter();
        Ok(Self {
            objectives: objectives
                .map(|objective| Ok((position(metrics, &objective.name)?, objective.clone())))
                .collect::<Result<_, _>>()?,
            constraints: constraints
                .map(|constraint| Ok((position(metrics, &constraint.name)?, constraint.clone())))
                .collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn objectives(&self) -> impl Iterator<Item = &Objective> {
        self.objectives.iter().map(|(_, objective)| objective)
    }

    /// Weights of the objectives in the crowding distance.
    pub(crate) fn weights(&self) -> Vec<f64> {
        self.objectives()
            .map(|objective| objective.weight)
            .collect()
    }

    /// The place of measured values among the objectives.
    ///
    /// # Errors
    ///
    /// Names a value that is missing although it decides whether or how good the candidate is.
    pub(crate) fn judge(&self, values: &[Option<f64>]) -> Result<Point, String> {
        let value = |metric: usize| values.get(metric).copied().flatten();
        let violation = self
            .constraints
            .iter()
            .filter_map(|(metric, constraint)| Some(constraint.violation(value(*metric)?)))
            .sum();
        // Nothing but the violation counts among infeasible candidates.
        if violation == 0.0 {
            let objectives = self
                .objectives
                .iter()
                .map(|(metric, it)| (metric, &it.name));
            let constraints = self
                .constraints
                .iter()
                .map(|(metric, it)| (metric, &it.name));
            for (metric, name) in objectives.chain(constraints) {
                if value(*metric).is_none() {
                    return Err(format!("`{name}` was not measured, or is not finite"));
                }
            }
        }
        let oriented = |(metric, objective): &(usize, Objective)| {
            value(*metric).map_or(f64::INFINITY, |value| objective.oriented(value))
        };
        let objectives: Vec<f64> = self.objectives.iter().map(oriented).collect();
        Ok(Point::new(objectives, violation))
    }

    /// What becomes of values that were measured, or of the reason why they were not.
    pub(crate) fn settle(&self, outcome: Outcome) -> (Outcome, Option<Point>) {
        let Outcome::Values(values) = outcome else {
            return (outcome, None);
        };
        match self.judge(&values) {
            Ok(point) => (Outcome::Values(values), Some(point)),
            Err(reason) => (Outcome::Failure(reason), None),
        }
    }
}

/// The position of the metric of this name.
pub(crate) fn position(metrics: &[String], name: &str) -> Result<usize, SearchError> {
    let found = metrics.iter().position(|metric| metric == name);
    found.ok_or_else(|| SearchError::UnknownMetric {
        name: name.to_owned(),
        known: metrics.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GeneSpace;

    fn problem() -> Problem {
        let space = GeneSpace::uniform(2, 2).unwrap();
        let config = SearchConfig {
            constraints: vec![
                "cost <= 10".parse().unwrap(),
                "latency <= 2".parse().unwrap(),
            ],
            ..SearchConfig::new(
                space,
                vec![
                    "maximize accuracy".parse().unwrap(),
                    "minimize cost".parse().unwrap(),
                ],
            )
        };
        let metrics = ["latency", "accuracy", "cost"].map(str::to_owned);
        Problem::new(&config, &metrics).unwrap()
    }

    #[test]
    fn values_become_points() {
        let judge = |values: [Option<f64>; 3]| problem().judge(&values);
        let feasible = judge([Some(2.0), Some(0.75), Some(10.0)]).unwrap();
        assert_eq!(feasible, Point::feasible([-0.75, 10.0]));
        let infeasible = judge([Some(3.0), Some(0.75), Some(15.0)]).unwrap();
        assert_eq!(infeasible, Point::new([-0.75, 15.0], 1.0));
        let unmeasured = judge([None, None, Some(15.0)]).unwrap();
        assert_eq!(unmeasured, Point::new([f64::INFINITY, 15.0], 0.5));
    }

    #[test]
    fn values_that_decide_must_be_measured() {
        let judge = |values: [Option<f64>; 3]| problem().judge(&values).unwrap_err();
        let reason = judge([Some(1.0), None, Some(1.0)]);
        assert_eq!(reason, "`accuracy` was not measured, or is not finite");
        assert!(judge([None, Some(0.5), Some(1.0)]).contains("`latency`"));
        assert!(judge([Some(1.0), Some(0.5), None]).contains("`cost`"));
    }
}
