//! The depthwise separable convolution (Howard et al., MobileNets, arXiv 1704.04861).

use crate::graph::{Nonlinearity, PartBuilder};

/// A depthwise convolution with an activation and a 1×1 convolution without one, both normalised.
pub(super) struct Separable {
    pub(super) channels: usize,
    pub(super) kernel: usize,
    pub(super) activation: Nonlinearity,
}

impl Separable {
    pub(super) fn expand(&self, part: &mut PartBuilder<'_>) {
        // In the released checkpoints 2 and 5 are activations, which have no weights.
        part.depthwise("0", self.kernel, 1)
            .norm("1")
            .activation(self.activation);
        part.pointwise("3", self.channels).norm("4");
    }
}
