//! Training operations for mobile networks as extensions of Burn's backends.
//!
//! Each function computes what a few of Burn's own operations compute, with gradients. On Burn's
//! CPU devices (Flex and NdArray, with `f32`) it runs on the kernels of [`scarlet_kernels`], which
//! keep tensors `[channel][image][row][column]` (Burn sees a `[batch, channels, height, width]`
//! tensor with other strides) and which take a channel through several operations while it is in
//! the cache. On every other device, and for every other data type, it is made of Burn's
//! operations.
//!
//! - [`pointwise_conv2d`], [`conv2d`] and [`depthwise_conv2d`] convolve;
//! - [`batch_norm_train`] normalises over the batch, with the activation behind it;
//! - [`DepthwiseStage`] is what an inverted residual does between its pointwise convolutions;
//! - [`squeeze_excite`] gates channels;
//! - [`add`] is a shortcut's sum.

#![deny(missing_docs)]

mod activation;
mod addition;
mod batch_norm;
mod convolution;
mod depthwise_stage;
mod host;
mod squeeze_excite;

pub use activation::{activate, gate, hard_sigmoid, swish};
pub use addition::add;
pub use batch_norm::{BatchStatistics, Norm, batch_norm_train};
pub use convolution::{conv2d, depthwise_conv2d, pointwise_conv2d};
pub use depthwise_stage::{DepthwiseStage, TrainedStage};
pub use host::is_cpu;
pub use scarlet_kernels::{Activation, Gate, Padding};
pub use squeeze_excite::{SqueezeExcite, squeeze_excite};
