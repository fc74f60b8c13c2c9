//! [`Padding`]: zeros around an image.

use serde::{Deserialize, Serialize};

/// Rows and columns of zeros around an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns on the left.
    pub left: usize,
    /// Columns on the right.
    pub right: usize,
}

impl Padding {
    /// The same number on every side, as PyTorch pads.
    pub fn all(pixels: usize) -> Self {
        Self {
            top: pixels,
            bottom: pixels,
            left: pixels,
            right: pixels,
        }
    }

    /// TensorFlow's "same" for an image of `height` and `width`: as many zeros as
    /// `ceil(size / stride)` outputs need, the odd one at the bottom and on the right.
    pub fn same(kernel: usize, stride: usize, height: usize, width: usize) -> Self {
        let total = |size: usize| {
            (size.div_ceil(stride).saturating_sub(1) * stride + kernel).saturating_sub(size)
        };
        let (rows, columns) = (total(height), total(width));
        Self {
            top: rows / 2,
            bottom: rows - rows / 2,
            left: columns / 2,
            right: columns - columns / 2,
        }
    }
}

/// How many zeros stand around an image of any size. On each side they must be fewer than the
/// kernel has rows or columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaddingRule {
    /// As many for every size.
    Fixed(Padding),
    /// What [`Padding::same`] says.
    Same,
}

impl PaddingRule {
    /// The same number on every side; see [`Padding::all`].
    pub fn all(pixels: usize) -> Self {
        Self::Fixed(Padding::all(pixels))
    }

    /// The zeros around an image of `height` and `width`.
    pub fn resolve(self, kernel: usize, stride: usize, height: usize, width: usize) -> Padding {
        match self {
            Self::Fixed(padding) => padding,
            Self::Same => Padding::same(kernel, stride, height, width),
        }
    }
}

impl From<Padding> for PaddingRule {
    fn from(padding: Padding) -> Self {
        Self::Fixed(padding)
    }
}
