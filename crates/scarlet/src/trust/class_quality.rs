//! [`ClassQuality`]: how far answers of one class can be believed, and how many of its images are found.

use std::collections::BTreeMap;

use crate::{Accuracy, accuracy_interval};

/// Precision and recall of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct ClassQuality {
    /// Index of the class.
    pub class: usize,
    /// Images of the class.
    pub images: u64,
    /// Images, of whichever class, that were put into it.
    pub predicted: u64,
    /// Images of the class that were put into it.
    pub right: u64,
}

impl ClassQuality {
    /// Share of the images that were put into the class that are of it, from 0 to 1; none where there
    /// are no such images.
    pub fn precision(&self) -> Option<f64> {
        share(self.right, self.predicted)
    }

    /// 95 % confidence interval of the precision, by [`accuracy_interval`].
    pub fn precision_interval(&self) -> [f64; 2] {
        accuracy_interval(self.right, self.predicted)
    }

    /// Share of the class's images that were put into it, from 0 to 1; none without images.
    pub fn recall(&self) -> Option<f64> {
        share(self.right, self.images)
    }

    /// 95 % confidence interval of the recall, by [`accuracy_interval`].
    pub fn recall_interval(&self) -> [f64; 2] {
        accuracy_interval(self.right, self.images)
    }

    /// The harmonic mean of precision and recall, from 0 to 1; none where there are neither images of
    /// the class nor any that were put into it.
    pub fn f1(&self) -> Option<f64> {
        share(2 * self.right, self.images + self.predicted)
    }
}

impl Accuracy {
    /// Precision and recall of each class of which there were images or answers, in order.
    pub fn class_quality(&self) -> Vec<ClassQuality> {
        let mut found: BTreeMap<usize, ClassQuality> = BTreeMap::new();
        let mut add = |class, images, predicted, right| {
            let quality = found.entry(class).or_insert(ClassQuality {
                class,
                images: 0,
                predicted: 0,
                right: 0,
            });
            quality.images += images;
            quality.predicted += predicted;
            quality.right += right;
        };
        for (class, score) in self.classes() {
            add(class, score.images, score.first, score.first);
            for (predicted, images) in self.mistaken_for(class) {
                add(predicted, 0, images, 0);
            }
        }
        found.into_values().collect()
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Prediction;

    #[test]
    fn values_are_those_of_scikit_learn() {
        // sklearn.metrics.precision_recall_fscore_support of these labels and predictions.
        let labels = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2];
        let predictions = [0, 0, 1, 3, 1, 1, 2, 2, 2, 2, 0, 1];
        let mut accuracy = Accuracy::default();
        for (label, class) in labels.into_iter().zip(predictions) {
            let probability = 0.5;
            accuracy.record(label, &[Prediction { class, probability }]);
        }
        let found = accuracy.class_quality();
        let classes: Vec<usize> = found.iter().map(|it| it.class).collect();
        assert_eq!(classes, [0, 1, 2, 3]);
        let expected = [
            (2.0 / 3.0, 0.5, 4.0 / 7.0, 4),
            (0.5, 2.0 / 3.0, 4.0 / 7.0, 3),
            (0.75, 0.6, 2.0 / 3.0, 5),
        ];
        for (quality, (precision, recall, f1, images)) in found.iter().zip(expected) {
            let near = |found: Option<f64>, expected: f64| {
                assert!((found.unwrap() - expected).abs() < 1e-12, "{quality:?}");
            };
            near(quality.precision(), precision);
            near(quality.recall(), recall);
            near(quality.f1(), f1);
            assert_eq!(quality.images, images);
        }
        // What scikit-learn sets to 0 is not known.
        let last = found[3];
        assert_eq!(
            (last.precision(), last.recall(), last.f1()),
            (Some(0.0), None, Some(0.0))
        );
        assert_eq!(last.recall_interval(), [0.0, 1.0]);
    }
}
