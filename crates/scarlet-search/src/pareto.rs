//! The best of many: non-dominated points, the knee, the best under a constraint.

use std::cmp::Ordering;

use crate::{
    Candidate, Constraint, Objective, Point, SearchError, SearchState, front::Front,
    point::cmp_lexicographic,
};

/// Positions, rising, of the points that no point dominates, all objectives to be minimised.
/// Equal points do not dominate each other. Points must have equally many coordinates, and NaN
/// in none.
///
/// ```
/// use scarlet_search::non_dominated;
///
/// let points = [[2.0, 2.0], [1.0, 3.0], [2.0, 3.0], [3.0, 1.0]];
/// assert_eq!(non_dominated(&points), [0, 1, 3]);
/// ```
pub fn non_dominated<P: AsRef<[f64]>>(points: &[P]) -> Vec<usize> {
    let point = |index: usize| points[index].as_ref();
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| cmp_lexicographic(point(a), point(b)));
    // In this order no point is dominated by a later one.
    let mut front = Front::default();
    for index in order {
        if !front.dominates(point(index)) {
            front.push(index, point(index));
        }
    }
    let mut positions = front.into_positions();
    positions.sort_unstable();
    positions
}

/// Position of the knee of a front, all objectives to be minimised: the point of least sum of
/// objectives, each first scaled so that the front's best is 0 and its worst 1. `None` without
/// points; the first of equals.
///
/// In two dimensions this is the classical knee (Das 1999): the point farthest from the straight
/// line between the front's ends, on the side of the better values. In more, that line becomes
/// the plane through the points that are worst in one objective and best in all others.
///
/// ```
/// use scarlet_search::knee_point;
///
/// assert_eq!(knee_point(&[[0.0, 100.0], [1.0, 20.0], [3.0, 10.0], [10.0, 0.0]]), Some(1));
/// ```
pub fn knee_point<P: AsRef<[f64]>>(points: &[P]) -> Option<usize> {
    let dimension = points.first()?.as_ref().len();
    let mut sums = vec![0.0; points.len()];
    for objective in 0..dimension {
        let values = || points.iter().map(|point| point.as_ref()[objective]);
        let best = values().fold(f64::INFINITY, f64::min);
        let extent = values().fold(f64::NEG_INFINITY, f64::max) - best;
        if extent > 0.0 {
            for (sum, value) in sums.iter_mut().zip(values()) {
                *sum += (value - best) / extent;
            }
        }
    }
    (0..points.len()).min_by(|&a, &b| sums[a].total_cmp(&sums[b]))
}

/// What was found.
impl SearchState {
    /// The feasible candidates that none dominates, in the order of evaluation.
    pub fn front(&self) -> Vec<&Candidate> {
        self.archive().front().collect()
    }

    /// The knee of the front (see [`knee_point`]); `None` if nothing is feasible.
    pub fn knee(&self) -> Option<&Candidate> {
        let front = self.front();
        let points: Vec<&Point> = front.iter().filter_map(|it| it.point()).collect();
        knee_point(&points).map(|index| front[index])
    }

    /// The first of the [`ranked`](Self::ranked) candidates; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`SearchError::UnknownMetric`] for a name that was not measured.
    pub fn best(
        &self,
        objective: &Objective,
        constraints: &[Constraint],
    ) -> Result<Option<&Candidate>, SearchError> {
        Ok(self.ranked(objective, constraints)?.into_iter().next())
    }

    /// The candidates that satisfy the search's own constraints and these, the best in an objective
    /// first. Both may be on any metric, one that the search did not heed too; candidates for which
    /// it was not measured are left out. Of equals the search's objectives decide, the earlier before
    /// the later, so that no candidate that is as good dominates it; then the order of evaluation.
    ///
    /// # Errors
    ///
    /// [`SearchError::UnknownMetric`] for a name that was not measured.
    pub fn ranked(
        &self,
        objective: &Objective,
        constraints: &[Constraint],
    ) -> Result<Vec<&Candidate>, SearchError> {
        let metric = self.metric(&objective.name)?;
        let limits = constraints
            .iter()
            .map(|constraint| Ok((self.metric(&constraint.name)?, constraint)))
            .collect::<Result<Vec<_>, SearchError>>()?;
        let satisfies = |candidate: &&Candidate| {
            let mut limits = limits.iter();
            candidate.is_feasible()
                && limits.all(|(metric, constraint)| {
                    let value = candidate.value(*metric);
                    value.is_some_and(|value| constraint.violation(value) == 0.0)
                })
        };
        let candidates = self.archive().candidates().iter().filter(satisfies);
        let mut ranked: Vec<(f64, &Candidate)> = candidates
            .filter_map(|it| Some((objective.oriented(it.value(metric)?), it)))
            .collect();
        ranked.sort_by(|(a, one), (b, other)| {
            let points = || one.point().zip(other.point());
            let of_equals = || points().map_or(Ordering::Equal, |(a, b)| a.cmp_lexicographic(b));
            a.total_cmp(b).then_with(of_equals)
        });
        Ok(ranked.into_iter().map(|(_, candidate)| candidate).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::point::dominates;

    fn points() -> impl Strategy<Value = Vec<Vec<f64>>> {
        (1usize..5).prop_flat_map(|dimension| {
            let value = (-3i8..4).prop_map(f64::from);
            prop::collection::vec(prop::collection::vec(value, dimension), 0..40)
        })
    }

    proptest! {
        #[test]
        fn none_dominates_the_front_and_it_dominates_the_rest(points in points()) {
            let front = non_dominated(&points);
            for (index, point) in points.iter().enumerate() {
                let is_dominated = points.iter().any(|other| dominates(other, point));
                prop_assert_eq!(front.contains(&index), !is_dominated);
            }
        }

        #[test]
        fn knee_in_two_dimensions_is_farthest_from_the_chord(
            steps in prop::collection::vec((0.1..5.0f64, 0.1..5.0f64), 2..20)
        ) {
            let total: f64 = steps.iter().map(|(_, down)| down).sum();
            let points: Vec<[f64; 2]> = steps
                .iter()
                .scan([0.0, total], |point, (right, down)| {
                    let here = *point;
                    *point = [point[0] + right, point[1] - down];
                    Some(here)
                })
                .collect();
            let ([x0, y0], [x1, y1]) = (points[0], points[points.len() - 1]);
            // Signed distance below the chord, up to the chord's length.
            let below = |[x, y]: [f64; 2]| (x1 - x0) * (y0 - y) - (y0 - y1) * (x - x0);
            let deepest = points.iter().map(|&point| below(point)).fold(f64::MIN, f64::max);
            let knee = knee_point(&points).unwrap();
            prop_assert!(deepest - below(points[knee]) <= 1e-9 * (x1 - x0) * (y0 - y1));
        }
    }

    #[test]
    fn knee_of_little() {
        assert_eq!(knee_point::<[f64; 2]>(&[]), None);
        assert_eq!(knee_point(&[[3.0, 4.0]]), Some(0));
        assert_eq!(knee_point(&[[3.0, 4.0], [3.0, 4.0]]), Some(0));
        // An objective in which all agree does not matter.
        assert_eq!(
            knee_point(&[[1.0, 5.0, 9.0], [2.0, 5.0, 1.0], [9.0, 5.0, 0.0]]),
            Some(1)
        );
    }
}
