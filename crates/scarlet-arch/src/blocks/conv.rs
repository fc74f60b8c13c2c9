//! The normalised convolution: the stem, or a 1×1 convolution between blocks.
//!
//! ```text
//! C3     3×3 convolution, batch normalisation, activation
//! ```

use crate::error::ArchitectureError;
use crate::graph::PartBuilder;
use crate::limits::MAX_KERNEL;
use crate::text::{Problem, number};
use crate::validate::{Place, odd_kernel};
use crate::{Activation, style::Style};

/// A dense convolution without bias, with batch normalisation and an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Side of the kernel; odd. Only the first block's may be more than 1.
    pub kernel: usize,
    /// At the end.
    pub activation: Activation,
}

impl Conv {
    pub(super) fn expand(&self, part: &mut PartBuilder<'_>, channels: usize, stride: usize) {
        part.conv("0", channels, self.kernel, stride)
            .norm("1")
            .activation(self.activation);
    }

    /// What it does, in words.
    pub(super) fn label(&self) -> String {
        format!("{0}×{0} conv", self.kernel)
    }

    pub(super) fn validate(&self, place: Place) -> Result<(), ArchitectureError> {
        odd_kernel(place, self.kernel)
    }

    /// Its text form without the activation.
    pub(crate) fn text(&self) -> String {
        format!("C{}", self.kernel)
    }

    /// Reads `C3`; `None` when the text is of another kind.
    pub(crate) fn parse(text: &str, style: &Style) -> Option<Result<Self, Problem<Self>>> {
        let kernel = number(text.strip_prefix('C')?)?;
        let conv = Self {
            kernel: (kernel | 1).min(MAX_KERNEL),
            activation: style.activation,
        };
        Some(match conv.kernel == kernel {
            true => Ok(conv),
            false => Err(Problem::new(
                format!("an odd kernel from 1 to {MAX_KERNEL}"),
                Some(conv),
            )),
        })
    }
}
