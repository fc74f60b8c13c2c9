//! CPU inference for mobile convolution networks.
//!
//! A [`Network`] is plain data: a list of operations whose batch normalisations are already
//! folded into weights and biases. A [`PackedNetwork`] has its weights in the order in which the
//! kernels read them, and can be a file. An [`Engine`] is a packed network made ready for one image
//! size, one batch size and one number of threads: all buffers planned, worker threads waiting.
//! [`Engine::run`] allocates nothing.
//!
//! A [`Calibration`] runs a packed network on some images and finds how it is rounded to eight
//! bits ([`PackedNetwork::quantise`]): faster, less than a third of the size, and a little less accurate.
//!
//! [`PackedNetwork::to_bf16`] rounds a packed network to bfloat16: half the size, hardly less accurate, and
//! faster where the processor multiplies such numbers.
//!
//! How a network is executed, from the outside in:
//!
//! - `packed` puts the weights in order, reads and writes them;
//! - `plan` turns operations into steps and merges neighbours (expand + depthwise, project +
//!   shortcut, head + mean), so that large tensors between them never exist;
//! - `steps` cuts each step into tasks that threads of the `pool` take in turn;
//! - `kernels` compute one run of pixels each, generic over the `simd` vector.
//!
//! Tensors between steps are laid out `[image][channel / 8][row][column][channel % 8]`, with the
//! channels padded to a multiple of eight by zeros: a pixel's eight channels are one vector, and
//! neighbouring pixels are neighbours in memory. What a pointwise convolution of bytes or of bfloat16
//! reads is laid out likewise, a byte or two for each float; rows for a depthwise one of bytes have four
//! neighbouring pixels of a channel side by side, which are multiplied by four weights at once.

#![cfg_attr(not(any(feature = "std", test)), no_std)]
// The one crate of the workspace that may: SIMD intrinsics, and threads that share one arena.
#![allow(unsafe_code)]
#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[macro_use]
extern crate alloc;

mod activation;
#[cfg(feature = "std")]
mod calibration;
mod engine;
mod error;
mod kernels;
mod memory;
mod network;
mod packed;
mod padding;
#[cfg(feature = "std")]
mod peak;
mod plan;
mod pool;
mod quantisation;
mod simd;
mod steps;
#[cfg(feature = "training")]
pub mod training;

pub use activation::{Activation, Gate};
#[cfg(feature = "std")]
pub use calibration::Calibration;
#[cfg(feature = "std")]
pub use engine::StepProfile;
pub use engine::{Engine, EngineSettings, MemoryUse};
pub use error::EngineError;
pub use network::{
    Convolution, Depthwise, Linear, Network, Operation, Pointwise, SqueezeExcite, shapes::Shape,
};
pub use packed::{
    PackedNetwork,
    file::PackedFileError,
    precision::{Precision, UnknownPrecision},
    row::RoundedRow,
};
pub use padding::{Padding, PaddingRule};
#[cfg(feature = "std")]
pub use peak::Peak;
pub use quantisation::{Quantisation, ValueRange};
pub use simd::instruction_set::InstructionSet;
