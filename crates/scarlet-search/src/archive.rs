//! [`Archive`]: everything that was evaluated.

use std::collections::{HashMap, hash_map::Entry};

use serde::{Deserialize, Serialize};

use crate::{Genome, Point, front::Front};

/// A genome and what came of evaluating it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    genome: Genome,
    #[serde(flatten)]
    outcome: Outcome,
    /// Follows from the outcome and the search's configuration, so it is not saved.
    #[serde(skip)]
    point: Option<Point>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// A value per metric; `None` where it was not measured.
    Values(Vec<Option<f64>>),
    /// Why the genome could not be measured.
    Failure(String),
}

impl Candidate {
    pub(crate) fn new(genome: Genome, outcome: Outcome, point: Option<Point>) -> Self {
        Self {
            genome,
            outcome,
            point,
        }
    }

    /// The genome.
    pub fn genome(&self) -> &[u8] {
        &self.genome
    }

    /// What was measured, in the order of the evaluator's metrics; `None` where a metric was not.
    /// Empty if the evaluation failed.
    pub fn values(&self) -> &[Option<f64>] {
        match &self.outcome {
            Outcome::Values(values) => values,
            Outcome::Failure(_) => &[],
        }
    }

    /// The value of the metric at a position of the evaluator's metrics, if it was measured.
    pub fn value(&self, metric: usize) -> Option<f64> {
        self.values().get(metric).copied().flatten()
    }

    /// Why the evaluation failed, if it did.
    pub fn failure(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Values(_) => None,
            Outcome::Failure(reason) => Some(reason),
        }
    }

    /// The candidate's place among the objectives; `None` if its evaluation failed.
    pub fn point(&self) -> Option<&Point> {
        self.point.as_ref()
    }

    /// Whether the candidate was evaluated and violates no constraint.
    pub fn is_feasible(&self) -> bool {
        self.point.as_ref().is_some_and(Point::is_feasible)
    }

    pub(crate) fn into_parts(self) -> (Genome, Outcome) {
        (self.genome, self.outcome)
    }
}

/// Everything that a search evaluated, in the order of evaluation, each genome once.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Archive {
    candidates: Vec<Candidate>,
    #[serde(skip)]
    positions: HashMap<Genome, usize>,
    /// Kept up to date, since every generation asks for its hypervolume.
    #[serde(skip)]
    front: Front,
    #[serde(skip)]
    feasible: usize,
    #[serde(skip)]
    failed: usize,
}

impl PartialEq for Archive {
    fn eq(&self, other: &Self) -> bool {
        // The rest follows from the candidates.
        self.candidates == other.candidates
    }
}

impl Archive {
    /// Number of candidates.
    pub fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Whether nothing was evaluated yet.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// All candidates, in the order of evaluation.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The candidate of a genome, if it was evaluated.
    pub fn get(&self, genome: &[u8]) -> Option<&Candidate> {
        let position = self.positions.get(genome)?;
        self.candidates.get(*position)
    }

    /// Whether a genome was evaluated.
    pub fn contains(&self, genome: &[u8]) -> bool {
        self.positions.contains_key(genome)
    }

    /// The feasible candidates that none dominates, in the order of evaluation.
    pub fn front(&self) -> impl ExactSizeIterator<Item = &Candidate> {
        let positions = self.front.positions().iter();
        positions.map(|&position| &self.candidates[position])
    }

    /// Number of feasible candidates.
    pub fn feasible(&self) -> usize {
        self.feasible
    }

    /// Number of candidates whose evaluation failed.
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// Adds a candidate, unless its genome is there already; says whether it did.
    pub(crate) fn insert(&mut self, candidate: Candidate) -> bool {
        let position = self.candidates.len();
        match self.positions.entry(candidate.genome.clone()) {
            Entry::Occupied(_) => return false,
            Entry::Vacant(entry) => entry.insert(position),
        };
        self.failed += usize::from(candidate.failure().is_some());
        if let Some(point) = candidate.point().filter(|point| point.is_feasible()) {
            self.feasible += 1;
            if !self.front.dominates(point.objectives()) {
                self.front.remove_dominated_by(point.objectives());
                self.front.push(position, point.objectives());
            }
        }
        self.candidates.push(candidate);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::non_dominated_fronts;

    fn candidate(genome: Genome, objectives: Vec<f64>, violation: f64) -> Candidate {
        let values = objectives.iter().copied().map(Some).collect();
        let point = Point::new(objectives, violation);
        Candidate::new(genome, Outcome::Values(values), Some(point))
    }

    proptest! {
        #[test]
        fn front_is_the_first_of_all_feasible_candidates(
            points in prop::collection::vec(
                (prop::collection::vec((0u8..6).prop_map(f64::from), 3), 0u8..2),
                0..60,
            )
        ) {
            let mut archive = Archive::default();
            for (index, (objectives, violation)) in points.into_iter().enumerate() {
                let genome = vec![index as u8];
                prop_assert!(archive.insert(candidate(genome, objectives, violation.into())));
            }
            let points: Vec<&Point> =
                archive.candidates().iter().filter_map(Candidate::point).collect();
            let mut expected = non_dominated_fronts(&points).into_iter().next().unwrap_or_default();
            expected.retain(|&index| points[index].is_feasible());
            prop_assert_eq!(archive.front.positions(), &expected);
            let feasible = points.iter().filter(|point| point.is_feasible()).count();
            prop_assert_eq!(archive.feasible(), feasible);
        }
    }

    #[test]
    fn genomes_are_kept_once() {
        let mut archive = Archive::default();
        assert!(archive.insert(candidate(vec![1], vec![0.5], 0.0)));
        assert!(!archive.insert(candidate(vec![1], vec![0.25], 0.0)));
        let failure = Outcome::Failure("out of memory".to_owned());
        assert!(archive.insert(Candidate::new(vec![2], failure, None)));

        assert_eq!(
            (archive.len(), archive.failed(), archive.feasible()),
            (2, 1, 1)
        );
        assert_eq!(archive.get(&[1]).unwrap().value(0), Some(0.5));
        assert_eq!(archive.get(&[2]).unwrap().failure(), Some("out of memory"));
        assert_eq!(archive.get(&[2]).unwrap().value(0), None);
        assert!(archive.get(&[3]).is_none());
        assert_eq!(archive.front().len(), 1);
    }

    #[test]
    fn saved_form() {
        let json = |candidate| serde_json::to_string(&candidate).unwrap();
        let measured = Candidate::new(vec![1, 2], Outcome::Values(vec![Some(0.5), None]), None);
        assert_eq!(json(measured), r#"{"genome":[1,2],"values":[0.5,null]}"#);
        let failed = Candidate::new(vec![3], Outcome::Failure("NaN".to_owned()), None);
        assert_eq!(json(failed), r#"{"genome":[3],"failure":"NaN"}"#);
    }
}
