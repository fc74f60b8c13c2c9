//! What a run would do, what its network costs, and how long it would take.

use std::time::Instant;

use scarlet_arch::Cost;
use scarlet_data::dataset::{Extent, ImageSet, ImageSize, Source};
use scarlet_train::trainer::time_steps;
use scarlet_train::{TrainConfig, TrainError, measure, recalibrate};
use serde::Serialize;

use super::{Standalone, StandaloneConfig};
use crate::RunError;

/// Steps that are timed at least, behind one that is not, and at most.
const STEPS: [u64; 2] = [3, 40];
/// Seconds that this should take, if it can.
const SECONDS: f64 = 2.0;
/// What a step that trains the classifier alone takes of one that trains all: a forward pass beside one
/// and two backward.
const CLASSIFIER_ALONE: f64 = 1.0 / 3.0;
/// Images that judging is timed on.
const JUDGED: usize = 64;

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StandalonePlan {
    /// The network's name.
    pub network: String,
    /// Its layers.
    pub layers: String,
    /// Height and width of its input, in pixels.
    pub resolution: usize,
    /// How many photographs there are and how large they are before they are brought to this size;
    /// none for images of one size.
    pub photographs: Option<Extent>,
    /// How large images of one size are before they are brought to this size; none for photographs.
    pub image_size: Option<ImageSize>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Multiplications and additions for one image.
    pub mult_adds: u64,
    /// Parameters, frozen ones included.
    pub parameters: u64,
    /// Images to train on.
    pub train_images: usize,
    /// Of these, or of their smaller version, so many are in memory.
    pub images_in_memory: usize,
    /// Images that epochs are judged by.
    pub validation_images: usize,
    /// Images that the finished network is judged by.
    pub test_images: usize,
    /// Networks that are trained for a cross-validation before the network itself.
    pub folds: Option<usize>,
    /// How often the training images are gone through, at most.
    pub epochs: usize,
    /// Updates of the weights, at most.
    pub steps: u64,
    /// How long all of this takes, in seconds, by a few steps on this machine.
    pub seconds: f64,
    /// How long an epoch takes of it, judged and all.
    pub seconds_per_epoch: f64,
    /// Every setting, as it was given or follows from the images.
    pub settings: StandaloneConfig,
}

impl Standalone {
    /// Finds out what the run would do and, by a few steps that are not kept, how long it would
    /// take. They change the network, which is why it is used up.
    ///
    /// # Errors
    ///
    /// As [`train`](Self::train).
    pub fn plan(self) -> Result<StandalonePlan, RunError> {
        let architecture = &self.record.architecture;
        let resolution = architecture.preprocessing.resolution;
        let cost = Cost::of(architecture, resolution)?;
        let config = &self.record.config.train;
        let images = ImageSet::len;
        let train_images = images(&self.data.train);
        let validation_images = self.data.validation.as_ref().map_or(0, images);
        let steps = config.steps(train_images, 1);
        // The first steps may train the classifier alone, and be shorter than all others.
        let whole = TrainConfig {
            head_epochs: 0.0,
            ..config.clone()
        };
        let train = &self.data.train;
        let timed = |network, steps| time_steps(&whole, network, None, (), train, steps);
        let (mut network, mut step) = timed(self.network, STEPS[0])?;
        let more = (SECONDS / step.as_secs_f64()) as u64;
        if more > STEPS[0] {
            (network, step) = timed(network, more.min(STEPS[1]))?;
        }
        let head = config.head_epochs.min(config.epochs as f64) / config.epochs as f64;
        let trained = steps as f64 * (1.0 - head * (1.0 - CLASSIFIER_ALONE)) * step.as_secs_f64();
        let first = |images: &ImageSet| {
            let images = Source::from(images);
            let few: Vec<usize> = (0..images.len().min(JUDGED)).collect();
            images.select(&few)
        };
        let seen = first(self.data.validation.as_ref().unwrap_or(train));
        let judged = per_image(&seen, |seen| measure(&network, seen, config.batch_size))?;
        let calibrated = match config.calibration_images.min(train_images) {
            0 => 0.0,
            images => {
                let batch = |seen: &_| recalibrate(&network, seen, config.batch_size);
                images as f64 * per_image(&first(train), batch)?
            }
        };
        let judging = calibrated + validation_images as f64 * judged;
        // Each fold's network is trained on the other folds: all of them together, on as many images as
        // so many networks less one.
        let folds = self.record.config.data.folds;
        let networks = folds.map_or(1.0, |folds| folds as f64);
        let seconds_per_epoch = networks * (trained / config.epochs as f64 + judging);
        // The network that is kept is measured, and again for the report.
        let tests = self.data.test.as_ref().map_or(0, images);
        let crossed = folds.map_or(0.0, |_| train_images as f64 * judged);
        let at_the_end =
            crossed + calibrated + (tests + tests.max(validation_images)) as f64 * judged;
        Ok(StandalonePlan {
            network: architecture.name.clone(),
            layers: architecture.layers_text(),
            resolution,
            photographs: self.data.photographs,
            image_size: self.data.images,
            classes: self.record.classes.clone(),
            mult_adds: cost.mult_adds,
            parameters: cost.parameters,
            train_images,
            images_in_memory: match &self.data.train {
                ImageSet::Images(images) => images.len(),
                ImageSet::Photographs(photographs) => photographs.cached(),
            },
            validation_images,
            test_images: tests,
            folds,
            epochs: config.epochs,
            steps,
            seconds: config.epochs as f64 * seconds_per_epoch + at_the_end,
            seconds_per_epoch,
            settings: self.record.config.clone(),
        })
    }
}

/// Seconds that work on images takes for each of them.
fn per_image<T>(
    images: &ImageSet,
    work: impl FnOnce(&ImageSet) -> Result<T, TrainError>,
) -> Result<f64, RunError> {
    let began = Instant::now();
    work(images)?;
    Ok(began.elapsed().as_secs_f64() / images.len().max(1) as f64)
}
