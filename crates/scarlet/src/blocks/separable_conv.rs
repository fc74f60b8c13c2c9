//! The depthwise separable convolution behind the stem.

use burn::module::Module;
use burn::tensor::{Device, Tensor, activation::relu6};

use super::conv::{ConvBn, ConvShape, ConvStyle};

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
        device: &Device,
    ) -> Self {
        Self {
            depthwise: ConvBn::new(ConvShape::depthwise(channels_in, 3, 1), style, device),
            pointwise: ConvBn::new(
                ConvShape::pointwise(channels_in, channels_out),
                style,
                device,
            ),
        }
    }

    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height, width]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.pointwise.forward(relu6(self.depthwise.forward(x)))
    }
}
