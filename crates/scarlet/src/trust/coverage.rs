//! [`Coverage`]: how many images a network answers that keeps silent where it is not sure, and how
//! often it is right then.

use super::Answer;
use crate::accuracy_interval;

/// What becomes of a network's answers when those below a threshold are withheld: selective
/// classification (Geifman and El-Yaniv, *Selective Classification for Deep Neural Networks*, 2017,
/// arXiv 1705.08500).
#[derive(Debug, Clone)]
pub struct Coverage {
    /// From the surest on.
    confidences: Vec<f64>,
    /// At index i, how many of the first i are right.
    right: Vec<u64>,
}

/// What a threshold leaves of a network's answers.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct CoveragePoint {
    /// Answers of at least this confidence are given.
    pub threshold: f64,
    /// Images that are answered.
    pub answered: u64,
    /// Those of them whose answer is right.
    pub right: u64,
    /// All images.
    pub images: u64,
}

impl CoveragePoint {
    /// Share of the images that are answered, from 0 to 1; 0 without images.
    pub fn coverage(&self) -> f64 {
        self.answered as f64 / self.images.max(1) as f64
    }

    /// Share of the given answers that are right, from 0 to 1; 0 without any.
    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.answered.max(1) as f64
    }

    /// 95 % confidence interval of this accuracy, by [`accuracy_interval`].
    pub fn accuracy_interval(&self) -> [f64; 2] {
        accuracy_interval(self.right, self.answered)
    }
}

impl Coverage {
    /// Thresholds that are [searched](Self::smallest_threshold), from 0 to 1 in equal steps.
    const STEPS: u32 = 10_000;

    /// Of these answers.
    pub fn of(answers: &[Answer]) -> Self {
        let mut sorted: Vec<&Answer> = answers.iter().collect();
        sorted.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        let mut right = vec![0];
        let mut sum = 0;
        right.extend(sorted.iter().map(|answer| {
            sum += u64::from(answer.right);
            sum
        }));
        Self {
            confidences: sorted.iter().map(|answer| answer.confidence).collect(),
            right,
        }
    }

    /// With this threshold.
    pub fn at(&self, threshold: f64) -> CoveragePoint {
        let answered = self.confidences.partition_point(|&it| it >= threshold);
        CoveragePoint {
            threshold,
            answered: answered as u64,
            right: self.right[answered],
            images: self.confidences.len() as u64,
        }
    }

    /// The smallest threshold, in steps of 0.0001, that leaves answers of which this share is right;
    /// none where no threshold does.
    ///
    /// It is chosen by the images that it is then true of, and on others the accuracy may be a little
    /// lower: its [interval](CoveragePoint::accuracy_interval) says by how much.
    pub fn smallest_threshold(&self, accuracy: f64) -> Option<CoveragePoint> {
        let steps = (0..=Self::STEPS).map(|step| f64::from(step) / f64::from(Self::STEPS));
        let mut points = steps.map(|threshold| self.at(threshold));
        points.find(|point| point.answered > 0 && point.accuracy() >= accuracy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coverage(of: &[(f64, bool)]) -> Coverage {
        let answers = of.iter().map(|&(confidence, right)| Answer {
            class: 0,
            confidence,
            right,
        });
        Coverage::of(&answers.collect::<Vec<_>>())
    }

    #[test]
    fn answers_at_the_threshold_are_given() {
        let found = coverage(&[(0.9, true), (0.4, false), (0.7, true), (0.7, false)]);
        let counts = |threshold| {
            let point = found.at(threshold);
            (point.answered, point.right)
        };
        assert_eq!(counts(0.0), (4, 2));
        assert_eq!(counts(0.4), (4, 2));
        assert_eq!(counts(0.41), (3, 2));
        assert_eq!(counts(0.7), (3, 2));
        assert_eq!(counts(0.9), (1, 1));
        assert_eq!(counts(1.0), (0, 0));
        let point = found.at(0.7);
        assert_eq!((point.coverage(), point.accuracy()), (0.75, 2.0 / 3.0));
        assert_eq!(point.accuracy_interval(), accuracy_interval(2, 3));
    }

    #[test]
    fn the_smallest_threshold_is_one_to_be_typed() {
        let found = coverage(&[
            (0.999, true),
            (0.95, true),
            (0.912_34, true),
            (0.912_33, false),
            (0.6, true),
            (0.3, false),
        ]);
        let point = found.smallest_threshold(0.99).unwrap();
        assert_eq!((point.threshold, point.answered), (0.9124, 2));
        let point = found.smallest_threshold(0.75).unwrap();
        assert_eq!((point.threshold, point.answered), (0.3001, 5));
        assert_eq!(found.smallest_threshold(0.5).unwrap().threshold, 0.0);
    }

    #[test]
    fn an_accuracy_may_be_out_of_reach() {
        assert_eq!(coverage(&[]).smallest_threshold(0.9), None);
        assert_eq!(coverage(&[(0.9, false)]).smallest_threshold(0.9), None);
        assert_eq!(coverage(&[]).at(0.0).coverage(), 0.0);
        // Above every step.
        let sure = coverage(&[(0.999_99, true), (0.999_98, false)]);
        assert_eq!(sure.smallest_threshold(0.9), None);
    }
}
