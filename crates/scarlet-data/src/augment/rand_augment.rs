//! RandAugment (Cubuk et al., arXiv 1909.13719).

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::{check, color, geometry, tone};
use crate::{DataError, Random};

/// Largest magnitude: torchvision divides every operation's range into 31 steps from 0.
const MAX_MAGNITUDE: usize = 30;
/// Most operations: after a few nothing can be made out any more, and each takes its time.
const MAX_OPERATIONS: usize = 100;

/// Applies operations drawn at random from 14, all of one magnitude, with torchvision's ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RandAugment {
    /// How many operations one image goes through, at most 100.
    pub operations: usize,
    /// Their strength, from 0 to 30.
    pub magnitude: usize,
}

impl Default for RandAugment {
    /// torchvision's: 2 operations of magnitude 9.
    fn default() -> Self {
        Self {
            operations: 2,
            magnitude: 9,
        }
    }
}

impl RandAugment {
    pub(super) fn validate(&self) -> Result<(), DataError> {
        check(
            self.operations <= MAX_OPERATIONS,
            "augment.rand_augment.operations",
            format!(
                "{} are too many: give a number from 0 to {MAX_OPERATIONS}",
                self.operations
            ),
        )?;
        check(
            self.magnitude <= MAX_MAGNITUDE,
            "augment.rand_augment.magnitude",
            format!(
                "{} is too large: give a number from 0 to {MAX_MAGNITUDE}",
                self.magnitude
            ),
        )
    }

    pub(super) fn apply(&self, mut image: RgbImage, random: &mut Random) -> RgbImage {
        let strength = self.magnitude as f64 / MAX_MAGNITUDE as f64;
        for _ in 0..self.operations {
            let operation = Operation::ALL[random.below(Operation::ALL.len())];
            let forward = random.chance(0.5);
            image = operation.apply(&image, if forward { strength } else { -strength });
        }
        image
    }
}

/// One of RandAugment's operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the paper")]
pub enum Operation {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Identity,
        Self::ShearX,
        Self::ShearY,
        Self::TranslateX,
        Self::TranslateY,
        Self::Rotate,
        Self::Brightness,
        Self::Color,
        Self::Contrast,
        Self::Sharpness,
        Self::Posterize,
        Self::Solarize,
        Self::AutoContrast,
        Self::Equalize,
    ];

    /// Applies the operation with a strength from −1 to 1: shears of up to 0.3, translations of up
    /// to 150/331 of the side, rotations of up to 30°, colours changed by a factor of up to 1 ± 0.9,
    /// 8 down to 4 bits, solarizing from 255 down to 0. The last two know no direction, and
    /// autocontrast and equalize no strength.
    pub fn apply(self, image: &RgbImage, strength: f64) -> RgbImage {
        let in_place = |change: &dyn Fn(&mut RgbImage)| {
            let mut image = image.clone();
            change(&mut image);
            image
        };
        let factor = 1.0 + 0.9 * strength;
        let offset = |side: u32| (150.0 / 331.0 * f64::from(side) * strength) as i64;
        match self {
            Self::Identity => image.clone(),
            Self::ShearX => geometry::shear_x(image, 0.3 * strength),
            Self::ShearY => geometry::shear_y(image, 0.3 * strength),
            Self::TranslateX => geometry::shift(image, offset(image.width()), 0),
            Self::TranslateY => geometry::shift(image, 0, offset(image.height())),
            Self::Rotate => geometry::rotate(image, 30.0 * strength),
            Self::Brightness => in_place(&|image| color::adjust_brightness(image, factor)),
            Self::Color => in_place(&|image| color::adjust_saturation(image, factor)),
            Self::Contrast => in_place(&|image| color::adjust_contrast(image, factor)),
            Self::Sharpness => color::adjust_sharpness(image, factor),
            Self::Posterize => {
                let taken = (4.0 * strength.abs()).round_ties_even() as u32;
                in_place(&|image| tone::posterize(image, 8 - taken.min(7)))
            }
            Self::Solarize => {
                in_place(&|image| tone::solarize(image, 255.0 * (1.0 - strength.abs())))
            }
            Self::AutoContrast => in_place(&tone::autocontrast),
            Self::Equalize => in_place(&tone::equalize),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_strength_changes_nothing(
            width in 1u32..12,
            height in 1u32..12,
            seed: u64,
        ) {
            let mut random = Random::new(seed, 0u64, 0);
            // White is what solarizing inverts even at its weakest, as torchvision has it.
            let image = RgbImage::from_fn(width, height, |_, _| {
                image::Rgb(std::array::from_fn(|_| random.below(255) as u8))
            });
            for operation in Operation::ALL {
                if matches!(operation, Operation::AutoContrast | Operation::Equalize) {
                    continue;
                }
                prop_assert_eq!(&operation.apply(&image, 0.0), &image, "{:?}", operation);
            }
        }

        #[test]
        fn sizes_are_kept_at_any_strength(
            width in 1u32..12,
            height in 1u32..12,
            strength in -1.0f64..=1.0,
        ) {
            let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([(x * y) as u8, 9, 200]));
            for operation in Operation::ALL {
                let changed = operation.apply(&image, strength);
                prop_assert_eq!(changed.dimensions(), image.dimensions());
            }
        }
    }
}
