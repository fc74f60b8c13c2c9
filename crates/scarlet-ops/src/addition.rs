//! The sum that a shortcut makes.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::host::{self, TrainingOps};

/// The sum of two tensors of the same shape `[batch, channels, height, width]`.
///
/// # Panics
///
/// If the shapes differ.
pub fn add(x: Tensor<4>, y: Tensor<4>) -> Tensor<4> {
    assert_eq!(x.dims(), y.dims(), "a shortcut keeps the shape");
    if !host::has_kernels(&x, [y.dtype()]) {
        return x + y;
    }
    Tensor::from_dispatch(Dispatch::addition(x.into_dispatch(), y.into_dispatch()))
}
