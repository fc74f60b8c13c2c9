//! The inverted residual, the block that these networks are made of.

use burn::module::Module;
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};
use scarlet_arch::{self as arch, Activation, BatchNormSpec, Padding};

use super::batch_norm::{batch_norm, normalise};
use super::conv::{ConvShape, convolution, convolve};
use super::depthwise_stage::depthwise_stage;
use super::drop_path::DropPath;
use super::squeeze_excite::SqueezeExcite;
use crate::random::{FirstWeights, Masks};
use crate::walk::NodeWeights;
use scarlet_engine::kernels_activation;

/// Configuration of an [`InvertedResidual`].
#[derive(Debug, Clone)]
pub struct InvertedResidualConfig {
    channels_in: usize,
    channels_out: usize,
    stride: usize,
    block: arch::InvertedResidual,
    padding: Padding,
    batch_norm: BatchNormSpec,
    drop_path: f64,
}

impl InvertedResidualConfig {
    /// A block from `channels_in` to `channels_out` at stride 1, with symmetric padding and
    /// PyTorch's batch normalisation, as SCARLET's networks have it.
    pub fn new(channels_in: usize, channels_out: usize, block: arch::InvertedResidual) -> Self {
        Self {
            channels_in,
            channels_out,
            stride: 1,
            block,
            padding: Padding::Symmetric,
            batch_norm: BatchNormSpec {
                epsilon: 1e-5,
                momentum: 0.1,
            },
            drop_path: 0.0,
        }
    }

    /// Stride of the depthwise convolution.
    pub fn with_stride(mut self, stride: usize) -> Self {
        self.stride = stride;
        self
    }

    /// Padding of the depthwise convolution.
    pub fn with_padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// Constants of the three batch normalisations.
    pub fn with_batch_norm(mut self, batch_norm: BatchNormSpec) -> Self {
        self.batch_norm = batch_norm;
        self
    }

    /// Probability of leaving the block out in training, where it has a shortcut.
    pub fn with_drop_path(mut self, rate: f64) -> Self {
        self.drop_path = rate;
        self
    }

    /// Builds the block with random weights.
    ///
    /// # Panics
    ///
    /// If a number of channels, the kernel or the stride is 0, or squeeze-excite would have less
    /// than one channel inside.
    pub fn init(&self, device: &Device) -> InvertedResidual {
        self.init_with(&mut FirstWeights::Device, device)
    }

    pub(crate) fn init_with(
        &self,
        weights: &mut FirstWeights,
        device: &Device,
    ) -> InvertedResidual {
        let hidden = self.block.expansion.hidden(self.channels_in);
        let mut conv = |shape| convolution(shape, self.padding, weights, device);
        let bn = |channels| batch_norm(channels, self.batch_norm, device);
        let (conv1, bn1) = if self.block.has_expansion() {
            let expand = conv(ConvShape::pointwise(self.channels_in, hidden));
            (Some(expand), Some(bn(hidden)))
        } else {
            (None, None)
        };
        let conv2 = conv(ConvShape::depthwise(hidden, self.block.kernel, self.stride));
        let conv3 = conv(ConvShape::pointwise(hidden, self.channels_out));
        let block = self.block;
        let same_shape = self.stride == 1 && self.channels_in == self.channels_out;
        InvertedResidual {
            conv1,
            bn1,
            conv2,
            bn2: bn(hidden),
            mid_se: (block.squeeze_excite)
                .map(|excite| SqueezeExcite::with_weights(hidden, excite, weights, device)),
            conv3,
            bn3: bn(self.channels_out),
            drop_path: DropPath::new(self.drop_path),
            shortcut: block.shortcut && same_shape,
            activation: block.activation,
            activate_output: block.activate_output,
        }
    }
}

/// An inverted residual (Sandler et al., MobileNetV2, arXiv 1801.04381): expand, depthwise
/// convolution, optional squeeze-excite, project; and a shortcut where the shapes allow it. Without
/// its expansion it is a depthwise separable convolution.
#[derive(Module, Debug)]
pub struct InvertedResidual {
    /// Expanding 1×1 convolution; none when the expansion is 1.
    pub conv1: Option<Conv2d>,
    /// Normalisation of `conv1`.
    pub bn1: Option<BatchNorm>,
    /// Depthwise convolution.
    pub conv2: Conv2d,
    /// Normalisation of `conv2`.
    pub bn2: BatchNorm,
    /// Squeeze-excite on the hidden tensor.
    pub mid_se: Option<SqueezeExcite>,
    /// Projecting 1×1 convolution.
    pub conv3: Conv2d,
    /// Normalisation of `conv3`, linear.
    pub bn3: BatchNorm,
    /// Leaves the block out in training.
    pub drop_path: DropPath,
    shortcut: bool,
    #[module(skip)]
    activation: Activation,
    activate_output: bool,
}

impl InvertedResidual {
    /// Whether the input is added to the output.
    pub fn has_shortcut(&self) -> bool {
        self.shortcut
    }

    /// `[batch, channels_in, height, width]` to
    /// `[batch, channels_out, ceil(height / stride), ceil(width / stride)]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_with(x, Masks::Device)
    }

    /// As [`forward`](Self::forward), with [drop path's seed](DropPath::forward_seeded).
    pub fn forward_seeded(&self, x: Tensor<4>, seed: u64) -> Tensor<4> {
        self.forward_with(x, Masks::Seeded(seed))
    }

    pub(crate) fn forward_with(&self, x: Tensor<4>, masks: Masks) -> Tensor<4> {
        if !self.shortcut {
            return self.residual(x);
        }
        let residual = self.drop_path.forward_with(self.residual(x.clone()), masks);
        scarlet_ops::add(x, residual)
    }

    fn residual(&self, x: Tensor<4>) -> Tensor<4> {
        let x = match &self.conv1 {
            Some(conv) => convolve(conv, x),
            None => x,
        };
        let (bn1, activation) = (self.bn1.as_ref(), kernels_activation(self.activation));
        let x = depthwise_stage(bn1, &self.conv2, &self.bn2, activation, x);
        let x = match &self.mid_se {
            Some(se) => se.forward(x),
            None => x,
        };
        let last = match self.activate_output {
            true => activation,
            false => scarlet_ops::Activation::None,
        };
        normalise(&self.bn3, last, convolve(&self.conv3, x))
    }

    /// Adds the weights of the block's nodes, in the order of its graph.
    pub(super) fn nodes<'a>(&'a mut self, nodes: &mut Vec<NodeWeights<'a>>) {
        if let (Some(conv), Some(norm)) = (&mut self.conv1, &mut self.bn1) {
            nodes.push(NodeWeights::conv(conv, norm));
        }
        nodes.push(NodeWeights::conv(&mut self.conv2, &mut self.bn2));
        nodes.extend(self.mid_se.as_mut().map(NodeWeights::SqueezeExcite));
        nodes.push(NodeWeights::conv(&mut self.conv3, &mut self.bn3));
        if self.shortcut {
            nodes.push(NodeWeights::None);
        }
    }
}
