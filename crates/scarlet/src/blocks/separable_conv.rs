//! The depthwise separable convolution behind the stem.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use scarlet_ops::Activation;

use super::conv::{ConvBn, ConvShape, ConvStyle};
use super::depthwise_stage::depthwise_stage;
use crate::random::FirstWeights;

/// A depthwise 3×3 convolution with ReLU6 and a linear 1×1 convolution, both normalised.
#[derive(Module, Debug)]
pub struct SeparableConv {
    /// 3×3, one filter a channel.
    pub depthwise: ConvBn,
    /// 1×1, linear.
    pub pointwise: ConvBn,
}

impl SeparableConv {
    pub(crate) fn new(
        channels_in: usize,
        channels_out: usize,
        style: ConvStyle,
        weights: &mut FirstWeights,
        device: &Device,
    ) -> Self {
        let (depthwise, pointwise) = (
            ConvShape::depthwise(channels_in, 3, 1),
            ConvShape::pointwise(channels_in, channels_out),
        );
        Self {
            depthwise: ConvBn::new(depthwise, style, weights, device),
            pointwise: ConvBn::new(pointwise, style, weights, device),
        }
    }

    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height, width]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let ConvBn { conv, bn } = &self.depthwise;
        let x = depthwise_stage(None, conv, bn, Activation::Relu6, x);
        self.pointwise.forward(x)
    }
}
