//! The page of a run.

use std::path::Path;

use scarlet::{Accuracy, Scarlet, accuracy_interval};
use scarlet_report::{
    ClassScore, Confusion, Fact, Judged, MistakenImage, Mistakes, TrainingReport, training_html,
};

use super::data::StandaloneData;
use super::{StandaloneRecord, StandaloneResult};
use crate::dataset::{ImageSet, Source};
use crate::measure::{Mistake, judge};
use crate::report::{curve, settings_facts, weights_usages};
use crate::{RunFolder, TrainError};

/// Single images that are shown.
const IMAGES: usize = 20;

/// A run that is reported.
pub(super) struct Reported<'a> {
    pub(super) record: &'a StandaloneRecord,
    pub(super) data: &'a StandaloneData,
}

impl Reported<'_> {
    /// Writes `report.html` about a finished run, whose network is judged once more, image by image.
    pub(super) fn write(
        &self,
        folder: &RunFolder,
        network: &Scarlet,
        result: &StandaloneResult,
    ) -> Result<(), TrainError> {
        let (part, images) = match &self.data.test {
            Some(test) => ("test", test),
            None => ("held-out", &self.data.validation),
        };
        let batch_size = self.record.config.train.batch_size;
        // A network that was never judged has no best epoch.
        let weights = match result.best_epoch {
            Some(_) => "best.safetensors",
            None => "last.safetensors",
        };
        let (accuracy, mistakes) = judge(network, images, batch_size)?;
        let report = TrainingReport {
            title: format!("A network for {}", self.record.config.data.source),
            lead: lead(result),
            network: network.architecture().clone(),
            accuracies: accuracies(result),
            training: vec![curve(folder.path(), "training")?],
            mistakes: Mistakes {
                judged_on: format!("{} {part} images", images.len()),
                ..self.mistakes(images, &accuracy, &mistakes)
            },
            usage: weights_usages(weights),
            data: self.data_facts(),
            settings: settings_facts(
                &serde_json::to_value(&self.record.config).unwrap_or_default(),
            ),
        };
        folder.write("report.html", training_html(&report)?.as_bytes())
    }

    fn mistakes(&self, images: &ImageSet, accuracy: &Accuracy, mistakes: &[Mistake]) -> Mistakes {
        let names = &self.record.classes;
        let mut classes: Vec<ClassScore> = names
            .iter()
            .map(|name| ClassScore {
                name: name.clone(),
                images: 0,
                right: 0,
                interval: accuracy_interval(0, 0),
            })
            .collect();
        let mut confused = Vec::new();
        for (class, score) in accuracy.classes() {
            classes[class].images = score.images;
            classes[class].right = score.first;
            classes[class].interval = score.top1_interval();
            let mistaken = accuracy.mistaken_for(class).into_iter();
            confused.extend(mistaken.map(|(taken_for, images)| Confusion {
                class,
                taken_for,
                images,
            }));
        }
        let root = Path::new(&self.record.config.data.source);
        let shown = mistakes.iter().take(IMAGES).map(|mistake| MistakenImage {
            name: image_name(images, mistake.image, root),
            class: mistake.class,
            taken_for: mistake.answer.class,
            probability: f64::from(mistake.answer.probability),
        });
        Mistakes {
            judged_on: String::new(),
            classes,
            confused,
            images: shown.collect(),
        }
    }

    fn data_facts(&self) -> Vec<Fact> {
        let (record, data) = (self.record, self.data);
        let network = &record.architecture;
        let (channels, side) = (network.input_channels, network.preprocessing.resolution);
        let test = data.test.as_ref().map_or(0, ImageSet::len);
        vec![
            Fact::new("source", &record.config.data.source),
            Fact::new("training images", data.train.len()),
            Fact::new("held-out images", data.validation.len()),
            Fact::new("test images", test),
            Fact::new("unreadable, left out", data.unreadable.len()),
            Fact::new("size", format!("{channels}×{side}×{side}")),
            Fact::new("classes", record.classes.join(", ")),
        ]
    }
}

fn lead(result: &StandaloneResult) -> String {
    let epochs = match result.epochs {
        1 => "1 epoch".to_owned(),
        more => format!("{more} epochs"),
    };
    match result.best_epoch {
        Some(best) => format!(
            "Trained for {epochs}; the network is that of epoch {best}, the best on the \
             held-out images."
        ),
        None => format!("Trained for {epochs}."),
    }
}

fn accuracies(result: &StandaloneResult) -> Vec<Judged> {
    let judged = |what: &str, accuracy: Option<f64>, images: usize, interval| {
        accuracy.map(|accuracy| Judged {
            what: what.to_owned(),
            accuracy,
            images: Some(images as u64),
            interval,
        })
    };
    let test = judged(
        "test accuracy",
        result.test_accuracy,
        result.test_images,
        result.test_interval,
    );
    // The best of some epochs by these images, which is a little more than others would say.
    let held_out = judged(
        "accuracy on held-out images, which the epoch was chosen by",
        result.validation_accuracy,
        result.validation_images,
        result.validation_interval,
    );
    test.into_iter().chain(held_out).collect()
}

/// A photograph's path from the folder of all, or an image's number in its part of the data set.
fn image_name(images: &ImageSet, index: usize, root: &Path) -> String {
    match Source::from(images) {
        Source::Photographs(photographs) => {
            let path = photographs.path(index);
            let path = path.strip_prefix(root).unwrap_or(path);
            path.display().to_string()
        }
        Source::Images(_) => format!("image {index}"),
    }
}
