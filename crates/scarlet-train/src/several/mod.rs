//! Networks whose images have several labels each: how well they tell every label.
//!
//! - [`LabelEvidence`]: what a network says of images of known labels;
//! - [`average_precision()`]: how well scores put a label's images before all others;
//! - [`LabelEvidence::thresholds`]: from which probability on a label is given;
//! - [`LabelFigures`]: what comes of these, class by class.

mod evidence;
mod figures;
mod precision;
mod threshold;

#[cfg(test)]
mod tests;

pub use self::evidence::LabelEvidence;
pub use self::figures::{ClassFigures, LabelFigures, wrong};
pub use self::precision::average_precision;
