//! Outputs of a layer's choices as points of a plane.

use nalgebra::{DMatrix, SymmetricEigen};

use super::Similarity;

/// The outputs of a layer's choices as points of a plane: choices that lie close together do
/// alike.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Projection {
    /// A point for every choice; their mean is the origin.
    pub points: Vec<[f64; 2]>,
    /// Share of the outputs' variance that the plane shows, from 0 to 1; 1 where there is none.
    pub explained: f64,
}

impl Similarity {
    /// The two principal components of the choices' outputs, those of every image brought to
    /// length 1.
    ///
    /// The paper shows such a picture without saying how it was made; that it is made so is our
    /// choice. Principal components are linear, have no settings and keep distances as well as any
    /// plane can. For outputs of length 1 they follow from the cosines alone, by classical
    /// multidimensional scaling (Torgerson 1952): cosines are the inner products of outputs, whose
    /// squared distances are 2 − 2 cosine; with the mean taken off, the eigenvectors of the largest
    /// eigenvalues, each times its eigenvalue's root, are the components. The sign of a component
    /// means nothing: its largest value is made positive.
    pub fn projection(&self) -> Projection {
        let count = self.choices.len();
        let cosine = DMatrix::from_fn(count, count, |row, column| self.cosine[row][column]);
        let mean = DMatrix::from_element(count, count, 1.0 / count.max(1) as f64);
        let centring = DMatrix::identity(count, count) - mean;
        let eigen = SymmetricEigen::new(&centring * cosine * &centring);
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let variance = |component: usize| eigen.eigenvalues[component].max(0.0);
        let mut points = vec![[0.0; 2]; count];
        let mut shown = 0.0;
        for (axis, &component) in order.iter().take(2).enumerate() {
            let values = eigen.eigenvectors.column(component);
            let largest = values.iter().copied();
            let largest = largest.fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
            let scale = variance(component).sqrt() * largest.signum();
            for (point, value) in points.iter_mut().zip(values.iter()) {
                point[axis] = scale * value;
            }
            shown += variance(component);
        }
        let all: f64 = (0..count).map(variance).sum();
        Projection {
            points,
            explained: if all > 0.0 { shown / all } else { 1.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of vectors of length 1.
    fn similarity(outputs: &[&[f64]]) -> Similarity {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum();
        let row = |a: &&[f64]| outputs.iter().map(|b| dot(a, b)).collect();
        Similarity {
            layer: 1,
            choices: outputs.iter().map(|_| "E3K3".to_owned()).collect(),
            cosine: outputs.iter().map(row).collect(),
        }
    }

    #[test]
    fn points_of_a_plane_keep_their_distances() {
        let angles = [0.1f64, 0.9, 2.0, 4.5];
        let outputs = angles.map(|angle| [angle.cos(), 0.0, angle.sin()]);
        let slices: Vec<&[f64]> = outputs.iter().map(|it| it.as_slice()).collect();
        let projection = similarity(&slices).projection();
        assert!((projection.explained - 1.0).abs() < 1e-9);
        for (a, &[ax, ay]) in projection.points.iter().enumerate() {
            for (b, &[bx, by]) in projection.points.iter().enumerate() {
                let expected = 2.0 * ((angles[a] - angles[b]) / 2.0).sin().abs();
                assert!(((ax - bx).hypot(ay - by) - expected).abs() < 1e-9);
            }
        }
        for axis in 0..2 {
            let values = || projection.points.iter().map(|point| point[axis]);
            assert!(values().sum::<f64>().abs() < 1e-9);
            let largest = values().max_by(|a, b| a.abs().total_cmp(&b.abs()));
            assert!(largest.unwrap() > 0.0);
        }
    }

    #[test]
    fn of_more_than_two_directions_the_longest_are_shown() {
        // Two pairs far from each other, and little between their members.
        let (far, near) = (0.8f64, 0.1);
        let rest = (1.0 - far * far - near * near).sqrt();
        let outputs = [
            [far, near, rest, 0.0],
            [far, -near, rest, 0.0],
            [-far, 0.0, rest, near],
            [-far, 0.0, rest, -near],
        ];
        let slices: Vec<&[f64]> = outputs.iter().map(|it| it.as_slice()).collect();
        let projection = similarity(&slices).projection();
        let expected = [far, far, -far, -far];
        let sign = projection.points[0][0].signum();
        for (point, expected) in projection.points.iter().zip(expected) {
            assert!((sign * point[0] - expected).abs() < 1e-9);
        }
        let total = 4.0 * far * far + 4.0 * near * near;
        let shown = 4.0 * far * far + 2.0 * near * near;
        assert!((projection.explained - shown / total).abs() < 1e-9);
    }

    #[test]
    fn alike_choices_are_one_point() {
        let projection = similarity(&[&[1.0, 0.0], &[1.0, 0.0]]).projection();
        assert_eq!(projection.points.len(), 2);
        assert!(projection.points.iter().flatten().all(|x| x.abs() < 1e-9));
    }
}
