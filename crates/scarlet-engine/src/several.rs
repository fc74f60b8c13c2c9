//! [`SeveralLabels`]: what a card says of a network whose images have any number of labels each.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Prediction;

/// The probability of a label by itself: σ(x) = 1 / (1 + e⁻ˣ) of its logit.
pub fn sigmoid(logit: f32) -> f64 {
    1.0 / (1.0 + (-f64::from(logit)).exp())
}

/// What a network's logits become probabilities by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// [`sigmoid`], each class by itself.
    #[default]
    Sigmoid,
}

/// The probability from which on a label is given, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Threshold(f64);

// It is never NaN.
impl Eq for Threshold {}

/// A number that is no threshold.
#[derive(Debug, Error, Clone, Copy, PartialEq)]
#[error("a threshold of {0}, but labels are given from a probability of 0 to 1 on")]
pub struct ThresholdError(pub f64);

impl Threshold {
    /// As probable as not.
    pub const HALF: Self = Self(0.5);

    /// A threshold of this value.
    ///
    /// # Errors
    ///
    /// When it is not from 0 to 1.
    pub fn new(value: f64) -> Result<Self, ThresholdError> {
        match (0.0..=1.0).contains(&value) {
            true => Ok(Self(value)),
            false => Err(ThresholdError(value)),
        }
    }

    /// Its value.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Threshold {
    type Error = ThresholdError;

    fn try_from(value: f64) -> Result<Self, ThresholdError> {
        Self::new(value)
    }
}

impl From<Threshold> for f64 {
    fn from(threshold: Threshold) -> Self {
        threshold.0
    }
}

/// What a card says of a network whose images have any number of labels each: what is done with its
/// logits, and from which probability on each label is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeveralLabels {
    /// What its logits become probabilities by.
    pub activation: Activation,
    /// Of each class the probability from which on its label is given; none before they were fitted,
    /// which means one half.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
    /// The images that the thresholds were fitted on, such as `held-out images`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// How many they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<u64>,
    /// Its mean average precisions when it was trained, the one that counts most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mean_average_precisions: Vec<CardPrecision>,
}

/// A mean average precision, as a card tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CardPrecision {
    /// The images that it is of, such as `test images`.
    pub of: String,
    /// How many they are.
    pub images: u64,
    /// The mean average precision, from 0 to 1.
    pub value: f64,
}

// JSON has no NaN.
impl Eq for CardPrecision {}

impl SeveralLabels {
    /// With thresholds that were fitted on so many images of this name.
    pub fn with_thresholds(
        mut self,
        thresholds: Vec<Threshold>,
        of: impl Into<String>,
        images: u64,
    ) -> Self {
        self.thresholds = thresholds;
        self.of = Some(of.into());
        self.images = Some(images);
        self
    }

    /// With one more mean average precision, which counts less than those before.
    pub fn with_precision(mut self, of: impl Into<String>, images: u64, value: f64) -> Self {
        self.mean_average_precisions.push(CardPrecision {
            of: of.into(),
            images,
            value,
        });
        self
    }

    /// From which probability on a class's label is given.
    pub fn threshold(&self, class: usize) -> Threshold {
        let threshold = self.thresholds.get(class).copied();
        threshold.unwrap_or(Threshold::HALF)
    }

    /// The labels that an image with these logits is given, the most probable first.
    pub fn given(&self, logits: &[f32]) -> Vec<Prediction> {
        let mut given: Vec<(usize, f64)> = logits
            .iter()
            .enumerate()
            .map(|(class, &logit)| (class, sigmoid(logit)))
            .filter(|&(class, probability)| probability >= self.threshold(class).get())
            .collect();
        given.sort_by(|a, b| b.1.total_cmp(&a.1));
        let prediction = |(class, probability)| Prediction {
            class,
            probability: probability as f32,
        };
        given.into_iter().map(prediction).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_given_from_their_thresholds_on() {
        let several = SeveralLabels::default();
        let given = |several: &SeveralLabels, logits: &[f32]| -> Vec<usize> {
            several.given(logits).iter().map(|it| it.class).collect()
        };
        assert_eq!(given(&several, &[0.0, 3.0, -0.1]), [1, 0]);
        assert!(given(&several, &[-1.0, -800.0, -0.1]).is_empty());
        let thresholds = [0.9, 0.99, 0.2].map(|value| Threshold::new(value).unwrap());
        let several = several.with_thresholds(thresholds.to_vec(), "held-out images", 9);
        assert_eq!(given(&several, &[0.0, 3.0, -0.1]), [2]);
    }

    #[test]
    fn what_is_no_threshold_is_refused() {
        for value in ["1.5", "-0.1", "null"] {
            let json = format!(r#"{{"activation": "sigmoid", "thresholds": [{value}]}}"#);
            serde_json::from_str::<SeveralLabels>(&json).unwrap_err();
        }
        assert!(Threshold::new(f64::NAN).is_err());
        let error = Threshold::new(1.5).unwrap_err().to_string();
        assert!(error.contains("a threshold of 1.5"), "{error}");
        // An activation that this version does not know is not taken for another.
        serde_json::from_str::<SeveralLabels>(r#"{"activation": "softplus"}"#).unwrap_err();
    }
}
