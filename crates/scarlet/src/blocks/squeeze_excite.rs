//! Squeeze-excite: a gate per channel, from the mean of every channel.

use burn::module::Module;
use burn::nn::Initializer;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};
use scarlet_arch::Padding;

use super::conv::{ConvShape, convolution};
use crate::random::FirstWeights;

/// Squeeze-excite (Hu et al., arXiv 1709.01507) with a reduction of 4 and h-sigmoid.
#[derive(Module, Debug)]
pub struct SqueezeExcite {
    /// 1×1 convolution to a quarter of the channels, with bias.
    pub squeeze_conv: Conv2d,
    /// 1×1 convolution back, with bias.
    pub excite_conv: Conv2d,
}

impl SqueezeExcite {
    /// How many times fewer channels the inner layer has.
    pub const REDUCTION: usize = 4;

    /// Works on tensors with `channels` channels.
    ///
    /// # Panics
    ///
    /// If `channels` is under 4.
    pub fn new(channels: usize, device: &Device) -> Self {
        Self::with_weights(channels, &mut FirstWeights::Device, device)
    }

    pub(crate) fn with_weights(
        channels: usize,
        weights: &mut FirstWeights,
        device: &Device,
    ) -> Self {
        let inner = channels / Self::REDUCTION;
        Self {
            squeeze_conv: biased_pointwise(channels, inner, weights, device),
            excite_conv: biased_pointwise(inner, channels, weights, device),
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
            activation: scarlet_ops::Activation::Relu,
            gate: scarlet_ops::Gate::HSigmoid,
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
