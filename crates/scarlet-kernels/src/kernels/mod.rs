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
mod rounding;
mod sum_target;
mod word_products;

pub(crate) use activation::Finish;
pub(crate) use byte_depthwise::{ByteDepthwiseRow, LARGEST_KERNEL, has_byte_depthwise};
pub(crate) use convolution::ConvolutionRow;
pub(crate) use dense::{Bf16Weights, ByteWeights, DenseRun, FloatWeights};
pub(crate) use depthwise::{Bf16Row, DepthwiseRow, FloatRow, TapsRun};
pub(crate) use elementwise::{AddRun, ScaleRun, SumRun};
pub(crate) use pixel_target::PixelTarget;
pub(crate) use pointwise::PointwiseRun;
pub(crate) use rounding::{Bf16Run, IntegerRun, QuadRun, RoundRun, ToBytes};
pub(crate) use sum_target::{Bf16Pixels, Finished, IntegerRows, PixelBytes, QuadRow, SumTarget};
pub(crate) use word_products::{
    Bf16PointwiseRun, ByteConvolutionRow, BytePointwiseRun, WordProducts,
};

/// Pixels whose sums are stored before a [long](Finish::is_long) finish is applied to all of them:
/// they are still in the first-level cache.
const COMPLETED: usize = 64;

/// Cuts `total` into the fewest pieces of at most `largest`, as even as can be: an even cut
/// leaves no piece so small that its additions wait for each other.
#[inline(always)]
fn even_pieces(total: usize, largest: usize) -> impl Iterator<Item = (usize, usize)> {
    let pieces = total.div_ceil(largest).max(1);
    let (small, larger) = (total / pieces, total % pieces);
    (0..pieces).scan(0, move |start, piece| {
        let length = small + usize::from(piece < larger);
        let from = *start;
        *start += length;
        Some((from, length))
    })
}
