//! SCARLET's networks from Burn's own modules, as one would write them without this project.

use scarlet::Architecture;
use scarlet::arch::{Expansion, Operation};
use scarlet::burn;
use scarlet::burn::module::Module;
use scarlet::burn::nn::conv::{Conv2d, Conv2dConfig};
use scarlet::burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use scarlet::burn::tensor::activation::{hard_sigmoid, hard_swish, relu};
use scarlet::burn::tensor::{Device, Tensor};

#[derive(Module, Debug)]
struct ConvBn {
    conv: Conv2d,
    bn: BatchNorm,
}

impl ConvBn {
    fn new(input: usize, output: usize, kernel: usize, stride: usize, device: &Device) -> Self {
        let groups = if input == output && kernel > 1 {
            input
        } else {
            1
        };
        let side = kernel / 2;
        let conv = Conv2dConfig::new([input, output], [kernel, kernel])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(side, side, side, side))
            .with_groups(groups)
            .with_bias(false)
            .init(device);
        let bn = BatchNormConfig::new(output).init(device);
        Self { conv, bn }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.bn.forward(self.conv.forward(x))
    }
}

#[derive(Module, Debug)]
struct Gate {
    squeeze: Conv2d,
    excite: Conv2d,
}

#[derive(Module, Debug)]
struct Block {
    expand: ConvBn,
    depthwise: ConvBn,
    gate: Option<Gate>,
    project: ConvBn,
    shortcut: bool,
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = hard_swish(self.expand.forward(x.clone()));
        let mut y = hard_swish(self.depthwise.forward(y));
        if let Some(gate) = &self.gate {
            let mean = y.clone().mean_dim(2).mean_dim(3);
            let squeezed = relu(gate.squeeze.forward(mean));
            y = y * hard_sigmoid(gate.excite.forward(squeezed), 1.0 / 6.0, 0.5);
        }
        let y = self.project.forward(y);
        if self.shortcut { x + y } else { y }
    }
}

/// One of SCARLET's networks.
#[derive(Module, Debug)]
pub(crate) struct Plain {
    stem: ConvBn,
    depthwise: ConvBn,
    pointwise: ConvBn,
    blocks: Vec<Block>,
    head: ConvBn,
    classifier: Linear,
}

impl Plain {
    /// With random weights.
    pub(crate) fn new(architecture: &Architecture, device: &Device) -> Self {
        let (stem, mut channels) = (
            architecture.blocks[0].channels,
            architecture.blocks[1].channels,
        );
        let mut blocks = Vec::new();
        let (first, head) = (
            channels,
            architecture.head.conv.map_or(0, |conv| conv.channels),
        );
        for layer in architecture.layers() {
            let Operation::InvertedResidual(block) = layer.operation else {
                continue;
            };
            let hidden = match block.expansion {
                Expansion::Times(factor) => channels * factor,
                Expansion::To(hidden) => hidden,
            };
            let point = |input, output| Conv2dConfig::new([input, output], [1, 1]).init(device);
            blocks.push(Block {
                expand: ConvBn::new(channels, hidden, 1, 1, device),
                depthwise: ConvBn::new(hidden, hidden, block.kernel, layer.stride, device),
                gate: block.squeeze_excite.map(|_| Gate {
                    squeeze: point(hidden, hidden / 4),
                    excite: point(hidden / 4, hidden),
                }),
                project: ConvBn::new(hidden, layer.channels, 1, 1, device),
                shortcut: layer.stride == 1 && channels == layer.channels,
            });
            channels = layer.channels;
        }
        Self {
            stem: ConvBn::new(architecture.input_channels, stem, 3, 2, device),
            depthwise: ConvBn::new(stem, stem, 3, 1, device),
            pointwise: ConvBn::new(stem, first, 1, 1, device),
            blocks,
            head: ConvBn::new(channels, head, 1, 1, device),
            classifier: LinearConfig::new(head, architecture.classes).init(device),
        }
    }

    /// Logits `[batch, classes]` of images `[batch, channels, height, width]`.
    pub(crate) fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = self.stem.forward(images).clamp(0.0, 6.0);
        let x = self.depthwise.forward(x).clamp(0.0, 6.0);
        let mut x = self.pointwise.forward(x);
        for block in &self.blocks {
            x = block.forward(x);
        }
        let x = self.head.forward(x).clamp(0.0, 6.0);
        self.classifier
            .forward(x.mean_dim(2).mean_dim(3).flatten(1, 3))
    }
}
