//! The ILSVRC2012 validation set, arranged as one folder per class.
//!
//! The set is given out as 50,000 images in one folder, `ILSVRC2012_val_00000001.JPEG` and on, with
//! the classes in a file next to it. [`GroundTruth`] reads that file, in the forms in which it is
//! met; [`Arrangement`] plans, checks and makes the folders that
//! [`ImageFolder`](crate::ImageFolder) reads.

mod arrangement;
mod step;
mod truth;

pub use arrangement::{Arrangement, Expected};
pub use step::Mode;
pub use truth::GroundTruth;
