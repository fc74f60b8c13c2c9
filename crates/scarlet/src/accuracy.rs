//! [`Accuracy`]: how often predictions are right, in total and class by class; and how well so many
//! images tell it.

use std::collections::BTreeMap;

use scarlet_engine::accuracy_interval;

use crate::Prediction;

/// Predictions looked at for top-5 accuracy.
const FIVE: usize = 5;

/// The 95 % confidence interval, from −1 to 1, of by how much one accuracy is above another, each a
/// number of right predictions and of images. Where it reaches 0 or below, the difference may be
/// chance.
///
/// Newcombe's interval (*Interval estimation for the difference between independent proportions*,
/// 1998, method 10), which is made of both [`accuracy_interval`]s. It is meant for different images;
/// of two networks on the same images, which mostly agree, it is wider than it need be.
pub fn accuracy_difference_interval(better: (u64, u64), other: (u64, u64)) -> [f64; 2] {
    let (p, q) = (ratio(better.0, better.1), ratio(other.0, other.1));
    let [p_low, p_high] = accuracy_interval(better.0, better.1);
    let [q_low, q_high] = accuracy_interval(other.0, other.1);
    let difference = p - q;
    [
        difference - (p - p_low).hypot(q_high - q),
        difference + (p_high - p).hypot(q - q_low),
    ]
}

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

/// How many images were predicted correctly.
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

    /// 95 % confidence interval of the top-1 accuracy, by [`accuracy_interval`].
    pub fn top1_interval(&self) -> [f64; 2] {
        accuracy_interval(self.first, self.images)
    }

    /// Top-5 accuracy, from 0 to 1; 0 without images.
    pub fn top5(&self) -> f64 {
        ratio(self.among_five, self.images)
    }

    /// 95 % confidence interval of the top-5 accuracy, by [`accuracy_interval`].
    pub fn top5_interval(&self) -> [f64; 2] {
        accuracy_interval(self.among_five, self.images)
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
    use scarlet_random::Random;

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

    fn near(found: [f64; 2], expected: [f64; 2]) -> bool {
        found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-4)
    }

    #[test]
    fn the_interval_is_wilsons() {
        // From Newcombe's comparison of intervals (1998, Statistics in Medicine 17, 857), table I.
        for ((right, images), expected) in [
            ((81, 263), [0.2553, 0.3662]),
            ((15, 148), [0.0624, 0.1605]),
            ((0, 20), [0.0, 0.1611]),
            ((1, 29), [0.0061, 0.1718]),
        ] {
            let found = accuracy_interval(right, images);
            assert!(near(found, expected), "{right} of {images}: {found:?}");
        }
        assert_eq!(accuracy_interval(0, 0), [0.0, 1.0]);
        assert_eq!(accuracy_interval(5, 5)[1], 1.0);
        let total = sample().total();
        assert_eq!(total.top1_interval(), accuracy_interval(1, 5));
        assert_eq!(total.top5_interval(), accuracy_interval(3, 5));
    }

    #[test]
    fn the_interval_of_a_difference_is_newcombes() {
        // From the same author's paper on differences (1998, 17, 873), table II.
        for ((better, other), expected) in [
            (((56, 70), (48, 80)), [0.0524, 0.3339]),
            (((9, 10), (3, 10)), [0.1705, 0.8090]),
            (((5, 56), (0, 29)), [-0.0381, 0.1926]),
            (((10, 10), (0, 10)), [0.6075, 1.0]),
        ] {
            let found = accuracy_difference_interval(better, other);
            assert!(near(found, expected), "{better:?}, {other:?}: {found:?}");
        }
    }

    /// Of `images` images, each of them right with this chance.
    fn right(images: u64, chance: f64, random: &mut Random) -> u64 {
        (0..images).filter(|_| random.chance(chance)).count() as u64
    }

    #[test]
    fn intervals_hold_what_they_claim_to() {
        // Wilson's covers 95 % on average over accuracies, not for each; nowhere near as few as 88 %.
        let mut random = Random::new(5, 1u64, 0);
        let runs = 3_000;
        for images in [20, 200, 1_000] {
            let mut mean = 0.0;
            let chances = [0.5, 0.7, 0.85, 0.9, 0.95, 0.98];
            for chance in chances {
                let covers = |_: &u32| {
                    let [low, high] = accuracy_interval(right(images, chance, &mut random), images);
                    low <= chance && chance <= high
                };
                let share = (0..runs).filter(covers).count() as f64 / f64::from(runs);
                assert!(share > 0.88, "{images} images, {chance}: {share}");
                mean += share / chances.len() as f64;
            }
            assert!((mean - 0.95).abs() < 0.015, "{images} images: {mean}");
        }
    }

    #[test]
    fn intervals_of_differences_hold_what_they_claim_to() {
        let mut random = Random::new(6, 1u64, 0);
        let runs = 3_000;
        for (images, [better, other]) in [(50, [0.9, 0.8]), (200, [0.95, 0.95]), (500, [0.99, 0.7])]
        {
            let covers = |_: &u32| {
                let mut counts = |chance| (right(images, chance, &mut random), images);
                let [low, high] = accuracy_difference_interval(counts(better), counts(other));
                low <= better - other && better - other <= high
            };
            let share = (0..runs).filter(covers).count() as f64 / f64::from(runs);
            assert!((share - 0.95).abs() < 0.025, "{images} images: {share}");
        }
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
