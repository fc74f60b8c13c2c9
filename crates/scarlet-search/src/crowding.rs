//! Crowding distance.

/// Crowding distances of a front's points (Deb et al. 2002): how far apart a point's neighbours
/// lie along each objective, as a fraction of the front's extent along it, summed over the
/// objectives.
///
/// Each objective's share is multiplied by its weight: MoGA (Chu et al., arXiv 1908.01314) leans
/// NSGA-II towards some objectives like that; weights of 1 give the published distance. The two
/// extreme points of an objective have infinite distance, and so have all of a front of one or two
/// points. An objective of weight 0, or in which all points agree, contributes nothing, extremes
/// included. Points that agree in an objective are neighbours in their given order.
///
/// # Panics
///
/// If a point has fewer coordinates than there are weights.
///
/// ```
/// use scarlet_search::crowding_distances;
///
/// let front = [[0.0, 4.0], [1.0, 2.0], [4.0, 0.0]];
/// let infinity = f64::INFINITY;
/// assert_eq!(crowding_distances(&front, &[1.0, 1.0]), [infinity, 2.0, infinity]);
/// assert_eq!(crowding_distances(&front, &[3.0, 1.0]), [infinity, 4.0, infinity]);
/// ```
pub fn crowding_distances<P: AsRef<[f64]>>(points: &[P], weights: &[f64]) -> Vec<f64> {
    if points.len() <= 2 {
        return vec![f64::INFINITY; points.len()];
    }
    let mut distances = vec![0.0; points.len()];
    let mut order: Vec<usize> = (0..points.len()).collect();
    for (objective, &weight) in weights.iter().enumerate() {
        let value = |index: usize| points[index].as_ref()[objective];
        order.sort_unstable_by(|&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));

        let (first, last) = (order[0], order[order.len() - 1]);
        let extent = value(last) - value(first);
        // Not finite where infeasible candidates miss an objective.
        if weight == 0.0 || extent == 0.0 || !extent.is_finite() {
            continue;
        }
        distances[first] = f64::INFINITY;
        distances[last] = f64::INFINITY;
        for neighbours in order.windows(3) {
            let gap = value(neighbours[2]) - value(neighbours[0]);
            distances[neighbours[1]] += weight * gap / extent;
        }
    }
    distances
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, point by point: neighbours are looked for among all other points.
    fn naive_distances(points: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
        let distance = |point: usize| -> f64 {
            if points.len() <= 2 {
                return f64::INFINITY;
            }
            let along = |objective: usize| {
                let place = |index: usize| (points[index][objective], index);
                let others = || (0..points.len()).filter(|&index| index != point).map(place);
                let below = others().filter(|&other| other < place(point));
                let above = others().filter(|&other| other > place(point));
                let nearest_below = below.max_by(|a, b| a.partial_cmp(b).unwrap());
                let nearest_above = above.min_by(|a, b| a.partial_cmp(b).unwrap());
                let values = || points.iter().map(|point| point[objective]);
                let extent = values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min);
                if weights[objective] == 0.0 || extent == 0.0 {
                    return 0.0;
                }
                match (nearest_below, nearest_above) {
                    (Some((below, _)), Some((above, _))) => {
                        weights[objective] * (above - below) / extent
                    }
                    _ => f64::INFINITY,
                }
            };
            (0..weights.len()).map(along).sum()
        };
        (0..points.len()).map(distance).collect()
    }

    proptest! {
        #[test]
        fn distances_are_those_of_the_definition(
            (points, weights) in (1usize..4).prop_flat_map(|dimension| {
                let value = prop_oneof![(-3i8..4).prop_map(f64::from), -1.0..1.0f64];
                let points = prop::collection::vec(prop::collection::vec(value, dimension), 0..30);
                let weights = prop::collection::vec(prop_oneof![Just(0.0), 0.1..3.0f64], dimension);
                (points, weights)
            })
        ) {
            prop_assert_eq!(
                crowding_distances(&points, &weights),
                naive_distances(&points, &weights)
            );
        }
    }

    #[test]
    fn unmeasured_objectives_are_left_out() {
        let points = [[f64::INFINITY, 0.0], [1.0, 1.0], [2.0, 3.0]];
        let distances = crowding_distances(&points, &[1.0, 1.0]);
        assert_eq!(distances, [f64::INFINITY, 1.0, f64::INFINITY]);
    }
}
