//! [`Reliability`]: whether a network is right as often as it says.

use super::Answer;

/// How often a network is right, by how sure it is, and by how much that differs from what it says.
///
/// Guo et al., *On Calibration of Modern Neural Networks*, 2017, arXiv 1706.04599, section 2: images
/// fall by the confidence of their answer into bins of equal width, (0, 1/15], (1/15, 2/15], …; the
/// expected calibration error is the mean difference of a bin's confidence and accuracy, weighted by
/// its images.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Reliability {
    /// All bins, from the least sure on, those without images too.
    pub bins: Vec<ReliabilityBin>,
    /// From 0 to 1; 0 without images.
    pub expected_calibration_error: f64,
    /// What a network that is right exactly as often as it says would show on this many images by
    /// chance alone: on few images that is far from 0.
    ///
    /// Each bin contributes the mean absolute deviation of a binomial distribution with the bin's mean
    /// confidence, by de Moivre's formula (Diaconis and Zabell, *Closed Form Summation for Classical
    /// Distributions*, 1991).
    pub by_chance: f64,
}

/// The images of which a network is about equally sure.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ReliabilityBin {
    /// Confidences above this.
    pub from: f64,
    /// Up to and including this.
    pub to: f64,
    /// Images in the bin.
    pub images: u64,
    /// Those whose answer is right.
    pub right: u64,
    /// Their mean confidence; none without images.
    pub confidence: Option<f64>,
    /// The share of them that is right; none without images.
    pub accuracy: Option<f64>,
}

impl Reliability {
    /// The number of bins in the cited paper.
    pub const BINS: usize = 15;

    /// Of these answers, in [`BINS`](Self::BINS) bins.
    pub fn of(answers: &[Answer]) -> Self {
        let mut sums = [(0u64, 0u64, 0.0f64); Self::BINS];
        for answer in answers {
            let (images, right, confidence) = &mut sums[bin(answer.confidence)];
            *images += 1;
            *right += u64::from(answer.right);
            *confidence += answer.confidence;
        }
        let total = answers.len().max(1) as f64;
        let (mut error, mut by_chance) = (0.0, 0.0);
        let bins = sums.iter().enumerate();
        let bins = bins.map(|(index, &(images, right, confidence))| {
            let mean = confidence / images.max(1) as f64;
            error += (confidence - right as f64).abs() / total;
            by_chance += mean_deviation(images, mean) / total;
            let bound = |index: usize| index as f64 / Self::BINS as f64;
            ReliabilityBin {
                from: bound(index),
                to: bound(index + 1),
                images,
                right,
                confidence: (images > 0).then_some(mean),
                accuracy: (images > 0).then(|| right as f64 / images as f64),
            }
        });
        Self {
            bins: bins.collect(),
            expected_calibration_error: error,
            by_chance,
        }
    }
}

/// The bin of a confidence from 0 to 1.
fn bin(confidence: f64) -> usize {
    let above = (confidence * Reliability::BINS as f64).ceil() as usize;
    above.clamp(1, Reliability::BINS) - 1
}

/// E|X − np| of a binomial X: 2ν·C(n, ν)·p^ν·(1 − p)^(n − ν + 1) with ν = ⌊np⌋ + 1.
fn mean_deviation(n: u64, p: f64) -> f64 {
    if n == 0 || p <= 0.0 || p >= 1.0 {
        return 0.0;
    }
    let v = ((n as f64 * p).floor() as u64 + 1).min(n);
    // The logarithm of C(n, ν), through the smaller of ν and n − ν.
    let small = v.min(n - v);
    let choose: f64 = (1..=small)
        .map(|i| ((n - small + i) as f64 / i as f64).ln())
        .sum();
    let exponents = v as f64 * p.ln() + (n - v + 1) as f64 * (-p).ln_1p();
    2.0 * v as f64 * (choose + exponents).exp()
}

#[cfg(test)]
mod tests {
    use scarlet_random::Random;

    use super::*;

    fn answers(of: &[(f64, bool)]) -> Vec<Answer> {
        let answers = of.iter().map(|&(confidence, right)| Answer {
            class: 0,
            confidence,
            right,
        });
        answers.collect()
    }

    #[test]
    fn the_error_is_guos() {
        // Computed with numpy.digitize(confidence, numpy.linspace(0, 1, 16), right=True).
        let sample = [
            (0.31, false),
            (0.45, true),
            (0.52, false),
            (0.66, true),
            (0.71, false),
            (0.83, true),
            (0.88, true),
            (0.93, true),
            (0.94, false),
            (0.99, true),
        ];
        let found = Reliability::of(&answers(&sample));
        let error = found.expected_calibration_error;
        assert!((error - 0.372).abs() < 1e-12, "{error}");
        let counts: Vec<u64> = found.bins.iter().map(|bin| bin.images).collect();
        assert_eq!(counts, [0, 0, 0, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1, 2, 2]);
        let last = &found.bins[14];
        assert_eq!((last.right, last.images), (1, 2));
        assert_eq!(last.accuracy, Some(0.5));
        assert!((last.confidence.unwrap() - 0.965).abs() < 1e-12);
    }

    #[test]
    fn bins_hold_their_upper_bounds() {
        for (confidence, expected) in [(0.0, 0), (1.0 / 15.0, 0), (0.0667, 1), (0.2, 2), (1.0, 14)]
        {
            assert_eq!(bin(confidence), expected, "{confidence}");
        }
    }

    #[test]
    fn what_is_sure_and_right_has_no_error() {
        let found = Reliability::of(&answers(&[(1.0, true); 7]));
        assert_eq!(found.expected_calibration_error, 0.0);
        assert_eq!(found.by_chance, 0.0);
        let none = Reliability::of(&[]);
        assert_eq!(
            (none.expected_calibration_error, none.by_chance),
            (0.0, 0.0)
        );
        assert_eq!(none.bins[3].accuracy, None);
    }

    #[test]
    fn mean_deviations_are_scipys() {
        // scipy.stats.binom(n, p).expect(lambda x: abs(x - n * p))
        for ((n, p), expected) in [
            ((1, 0.99), 0.019_8),
            ((7, 0.5), 1.093_75),
            ((40, 0.93), 1.289_895_002_239_1),
            ((300, 0.2), 5.519_850_808_251),
            ((5000, 0.999), 1.753_796_112_126_5),
        ] {
            let found = mean_deviation(n, p);
            assert!(
                (found - expected).abs() < 1e-9 * expected,
                "{n}, {p}: {found}"
            );
        }
    }

    #[test]
    fn a_calibrated_network_shows_what_chance_shows() {
        let mut random = Random::new(7, 1u64, 0);
        let (runs, images) = (400, 200);
        let (mut shown, mut foretold) = (0.0, 0.0);
        for _ in 0..runs {
            let sample: Vec<(f64, bool)> = (0..images)
                .map(|_| {
                    let confidence = 1.0 - 0.6 * random.unit().powi(3);
                    (confidence, random.chance(confidence))
                })
                .collect();
            let found = Reliability::of(&answers(&sample));
            shown += found.expected_calibration_error / f64::from(runs);
            foretold += found.by_chance / f64::from(runs);
        }
        assert!((shown / foretold - 1.0).abs() < 0.03, "{shown} {foretold}");
        assert!(shown > 0.02, "{shown}");
    }
}
