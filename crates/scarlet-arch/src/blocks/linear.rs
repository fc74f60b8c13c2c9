//! The linear layer: SCARLET's stabilizer (Chu et al., arXiv 1908.06022).
//!
//! ```text
//! L      1×1 convolution
//! ```

use crate::graph::PartBuilder;

/// A 1×1 convolution without bias, normalisation or activation.
pub(super) fn expand(part: &mut PartBuilder<'_>, channels: usize, stride: usize) {
    part.conv("", channels, 1, stride);
}
