//! Convolutions as these networks use them: no bias, size-keeping padding, normalised.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use scarlet_arch::{Activation, Architecture, BatchNormSpec, Padding};

use super::batch_norm::{batch_norm, normalise};
use crate::random::FirstWeights;
use scarlet_engine::kernels_activation;

/// What every convolution of a network has in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvStyle {
    pub(crate) padding: Padding,
    pub(crate) batch_norm: BatchNormSpec,
}

impl ConvStyle {
    pub(crate) fn of(architecture: &Architecture) -> Self {
        Self {
            padding: architecture.padding,
            batch_norm: architecture.batch_norm,
        }
    }
}

/// Shape of one convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvShape {
    pub(crate) channels_in: usize,
    pub(crate) channels_out: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) groups: usize,
}

impl ConvShape {
    pub(crate) fn pointwise(channels_in: usize, channels_out: usize) -> Self {
        Self {
            channels_in,
            channels_out,
            kernel: 1,
            stride: 1,
            groups: 1,
        }
    }

    pub(crate) fn depthwise(channels: usize, kernel: usize, stride: usize) -> Self {
        Self {
            channels_in: channels,
            channels_out: channels,
            kernel,
            stride,
            groups: channels,
        }
    }
}

/// A convolution without bias, initialised as the released networks are: normal with
/// standard deviation `sqrt(2 / (kernel² · channels_out))`.
pub(crate) fn convolution(
    shape: ConvShape,
    padding: Padding,
    weights: &mut FirstWeights,
    device: &Device,
) -> Conv2d {
    let ConvShape {
        channels_in,
        channels_out,
        kernel,
        stride,
        groups,
    } = shape;
    let side = kernel / 2;
    let padding = match padding {
        // A strided 1×1 convolution needs no padding, and must not be given any.
        _ if kernel == 1 => PaddingConfig2d::Valid,
        Padding::Symmetric => PaddingConfig2d::Explicit(side, side, side, side),
        Padding::Same => PaddingConfig2d::Same,
    };
    let mut conv = Conv2dConfig::new([channels_in, channels_out], [kernel, kernel])
        .with_stride([stride, stride])
        .with_groups(groups)
        .with_padding(padding)
        .with_bias(false)
        .init(device);
    let deviation = (2.0 / (kernel * kernel * channels_out) as f64).sqrt();
    let shape = [channels_out, channels_in / groups, kernel, kernel];
    // Nothing has been drawn yet for the one that this replaces.
    conv.weight = weights.normal(deviation, shape, device);
    conv
}

/// Runs a convolution, by the training operation made for its shape if there is one.
pub(crate) fn convolve(conv: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let ([_, channels, height, width], weight) = (x.dims(), conv.weight.val());
    let ([kernel, columns], [stride, other]) = (conv.kernel_size, conv.stride);
    if conv.bias.is_some() || kernel != columns || stride != other || conv.dilation != [1, 1] {
        return conv.forward(x);
    }
    let padding = padding(conv, height, width);
    match conv.groups {
        1 if kernel == 1 && stride == 1 && padding == scarlet_ops::Padding::default() => {
            scarlet_ops::pointwise_conv2d(x, weight)
        }
        1 => scarlet_ops::conv2d(x, weight, stride, padding),
        groups if groups == channels && weight.dims()[0] == channels => {
            scarlet_ops::depthwise_conv2d(x, weight, stride, padding)
        }
        _ => conv.forward(x),
    }
}

/// The zeros around an image of `height` and `width` that a convolution wants.
pub(crate) fn padding(conv: &Conv2d, height: usize, width: usize) -> scarlet_ops::Padding {
    use scarlet_ops::Padding;
    match conv.padding {
        PaddingConfig2d::Valid => Padding::default(),
        PaddingConfig2d::Same => Padding::same(conv.kernel_size[0], conv.stride[0], height, width),
        PaddingConfig2d::Explicit(top, left, bottom, right) => Padding {
            top,
            bottom,
            left,
            right,
        },
    }
}

/// A convolution followed by batch normalisation and an activation.
#[derive(Module, Debug)]
pub struct ConvBn {
    /// The convolution, without bias.
    pub conv: Conv2d,
    /// Its normalisation.
    pub bn: BatchNorm,
    #[module(skip)]
    activation: Activation,
}

impl ConvBn {
    pub(crate) fn new(
        shape: ConvShape,
        style: ConvStyle,
        activation: Activation,
        weights: &mut FirstWeights,
        device: &Device,
    ) -> Self {
        Self {
            conv: convolution(shape, style.padding, weights, device),
            bn: batch_norm(shape.channels_out, style.batch_norm, device),
            activation,
        }
    }

    /// `[batch, channels_in, height, width]` to
    /// `[batch, channels_out, ceil(height / stride), ceil(width / stride)]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = convolve(&self.conv, x);
        normalise(&self.bn, kernels_activation(self.activation), x)
    }
}
