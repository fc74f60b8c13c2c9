//! [`Folds`]: linear discriminants, each fitted to all folds but one.

use burn::tensor::{Device, Tensor, TensorData};
use nalgebra::DMatrix;

/// Weight of a covariance that is the same in all directions, beside what was measured: features are
/// many and images may be few.
const SHRINKAGE: f64 = 0.3;
/// Rows that are multiplied at once.
const ROWS: usize = 4096;
/// Deviation of a feature that counts as none.
const CONSTANT: f64 = 1e-3;

/// Sums over the images of each fold, from which a discriminant follows for any others.
///
/// The discriminant of classes with a common covariance (Fisher's; Hastie, Tibshirani and Friedman,
/// *The Elements of Statistical Learning*, section 4.3), which is shrunk towards a multiple of the
/// identity (Friedman, *Regularized Discriminant Analysis*, 1989).
pub(super) struct Folds {
    width: usize,
    classes: usize,
    /// Of each fold: sums of squares and products `[width, width]`.
    products: Vec<DMatrix<f64>>,
    /// Sums of the features by class, `[width, classes]`.
    sums: Vec<DMatrix<f64>>,
    /// Images by class.
    counts: Vec<Vec<f64>>,
}

/// Weights `[width, classes]` and biases.
pub(super) struct Discriminant {
    weights: DMatrix<f64>,
    biases: Vec<f64>,
}

/// Features of mean 0 and deviation 1; those that are always the same become 0.
pub(super) fn standardised(rows: &[&[f32]], width: usize) -> Vec<f32> {
    let count = rows.len().max(1) as f64;
    let (mut means, mut deviations) = (vec![0.0; width], vec![0.0; width]);
    for row in rows {
        for (mean, &value) in means.iter_mut().zip(*row) {
            *mean += f64::from(value) / count;
        }
    }
    for row in rows {
        for ((deviation, mean), &value) in deviations.iter_mut().zip(&means).zip(*row) {
            *deviation += (f64::from(value) - mean).powi(2) / count;
        }
    }
    let scales: Vec<f64> = deviations
        .into_iter()
        .map(f64::sqrt)
        .map(|deviation| match deviation > CONSTANT {
            true => deviation.recip(),
            false => 0.0,
        })
        .collect();
    let standard =
        |(place, &value): (usize, &f32)| ((f64::from(value) - means[place]) * scales[place]) as f32;
    rows.iter()
        .flat_map(|row| row.iter().enumerate().map(standard))
        .collect()
}

impl Folds {
    /// Of features `[images, width]`, with the class and the fold of each image. `go_on` is asked
    /// now and then; where it says no there is no result.
    pub(super) fn of(
        values: &[f32],
        width: usize,
        labels: &[usize],
        folds: &[usize],
        mut go_on: impl FnMut() -> bool,
    ) -> Option<Self> {
        let count = folds.iter().max().map_or(0, |last| last + 1);
        let classes = labels.iter().max().map_or(0, |last| last + 1);
        let mut all = Self {
            width,
            classes,
            products: vec![DMatrix::zeros(width, width); count],
            sums: vec![DMatrix::zeros(width, classes); count],
            counts: vec![vec![0.0; classes]; count],
        };
        let row = |image: usize| &values[image * width..(image + 1) * width];
        for fold in 0..count {
            let images: Vec<usize> = (0..labels.len()).filter(|&it| folds[it] == fold).collect();
            for images in images.chunks(ROWS) {
                if !go_on() {
                    return None;
                }
                let block: Vec<f32> = images.iter().flat_map(|&it| row(it)).copied().collect();
                let block = TensorData::new(block, [images.len(), width]);
                let block: Tensor<2> = Tensor::from_data(block, &Device::flex());
                let product = block.clone().transpose().matmul(block).into_data();
                // Symmetric, so that rows may be taken for columns.
                for (sum, value) in all.products[fold].iter_mut().zip(product.iter::<f32>()) {
                    *sum += f64::from(value);
                }
                for &image in images {
                    let class = labels[image];
                    all.counts[fold][class] += 1.0;
                    let mut sums = all.sums[fold].column_mut(class);
                    for (sum, &value) in sums.iter_mut().zip(row(image)) {
                        *sum += f64::from(value);
                    }
                }
            }
        }
        Some(all)
    }

