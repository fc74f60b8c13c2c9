//! The parts that networks are made of, as Burn modules.
//!
//! Field names are those of the released checkpoints.

mod activation;
mod batch_norm;
mod conv;
mod depthwise_stage;
mod drop_path;
mod hidden;
mod inverted_residual;
mod squeeze_excite;
mod stabilizer;

pub use activation::{h_sigmoid, h_swish};
pub use conv::ConvBn;
pub use drop_path::DropPath;
pub use hidden::HiddenLayer;
pub use inverted_residual::{InvertedResidual, InvertedResidualConfig};
pub use squeeze_excite::SqueezeExcite;
pub use stabilizer::Stabilizer;

pub(crate) use activation::{gate, operation};
pub(crate) use conv::{ConvShape, ConvStyle};
