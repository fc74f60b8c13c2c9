//! Whether a classifier can be trusted: statistics of what it answers on labelled images.
//!
//! | question | answer |
//! |---|---|
//! | Is it right as often as it says? | [`Reliability`] |
//! | By what should its logits be divided, that it is? | [`Temperature`] |
//! | How sure must it be, that its answers are right so often? | [`Coverage`] |
//! | How far can its answers of one class be believed, and does it find that class's images? | [`ClassQuality`] |
//! | Does it differ from another network, or is that chance? | [`mcnemar_exact`] |

mod answer;
#[cfg(test)]
mod calibrated;
mod class_quality;
mod coverage;
mod mcnemar;
mod reliability;

pub use answer::Answer;
pub use class_quality::ClassQuality;
pub use coverage::{Coverage, CoveragePoint};
pub use mcnemar::mcnemar_exact;
pub use reliability::{Reliability, ReliabilityBin};
pub use scarlet_engine::{Temperature, TemperatureError};
