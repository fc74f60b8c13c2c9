//! What the random streams of a training run are named by.
//!
//! Every random decision of a training run has a stream of its own, named by the run's seed, by
//! what it is for and by a counter such as the number of the mini-batch. Nothing has to be
//! remembered for a resumed run to draw what an uninterrupted one would have drawn.

use crate::seed_of;

/// What a stream is for. The numbers are part of what a seed means: never reuse one.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub enum Purpose {
    /// Dividing a data set.
    Split = 1,
    /// The order of the training images in an epoch.
    Order = 2,
    /// Augmenting one training image.
    Augment = 3,
    /// The paths of a step.
    Paths = 4,
    // 5 was the seed of the device's own generator, which no run draws from any more.
    /// First weights.
    Weights = 6,
    /// The images that batch normalisation is measured on.
    Calibration = 7,
    /// Mixing the images of a mini-batch.
    Mix = 8,
    /// The networks of a study, and the paths in front of its layer.
    Study = 9,
    /// The networks that a latency table is checked by.
    Latency = 10,
    /// What dropout and drop path leave out in a pass.
    Masks = 11,
    /// An image that an epoch shows again.
    Repeat = 12,
    /// The folds that labels are checked by.
    Folds = 13,
    /// The folds of a cross-validation.
    CrossValidation = 14,
    /// The shares of a learning curve, and its bootstrap.
    LearningCurve = 15,
}

impl From<Purpose> for u64 {
    fn from(purpose: Purpose) -> Self {
        purpose as Self
    }
}

/// The seed of a network's first weights, of which a run may need several.
pub fn weights_seed(seed: u64, network: usize) -> u64 {
    seed_of(seed, Purpose::Weights, network as u64)
}

/// The seed of an image's changes, by how often the epoch has shown it before.
pub fn repeat_seed(seed: u64, repeat: u64) -> u64 {
    match repeat {
        0 => seed,
        repeat => seed_of(seed, Purpose::Repeat, repeat),
    }
}

/// The seed of what dropout and drop path leave out in a pass of a step.
pub fn mask_seed(seed: u64, step: u64, pass: usize) -> u64 {
    seed_of(
        seed_of(seed, Purpose::Masks, step),
        Purpose::Masks,
        pass as u64,
    )
}
