//! What the random streams of a training run are named by.
//!
//! Every random decision of a training run has a stream of its own, named by the run's seed, by
//! what it is for and by a counter such as the number of the mini-batch. Nothing has to be
//! remembered for a resumed run to draw what an uninterrupted one would have drawn.

pub(crate) use scarlet_data::{Random as Stream, seed_of};

/// What a stream is for. The numbers are part of what a seed means: never reuse one.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(crate) enum Purpose {
    /// Dividing a data set.
    Split = 1,
    /// The order of the training images in an epoch.
    Order = 2,
    /// Augmenting one training image.
    Augment = 3,
    /// The paths of a step.
    Paths = 4,
    /// What the device draws in a step: dropout and drop path.
    Device = 5,
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
}

impl From<Purpose> for u64 {
    fn from(purpose: Purpose) -> Self {
        purpose as Self
    }
}
