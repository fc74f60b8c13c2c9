//! Non-dominated sorting.

use std::borrow::Borrow;

use crate::{Point, front::Front};

/// Sorts points into fronts by constrained domination (see [`Point::dominates`]): the first front
/// is dominated by none, the second only by points of the first, and so on. A front lists its
/// points' positions in rising order.
///
/// The fronts are those of the fast non-dominated sort of NSGA-II (Deb et al. 2002); they are
/// found by efficient non-dominated sort with binary search (Zhang et al. 2015), which compares
/// far fewer points: when points are taken in lexicographic order, none is dominated by a later
/// one, and the fronts that dominate a point come before all that do not.
///
/// ```
/// use scarlet_search::{Point, non_dominated_fronts};
///
/// let points = [[2.0, 2.0], [1.0, 3.0], [2.0, 3.0], [3.0, 1.0]].map(Point::feasible);
/// assert_eq!(non_dominated_fronts(&points), [vec![0, 1, 3], vec![2]]);
/// ```
pub fn non_dominated_fronts<P: Borrow<Point>>(points: &[P]) -> Vec<Vec<usize>> {
    let point = |index: usize| points[index].borrow();
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| point(a).cmp_lexicographic(point(b)));
    let (feasible, infeasible) =
        order.split_at(order.partition_point(|&index| point(index).is_feasible()));

    let mut fronts: Vec<Front> = Vec::new();
    for &index in feasible {
        let objectives = point(index).objectives();
        let rank = fronts.partition_point(|front| front.dominates(objectives));
        if rank == fronts.len() {
            fronts.push(Front::default());
        }
        fronts[rank].push(index, objectives);
    }
    // Infeasible points are ranked by nothing but their violation.
    let equals = infeasible.chunk_by(|&a, &b| point(a).violation() == point(b).violation());

    let fronts = fronts.into_iter().map(Front::into_positions);
    let mut fronts: Vec<Vec<usize>> = fronts.chain(equals.map(<[usize]>::to_vec)).collect();
    fronts.iter_mut().for_each(|front| front.sort_unstable());
    fronts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Peels off the points that no remaining point dominates, front by front.
    fn naive_fronts(points: &[Point]) -> Vec<Vec<usize>> {
        let mut remaining: Vec<usize> = (0..points.len()).collect();
        let mut fronts = Vec::new();
        while !remaining.is_empty() {
            let (front, rest): (Vec<usize>, Vec<usize>) = remaining.iter().partition(|&&index| {
                let mut others = remaining.iter();
                !others.any(|&other| points[other].dominates(&points[index]))
            });
            fronts.push(front);
            remaining = rest;
        }
        fronts
    }

    /// Few different values, so that ties, copies and dominated points are common.
    fn points() -> impl Strategy<Value = Vec<Point>> {
        (1usize..5).prop_flat_map(|dimension| {
            let objectives = prop::collection::vec((-3i8..4).prop_map(f64::from), dimension);
            let violation = prop_oneof![3 => Just(0.0), 1 => (0u8..3).prop_map(f64::from)];
            let point = (objectives, violation)
                .prop_map(|(objectives, violation)| Point::new(objectives, violation));
            prop::collection::vec(point, 0..60)
        })
    }

    proptest! {
        #[test]
        fn fronts_are_those_of_the_definition(points in points()) {
            prop_assert_eq!(non_dominated_fronts(&points), naive_fronts(&points));
        }

        #[test]
        fn feasible_points_come_before_infeasible_ones(points in points()) {
            let feasible: Vec<Vec<bool>> = non_dominated_fronts(&points)
                .iter()
                .map(|front| front.iter().map(|&index| points[index].is_feasible()).collect())
                .collect();
            let flat: Vec<bool> = feasible.concat();
            prop_assert!(flat.is_sorted_by(|before, after| before >= after));
        }
    }
}
