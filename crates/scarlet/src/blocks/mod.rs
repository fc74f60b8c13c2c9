//! The parts that networks are made of, as Burn modules.
//!
//! Field names are those of the released checkpoints, so that weights find their place.

mod activation;
mod batch_norm;
mod conv;
mod depthwise_stage;
mod drop_path;
mod inverted_residual;
mod separable_conv;
mod squeeze_excite;
mod stabilizer;

pub use activation::{h_sigmoid, h_swish};
pub use conv::ConvBn;
pub use drop_path::DropPath;
pub use inverted_residual::{InvertedResidual, InvertedResidualConfig};
pub use separable_conv::SeparableConv;
pub use squeeze_excite::SqueezeExcite;
pub use stabilizer::Stabilizer;

pub(crate) use conv::{ConvShape, ConvStyle};
