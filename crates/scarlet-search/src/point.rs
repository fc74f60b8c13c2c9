//! [`Point`]: where a candidate lies in the space of objectives.

use std::cmp::Ordering;

/// A candidate's objectives, all to be minimised, and its total constraint violation.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    objectives: Vec<f64>,
    violation: f64,
}

impl Point {
    /// A point that violates no constraint. Objectives that are NaN count as the worst, +∞.
    pub fn feasible(objectives: impl Into<Vec<f64>>) -> Self {
        Self::new(objectives, 0.0)
    }

    /// A point whose constraint violations add up to `violation`; 0 or less is feasible, and NaN
    /// counts as +∞.
    pub fn new(objectives: impl Into<Vec<f64>>, violation: f64) -> Self {
        let mut objectives = objectives.into();
        for value in &mut objectives {
            *value = number(*value);
        }
        Self {
            objectives,
            violation: number(violation).max(0.0),
        }
    }

    /// The objectives, all to be minimised.
    pub fn objectives(&self) -> &[f64] {
        &self.objectives
    }

    /// Sum of the constraint violations; 0 if the point is feasible.
    pub fn violation(&self) -> f64 {
        self.violation
    }

    /// Whether the point violates no constraint.
    pub fn is_feasible(&self) -> bool {
        self.violation == 0.0
    }

    /// Constrained domination (Deb et al. 2002, definition 1): a feasible point dominates an
    /// infeasible one, of two infeasible points the less violating one dominates, and of two
    /// feasible points the one that is nowhere worse and somewhere better. Points must have
    /// equally many objectives.
    pub fn dominates(&self, other: &Self) -> bool {
        match self.violation.total_cmp(&other.violation) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => self.is_feasible() && dominates(&self.objectives, &other.objectives),
        }
    }

    /// By violation, then by objectives from first to last: a point never stands before one that
    /// dominates it.
    pub(crate) fn cmp_lexicographic(&self, other: &Self) -> Ordering {
        self.violation
            .total_cmp(&other.violation)
            .then_with(|| cmp_lexicographic(&self.objectives, &other.objectives))
    }
}

impl AsRef<[f64]> for Point {
    fn as_ref(&self) -> &[f64] {
        &self.objectives
    }
}

/// Pareto domination of minimised objectives: nowhere worse and somewhere better.
pub(crate) fn dominates(a: &[f64], b: &[f64]) -> bool {
    let pairs = || a.iter().zip(b);
    // Without leaving early: which comparison fails is anyone's guess, the branch predictor's too.
    pairs().fold(true, |all, (a, b)| all & (a <= b)) && pairs().any(|(a, b)| a < b)
}

pub(crate) fn cmp_lexicographic(a: &[f64], b: &[f64]) -> Ordering {
    let unequal = a.iter().zip(b).find(|(a, b)| a != b);
    unequal.map_or(Ordering::Equal, |(a, b)| a.total_cmp(b))
}

/// Makes `total_cmp` agree with `<` and `==`: no NaN, and only one zero.
fn number(value: f64) -> f64 {
    match value.is_nan() {
        true => f64::INFINITY,
        false => value + 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domination_puts_constraints_first() {
        let good = Point::feasible([1.0, 2.0]);
        let worse = Point::feasible([1.0, 3.0]);
        let other = Point::feasible([0.0, 4.0]);
        let near = Point::new([-9.0, -9.0], 0.5);
        let far = Point::new([-10.0, -10.0], 0.6);
        assert!(good.dominates(&worse) && !worse.dominates(&good));
        assert!(!good.dominates(&other) && !other.dominates(&good));
        assert!(!good.dominates(&good.clone()));
        assert!(worse.dominates(&near) && !near.dominates(&worse));
        assert!(near.dominates(&far) && !far.dominates(&near));
        let as_near = Point::new([-10.0, -10.0], 0.5);
        assert!(!near.dominates(&as_near) && !as_near.dominates(&near));
    }

    #[test]
    fn odd_numbers_are_made_comparable() {
        let zero = Point::feasible([-0.0, 5.0]);
        assert!(Point::feasible([0.0, 3.0]).dominates(&zero));
        assert_eq!(
            zero.cmp_lexicographic(&Point::feasible([0.0, 3.0])),
            Ordering::Greater
        );
        assert_eq!(Point::feasible([f64::NAN]).objectives(), [f64::INFINITY]);
        assert!(!Point::new([0.0], f64::NAN).is_feasible());
        assert!(Point::new([0.0], -1.0).is_feasible());
    }
}
