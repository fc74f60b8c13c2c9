//! Network architectures as plain data: their text form, search spaces and cost.

mod architecture;
mod preprocessing;

pub use architecture::*;
pub use preprocessing::*;

/// Placeholder.
#[derive(Debug, thiserror::Error)]
#[error("placeholder")]
pub struct ArchitectureError;
