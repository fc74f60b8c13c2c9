//! Measures against those of scipy and pymoo (`reference/make_reference.py`).
#![allow(clippy::unwrap_used)]

use scarlet_search::{
    Point, crowding_distances, hypervolume, kendall_tau, non_dominated_fronts, spearman_rho,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    hypervolume: Vec<Hypervolume>,
    whole_hypervolume: Vec<Hypervolume>,
    sorting: Vec<Sorting>,
    correlation: Vec<Correlation>,
}

#[derive(Deserialize)]
struct Hypervolume {
    points: Vec<Vec<f64>>,
    reference: Vec<f64>,
    hypervolume: f64,
}

#[derive(Deserialize)]
struct Sorting {
    points: Vec<Vec<f64>>,
    fronts: Vec<Vec<usize>>,
    /// `None` is infinite.
    crowding: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Correlation {
    x: Vec<f64>,
    y: Vec<f64>,
    kendall_tau: f64,
    spearman_rho: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference/reference.json")).unwrap()
}

/// Equal but for the rounding of a sum of a few hundred terms.
#[track_caller]
fn assert_close(found: f64, expected: f64) {
    let difference = (found - expected).abs();
    assert!(
        difference <= 1e-13 * expected.abs(),
        "{found} is not {expected}"
    );
}

#[test]
fn hypervolumes_of_real_points() {
    for case in reference().hypervolume {
        assert_close(
            hypervolume(&case.points, &case.reference).unwrap(),
            case.hypervolume,
        );
    }
}

#[test]
fn hypervolumes_of_whole_points_are_exact() {
    for case in reference().whole_hypervolume {
        assert_eq!(
            hypervolume(&case.points, &case.reference).unwrap(),
            case.hypervolume
        );
    }
}

#[test]
fn fronts_and_crowding_distances() {
    for case in reference().sorting {
        let points: Vec<Point> = case.points.iter().cloned().map(Point::feasible).collect();
        let fronts = non_dominated_fronts(&points);
        assert_eq!(fronts, case.fronts);

        let weights = vec![1.0; case.points[0].len()];
        for front in fronts {
            let members: Vec<&Point> = front.iter().map(|&index| &points[index]).collect();
            for (index, found) in front
                .into_iter()
                .zip(crowding_distances(&members, &weights))
            {
                match case.crowding[index] {
                    Some(expected) => assert_close(found, expected),
                    None => assert_eq!(found, f64::INFINITY),
                }
            }
        }
    }
}

#[test]
fn rank_correlations() {
    for case in reference().correlation {
        assert_close(kendall_tau(&case.x, &case.y).unwrap(), case.kendall_tau);
        assert_close(spearman_rho(&case.x, &case.y).unwrap(), case.spearman_rho);
    }
}
