//! Hypervolume.

use crate::{SearchError, non_dominated};

/// Hypervolume of a set of points, all objectives to be minimised: the volume of the region that
/// they dominate and that in turn dominates the reference point (Zitzler and Thiele 1998). Points
/// not better than the reference point in every objective contribute nothing.
///
/// Exact up to rounding, in any dimension: by sweeping a staircase over the last coordinate in up
/// to three dimensions, O(n log n) for random points, and by adding up exclusive volumes in more
/// (as WFG does: While, Bradstreet and Barone 2012), which takes long for thousands of points in
/// five dimensions or more.
///
/// # Errors
///
/// [`SearchError::DimensionMismatch`] if a point has another number of coordinates than the
/// reference point.
///
/// ```
/// use scarlet_search::hypervolume;
///
/// let front = [[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]];
/// assert_eq!(hypervolume(&front, &[4.0, 4.0])?, 6.0);
/// # Ok::<(), scarlet_search::SearchError>(())
/// ```
pub fn hypervolume<P: AsRef<[f64]>>(points: &[P], reference: &[f64]) -> Result<f64, SearchError> {
    let mut inside = Vec::with_capacity(points.len());
    for (index, point) in points.iter().map(AsRef::as_ref).enumerate() {
        if point.len() != reference.len() {
            return Err(SearchError::DimensionMismatch {
                index,
                expected: reference.len(),
                found: point.len(),
            });
        }
        if point
            .iter()
            .zip(reference)
            .all(|(value, limit)| value < limit)
        {
            inside.push(point);
        }
    }
    Ok(volume(&mut inside, reference))
}

/// Volume between points and a reference point that all of them dominate.
fn volume(points: &mut [&[f64]], reference: &[f64]) -> f64 {
    match *reference {
        [] => 0.0,
        [x] => points.iter().map(|point| x - point[0]).fold(0.0, f64::max),
        [x, y] => {
            let mut staircase = Staircase::new(x, y);
            points
                .iter()
                .for_each(|point| staircase.add(point[0], point[1]));
            staircase.area
        }
        [x, y, z] => sweep(points, [x, y, z]),
        [..] => exclusive_volumes(points, reference),
    }
}

/// Three dimensions: slices between successive third coordinates, each as thick as their
/// difference and as large as the area of all points before it.
fn sweep(points: &mut [&[f64]], [x, y, z]: [f64; 3]) -> f64 {
    points.sort_unstable_by(|a, b| a[2].total_cmp(&b[2]));
    let mut staircase = Staircase::new(x, y);
    let mut volume = 0.0;
    for (index, point) in points.iter().enumerate() {
        staircase.add(point[0], point[1]);
        let next = points.get(index + 1).map_or(z, |next| next[2]);
        volume += staircase.area * (next - point[2]);
    }
    volume
}

/// More dimensions: each point's own volume beyond that of the points with a better last
/// coordinate. Both are prisms over the remaining coordinates, in which the other points count as
/// far as they reach into this one's box.
fn exclusive_volumes(points: &mut [&[f64]], reference: &[f64]) -> f64 {
    let last = reference.len() - 1;
    points.sort_unstable_by(|a, b| a[last].total_cmp(&b[last]));
    let base = &reference[..last];
    let mut total = 0.0;
    for (index, point) in points.iter().enumerate() {
        let limited: Vec<Vec<f64>> = points[..index]
            .iter()
            .map(|other| (0..last).map(|at| other[at].max(point[at])).collect())
            .collect();
        let mut limited: Vec<&[f64]> = match last {
            ..=3 => limited.iter().map(Vec::as_slice).collect(),
            // Recursion is dearer than leaving out what it need not see.
            _ => non_dominated(&limited)
                .into_iter()
                .map(|index| limited[index].as_slice())
                .collect(),
        };
        let inclusive: f64 = base
            .iter()
            .zip(*point)
            .map(|(limit, value)| limit - value)
            .product();
        let exclusive = inclusive - volume(&mut limited, base);
        total += exclusive * (reference[last] - point[last]);
    }
    total
}

