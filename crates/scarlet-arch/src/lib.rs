//! Network architectures as plain data: their text form, search spaces and cost.
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![deny(missing_docs)]

mod architecture;
mod cost;
mod error;
mod json;
pub mod limits;
mod preprocessing;
mod presets;
mod scaling;
mod text;
mod validate;

pub use architecture::*;
pub use cost::{Cost, PartCost};
pub use error::{ArchitectureError, TextError};
pub use preprocessing::*;
pub use presets::*;
pub use scaling::CompoundScaling;
