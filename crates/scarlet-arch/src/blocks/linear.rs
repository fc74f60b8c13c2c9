//! The linear layer: SCARLET's stabilizer (Chu et al., arXiv 1908.06022).

use crate::graph::PartBuilder;

/// A 1×1 convolution without bias, normalisation or activation.
pub(super) struct Linear {
    pub(super) channels: usize,
    pub(super) stride: usize,
}

impl Linear {
    pub(super) fn expand(&self, part: &mut PartBuilder<'_>) {
        part.conv("", self.channels, 1, self.stride);
    }
}