/// The region of a plane that points dominate, up to a corner: its non-dominated points by rising
/// x and falling y, and its area.
struct Staircase {
    steps: Vec<(f64, f64)>,
    corner: (f64, f64),
    area: f64,
}

impl Staircase {
    fn new(x: f64, y: f64) -> Self {
        Self {
            steps: Vec::new(),
            corner: (x, y),
            area: 0.0,
        }
    }

    fn add(&mut self, x: f64, y: f64) {
        let start = self.steps.partition_point(|step| step.0 < x);
        let ceiling = match start {
            0 => self.corner.1,
            _ => self.steps[start - 1].1,
        };
        let equal_x = self
            .steps
            .get(start)
            .is_some_and(|step| step.0 == x && step.1 <= y);
        if ceiling <= y || equal_x {
            return;
        }
        // The new region: under the old steps from x on, down to y.
        let covered = self.steps[start..]
            .iter()
            .take_while(|step| step.1 >= y)
            .count();
        let mut left = (x, ceiling);
        for &step in &self.steps[start..start + covered] {
            self.area += (step.0 - left.0) * (left.1 - y);
            left = step;
        }
        let right = self
            .steps
            .get(start + covered)
            .map_or(self.corner.0, |step| step.0);
        self.area += (right - left.0) * (left.1 - y);
        self.steps.splice(start..start + covered, [(x, y)]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Inclusion and exclusion over all subsets of points: the box common to a subset reaches from
    /// the worst of its coordinates to the reference point.
    fn by_inclusion_and_exclusion(points: &[Vec<f64>], reference: &[f64]) -> f64 {
        let volume_of = |subset: u32| -> f64 {
            let members = || (0..points.len()).filter(|index| subset >> index & 1 == 1);
            let side = |at: usize| {
                let worst = members()
                    .map(|index| points[index][at])
                    .fold(f64::MIN, f64::max);
                (reference[at] - worst).max(0.0)
            };
            (0..reference.len()).map(side).product()
        };
        let sign = |subset: u32| {
            if subset.count_ones() % 2 == 1 {
                1.0
            } else {
                -1.0
            }
        };
        (1..1u32 << points.len())
            .map(|subset| sign(subset) * volume_of(subset))
            .sum()
    }

    fn small_sets() -> impl Strategy<Value = (Vec<Vec<f64>>, Vec<f64>)> {
        (1usize..7).prop_flat_map(|dimension| {
            // Whole numbers: all volumes are exact, so that equality is.
            let value = (0u8..6).prop_map(f64::from);
            let points = prop::collection::vec(prop::collection::vec(value, dimension), 0..9);
            (
                points,
                prop::collection::vec((3u8..6).prop_map(f64::from), dimension),
            )
        })
    }

    proptest! {
        #[test]
        fn volume_is_that_of_inclusion_and_exclusion((points, reference) in small_sets()) {
            prop_assert_eq!(
                hypervolume(&points, &reference).unwrap(),
                by_inclusion_and_exclusion(&points, &reference)
            );
        }

        #[test]
        fn order_and_dominated_points_do_not_matter(
            (points, reference) in small_sets(),
            seed in any::<u64>(),
        ) {
            let expected = hypervolume(&points, &reference).unwrap();
            let mut rng = crate::rng::Rng::new(seed);
            let mut more = points.clone();
            for point in &points {
                let worse = point.iter().map(|value| value + rng.below(2) as f64).collect();
                more.insert(rng.below(more.len() + 1), worse);
            }
            prop_assert_eq!(hypervolume(&more, &reference).unwrap(), expected);
        }
    }

    #[test]
    fn dimensions_must_agree() {
        let error = hypervolume(&[vec![1.0, 2.0], vec![1.0]], &[3.0, 3.0]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "point 1 has 1 coordinates; the reference point has 2"
        );
    }

    #[test]
    fn nothing_has_no_volume() {
        assert_eq!(hypervolume::<Vec<f64>>(&[], &[1.0, 1.0]).unwrap(), 0.0);
        assert_eq!(hypervolume::<Vec<f64>>(&[], &[]).unwrap(), 0.0);
        assert_eq!(hypervolume(&[[f64::NAN, 0.0]], &[1.0, 1.0]).unwrap(), 0.0);
    }
}
