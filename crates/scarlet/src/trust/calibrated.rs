//! Tests of what a [`Temperature`] does to answers.

use scarlet_random::Random;

use super::{Answer, Reliability, Temperature};

/// Logits of a network that is right as often as it says, and labels drawn by them.
fn calibrated(images: usize, classes: usize, seed: u64) -> (Vec<f32>, Vec<usize>) {
    let mut random = Random::new(seed, 1u64, 0);
    let (mut logits, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..images {
        let row: Vec<f32> = (0..classes)
            .map(|_| (3.0 * random.normal_pair()[0]) as f32)
            .collect();
        let shares: Vec<f64> = row.iter().map(|&it| f64::from(it).exp()).collect();
        let mut left = random.unit() * shares.iter().sum::<f64>();
        let drawn = shares.iter().position(|share| {
            left -= share;
            left < 0.0
        });
        labels.push(drawn.unwrap_or(classes - 1));
        logits.extend(row);
    }
    (logits, labels)
}

#[test]
fn it_is_found_again_and_mends_the_calibration() {
    for expected in [0.4, 1.0, 2.5] {
        let (mut logits, labels) = calibrated(4_000, 8, 3);
        for logit in &mut logits {
            *logit *= expected as f32;
        }
        let temperature = Temperature::fit(&logits, &labels).unwrap();
        let found = temperature.get();
        assert!(
            (found / expected - 1.0).abs() < 0.04,
            "{found} for {expected}"
        );
        let error = |temperature| {
            let rows = logits.chunks_exact(8).zip(&labels);
            let answers = rows.map(|(row, &label)| Answer::of(row, label, temperature));
            Reliability::of(&answers.collect::<Vec<_>>()).expected_calibration_error
        };
        let (before, after) = (error(None), error(Some(temperature)));
        assert!(after < 0.02, "{after}");
        assert!(expected == 1.0 || before > 0.08, "{before}");
    }
}

#[test]
fn classes_never_change() {
    let (logits, labels) = calibrated(200, 5, 9);
    for value in [Temperature::LEAST, 0.7, 3.0, Temperature::MOST] {
        let temperature = Temperature::new(value).unwrap();
        for (row, &label) in logits.chunks_exact(5).zip(&labels) {
            let (plain, cooled) = (
                Answer::of(row, label, None),
                Answer::of(row, label, Some(temperature)),
            );
            assert_eq!(plain.class, cooled.class);
            assert!(cooled.confidence > 0.0 && cooled.confidence <= 1.0);
        }
    }
}
