//! What a run would do, what its network costs, and how long it would take.

use scarlet_arch::Cost;
use serde::Serialize;

use super::{Standalone, StandaloneConfig};
use crate::dataset::{Extent, ImageSet, ImageSize};
use crate::trainer::time_steps;
use crate::{TrainConfig, TrainError};

/// Steps that are timed, behind one that is not.
const STEPS: u64 = 3;
/// What inference costs of a training step: a forward pass beside one and two backward.
const INFERENCE: f64 = 1.0 / 3.0;

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
    /// How often the training images are gone through, at most.
    pub epochs: usize,
    /// Updates of the weights, at most.
    pub steps: u64,
    /// How long this takes, in seconds, by a few steps on this machine.
    pub seconds: f64,
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
    pub fn plan(self) -> Result<StandalonePlan, TrainError> {
        let architecture = &self.record.architecture;
        let resolution = architecture.preprocessing.resolution;
        let cost = Cost::of(architecture, resolution)?;
        let config = &self.record.config.train;
        let images = ImageSet::len;
        let (train_images, validation_images) =
            (images(&self.data.train), images(&self.data.validation));
        let steps = config.steps(train_images, 1);
        // The first steps may train the classifier alone, and be shorter than all others.
        let whole = TrainConfig {
            head_epochs: 0.0,
            ..config.clone()
        };
        let (_, step) = time_steps(&whole, self.network, None, (), &self.data.train, STEPS)?;
        let seconds_per_step = step.as_secs_f64();
        let head = config.head_epochs.min(config.epochs as f64) / config.epochs as f64;
        let trained = steps as f64 * (1.0 - head * (1.0 - INFERENCE));
        let judging = validation_images + config.calibration_images.min(train_images);
        let judged = (config.epochs * judging) as f64 * INFERENCE;
        let per_image = seconds_per_step / config.batch_size.min(train_images) as f64;
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
            test_images: self.data.test.as_ref().map_or(0, images),
            epochs: config.epochs,
            steps,
            seconds: trained * seconds_per_step + judged * per_image,
            settings: self.record.config.clone(),
        })
    }
}
