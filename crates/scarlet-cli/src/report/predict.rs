//! What `scarlet predict` prints.

use scarlet::Prediction;
use scarlet::printable::shortened;
use scarlet_data::PassedOver;
use serde::Serialize;

use super::name::on_one_line;
use super::{Setting, Unreadable};
use crate::class_names::ClassNames;

/// Everything, for JSON.
#[derive(Debug, Serialize)]
pub(crate) struct PredictReport {
    #[serde(flatten)]
    pub(crate) setting: Setting,
    pub(crate) photographs: Vec<Photograph>,
    pub(crate) unreadable: Vec<Unreadable>,
    /// Files of folders that are no images, by their endings.
    pub(crate) passed_over: PassedOver,
}

/// A photograph, and what is on it.
#[derive(Debug, Serialize)]
pub(crate) struct Photograph {
    pub(crate) path: String,
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
    pub(crate) fn new(path: String, predictions: &[Prediction], names: &ClassNames) -> Self {
        let predictions = predictions
            .iter()
            .map(|prediction| NamedPrediction {
                class: prediction.class,
                name: names.name(prediction.class),
                wnid: names.wnid(prediction.class),
                probability: prediction.probability,
            })
            .collect();
        Self { path, predictions }
    }

    /// The path, then a line with a bar for each prediction.
    pub(crate) fn text(&self) -> String {
        const BAR: usize = 20;
        let mut text = format!("{}\n", self.path);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_are_aligned_under_their_photograph() {
        let predictions = [(967, 0.875), (969, 0.0375)]
            .map(|(class, probability)| Prediction { class, probability });
        let photograph = Photograph::new("coffee.png".into(), &predictions, &ClassNames::ImageNet);
        assert_eq!(
            photograph.text(),
            "coffee.png\n   \
             87.5 %  ██████████████████    espresso\n    \
             3.8 %  █                     eggnog\n"
        );
    }
}
