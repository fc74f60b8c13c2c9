//! The page of a run.

use std::path::Path;

use scarlet::Scarlet;
use scarlet_data::dataset::{ImageSet, Source};
use scarlet_report::{Fact, Judged, TrainingReport, training_html};
use scarlet_train::batch::Batcher;
use scarlet_train::trust::{Evidence, Figures};

use super::data::StandaloneData;
use super::{StandaloneRecord, StandaloneResult};
use crate::RunError;
use crate::RunFolder;
use crate::files;
use crate::report::{curve, settings_facts, weights_usages};
use crate::trust::{Looks, mistakes, trust};

/// A run that is reported.
pub(super) struct Reported<'a> {
    pub(super) record: &'a StandaloneRecord,
    pub(super) data: &'a StandaloneData,
    /// What the network says of the test images, or of the held-out ones where there are none.
    pub(super) judged: &'a Evidence,
}

impl Reported<'_> {
    /// Writes `report.html` about a finished run, whose network is judged once more, image by image.
    pub(super) fn write(
        &self,
        folder: &RunFolder,
        network: &Scarlet,
        result: &StandaloneResult,
    ) -> Result<(), RunError> {
        let (part, images) = match &self.data.test {
            Some(test) => ("test", test),
            None => ("held-out", &self.data.validation),
        };
        // A network that was never judged has no best epoch.
        let weights = match result.best_epoch {
            Some(_) => files::BEST,
            None => files::LAST,
        };
        let card = network.card().and_then(|card| card.temperature.as_ref());
        let temperature = card.map(|card| card.value);
        let root = Path::new(&self.record.config.data.source);
        let name = |index| image_name(images, index, root);
        // Held-out images are those that the temperature was fitted on.
        let is_fitted_here = self.data.test.is_none();
        let figures = Figures::new(self.judged, temperature, is_fitted_here);
        let batcher = Batcher::new(images, network.architecture(), &network.device())?;
        let looks = Looks {
            network: network.architecture(),
            maps_of: Ok(network),
        };
        let trust = trust(&figures, self.judged, looks, name, |indices| {
            batcher.plain_values(indices)
        })?;
        let report = TrainingReport {
            title: format!("A network for {}", self.record.config.data.source),
            lead: lead(result),
            network: network.architecture().clone(),
            accuracies: accuracies(result),
            training: vec![curve(folder.path(), "training")?],
            mistakes: mistakes(
                format!("{} {part} images", images.len()),
                &self.record.classes,
                self.judged,
                &figures.answers,
                name,
            ),
            trust: Some(trust),
            usage: weights_usages(weights),
            data: self.data_facts(),
            settings: settings_facts(
                &serde_json::to_value(&self.record.config).unwrap_or_default(),
            ),
        };
        folder.write(files::REPORT, training_html(&report)?.as_bytes())
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
