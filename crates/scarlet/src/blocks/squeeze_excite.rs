//! Squeeze-excite: a gate per channel, from the mean of every channel.

use burn::module::Module;
use burn::nn::Initializer;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};
use scarlet_arch::{self as arch, Activation, Gate, Padding};

use super::conv::{ConvShape, convolution};
use crate::random::FirstWeights;
use scarlet_engine::{kernels_activation, kernels_gate};

/// Squeeze-excite (Hu et al., arXiv 1709.01507).
#[derive(Module, Debug)]
pub struct SqueezeExcite {
    /// 1×1 convolution to the inner channels, with bias.
    pub squeeze_conv: Conv2d,
    /// 1×1 convolution back, with bias.
    pub excite_conv: Conv2d,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    gate: Gate,
}

impl SqueezeExcite {
    /// Works on tensors with `channels` channels.
    ///
    /// # Panics
    ///
    /// If there are no channels inside.
    pub fn new(channels: usize, excite: arch::SqueezeExcite, device: &Device) -> Self {
        Self::with_weights(channels, excite, &mut FirstWeights::Device, device)
    }

    pub(crate) fn with_weights(
        channels: usize,
        excite: arch::SqueezeExcite,
        weights: &mut FirstWeights,
        device: &Device,
    ) -> Self {
        let inner = excite.inner(channels);
        Self {
            squeeze_conv: biased_pointwise(channels, inner, weights, device),
            excite_conv: biased_pointwise(inner, channels, weights, device),
            activation: excite.activation,
            gate: excite.gate,
        }
    }

    /// Scales every channel of `[batch, channels, height, width]` by its gate in [0, 1].
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let bias = |conv: &Conv2d| match &conv.bias {
            Some(bias) => bias.val(),
            None => Tensor::zeros([conv.weight.dims()[0]], &x.device()),
        };
        let layers = scarlet_ops::SqueezeExcite {
            squeeze_weight: self.squeeze_conv.weight.val(),
            squeeze_bias: bias(&self.squeeze_conv),
            excite_weight: self.excite_conv.weight.val(),
            excite_bias: bias(&self.excite_conv),
            activation: kernels_activation(self.activation),
            gate: kernels_gate(self.gate),
        };
        scarlet_ops::squeeze_excite(x, layers)
    }
}

fn biased_pointwise(
    channels_in: usize,
    channels_out: usize,
    weights: &mut FirstWeights,
    device: &Device,
) -> Conv2d {
    let shape = ConvShape::pointwise(channels_in, channels_out);
    let mut conv = convolution(shape, Padding::Symmetric, weights, device);
    conv.bias = Some(Initializer::Zeros.init([channels_out], device));
    conv
}
