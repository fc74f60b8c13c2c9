//! [`Architecture`]: a network as plain data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Preprocessing;

/// The nonlinearity inside the inverted residuals of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `x · relu6(x + 3) / 6` (Howard et al., MobileNetV3, arXiv 1905.02244).
    HSwish,
    /// `min(max(x, 0), 6)`.
    Relu6,
}

impl fmt::Display for Activation {
    /// Its name, as in JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::HSwish => "h-swish",
            Self::Relu6 => "relu6",
        })
    }
}

/// How convolutions pad their input so that stride 1 keeps its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// `kernel / 2` on every side, as PyTorch's networks do.
    Symmetric,
    /// TensorFlow's "same": as much as `ceil(size / stride)` outputs need, the odd pixel at the
    /// bottom and right.
    Same,
}

/// Constants of every batch normalisation in a network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNormSpec {
    /// Added to the variance.
    pub epsilon: f64,
    /// Weight of the newest batch in the running statistics (PyTorch's sense).
    pub momentum: f64,
}

/// The hidden width of an inverted residual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expansion {
    /// Input channels times this factor (`E3`). A factor of 1 has no expanding convolution.
    Times(usize),
    /// This many channels, whatever the input has (`H288`).
    To(usize),
}

impl Expansion {
    /// Hidden channels of a block whose input has `channels`.
    pub fn hidden(self, channels: usize) -> usize {
        match self {
            // Saturates, so that a network may be looked at before it is validated.
            Self::Times(factor) => channels.saturating_mul(factor),
            Self::To(hidden) => hidden,
        }
    }
}

/// The free choices of an inverted residual (Sandler et al., MobileNetV2, arXiv 1801.04381).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Side of the depthwise kernel; odd.
    pub kernel: usize,
    /// Hidden width.
    pub expansion: Expansion,
    /// Whether squeeze-excite (Hu et al., arXiv 1709.01507) works on the hidden tensor.
    pub squeeze_excite: bool,
}

impl Block {
    /// Whether the block begins with an expanding 1×1 convolution. A factor of 1 has none.
    pub fn has_expansion(&self) -> bool {
        self.expansion != Expansion::Times(1)
    }
}

/// What one layer does.
///
/// Its text form (`E3K7s`, `-`, `L`) is also its JSON form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Operation {
    /// An inverted residual; with a shortcut when its stride is 1 and its channels stay.
    InvertedResidual(Block),
    /// The input, unchanged: the layer's own stride and channels do not apply.
    Identity,
    /// A 1×1 convolution without bias, normalisation or activation, of the layer's stride and
    /// channels: SCARLET's equivariant learnable stabilizer, or what is left of one.
    Linear,
}

/// One layer: an operation, and the place in the network that it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// What the layer does.
    pub operation: Operation,
    /// Output channels (not of an identity).
    pub channels: usize,
    /// Stride (not of an identity).
    pub stride: usize,
}

/// A network as plain data: stem, separable convolution, layers, head.
///
/// ```text
/// image [batch, 3, s, s] → 3×3 stride 2 → depthwise 3×3, 1×1 → layers → 1×1 → mean → linear
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// What people call it, such as `scarlet-a`.
    pub name: String,
    /// Channels of the image.
    pub input_channels: usize,
    /// Output channels of the stem, a 3×3 convolution of stride 2 with ReLU6.
    pub stem: usize,
    /// Output channels of the depthwise separable convolution behind the stem.
    pub separable: usize,
    /// The searched part.
    pub layers: Vec<Layer>,
    /// Channels in front of the classifier.
    pub head: usize,
    /// Classes of the classifier.
    pub classes: usize,
    /// Activation inside the layers.
    pub activation: Activation,
    /// Padding of every convolution.
    pub padding: Padding,
    /// Constants of every batch normalisation.
    pub batch_norm: BatchNormSpec,
    /// How a photograph becomes this network's input. Its resolution is the network's own.
    pub preprocessing: Preprocessing,
}

/// A layer in its place: with the channels and sizes that really reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedLayer {
    /// What the layer does.
    pub operation: Operation,
    /// Input channels.
    pub channels_in: usize,
    /// Output channels.
    pub channels_out: usize,
    /// Stride; 1 for an identity.
    pub stride: usize,
}

impl PlacedLayer {
    /// Whether the layer adds its input to its output: an inverted residual of stride 1 that
    /// keeps its channels.
    pub fn has_shortcut(&self) -> bool {
        matches!(self.operation, Operation::InvertedResidual(_))
            && self.stride == 1
            && self.channels_in == self.channels_out
    }
}

impl Architecture {
    /// The layers with the channels that really reach them; identities pass theirs on.
    pub fn placed_layers(&self) -> Vec<PlacedLayer> {
        let mut channels_in = self.separable;
        self.layers
            .iter()
            .map(|layer| {
                let (channels_out, stride) = match layer.operation {
                    Operation::Identity => (channels_in, 1),
                    _ => (layer.channels, layer.stride),
                };
                let placed = PlacedLayer {
                    operation: layer.operation,
                    channels_in,
                    channels_out,
                    stride,
                };
                channels_in = channels_out;
                placed
            })
            .collect()
    }

    /// Channels that reach the head's 1×1 convolution.
    pub fn channels_before_head(&self) -> usize {
        self.placed_layers()
            .last()
            .map_or(self.separable, |layer| layer.channels_out)
    }

    /// The factor between the size of the image and that of the last layer's output.
    pub fn total_stride(&self) -> usize {
        let layers = self.placed_layers();
        layers
            .iter()
            .fold(2, |total: usize, layer| total.saturating_mul(layer.stride))
    }

    /// The same network for another number of classes.
    pub fn with_classes(mut self, classes: usize) -> Self {
        self.classes = classes;
        self
    }

    /// The same network for images of another size.
    pub fn with_resolution(mut self, resolution: usize) -> Self {
        self.preprocessing.resolution = resolution;
        self
    }
}
