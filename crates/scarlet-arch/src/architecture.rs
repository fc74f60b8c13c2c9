//! [`Architecture`]: a network as plain data.

use serde::{Deserialize, Serialize};

use crate::{Activation, Block, Head, Operation, Preprocessing};

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

/// A network as plain data: blocks, one after the other, and a head.
///
/// ```text
/// image [batch, channels, height, width] → blocks → head: mean, classifier → logits
/// ```
///
/// The first block is the stem, a convolution of the image. A network's *layers* are what comes
/// after it; where the block after the stem is an inverted residual of factor 1, a depthwise
/// separable convolution, it belongs to the stem, as in SCARLET, and the layers begin after it.
/// They are what a search chooses, and are numbered from 0 here and in checkpoints
/// (`mb_module.0`), from 1 for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// What people call it, such as `scarlet-a`.
    pub name: String,
    /// Channels of the image.
    pub input_channels: usize,
    /// From the image to the last map but what the head makes of it.
    pub blocks: Vec<Block>,
    /// From the last map to the classifier.
    pub head: Head,
    /// Classes of the classifier.
    pub classes: usize,
    /// Padding of every convolution.
    pub padding: Padding,
    /// Constants of every batch normalisation.
    pub batch_norm: BatchNormSpec,
    /// How a photograph becomes this network's input. Its resolution is the network's own.
    pub preprocessing: Preprocessing,
}

/// A block in its place: with the channels that really reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedBlock {
    /// What the block does.
    pub operation: Operation,
    /// Input channels.
    pub channels_in: usize,
    /// Output channels.
    pub channels_out: usize,
    /// Stride; 1 for an identity.
    pub stride: usize,
}

impl PlacedBlock {
    /// Whether the block adds its input to its output: one that has a shortcut where the shapes
    /// allow it, with stride 1 and as many channels.
    pub fn has_shortcut(&self) -> bool {
        self.operation.wants_shortcut() && self.allows_shortcut()
    }

    /// Whether input and output have the same shape.
    pub(crate) fn allows_shortcut(&self) -> bool {
        self.stride == 1 && self.channels_in == self.channels_out
    }

    /// Hidden channels of an inverted residual, output channels of all others.
    pub(crate) fn hidden(&self) -> usize {
        match self.operation {
            Operation::InvertedResidual(block) => block.expansion.hidden(self.channels_in),
            _ => self.channels_out,
        }
    }
}

impl Architecture {
    /// How many blocks come before the layers: the stem, and a depthwise separable convolution
    /// after it.
    pub fn blocks_before_layers(&self) -> usize {
        let is_stem = |block: &Block| matches!(block.operation, Operation::Conv(_));
        let is_separable = |block: &Block| matches!(block.operation, Operation::InvertedResidual(it) if !it.has_expansion());
        match self.blocks.as_slice() {
            [stem, separable, ..] if is_stem(stem) && is_separable(separable) => 2,
            [stem, ..] if is_stem(stem) => 1,
            _ => 0,
        }
    }

    /// The blocks after the stem, among which a search chooses.
    pub fn layers(&self) -> &[Block] {
        &self.blocks[self.blocks_before_layers()..]
    }

    /// As [`layers`](Self::layers), to be changed.
    pub fn layers_mut(&mut self) -> &mut [Block] {
        let before = self.blocks_before_layers();
        &mut self.blocks[before..]
    }

    /// The same network with other layers.
    pub fn with_layers(mut self, layers: impl IntoIterator<Item = Block>) -> Self {
        self.blocks.truncate(self.blocks_before_layers());
        self.blocks.extend(layers);
        self
    }

    /// The blocks with the channels that really reach them; identities pass theirs on.
    pub fn placed_blocks(&self) -> Vec<PlacedBlock> {
        let mut channels_in = self.input_channels;
        self.blocks
            .iter()
            .map(|block| {
                let (channels_out, stride) = match block.operation {
                    Operation::Identity => (channels_in, 1),
                    _ => (block.channels, block.stride),
                };
                let placed = PlacedBlock {
                    operation: block.operation,
                    channels_in,
                    channels_out,
                    stride,
                };
                channels_in = channels_out;
                placed
            })
            .collect()
    }

    /// The [layers](Self::layers) among the [placed blocks](Self::placed_blocks).
    pub fn placed_layers(&self) -> Vec<PlacedBlock> {
        self.placed_blocks()
            .split_off(self.blocks_before_layers().min(self.blocks.len()))
    }

    /// Channels that reach the head.
    pub fn channels_before_head(&self) -> usize {
        self.placed_blocks()
            .last()
            .map_or(self.input_channels, |block| block.channels_out)
    }

    /// Values that reach the classifier.
    pub fn features(&self) -> usize {
        self.head.features(self.channels_before_head())
    }

    /// The factor between the size of the image and that of the last block's output.
    pub fn total_stride(&self) -> usize {
        let blocks = self.placed_blocks();
        blocks
            .iter()
            .fold(1, |total: usize, block| total.saturating_mul(block.stride))
    }

    /// The activations of the layers, in words: `h-swish`, or `relu and h-swish`.
    pub fn activations(&self) -> String {
        let layers = self.layers().iter();
        let found: Vec<_> = layers.filter_map(|it| it.operation.activation()).collect();
        let known = Activation::ALL.iter().filter(|it| found.contains(it));
        let names: Vec<&str> = known.map(|it| it.name()).collect();
        names.join(" and ")
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
