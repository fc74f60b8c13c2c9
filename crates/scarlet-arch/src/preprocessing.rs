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
/// values in [0, 1] as `(x − mean) / std`. A crop that is larger than the photograph has black
/// around it. Networks of one channel see grey, normalised by the first mean and deviation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Height and width of the network's input, in pixels.
    pub resolution: usize,
    /// Side of the crop relative to the resized photograph's shorter side: 1 or less for
    /// photographs, more for the images of a data set that were padded to the resolution.
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

    /// The same for a network that sees grey: by the mean and deviation of green, which makes most
    /// of it.
    pub fn in_grey(mut self) -> Self {
        (self.mean, self.std) = ([self.mean[1]; 3], [self.std[1]; 3]);
        self
    }

    /// The same for images whose shorter side becomes `side` pixels, whatever the resolution: with
    /// black around them where it is larger.
    ///
    /// ```
    /// # use scarlet_arch::Preprocessing;
    /// let padded = Preprocessing { resolution: 32, ..Preprocessing::IMAGENET }.with_side(28);
    /// assert_eq!((padded.resolution, padded.resized_side()), (32, 28));
    /// ```
    pub fn with_side(mut self, side: usize) -> Self {
        self.crop_ratio = self.resolution as f64 / side.max(1) as f64;
        // The quotient of the quotient may come out a hair smaller than the side.
        while self.resolution > 0 && self.resized_side() < side {
            self.crop_ratio = self.crop_ratio.next_down();
        }
        self
    }

    /// Length of the shorter side after resizing, in pixels.
    pub fn resized_side(&self) -> usize {
        (self.resolution as f64 / self.crop_ratio) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_comes_out_as_it_was_asked_for() {
        for resolution in 1..=300 {
            for side in 1..=300 {
                let preprocessing = Preprocessing {
                    resolution,
                    ..Preprocessing::IMAGENET
                };
                let found = preprocessing.with_side(side).resized_side();
                assert_eq!(found, side, "at a resolution of {resolution}");
            }
        }
    }
}
