//! A normalised convolution, such as the stem.

use crate::graph::{Nonlinearity, PartBuilder};

/// A dense convolution with batch normalisation and an activation.
pub(super) struct Conv {
    pub(super) channels: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) activation: Nonlinearity,
}

impl Conv {
    pub(super) fn expand(&self, part: &mut PartBuilder<'_>) {
        part.conv("0", self.channels, self.kernel, self.stride)
            .norm("1")
            .activation(self.activation);
    }
}
