//! [`ModelCard`]: what is to be known of a network besides how it is built.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{SeveralLabels, Temperature, TemperatureError, accuracy_interval, sigmoid};

/// The most bytes of a card's JSON: enough for a hundred thousand classes, and no burden to read.
const LARGEST: usize = 4 << 20;

/// What is to be known of a network besides how it is built: what its classes are called, what it was
/// trained on, and how accurate it was.
///
/// It travels inside the files that scarlet writes, of weights, deployed networks and for other runtimes,
/// so that none of it depends on what lies beside them. Nothing in it changes from run to run: the same training gives the same file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelCard {
    /// Names of the classes, in the network's order.
    pub classes: Vec<String>,
    /// Name of the images that it was trained on, such as that of their folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_on: Option<String>,
    /// How many they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_images: Option<u64>,
    /// How accurate it was when it was trained, the accuracy that counts most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accuracies: Vec<CardAccuracy>,
    /// What its logits are divided by before they become probabilities; nothing where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<CardTemperature>,
    /// That its images have any number of labels each, and what follows from it; nothing where each
    /// has one class, as in all files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub several_labels: Option<SeveralLabels>,
    /// The program that trained it, with its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

/// A temperature, as a card tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardTemperature {
    /// The temperature.
    pub value: Temperature,
    /// The images that it was fitted on, such as `held-out images`.
    pub of: String,
    /// How many they are.
    pub images: u64,
}

/// An accuracy, as a card tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardAccuracy {
    /// The images that it is of, such as `test images`.
    pub of: String,
    /// How many of them were put into their class.
    pub right: u64,
    /// How many they are.
    pub images: u64,
}

impl CardAccuracy {
    /// The accuracy, from 0 to 1; 0 without images.
    pub fn share(&self) -> f64 {
        self.right as f64 / self.images.max(1) as f64
    }

    /// Its 95 % confidence interval, by [`accuracy_interval`].
    pub fn interval(&self) -> [f64; 2] {
        accuracy_interval(self.right, self.images)
    }
}

