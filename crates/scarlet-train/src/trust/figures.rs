//! [`Figures`]: what follows from what a network says of labelled images.

use scarlet::trust::{Answer, ClassQuality, Coverage, CoveragePoint, Reliability, Temperature};
use serde::Serialize;

use super::Evidence;

/// The accuracy that a threshold is looked for.
pub const WANTED: f64 = 0.99;

/// Thresholds whose coverage is told.
const THRESHOLDS: [f64; 8] = [0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

/// What is to be known before a network is trusted.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// Images that were judged.
    pub images: usize,
    /// The network's own temperature, by which the probabilities that it gives are made.
    pub temperature: Option<Temperature>,
    /// Of its logits as they are.
    pub before: Reliability,
    /// Of its logits divided by a temperature that was not fitted on the images that judge it; none
    /// where none could be fitted.
    pub after: Option<After>,
    /// Precision and recall of the classes of which there were images or answers, in order.
    pub classes: Vec<ClassFigures>,
    /// How many images are answered and how many of the answers are right, for some thresholds, by the
    /// probabilities that the network gives.
    pub coverage: Vec<CoverageFigures>,
    /// The accuracy that `threshold` is to reach.
    pub wanted_accuracy: f64,
    /// The smallest threshold that reaches it; none where no threshold does.
    pub threshold: Option<CoverageFigures>,
    /// For each image, by the probabilities that the network gives.
    #[serde(skip)]
    pub answers: Vec<Answer>,
}

/// How a temperature changes what a network says.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct After {
    /// Where it is from.
    pub source: AfterSource,
    /// The network's, or those of the halves: the one that was fitted on the first, and judged by the
    /// second, first.
    pub temperatures: Vec<Temperature>,
    /// Of all images.
    pub reliability: Reliability,
}

/// Where a temperature is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterSource {
    /// The network's own, fitted on other images.
    Network,
    /// Fitted on each half of the images, and judged by the other.
    Halves,
}

/// A class's precision and recall.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClassFigures {
    /// What was counted.
    #[serde(flatten)]
    pub quality: ClassQuality,
    /// Share of the answers of this class that are right.
    pub precision: Option<f64>,
    /// Share of the class's images that are found.
    pub recall: Option<f64>,
    /// Their harmonic mean.
    pub f1: Option<f64>,
}

impl From<ClassQuality> for ClassFigures {
    fn from(quality: ClassQuality) -> Self {
        Self {
            quality,
            precision: quality.precision(),
            recall: quality.recall(),
            f1: quality.f1(),
        }
    }
}

/// What a threshold leaves of a network's answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CoverageFigures {
    /// What was counted.
    #[serde(flatten)]
    pub point: CoveragePoint,
    /// Share of the images that are answered.
    pub coverage: f64,
    /// Share of the answers that are right; none where nothing is answered.
    pub accuracy: Option<f64>,
    /// 95 % confidence interval of this accuracy.
    pub interval: [f64; 2],
}

impl From<CoveragePoint> for CoverageFigures {
    fn from(point: CoveragePoint) -> Self {
        Self {
            point,
            coverage: point.coverage(),
            accuracy: (point.answered > 0).then(|| point.accuracy()),
            interval: point.accuracy_interval(),
        }
    }
}

impl Figures {
    /// What follows from the evidence for a network with this temperature of its own, if it has one.
    /// `is_fitted_here` says that it may have been fitted on the same images, which then do not judge
    /// it: another is fitted on each half, and judged by the other half.
    pub fn new(
        evidence: &Evidence,
        temperature: Option<Temperature>,
        is_fitted_here: bool,
    ) -> Self {
        let before = Reliability::of(&evidence.answers(None));
        let answers = evidence.answers(temperature);
        let after = match temperature.filter(|_| !is_fitted_here) {
            Some(temperature) => Some(After {
                source: AfterSource::Network,
                temperatures: vec![temperature],
                reliability: Reliability::of(&answers),
            }),
            None => by_halves(evidence),
        };
        let coverage = Coverage::of(&answers);
        let qualities = evidence.accuracy().class_quality();
        Self {
            images: evidence.len(),
            temperature,
            before,
            after,
            classes: qualities.into_iter().map(ClassFigures::from).collect(),
            coverage: THRESHOLDS
                .map(|threshold| coverage.at(threshold).into())
                .to_vec(),
            wanted_accuracy: WANTED,
            threshold: coverage.smallest_threshold(WANTED).map(Into::into),
            answers,
        }
    }

