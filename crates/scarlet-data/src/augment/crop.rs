//! A random part of the image, resized: the main augmentation of photographs.

use image::RgbImage;
use scarlet_arch::ResizeFilter;
use scarlet_photo::resize_crop;
use serde::{Deserialize, Serialize};

use super::check;
use crate::{DataError, Random};

/// Tries before the central part is taken instead, as torchvision has it.
const TRIES: usize = 10;

/// Takes a part of random area and aspect ratio, at a random place, and resizes it to a square
/// (Szegedy et al., arXiv 1409.4842; torchvision's `RandomResizedCrop`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResizedCrop {
    /// Smallest and largest area of the part, as shares of the image's.
    pub scale: [f64; 2],
    /// Smallest and largest ratio of its width to its height.
    pub ratio: [f64; 2],
}

impl Default for ResizedCrop {
    /// torchvision's: 8 % to all of the area, ratios from 3:4 to 4:3.
    fn default() -> Self {
        Self {
            scale: [0.08, 1.0],
            ratio: [3.0 / 4.0, 4.0 / 3.0],
        }
    }
}

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

impl ResizedCrop {
    pub(super) fn validate(&self) -> Result<(), DataError> {
        let [least, most] = self.scale;
        check(
            least > 0.0 && least <= most && most <= 1.0,
            "augment.resized_crop.scale",
            format!("{least} to {most} is no range of shares: give two numbers over 0, up to 1"),
        )?;
        let [least, most] = self.ratio;
        check(
            least > 0.0 && least <= most && most.is_finite(),
            "augment.resized_crop.ratio",
            format!("{least} to {most} is no range of ratios: give two numbers over 0"),
        )
    }

    pub(super) fn apply(
        &self,
        image: &RgbImage,
        side: usize,
        filter: ResizeFilter,
        random: &mut Random,
    ) -> Result<RgbImage, DataError> {
        let (width, height) = image.dimensions();
        check(
            width > 0 && height > 0 && side > 0,
            "image",
            format!(
                "an image of {width} × {height} pixels cannot be resized to {side} × {side}: \
                 neither may be empty"
            ),
        )?;
        let part = self.draw(width, height, random);
        // Cropped before it is resized: no pixel from outside the part takes part.
        let Part {
            left,
            top,
            width,
            height,
        } = part;
        let part = image::imageops::crop_imm(image, left, top, width, height).to_image();
        let side = side as u64;
        Ok(resize_crop(&part, (side, side), 0..side, 0..side, filter))
    }

    fn draw(&self, width: u32, height: u32, random: &mut Random) -> Part {
        let area = f64::from(width) * f64::from(height);
        let [narrowest, widest] = self.ratio;
        for _ in 0..TRIES {
            let area = area * random.between(self.scale[0], self.scale[1]);
            // Uniform in the logarithm, so that 3:4 is as likely as 4:3.
            let ratio = random.between(narrowest.ln(), widest.ln()).exp();
            let w = (area * ratio).sqrt().round_ties_even() as u32;
            let h = (area / ratio).sqrt().round_ties_even() as u32;
            if (1..=width).contains(&w) && (1..=height).contains(&h) {
                return Part {
                    top: random.below((height - h + 1) as usize) as u32,
                    left: random.below((width - w + 1) as usize) as u32,
                    width: w,
                    height: h,
                };
            }
        }
        let ratio = f64::from(width) / f64::from(height);
        let (w, h) = if ratio < narrowest {
            let h = (f64::from(width) / narrowest).round_ties_even() as u32;
            (width, h.clamp(1, height))
        } else if ratio > widest {
            let w = (f64::from(height) * widest).round_ties_even() as u32;
            (w.clamp(1, width), height)
        } else {
            (width, height)
        };
        Part {
            left: (width - w) / 2,
            top: (height - h) / 2,
            width: w,
            height: h,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_whole_image_is_resized_where_only_that_is_allowed() {
        let crop = ResizedCrop {
            scale: [1.0, 1.0],
            ratio: [1.0, 1.0],
        };
        let image = RgbImage::from_fn(20, 20, |x, y| image::Rgb([x as u8, y as u8, 9]));
        let mut random = Random::new(0, 0u64, 0);
        let whole = crop
            .apply(&image, 20, ResizeFilter::Bilinear, &mut random)
            .unwrap();
        assert_eq!(whole, image);
    }

    #[test]
    fn a_ratio_that_never_fits_gives_the_central_part() {
        let crop = ResizedCrop {
            scale: [1.0, 1.0],
            ..ResizedCrop::default()
        };
        let part = crop.draw(100, 10, &mut Random::new(0, 0u64, 0));
        let expected = Part {
            left: 43,
            top: 0,
            width: 13,
            height: 10,
        };
        assert_eq!(part, expected);
    }

    #[test]
    fn empty_images_are_refused() {
        let error = ResizedCrop::default()
            .apply(
                &RgbImage::new(0, 4),
                8,
                ResizeFilter::Bilinear,
                &mut Random::new(0, 0u64, 0),
            )
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("0 × 4 pixels cannot be resized to 8 × 8"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn parts_lie_within_the_image_and_their_ranges(
            width in 1u32..2000,
            height in 1u32..2000,
            seed: u64,
        ) {
            let crop = ResizedCrop::default();
            let part = crop.draw(width, height, &mut Random::new(seed, 0u64, 0));
            prop_assert!(part.width > 0 && part.left + part.width <= width);
            prop_assert!(part.height > 0 && part.top + part.height <= height);
            if (100..1000).contains(&width) && width == height {
                let area = f64::from(part.width * part.height) / f64::from(width * height);
                prop_assert!((0.07..=1.0).contains(&area));
                let ratio = f64::from(part.width) / f64::from(part.height);
                prop_assert!((0.72..1.39).contains(&ratio));
            }
        }
    }
}