/// A card that does not belong to its network, or is damaged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CardError {
    /// Names of other classes than the network's.
    #[error("its model card names {found} classes, but the network has {expected}")]
    ClassCount {
        /// Classes that the card names.
        found: usize,
        /// Classes of the network.
        expected: usize,
    },
    /// Thresholds of another number of classes than the network's.
    #[error("its model card has {found} thresholds, but the network has {expected} classes")]
    ThresholdCount {
        /// Thresholds that the card has.
        found: usize,
        /// Classes of the network.
        expected: usize,
    },
    /// More than a card has.
    #[error("its model card has {bytes} bytes, and {LARGEST} are the most that are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A temperature by which nothing can be divided.
    #[error("its model card has {0}")]
    Temperature(#[from] TemperatureError),
    /// No card.
    #[error("its model card cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

impl ModelCard {
    /// A card that names the classes, in the network's order, and this program.
    pub fn new(classes: Vec<String>) -> Self {
        Self {
            classes,
            trained_on: None,
            training_images: None,
            accuracies: Vec::new(),
            temperature: None,
            several_labels: None,
            program: Some(concat!("scarlet ", env!("CARGO_PKG_VERSION")).to_owned()),
        }
    }

    /// The card of a network that was trained on so many images of this name.
    pub fn with_training(mut self, name: impl Into<String>, images: u64) -> Self {
        self.trained_on = Some(name.into());
        self.training_images = Some(images);
        self
    }

    /// With one more accuracy, which counts less than those before.
    pub fn with_accuracy(mut self, of: impl Into<String>, right: u64, images: u64) -> Self {
        self.accuracies.push(CardAccuracy {
            of: of.into(),
            right,
            images,
        });
        self
    }

    /// With the temperature that was fitted on so many images of this name.
    pub fn with_temperature(
        mut self,
        value: Temperature,
        of: impl Into<String>,
        images: u64,
    ) -> Self {
        self.temperature = Some(CardTemperature {
            value,
            of: of.into(),
            images,
        });
        self
    }

    /// Of a network whose images have any number of labels each.
    pub fn with_several_labels(mut self, several: SeveralLabels) -> Self {
        self.several_labels = Some(several);
        self
    }

    /// The probabilities of the classes, from an image's logits: each by itself where images have any
    /// number of labels, else their softmax, by the temperature if there is one.
    pub fn probabilities(&self, logits: &[f32]) -> Vec<f32> {
        match &self.several_labels {
            Some(_) => logits.iter().map(|&logit| sigmoid(logit) as f32).collect(),
            None => {
                let temperature = self.temperature.as_ref().map(|it| it.value);
                temperature.unwrap_or_default().probabilities(logits)
            }
        }
    }

    /// Refuses a card that names other classes than a network of so many has, or that is too large
    /// to be read again.
    ///
    /// # Errors
    ///
    /// [`CardError::ClassCount`], [`CardError::TooLarge`].
    pub fn check(&self, classes: usize) -> Result<(), CardError> {
        let bytes = self.to_json().len();
        let thresholds = self
            .several_labels
            .as_ref()
            .map_or(0, |it| it.thresholds.len());
        if thresholds > 0 && thresholds != classes {
            return Err(CardError::ThresholdCount {
                found: thresholds,
                expected: classes,
            });
        }
        match self.classes.len() == classes {
            false => Err(CardError::ClassCount {
                found: self.classes.len(),
                expected: classes,
            }),
            true if bytes > LARGEST => Err(CardError::TooLarge { bytes }),
            true => Ok(()),
        }
    }

    /// As JSON, which [`from_json`](Self::from_json) reads.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Reads a card out of JSON.
    ///
    /// # Errors
    ///
    /// [`CardError`] when it is too large, has a temperature that is none, or is no card.
    pub fn from_json(json: &str) -> Result<Self, CardError> {
        match json.len() > LARGEST {
            true => Err(CardError::TooLarge { bytes: json.len() }),
            false => serde_json::from_str(json).map_err(|error| because(json, error)),
        }
    }
}

/// Why JSON is no card: by its temperature, where that is all there is to say.
fn because(json: &str, error: serde_json::Error) -> CardError {
    let json = serde_json::from_str::<serde_json::Value>(json);
    let value = json
        .ok()
        .and_then(|json| json["temperature"]["value"].as_f64());
    match value.map(Temperature::new) {
        Some(Err(error)) => error.into(),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> ModelCard {
        let classes = ["red", "blue\n"].map(str::to_owned).to_vec();
        ModelCard::new(classes)
            .with_training("colours", 90)
            .with_accuracy("test images", 8, 10)
    }

    fn cooled() -> ModelCard {
        card().with_temperature(Temperature::new(1.25).unwrap(), "held-out images", 30)
    }

    #[test]
    fn a_card_survives_its_json() {
        let json = card().to_json();
        assert_eq!(ModelCard::from_json(&json).unwrap(), card());
        assert_eq!(card().accuracies[0].share(), 0.8);
        assert_eq!(card().accuracies[0].interval(), accuracy_interval(8, 10));
        // Less, and what later versions may add, is no error.
        let less = ModelCard::from_json(r#"{"classes": ["a"], "later": {}}"#).unwrap();
        assert_eq!(less.classes, ["a"]);
        assert_eq!((less.trained_on, less.program), (None, None));
    }

    #[test]
    fn a_temperature_is_kept_and_may_be_missing() {
        let json = cooled().to_json();
        let said = r#""temperature":{"value":1.25,"of":"held-out images","images":30}"#;
        let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
        let expected: serde_json::Value = serde_json::from_str(&format!("{{{said}}}")).unwrap();
        assert_eq!(parsed["temperature"], expected["temperature"]);
        assert_eq!(ModelCard::from_json(&json).unwrap(), cooled());
        // Nothing is said of what is not there, so that files stay as they were.
        assert!(!card().to_json().contains("temperature"));
        assert_eq!(card().temperature, None);
    }

    #[test]
    fn a_bad_temperature_is_refused() {
        for (value, said) in [
            ("0", "0"),
            ("-1.5", "-1.5"),
            ("1e300", "1000000"),
            ("0.001", "0.001"),
        ] {
            let json = cooled().to_json().replace("1.25", value);
            let error = ModelCard::from_json(&json).unwrap_err();
            assert!(matches!(error, CardError::Temperature(_)), "{error}");
            let error = error.to_string();
            assert!(
                error.starts_with(&format!("its model card has a temperature of {said}")),
                "{error}"
            );
            assert!(error.ends_with("by a number from 0.01 to 100"), "{error}");
        }
        for value in ["NaN", "1e999", "\"1\"", "null"] {
            let json = cooled().to_json().replace("1.25", value);
            let error = ModelCard::from_json(&json).unwrap_err();
            assert!(matches!(error, CardError::Json(_)), "{error}");
        }
    }

    #[test]
    fn thresholds_are_kept_and_one_label_says_nothing_of_them() {
        let half = crate::Threshold::HALF;
        let several = SeveralLabels::default()
            .with_thresholds(
                vec![half, crate::Threshold::new(0.25).unwrap()],
                "held-out images",
                30,
            )
            .with_precision("test images", 20, 0.75);
        let card = card().with_several_labels(several);
        let json = card.to_json();
        assert!(json.contains(r#""activation":"sigmoid""#), "{json}");
        assert!(json.contains(r#""thresholds":[0.5,0.25]"#), "{json}");
        assert_eq!(ModelCard::from_json(&json).unwrap(), card);
        assert!(!self::card().to_json().contains("several"));
        card.check(2).unwrap();
        assert_eq!(card.probabilities(&[0.0, 1e9]), [0.5, 1.0]);
        assert_eq!(self::card().probabilities(&[0.0, 0.0]), [0.5, 0.5]);
        let mut short = card.clone();
        short
            .several_labels
            .iter_mut()
            .for_each(|it| it.thresholds.truncate(1));
        let error = short.check(2).unwrap_err().to_string();
        assert_eq!(
            error,
            "its model card has 1 thresholds, but the network has 2 classes"
        );
    }

    #[test]
    fn what_is_no_card_says_why() {
        let error = card().check(3).unwrap_err().to_string();
        assert_eq!(
            error,
            "its model card names 2 classes, but the network has 3"
        );
        for json in ["", "[]", "{}", r#"{"classes": 3}"#, r#"{"classes": [1]}"#] {
            let error = ModelCard::from_json(json).unwrap_err().to_string();
            assert!(error.contains("its model card cannot be read: "), "{error}");
        }
        let large = format!(r#"{{"classes": ["{}"]}}"#, "a".repeat(LARGEST));
        let error = ModelCard::from_json(&large).unwrap_err().to_string();
        assert!(error.contains("bytes, and 4194304 are the most"), "{error}");
        let large = ModelCard::new(vec!["a".repeat(LARGEST)]).check(1);
        let error = large.unwrap_err().to_string();
        assert!(error.contains("bytes, and 4194304 are the most"), "{error}");
    }
}