    /// The discriminant of all folds but one; none where the others have no images.
    pub(super) fn without(&self, fold: usize) -> Option<Discriminant> {
        let others = || (0..self.counts.len()).filter(|&it| it != fold);
        let mut covariance = DMatrix::zeros(self.width, self.width);
        let mut means = DMatrix::zeros(self.width, self.classes);
        let mut counts = vec![0.0; self.classes];
        for fold in others() {
            covariance += &self.products[fold];
            means += &self.sums[fold];
            for (count, more) in counts.iter_mut().zip(&self.counts[fold]) {
                *count += more;
            }
        }
        let images: f64 = counts.iter().sum();
        let mut weighted = means.clone();
        for (class, &count) in counts.iter().enumerate() {
            let present = f64::max(count, 1.0);
            means.column_mut(class).scale_mut(present.recip());
            weighted.column_mut(class).scale_mut(present.sqrt().recip());
        }
        covariance -= &weighted * weighted.transpose();
        covariance /= images.max(1.0);
        let level = covariance.trace() / self.width.max(1) as f64;
        covariance *= 1.0 - SHRINKAGE;
        for place in 0..self.width {
            // However little features vary.
            covariance[(place, place)] += SHRINKAGE * level + 1e-9;
        }
        let weights = covariance.cholesky()?.solve(&means);
        let biases = counts.iter().enumerate().map(|(class, &count)| {
            let share: f64 = count / images.max(1.0);
            share.max(f64::MIN_POSITIVE).ln()
                - means.column(class).dot(&weights.column(class)) / 2.0
        });
        Some(Discriminant {
            biases: biases.collect(),
            weights,
        })
    }
}

impl Discriminant {
    /// Logits of an image's features.
    pub(super) fn logits(&self, features: &[f32]) -> Vec<f64> {
        let logit = |(class, bias): (usize, &f64)| {
            let weights = self.weights.column(class);
            let weighed = weights.iter().zip(features);
            bias + weighed
                .map(|(weight, &value)| weight * f64::from(value))
                .sum::<f64>()
        };
        self.biases.iter().enumerate().map(logit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_standardised_and_constant_ones_are_nothing() {
        let rows: [&[f32]; 4] = [&[1.0, 5.0], &[3.0, 5.0], &[1.0, 5.0], &[3.0, 5.0]];
        assert_eq!(
            standardised(&rows, 2),
            [-1.0, 0.0, 1.0, 0.0, -1.0, 0.0, 1.0, 0.0]
        );
    }

    #[test]
    fn the_discriminant_is_that_of_the_formula() {
        // One feature: classes at -1 and 2 with a variance of 0.25 within.
        let values = [-1.5, -0.5, 1.5, 2.5, -1.5, -0.5, 1.5, 2.5, 9.0];
        let labels = [0, 0, 1, 1, 0, 0, 1, 1, 0];
        let folds = [0, 0, 0, 0, 1, 1, 1, 1, 2];
        let folds = Folds::of(&values, 1, &labels, &folds, || true).unwrap();
        let fitted = folds.without(2).unwrap();
        let [low, high] = fitted.logits(&[1.0])[..] else {
            panic!("two classes");
        };
        // Of one feature, shrinking changes nothing: (m x - m² / 2) / variance + ln(1/2).
        let half = 0.5_f64.ln();
        assert!((low - ((-1.0 - 0.5) / 0.25 + half)).abs() < 1e-5, "{low}");
        assert!((high - ((2.0 - 2.0) / 0.25 + half)).abs() < 1e-5, "{high}");
        assert!(Folds::of(&values, 1, &labels, &[0; 9], || false).is_none());
    }
}
