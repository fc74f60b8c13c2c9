use proptest::prelude::*;
use scarlet::{Threshold, sigmoid};

use super::{LabelEvidence, LabelFigures, average_precision};

/// Images by their labels and their logits in tenths, many of which are equal.
const IMAGES: [(&[u32], [i32; 4]); 40] = [
    (&[], [-3, 29, 12, -8]),
    (&[], [8, -7, -7, 13]),
    (&[0, 2], [4, -25, -2, 1]),
    (&[], [2, 19, -11, 11]),
    (&[0], [18, -2, 13, 7]),
    (&[0], [-1, 16, -18, 1]),
    (&[], [0, 6, -11, -1]),
    (&[0], [10, 15, -12, 1]),
    (&[], [-4, -19, 40, -1]),
    (&[], [-22, 21, -16, 6]),
    (&[0], [25, -10, -6, -8]),
    (&[0], [10, -24, -19, -2]),
    (&[0], [28, 9, 26, 10]),
    (&[1], [-8, 10, -30, -14]),
    (&[], [-15, 4, 10, -8]),
    (&[0], [3, -23, -2, 4]),
    (&[0], [19, -12, 30, 18]),
    (&[], [-1, -8, -5, 2]),
    (&[], [0, 7, 12, 20]),
    (&[0, 1], [29, 10, 6, -6]),
    (&[0], [3, 29, -7, 30]),
    (&[], [-5, 4, 16, 0]),
    (&[], [6, -4, -7, -2]),
    (&[], [-10, 24, -3, 26]),
    (&[], [-40, 0, 8, -4]),
    (&[0], [28, 10, -4, 7]),
    (&[], [42, 4, 4, -7]),
    (&[], [2, -19, -3, 37]),
    (&[0, 1], [28, 22, 17, 28]),
    (&[1], [9, 43, 16, 2]),
    (&[0], [38, -35, -9, 4]),
    (&[0], [-2, -2, -10, -10]),
    (&[0, 1], [53, 21, -1, 20]),
    (&[], [-4, 13, 5, 24]),
    (&[], [-21, 11, 2, -17]),
    (&[], [16, -13, 24, 8]),
    (&[], [10, 1, 14, -28]),
    (&[1], [1, 3, 4, -1]),
    (&[1], [9, -1, 28, 35]),
    (&[], [-3, 0, 4, 19]),
];

/// Of scikit-learn 1.9.1: `average_precision_score(present, 1 / (1 + exp(-logits)))`.
const AVERAGE_PRECISIONS: [f64; 3] = [
    0.7672352126724858,
    0.43388516245659103,
    0.043478260869565216,
];
/// The same with `average="macro"`, over the classes that there are images of.
const MEAN: f64 = 0.4148662119995474;
/// Precision, recall and F1 from 0.5 on, `average="micro"`; the classes' F1; `accuracy_score`.
const MICRO: [f64; 3] = [0.20833333333333334, 0.8333333333333334, 0.3333333333333333];
const F1: [f64; 3] = [0.6666666666666666, 0.375, 0.0];
const EXACT: f64 = 0.075;
/// The highest F1 of `precision_recall_curve`, and the logit of its threshold, in tenths.
const BEST_F1: [(f64, i32); 3] = [
    (0.7567567567567567, 3),
    (0.4545454545454545, 10),
    (0.08333333333333333, -2),
];

fn evidence() -> LabelEvidence {
    let mut evidence = LabelEvidence::new(4);
    for (image, (labels, logits)) in IMAGES.iter().enumerate() {
        evidence.record(image, labels, &logits.map(|tenths| tenths as f32 / 10.0));
    }
    evidence
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
}

#[test]
fn average_precision_is_that_of_scikit_learn() {
    let found = evidence().average_precisions();
    for (found, expected) in found.iter().zip(AVERAGE_PRECISIONS) {
        close(found.unwrap(), expected);
    }
    assert_eq!(found[3], None);
    close(evidence().mean_average_precision().unwrap(), MEAN);
}

#[test]
fn no_images_with_labels_have_no_average_precision() {
    let mut evidence = LabelEvidence::new(2);
    assert_eq!(evidence.mean_average_precision(), None);
    evidence.record(0, &[], &[1.0, 2.0]);
    assert_eq!(evidence.mean_average_precision(), None);
    assert_eq!(evidence.thresholds(), [Threshold::HALF; 2]);
}

#[test]
fn figures_are_those_of_scikit_learn() {
    let figures = LabelFigures::new(&evidence(), &[Threshold::HALF; 4]);
    for (found, expected) in [figures.precision, figures.recall, figures.f1]
        .iter()
        .zip(MICRO)
    {
        close(found.unwrap(), expected);
    }
    for (found, expected) in figures.classes.iter().zip(F1) {
        close(found.f1.unwrap(), expected);
    }
    close(figures.mean_f1.unwrap(), F1.iter().sum::<f64>() / 3.0);
    close(figures.exact, EXACT);
    let last = &figures.classes[3];
    assert_eq!(
        (last.images, last.recall, last.average_precision),
        (0, None, None)
    );
    assert_eq!(last.precision, Some(0.0));
}

#[test]
fn thresholds_have_the_highest_f1_and_lie_between_scores() {
    let evidence = evidence();
    let thresholds = evidence.thresholds();
    let figures = LabelFigures::new(&evidence, &thresholds);
    for (class, (f1, tenths)) in BEST_F1.into_iter().enumerate() {
        close(figures.classes[class].f1.unwrap(), f1);
        let (threshold, lowest) = (thresholds[class].get(), sigmoid(tenths as f32 / 10.0));
        let scores = evidence.probabilities(class);
        let below = scores
            .into_iter()
            .filter(|&it| it < lowest)
            .fold(0.0, f64::max);
        assert!(
            below < threshold && threshold <= lowest,
            "{below} {threshold} {lowest}"
        );
    }
    assert_eq!(thresholds[3], Threshold::HALF);
}

#[test]
fn the_loss_of_an_image_is_finite_and_right() {
    let mut evidence = LabelEvidence::new(2);
    evidence.record(0, &[1], &[0.0, 0.0]);
    evidence.record(1, &[1], &[500.0, -500.0]);
    close(evidence.loss(0), 2.0f64.ln());
    close(evidence.loss(1), 500.0);
}

proptest! {
    #[test]
    fn average_precision_depends_on_order_alone_and_is_1_where_it_is_perfect(
        images in prop::collection::vec((0i32..20, any::<bool>()), 1..40),
    ) {
        let scores: Vec<f64> = images.iter().map(|(score, _)| f64::from(*score)).collect();
        let present: Vec<bool> = images.iter().map(|(_, present)| *present).collect();
        let found = average_precision(&scores, &present);
        let squeezed: Vec<f64> = scores.iter().map(|score| (score / 30.0).exp()).collect();
        prop_assert_eq!(average_precision(&squeezed, &present), found);
        let reversed: Vec<f64> = scores.iter().rev().copied().collect();
        let present_reversed: Vec<bool> = present.iter().rev().copied().collect();
        prop_assert_eq!(average_precision(&reversed, &present_reversed), found);
        let perfect: Vec<f64> = present.iter().map(|&it| f64::from(u8::from(it))).collect();
        if let Some(found) = found {
            prop_assert!(found > 0.0 && found <= 1.0 + 1e-12);
            prop_assert_eq!(average_precision(&perfect, &present), Some(1.0));
        }
    }
}
