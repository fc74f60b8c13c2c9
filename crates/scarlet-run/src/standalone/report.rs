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

/// Why a page about folds shows no maps.
const OF_FOLDS: &str = "Where it looked is not shown: each image was classified by the network of its fold, \
                        not by the one that was trained in the end.";

/// A run that is reported.
pub(super) struct Reported<'a> {
    pub(super) record: &'a StandaloneRecord,
    pub(super) data: &'a StandaloneData,
    /// What networks say of images that they were not trained on.
    pub(super) judged: &'a Evidence,
    /// Which images these are.
    pub(super) by: JudgedBy,
}

/// What a page judges by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JudgedBy {
    /// The test images.
    Test,
    /// The held-out ones, where there are no test images.
    HeldOut,
    /// All training images, each by the network of a fold that was not trained on it.
    Folds,
}

impl Reported<'_> {
    /// Writes `report.html` about a finished run, whose network is judged once more, image by image.
    pub(super) fn write(
        &self,
        folder: &RunFolder,
        network: &Scarlet,
        result: &StandaloneResult,
    ) -> Result<(), RunError> {
        let (images, judged_on) = self.judged_images();
        // A network that was never judged has no best epoch.
        let weights = match result.best_epoch {
            Some(_) => files::BEST,
            None => files::LAST,
        };
        let card = network.card().and_then(|card| card.temperature.as_ref());
        let temperature = card.map(|card| card.value);
        let root = Path::new(&self.record.config.data.source);
        let name = |index| image_name(images, index, root);
        // The temperature was fitted on the others.
        let is_fitted_here = self.by != JudgedBy::Test;
        let figures = Figures::new(self.judged, temperature, is_fitted_here);
        let batcher = Batcher::new(images, network.architecture(), &network.device())?;
        let looks = Looks {
            network: network.architecture(),
            maps_of: match self.by {
                JudgedBy::Folds => Err(OF_FOLDS),
                _ => Ok(network),
            },
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
                judged_on,
                &self.record.classes,
                self.judged,
                &figures.answers,
                name,
            ),
            trust: Some(trust),
            usage: weights_usages(weights),
            data: data_facts(self.record, self.data),
            settings: settings_facts(
                &serde_json::to_value(&self.record.config).unwrap_or_default(),
            ),
        };
        folder.write(files::REPORT, training_html(&report)?.as_bytes())
    }

    /// The images that the page judges by, and what it calls them.
    fn judged_images(&self) -> (&ImageSet, String) {
        let data = self.data;
        let images = match self.by {
            JudgedBy::Test => data.test.as_ref(),
            JudgedBy::HeldOut => data.validation.as_ref(),
            JudgedBy::Folds => None,
        };
        let images = images.unwrap_or(data.training_as_judged());
        let count = images.len();
        let called = match self.by {
            JudgedBy::Test => format!("{count} test images"),
            JudgedBy::HeldOut => format!("{count} held-out images"),
            JudgedBy::Folds => format!(
                "{count} training images, each classified by a network trained on the other folds"
            ),
        };
        (images, called)
    }
}

/// What a run's images are.
pub(super) fn data_facts(record: &StandaloneRecord, data: &StandaloneData) -> Vec<Fact> {
    let network = &record.architecture;
    let (channels, side) = (network.input_channels, network.preprocessing.resolution);
    let count = |images: &Option<ImageSet>| images.as_ref().map_or(0, ImageSet::len);
    vec![
        Fact::new("source", &record.config.data.source),
        Fact::new("training images", data.train.len()),
        Fact::new("held-out images", count(&data.validation)),
        Fact::new("test images", count(&data.test)),
        Fact::new("unreadable, left out", data.unreadable.len()),
        Fact::new("size", format!("{channels}×{side}×{side}")),
        Fact::new("classes", record.classes.join(", ")),
    ]
}

pub(super) fn lead(result: &StandaloneResult) -> String {
    let epochs = match result.epochs {
        1 => "1 epoch".to_owned(),
        more => format!("{more} epochs"),
    };
    let trained = match (result.best_epoch, &result.cross_validation) {
        (Some(best), _) => format!(
            "Trained for {epochs}; the network is that of epoch {best}, the best on the held-out images."
        ),
        (None, Some(crossed)) => format!(
            "Trained for {epochs} on all {} training images; the network is that of the last epoch.",
            crossed.images
        ),
        (None, None) => format!("Trained for {epochs}."),
    };
    match &result.cross_validation {
        Some(crossed) => format!(
            "{trained} Before that, {} networks were trained for as long, each without one fold of the \
             images, and evaluated on it.",
            crossed.folds.len()
        ),
        None => trained,
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
    let crossed = result.cross_validation.iter();
    let mean = crossed.clone().map(|crossed| Judged {
        what: format!("mean accuracy of {} folds", crossed.folds.len()),
        accuracy: crossed.mean_accuracy,
        images: Some(crossed.images as u64),
        interval: Some(crossed.interval),
    });
    let folds = crossed.flat_map(|crossed| &crossed.folds);
    let folds = folds.map(|fold| Judged {
        what: format!("accuracy of fold {}", fold.fold),
        accuracy: fold.accuracy,
        images: Some(fold.images as u64),
        interval: Some(fold.interval),
    });
    let of_network = test.into_iter().chain(held_out);
    mean.chain(of_network).chain(folds).collect()
}

/// A photograph's path from the folder of all, or an image's number in its part of the data set.
pub(super) fn image_name(images: &ImageSet, index: usize, root: &Path) -> String {
    match Source::from(images) {
        Source::Photographs(photographs) => {
            let path = photographs.path(index);
            let path = path.strip_prefix(root).unwrap_or(path);
            path.display().to_string()
        }
        Source::Images(_) => format!("image {index}"),
    }
}
