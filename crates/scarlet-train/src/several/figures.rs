//! [`LabelFigures`]: how well a network tells every label.

use scarlet::{Threshold, sigmoid};
use serde::Serialize;

use super::LabelEvidence;
use super::evidence::mean;

/// How well a network tells the labels of some images. All shares are from 0 to 1; each is none where
/// there is nothing to tell it by.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LabelFigures {
    /// Mean of the classes' average precisions, of those that some image has.
    pub mean_average_precision: Option<f64>,
    /// Share of the given labels that are right.
    pub precision: Option<f64>,
    /// Share of the labels that are given.
    pub recall: Option<f64>,
    /// Harmonic mean of both.
    pub f1: Option<f64>,
    /// Mean of the classes' F1, of those that some image has.
    pub mean_f1: Option<f64>,
    /// Share of the images that are given exactly their labels.
    pub exact: f64,
    /// Mean binary cross-entropy of a label, in nats.
    pub loss: f64,
    /// Each class, in the network's order.
    pub classes: Vec<ClassFigures>,
}

/// How well a network tells a label, given from its threshold on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClassFigures {
    /// Images that have it.
    pub images: u64,
    /// How well its probability puts them before all others.
    pub average_precision: Option<f64>,
    /// From which probability on it is given.
    pub threshold: Threshold,
    /// Images that are given it.
    pub given: u64,
    /// How many of them have it.
    pub right: u64,
    /// The share of them.
    pub precision: Option<f64>,
    /// Share of the images that have it that are given it.
    pub recall: Option<f64>,
    /// Harmonic mean of both.
    pub f1: Option<f64>,
}

impl LabelFigures {
    /// Of what a network says, its labels being given from these thresholds on.
    ///
    /// # Panics
    ///
    /// If there are not as many thresholds as classes.
    pub fn new(evidence: &LabelEvidence, thresholds: &[Threshold]) -> Self {
        assert_eq!(
            thresholds.len(),
            evidence.classes(),
            "a threshold for each class"
        );
        let precisions = evidence.average_precisions();
        let classes: Vec<ClassFigures> = thresholds
            .iter()
            .zip(precisions)
            .enumerate()
            .map(|(class, (&threshold, average_precision))| {
                let (mut images, mut given, mut right) = (0, 0, 0);
                let probabilities = evidence.probabilities(class).into_iter();
                for (probability, present) in probabilities.zip(evidence.present(class)) {
                    let is_given = probability >= threshold.get();
                    images += u64::from(present);
                    given += u64::from(is_given);
                    right += u64::from(present && is_given);
                }
                let [precision, recall, f1] = shares(images, given, right);
                ClassFigures {
                    images,
                    average_precision,
                    threshold,
                    given,
                    right,
                    precision,
                    recall,
                    f1,
                }
            })
            .collect();
        let sum = |of: fn(&ClassFigures) -> u64| classes.iter().map(of).sum();
        let [precision, recall, f1] =
            shares(sum(|it| it.images), sum(|it| it.given), sum(|it| it.right));
        let seen = || classes.iter().filter(|class| class.images > 0);
        let places = 0..evidence.len();
        let exact = places
            .clone()
            .filter(|&place| wrong(evidence, thresholds, place).is_empty());
        let images = evidence.len().max(1) as f64;
        Self {
            mean_average_precision: mean(seen().filter_map(|class| class.average_precision)),
            precision,
            recall,
            f1,
            mean_f1: mean(seen().filter_map(|class| class.f1)),
            exact: exact.count() as f64 / images,
            loss: places.map(|place| evidence.loss(place)).sum::<f64>() / images,
            classes,
        }
    }
}

/// The classes that an image, by its place, has and is not given, or is given and has not.
pub fn wrong(evidence: &LabelEvidence, thresholds: &[Threshold], place: usize) -> Vec<usize> {
    let set = evidence.labels(place);
    let logits = evidence.logits(place).iter().zip(thresholds).enumerate();
    let wrong = logits.filter(|(class, (logit, threshold))| {
        (sigmoid(**logit) >= threshold.get()) != set.contains(&(*class as u32))
    });
    wrong.map(|(class, _)| class).collect()
}

/// Precision, recall and F1.
fn shares(present: u64, given: u64, right: u64) -> [Option<f64>; 3] {
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    [
        share(right, given),
        share(right, present),
        share(2 * right, present + given),
    ]
}
