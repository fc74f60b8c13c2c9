//! The inverted residual (Sandler et al., MobileNetV2, arXiv 1801.04381).

use crate::Block;
use crate::graph::{Gate, Nonlinearity, PartBuilder};

/// How many times fewer channels than the hidden tensor the middle of a squeeze-excite has.
const REDUCTION: usize = 4;

/// Expand, depthwise convolution, optional squeeze-excite, project; and a shortcut.
pub(super) struct InvertedResidual {
    pub(super) block: Block,
    pub(super) channels: usize,
    pub(super) stride: usize,
    pub(super) shortcut: bool,
    /// After the expanding and the depthwise convolution.
    pub(super) activation: Nonlinearity,
}

impl InvertedResidual {
    pub(super) fn expand(&self, part: &mut PartBuilder<'_>) {
        let input = part.last();
        let hidden = self.block.expansion.hidden(part.channels());
        if self.block.has_expansion() {
            part.pointwise("conv1", hidden)
                .norm("bn1")
                .activation(self.activation);
        }
        part.depthwise("conv2", self.block.kernel, self.stride)
            .norm("bn2")
            .activation(self.activation);
        if self.block.squeeze_excite {
            let inner = hidden / REDUCTION;
            part.squeeze_excite("mid_se", inner, Nonlinearity::Relu, Gate::HSigmoid);
        }
        part.pointwise("conv3", self.channels).norm("bn3");
        if let Some(input) = input.filter(|_| self.shortcut) {
            part.add("shortcut", input);
        }
    }
}
