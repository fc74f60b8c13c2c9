//! [`Preprocessing`]: how a photograph becomes a network's input.

use serde::{Deserialize, Serialize};

/// The filter that resizes a photograph, antialiased when it shrinks (as Pillow does it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResizeFilter {
    /// Triangle filter.
    Bilinear,
    /// Catmull-Rom filter (a = −0.5).
    Bicubic,
}

/// How a photograph becomes a network's input: resize the shorter side to
/// `resolution / crop_ratio`, crop the centre to `resolution`, then normalise each channel of
/// values in [0, 1] as `(x − mean) / std`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Height and width of the network's input, in pixels.
    pub resolution: usize,
    /// Side of the crop relative to the resized photograph's shorter side: 1 or less.
    pub crop_ratio: f64,
    /// Resizing filter.
    pub filter: ResizeFilter,
    /// Subtracted from each channel (RGB).
    pub mean: [f32; 3],
    /// Each channel is divided by it.
    pub std: [f32; 3],
}

impl Preprocessing {
    /// ImageNet's customary transform at 224 pixels: resize 256 bilinear, crop 224.
    pub const IMAGENET: Self = Self {
        resolution: 224,
        crop_ratio: 0.875,
        filter: ResizeFilter::Bilinear,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
    };

    /// Length of the shorter side after resizing, in pixels.
    pub fn resized_side(&self) -> usize {
        (self.resolution as f64 / self.crop_ratio) as usize
    }
}
