//! Activations by Burn's operations, with PyTorch's slopes: 0 where a curve has become level, the
//! kink itself included, as the kernels have them. Burn's own clamps have the slope of the ramp
//! there.

use burn::tensor::{Tensor, activation};
use scarlet_kernels::{Activation, Gate};

/// Applies an activation, to a tensor of any shape.
pub fn activate<const D: usize>(kind: Activation, x: Tensor<D>) -> Tensor<D> {
    match kind {
        Activation::None => x,
        Activation::Relu => activation::relu(x),
        Activation::Relu6 => relu6(x),
        Activation::HSwish => x.clone() * hard_sigmoid(x),
        Activation::Swish => swish(x),
    }
}

/// `x / (1 + e^-x)`, also called SiLU (Ramachandran et al., arXiv 1710.05941), of any shape.
pub fn swish<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::silu(x)
}

/// Turns numbers into factors between 0 and 1, of any shape.
pub fn gate<const D: usize>(kind: Gate, x: Tensor<D>) -> Tensor<D> {
    match kind {
        Gate::HSigmoid => hard_sigmoid(x),
        Gate::Sigmoid => activation::sigmoid(x),
    }
}

/// `relu6(x + 3) / 6` (Howard et al., arXiv 1905.02244), of any shape.
///
/// Burn's own module defaults to Keras' slope of 0.2; mobile networks are trained with 1/6.
pub fn hard_sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    relu6(x.add_scalar(3.0)).div_scalar(6.0)
}

fn relu6<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if !x.device().is_autodiff() {
        return activation::relu6(x);
    }
    let level = x.clone().greater_equal_elem(6.0);
    activation::relu(x).mask_fill(level, 6.0)
}
