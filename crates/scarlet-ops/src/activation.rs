//! Activations by Burn's operations.

use burn::tensor::{Tensor, activation};
use scarlet_kernels::Activation;

/// Applies an activation, to a tensor of any shape.
pub fn activate<const D: usize>(kind: Activation, x: Tensor<D>) -> Tensor<D> {
    match kind {
        Activation::None => x,
        Activation::Relu => activation::relu(x),
        Activation::Relu6 => activation::relu6(x),
        Activation::HSwish => activation::hard_swish(x),
    }
}
