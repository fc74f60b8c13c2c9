//! Training: forward and backward passes of mobile convolution networks on plain slices.
//!
//! Between these operations tensors lie channel by channel: `[channel][image][row][column]`.
//! Everything between two pointwise convolutions works on single channels (normalisation over
//! the batch, activation, depthwise convolution), so that one thread takes one channel through
//! all of it while the channel is in its cache; and a pointwise convolution is one matrix product
//! over the pixels of all images. Inputs may have their images and channels at any distance.
//!
//! Work is cut by shapes alone, never by the number of threads, and partial sums are added in a
//! fixed order: results are the same to the last bit on any number of threads (of one machine
//! and instruction set). Threads are those of the caller's `rayon` pool.

mod addition;
mod batch_norm;
mod buffers;
mod convolution;
mod correlate;
mod curves;
mod depthwise;
mod elementwise;
mod geometry;
mod images;
mod matrix;
mod planes;
mod pointwise;
mod squeeze_excite;
mod sums;

pub use addition::add;
pub use batch_norm::{
    BatchNormGradients, Norm, Normalised, Statistics, batch_norm, batch_norm_backward,
};
pub use buffers::{give_buffer, release_buffers, take_buffer};
pub use convolution::{ConvolutionShape, convolution, convolution_backward};
pub use depthwise::{DepthwiseGradients, DepthwiseOutput, DepthwiseStage};
pub use images::Images;
pub use pointwise::{pointwise, pointwise_input_gradient, pointwise_weight_gradient};
pub use squeeze_excite::{SqueezeExcite, SqueezeExciteGradients, SqueezeExciteOutput};

/// Values that are worth another thread where little is done to each. To wake one, and to wait for
/// it, takes as long as some microseconds of work.
const WORTH_A_THREAD: usize = 64 * 1024;

/// Tasks that a thread gets at least, each of so many values.
fn fewest_tasks(values: usize) -> usize {
    (WORTH_A_THREAD / values.max(1)).max(1)
}
