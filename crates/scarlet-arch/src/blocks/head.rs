//! What makes logits of the last map.

use crate::graph::{Nonlinearity, PartBuilder};

/// A normalised 1×1 convolution in front of the mean.
pub(super) struct Head {
    pub(super) channels: usize,
    pub(super) activation: Nonlinearity,
}

impl Head {
    pub(super) fn expand(&self, part: &mut PartBuilder<'_>) {
        part.pointwise("0", self.channels)
            .norm("1")
            .activation(self.activation);
    }
}

/// The mean over all pixels and a fully connected layer.
pub(super) struct Classifier {
    pub(super) classes: usize,
}

impl Classifier {
    pub(super) fn expand(&self, part: &mut PartBuilder<'_>) {
        part.global_mean("mean");
        part.linear("", self.classes, None, true);
    }
}
