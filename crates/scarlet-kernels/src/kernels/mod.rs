//! The arithmetic: each kernel computes one run of pixels (or one row of vectors) of one step,
//! from raw pointers that the step has checked.

mod activation;
mod byte_depthwise;
mod convolution;
mod dense;
mod depthwise;
mod elementwise;
mod pixel_target;
mod pointwise;
mod quad_products;
mod quad_target;
mod rounding;
mod row_target;
mod sum_target;
mod tile;
mod word_products;

pub(crate) use activation::Finish;
pub(crate) use byte_depthwise::{ByteDepthwiseRow, LARGEST_KERNEL, has_byte_depthwise};
pub(crate) use convolution::ConvolutionRow;
pub(crate) use dense::{Bf16Weights, ByteWeights, DenseRun, FloatWeights};
pub(crate) use depthwise::{DepthwiseRow, TapsRun};
pub(crate) use elementwise::{AddRun, ScaleRun, SumRun};
pub(crate) use pixel_target::PixelTarget;
pub(crate) use pointwise::PointwiseRun;
pub(crate) use quad_target::{PixelBytes, QuadRow};
pub(crate) use rounding::{Bf16Run, IntegerRun, QuadRun, RoundRun, ToBytes};
pub(crate) use row_target::{Bf16Row, FloatRow};
pub(crate) use sum_target::{Bf16Pixels, Finished, IntegerRows, SumTarget};
pub(crate) use word_products::{
    Bf16PointwiseRun, ByteConvolutionRow, BytePointwiseRun, WordProducts,
};

/// Pixels whose sums are stored before a [long](Finish::is_long) finish is applied to all of them:
/// they are still in the first-level cache.
const COMPLETED: usize = 64;
