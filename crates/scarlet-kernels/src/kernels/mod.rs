//! The arithmetic: each kernel computes one run of pixels (or one row of vectors) of one step,
//! from raw pointers that the step has checked.

pub(crate) mod activation;
pub(crate) mod byte_depthwise;
pub(crate) mod convolution;
pub(crate) mod dense;
pub(crate) mod depthwise;
pub(crate) mod elementwise;
pub(crate) mod pixel_target;
pub(crate) mod pointwise;
mod quad_products;
pub(crate) mod quad_target;
pub(crate) mod rounding;
pub(crate) mod row_target;
pub(crate) mod sum_target;
mod tile;
pub(crate) mod word_products;

/// Pixels whose sums are stored before a [long](activation::Finish::is_long) finish is applied to all of them:
/// they are still in the first-level cache.
const COMPLETED: usize = 64;
