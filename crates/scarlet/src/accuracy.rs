//! [`Accuracy`]: how often predictions are right, in total and class by class.

use std::collections::BTreeMap;

use crate::Prediction;

/// Predictions looked at for top-5 accuracy.
const FIVE: usize = 5;

/// Counts right and wrong predictions.
///
/// ```
/// use scarlet::{Accuracy, Prediction};
///
/// let sure_of = |class| [Prediction { class, probability: 1.0 }];
/// let mut accuracy = Accuracy::default();
/// accuracy.record(0, &sure_of(0));
/// accuracy.record(0, &sure_of(2));
/// assert_eq!(accuracy.total().top1(), 0.5);
/// assert_eq!(accuracy.mistaken_for(0), [(2, 1)]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accuracy {
    classes: BTreeMap<usize, Score>,
    /// Wrong first predictions, by class and prediction.
    mistakes: BTreeMap<(usize, usize), u64>,
}

/// How many images were predicted rightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score {
    /// All images.
    pub images: u64,
    /// Images whose class was the first prediction.
    pub first: u64,
    /// Images whose class was among the first five predictions.
    pub among_five: u64,
}

impl Score {
    /// Top-1 accuracy, from 0 to 1; 0 without images.
    pub fn top1(&self) -> f64 {
        ratio(self.first, self.images)
    }

    /// Top-5 accuracy, from 0 to 1; 0 without images.
    pub fn top5(&self) -> f64 {
        ratio(self.among_five, self.images)
    }
}

impl Accuracy {
    /// Counts an image of class `label`, whose `predictions` have the most probable first. With
    /// fewer than five of them, top-5 looks at those there are.
    pub fn record(&mut self, label: usize, predictions: &[Prediction]) {
        let score = self.classes.entry(label).or_default();
        score.images += 1;
        if predictions
            .iter()
            .take(FIVE)
            .any(|prediction| prediction.class == label)
        {
            score.among_five += 1;
        }
        match predictions.first() {
            Some(first) if first.class == label => score.first += 1,
            Some(first) => *self.mistakes.entry((label, first.class)).or_default() += 1,
            None => {}
        }
    }

    /// Over all images.
    pub fn total(&self) -> Score {
        self.classes
            .values()
            .fold(Score::default(), |total, score| Score {
                images: total.images + score.images,
                first: total.first + score.first,
                among_five: total.among_five + score.among_five,
            })
    }

    /// The classes of which there were images, in order.
    pub fn classes(&self) -> impl ExactSizeIterator<Item = (usize, Score)> {
        self.classes.iter().map(|(&class, &score)| (class, score))
    }

    /// Mean of the classes' top-1 accuracies, from 0 to 1: what [`total`](Self::total) would say
    /// if all classes had equally many images; 0 without images.
    pub fn mean_class_top1(&self) -> f64 {
        let sum: f64 = self.classes.values().map(Score::top1).sum();
        sum / self.classes.len().max(1) as f64
    }

    /// The classes by top-1 accuracy, the lowest first, and of equals the one with more images.
    pub fn worst_classes(&self) -> Vec<(usize, Score)> {
        let mut classes: Vec<_> = self.classes().collect();
        classes
            .sort_by(|(_, a), (_, b)| a.top1().total_cmp(&b.top1()).then(b.images.cmp(&a.images)));
        classes
    }

    /// The classes that images of `label` were taken for, and how many, the most frequent first.
    pub fn mistaken_for(&self, label: usize) -> Vec<(usize, u64)> {
        let mut mistakes: Vec<_> = self
            .mistakes
            .range((label, 0)..=(label, usize::MAX))
            .map(|(&(_, predicted), &count)| (predicted, count))
            .collect();
        mistakes.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        mistakes
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions(classes: &[usize]) -> Vec<Prediction> {
        classes
            .iter()
            .map(|&class| Prediction {
                class,
                probability: 0.1,
            })
            .collect()
    }

    fn sample() -> Accuracy {
        let mut accuracy = Accuracy::default();
        accuracy.record(7, &predictions(&[7, 1, 2, 3, 4, 5]));
        accuracy.record(7, &predictions(&[1, 2, 3, 4, 7, 5]));
        accuracy.record(7, &predictions(&[1, 2, 3, 4, 5, 7]));
        accuracy.record(7, &predictions(&[2, 1, 3, 4, 5, 6]));
        accuracy.record(3, &predictions(&[4, 3]));
        accuracy
    }

    #[test]
    fn the_sixth_prediction_does_not_count() {
        let total = sample().total();
        assert_eq!(
            total,
            Score {
                images: 5,
                first: 1,
                among_five: 3
            }
        );
        assert_eq!((total.top1(), total.top5()), (0.2, 0.6));
    }

    #[test]
    fn classes_are_weighed_equally_in_their_mean() {
        assert_eq!(sample().mean_class_top1(), 0.125);
    }

    #[test]
    fn the_worst_classes_and_their_mistakes_come_first() {
        let accuracy = sample();
        let worst: Vec<usize> = accuracy
            .worst_classes()
            .iter()
            .map(|(class, _)| *class)
            .collect();
        assert_eq!(worst, [3, 7]);
        assert_eq!(accuracy.mistaken_for(7), [(1, 2), (2, 1)]);
        assert_eq!(accuracy.mistaken_for(3), [(4, 1)]);
        assert_eq!(accuracy.mistaken_for(4), []);
    }

    #[test]
    fn nothing_recorded_is_no_division_by_zero() {
        let accuracy = Accuracy::default();
        assert_eq!(accuracy.total().top1(), 0.0);
        assert_eq!(accuracy.mean_class_top1(), 0.0);
    }
}
