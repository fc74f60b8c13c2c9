//! Whether a network can be trusted: what it says of labelled images, and what follows from that.
//!
//! [`Evidence`] gathers logits; [`Figures`] are what follows from them.

mod evidence;
mod figures;

use scarlet::CardTemperature;

pub use self::evidence::Evidence;
pub use self::figures::{After, AfterSource, ClassFigures, CoverageFigures, Figures, WANTED};

/// What cards call the images that a run tests its network on.
pub const TEST_IMAGES: &str = "test images";

/// What they call those that it holds out of the training.
pub const HELD_OUT_IMAGES: &str = "held-out images";

/// What they call all training images, each judged by the network of a cross-validation that was not
/// trained on it.
pub const OUT_OF_FOLD_IMAGES: &str = "images out of fold";

/// Whether a temperature was fitted on images that a network is tested on: by a search, whose network
/// is trained on all others.
pub fn is_fitted_on_test(temperature: &CardTemperature) -> bool {
    temperature.of == TEST_IMAGES
}