    /// Of the probabilities that the network gives, as it is.
    pub fn as_it_is(&self) -> &Reliability {
        match &self.after {
            Some(after) if after.source == AfterSource::Network => &after.reliability,
            _ => &self.before,
        }
    }
}

/// A temperature that is fitted on each half, judged by the other one.
fn by_halves(evidence: &Evidence) -> Option<After> {
    let [first, second] = evidence.halves();
    let temperatures = [first.temperature()?, second.temperature()?];
    let mut answers = second.answers(Some(temperatures[0]));
    answers.extend(first.answers(Some(temperatures[1])));
    Some(After {
        source: AfterSource::Halves,
        temperatures: temperatures.to_vec(),
        reliability: Reliability::of(&answers),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A network of two classes, always surer than it is right: it is wrong about a quarter of the
    /// images of each class and half.
    fn evidence(images: usize) -> Evidence {
        let mut evidence = Evidence::new(2);
        for image in 0..images {
            let label = image % 2;
            let is_right = image / 2 * 37 % 100 < 75;
            let answer = if is_right { label } else { 1 - label };
            let mut logits = [0.0; 2];
            // Differently sure, but never under 95 %.
            logits[answer] = 3.0 + (image % 5) as f32;
            evidence.record(image, label, &logits);
        }
        evidence
    }

    #[test]
    fn without_a_temperature_the_halves_judge_each_other() {
        let figures = Figures::new(&evidence(400), None, false);
        let after = figures.after.as_ref().unwrap();
        assert_eq!(after.source, AfterSource::Halves);
        assert_eq!(after.temperatures.len(), 2);
        let [before, after] = [&figures.before, &after.reliability]
            .map(|reliability| reliability.expected_calibration_error);
        assert!((before - 0.237).abs() < 0.01, "{before}");
        assert!(after < 0.12, "{after}");
        // What the network gives is without a temperature.
        assert_eq!(figures.answers, evidence(400).answers(None));
        assert_eq!(figures.as_it_is(), &figures.before);
    }

    #[test]
    fn a_temperature_of_its_own_is_judged_by_all_images() {
        let evidence = evidence(80);
        let temperature = Temperature::new(3.0).unwrap();
        let figures = Figures::new(&evidence, Some(temperature), false);
        let after = figures.after.as_ref().unwrap();
        assert_eq!(after.source, AfterSource::Network);
        assert_eq!(after.temperatures, [temperature]);
        assert_eq!(figures.answers, evidence.answers(Some(temperature)));
        assert_eq!(figures.as_it_is(), &after.reliability);
        // But not where it may have been fitted on them.
        let figures = Figures::new(&evidence, Some(temperature), true);
        let after = figures.after.as_ref().unwrap();
        assert_eq!(after.source, AfterSource::Halves);
        assert_eq!(figures.answers, evidence.answers(Some(temperature)));
    }

    #[test]
    fn no_image_judges_the_temperature_that_was_fitted_on_it() {
        // Each half alone says another temperature; swapped they are worse than fitted.
        let mut evidence = Evidence::new(2);
        for image in 0..200 {
            // The first of each pair is sure and right, the second sure and wrong one time in four.
            let is_right = image % 2 == 0 || image % 8 != 1;
            let logits = if is_right { [4.0, 0.0] } else { [0.0, 4.0] };
            evidence.record(image, 0, &logits);
        }
        let after = Figures::new(&evidence, None, false).after.unwrap();
        let [sure, unsure] = after.temperatures[..] else {
            panic!("two halves")
        };
        assert!(sure.get() < 1.0 && unsure.get() > 2.0, "{sure} {unsure}");
        // Of the first half about 75 % sure and all right, of the second 99 % sure and 75 % right.
        let error = after.reliability.expected_calibration_error;
        assert!((error - 0.245).abs() < 0.02, "{error}");
    }

    #[test]
    fn few_images_or_none_are_no_failure() {
        for images in 0..4 {
            let figures = Figures::new(&evidence(images), None, false);
            assert_eq!(figures.images, images);
            let json = serde_json::to_value(&figures).unwrap();
            assert_eq!(json["coverage"][0]["answered"], images);
        }
        let figures = Figures::new(&Evidence::new(3), None, false);
        assert!(figures.after.is_none() && figures.threshold.is_none());
    }
}
