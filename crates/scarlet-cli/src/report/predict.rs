//! What `scarlet predict` prints.

use scarlet::trust::Temperature;
use scarlet::{Prediction, SeveralLabels};
use scarlet_data::PassedOver;
use scarlet_io::printable::shortened;
use serde::Serialize;

use super::name::on_one_line;
use super::{Setting, Unreadable};
use crate::class_names::ClassNames;
use crate::views::Augmentation;

/// Everything, for JSON.
#[derive(Debug, Serialize)]
pub(crate) struct PredictReport {
    #[serde(flatten)]
    pub(crate) setting: Setting,
    /// What the network's logits were divided by, where its weights say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<Temperature>,
    /// The probability below which there is no answer, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) threshold: Option<f64>,
    /// From which probability on the labels of each class are given, where photographs have any number
    /// of labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) several_labels: Option<SeveralLabels>,
    /// How several views of each photograph were made, where there were several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) augment: Option<Vec<Augmentation>>,
    /// How many views of each the probabilities are the mean over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) views: Option<usize>,
    pub(crate) photographs: Vec<Photograph>,
    pub(crate) unreadable: Vec<Unreadable>,
    /// Files of folders that are no images, by their endings.
    pub(crate) passed_over: PassedOver,
}

/// A photograph, and what is on it.
#[derive(Debug, Serialize)]
pub(crate) struct Photograph {
    pub(crate) path: String,
    /// With a threshold, whether no class is so probable; not said where there may be any number of labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) abstained: Option<bool>,
    pub(crate) predictions: Vec<NamedPrediction>,
}

#[derive(Debug, Serialize)]
pub(crate) struct NamedPrediction {
    pub(crate) class: usize,
    pub(crate) name: String,
    /// WordNet id, of ImageNet's classes.
    pub(crate) wnid: Option<&'static str>,
    pub(crate) probability: f32,
}

impl Photograph {
    pub(crate) fn new(
        path: String,
        predictions: &[Prediction],
        names: &ClassNames,
        threshold: Option<f64>,
    ) -> Self {
        let surest = predictions.first().map_or(0.0, |it| it.probability);
        Self {
            path,
            abstained: threshold.map(|threshold| f64::from(surest) < threshold),
            predictions: named(predictions, names),
        }
    }

    /// With the labels that it is given, any number of them.
    pub(crate) fn labelled(path: String, given: &[Prediction], names: &ClassNames) -> Self {
        Self {
            path,
            abstained: None,
            predictions: named(given, names),
        }
    }

    /// The path, then whether there is no answer, then a line with a bar for each prediction.
    pub(crate) fn text(&self) -> String {
        const BAR: usize = 20;
        let mut text = format!("{}\n", self.path);
        if self.abstained == Some(true) {
            text.push_str("  none of these\n");
        }
        if self.predictions.is_empty() {
            text.push_str("  no label\n");
        }
        for prediction in &self.predictions {
            let filled = (prediction.probability * BAR as f32).round() as usize;
            text.push_str(&format!(
                "  {:5.1} %  {:BAR$}  {}\n",
                100.0 * prediction.probability,
                "█".repeat(filled),
                shortened(&on_one_line(&prediction.name), 200)
            ));
        }
        text
    }
}

fn named(predictions: &[Prediction], names: &ClassNames) -> Vec<NamedPrediction> {
    let named = predictions.iter().map(|prediction| NamedPrediction {
        class: prediction.class,
        name: names.name(prediction.class),
        wnid: names.wnid(prediction.class),
        probability: prediction.probability,
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_are_aligned_under_their_photograph() {
        let predictions = [(967, 0.875), (969, 0.0375)]
            .map(|(class, probability)| Prediction { class, probability });
        let of = |threshold| {
            let names = &ClassNames::ImageNet;
            Photograph::new("coffee.png".into(), &predictions, names, threshold)
        };
        let photograph = of(None);
        assert_eq!(
            photograph.text(),
            "coffee.png\n   \
             87.5 %  ██████████████████    espresso\n    \
             3.8 %  █                     eggnog\n"
        );
        // At the threshold there is an answer.
        for threshold in [0.0, 0.875] {
            assert_eq!(of(Some(threshold)).text(), photograph.text());
        }
        let silent = of(Some(0.876)).text();
        assert!(silent.starts_with("coffee.png\n  none of these\n   87.5 %"));
    }
}
