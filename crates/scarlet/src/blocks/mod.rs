//! The parts that networks are made of, as Burn modules.
//!
//! Field names are those of the released checkpoints.

use burn::module::Module;
use burn::nn::Identity;
use burn::tensor::{Device, Tensor};
use scarlet_arch::{Architecture, Operation, PlacedBlock};

use crate::random::{FirstWeights, Masks};
use crate::walk::NodeWeights;

mod activation;
mod batch_norm;
mod conv;
mod depthwise_stage;
mod drop_path;
mod hidden;
mod inverted_residual;
mod squeeze_excite;
mod stabilizer;

pub use activation::{h_sigmoid, h_swish};
pub use conv::ConvBn;
pub use drop_path::DropPath;
pub use hidden::HiddenLayer;
pub use inverted_residual::{InvertedResidual, InvertedResidualConfig};
pub use squeeze_excite::SqueezeExcite;
pub use stabilizer::Stabilizer;

pub(crate) use conv::{ConvShape, ConvStyle};

/// One of a network's blocks.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a network has few blocks, most of them inverted residuals"
)]
pub enum BlockModule {
    /// A dense convolution.
    Conv(ConvBn),
    /// An inverted residual.
    InvertedResidual(InvertedResidual),
    /// The input, unchanged.
    Identity(Identity),
    /// A 1×1 convolution on the skip.
    Linear(Stabilizer),
}

impl BlockModule {
    /// A block with random weights, with the padding and batch normalisation of `architecture`.
    ///
    /// # Panics
    ///
    /// If a number of channels, the kernel or the stride is 0, or squeeze-excite would have less
    /// than one channel inside.
    pub fn new(placed: &PlacedBlock, architecture: &Architecture, device: &Device) -> Self {
        let (style, weights) = (ConvStyle::of(architecture), &mut FirstWeights::Device);
        Self::build(placed, style, 0.0, weights, device)
    }

    pub(crate) fn build(
        placed: &PlacedBlock,
        style: ConvStyle,
        drop_path: f64,
        weights: &mut FirstWeights,
        device: &Device,
    ) -> Self {
        let PlacedBlock {
            operation,
            channels_in,
            channels_out,
            stride,
        } = *placed;
        match operation {
            Operation::Conv(conv) => {
                let shape = ConvShape {
                    channels_in,
                    channels_out,
                    kernel: conv.kernel,
                    stride,
                    groups: 1,
                };
                let activation = conv.activation;
                Self::Conv(ConvBn::new(shape, style, activation, weights, device))
            }
            Operation::Identity => Self::Identity(Identity::new()),
            Operation::Linear => Self::Linear(Stabilizer::with_weights(
                channels_in,
                channels_out,
                stride,
                weights,
                device,
            )),
            Operation::InvertedResidual(block) => Self::InvertedResidual(
                InvertedResidualConfig::new(channels_in, channels_out, block)
                    .with_stride(stride)
                    .with_padding(style.padding)
                    .with_batch_norm(style.batch_norm)
                    .with_drop_path(drop_path)
                    .init_with(weights, device),
            ),
        }
    }

    /// Adds the weights of the block's nodes, in the order of its graph.
    pub(crate) fn nodes<'a>(&'a mut self, nodes: &mut Vec<NodeWeights<'a>>) {
        match self {
            Self::Identity(_) => {}
            Self::Conv(conv) => nodes.push(NodeWeights::conv_bn(conv)),
            Self::Linear(stabilizer) => nodes.push(NodeWeights::Conv {
                weight: &mut stabilizer.weight,
                bias: None,
                norm: None,
            }),
            Self::InvertedResidual(block) => block.nodes(nodes),
        }
    }

    /// `[batch, channels_in, height, width]` to
    /// `[batch, channels_out, ceil(height / stride), ceil(width / stride)]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_with(x, Masks::Device)
    }

    pub(crate) fn forward_with(&self, x: Tensor<4>, masks: Masks) -> Tensor<4> {
        match self {
            Self::Conv(conv) => conv.forward(x),
            Self::InvertedResidual(block) => block.forward_with(x, masks),
            Self::Identity(_) => x,
            Self::Linear(stabilizer) => stabilizer.forward(x),
        }
    }

    /// What leaves the block out in training, where it may be.
    pub(crate) fn drop_path(&mut self) -> Option<&mut DropPath> {
        match self {
            Self::InvertedResidual(block) => Some(&mut block.drop_path),
            Self::Conv(_) | Self::Identity(_) | Self::Linear(_) => None,
        }
    }

    /// The same block for the whole batch: nothing is left out in training.
    pub fn without_drop_path(mut self) -> Self {
        if let Some(drop_path) = self.drop_path() {
            drop_path.rate = 0.0;
        }
        self
    }
}
