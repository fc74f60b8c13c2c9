//! Squeeze-excite.

use burn::backend::Dispatch;
use burn::tensor::{Tensor, module};
use scarlet_kernels::{Activation, Gate, Padding};

use crate::activation::{activate, gate};
use crate::convolution::convolve_plainly;
use crate::host::{self, SqueezeExciteShape, TrainingOps};

/// The two layers that turn a channel's mean into its gate.
#[derive(Debug, Clone)]
pub struct SqueezeExcite {
    /// `[inner, channels, 1, 1]`.
    pub squeeze_weight: Tensor<4>,
    /// `[inner]`.
    pub squeeze_bias: Tensor<1>,
    /// `[channels, inner, 1, 1]`.
    pub excite_weight: Tensor<4>,
    /// `[channels]`.
    pub excite_bias: Tensor<1>,
    /// Between the two layers.
    pub activation: Activation,
    /// Behind them.
    pub gate: Gate,
}

/// Scales every channel of `[batch, channels, height, width]` by its gate,
/// `gate(excite · activation(squeeze · mean))` (Hu et al., arXiv 1709.01507).
///
/// # Panics
///
/// If the shapes do not fit each other.
pub fn squeeze_excite(x: Tensor<4>, layers: SqueezeExcite) -> Tensor<4> {
    let (channels, [inner]) = (x.dims()[1], layers.squeeze_bias.dims());
    assert_eq!(layers.squeeze_weight.dims(), [inner, channels, 1, 1]);
    assert_eq!(layers.excite_weight.dims(), [channels, inner, 1, 1]);
    assert_eq!(layers.excite_bias.dims(), [channels]);
    let dtypes = [
        layers.squeeze_weight.dtype(),
        layers.squeeze_bias.dtype(),
        layers.excite_weight.dtype(),
        layers.excite_bias.dtype(),
    ];
    if !host::has_kernels(&x, dtypes) {
        return squeeze_excite_plainly(x, layers);
    }
    Tensor::from_dispatch(Dispatch::squeeze_excite(
        x.into_dispatch(),
        layers.squeeze_weight.into_dispatch(),
        layers.squeeze_bias.into_dispatch(),
        layers.excite_weight.into_dispatch(),
        layers.excite_bias.into_dispatch(),
        SqueezeExciteShape {
            activation: layers.activation,
            gate: layers.gate,
        },
    ))
}

/// By Burn's operations.
fn squeeze_excite_plainly(x: Tensor<4>, layers: SqueezeExcite) -> Tensor<4> {
    let layer = |x: Tensor<4>, weight, bias: Tensor<1>| {
        let channels = bias.dims()[0];
        let bias = bias.reshape([1, channels, 1, 1]);
        convolve_plainly(x, weight, 1, Padding::default(), 1) + bias
    };
    let mean = module::adaptive_avg_pool2d(x.clone(), [1, 1]);
    let inner = layer(mean, layers.squeeze_weight, layers.squeeze_bias);
    let inner = activate(layers.activation, inner);
    let excited = layer(inner, layers.excite_weight, layers.excite_bias);
    x * gate(layers.gate, excited)
}
