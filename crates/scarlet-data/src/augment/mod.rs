//! [`Augment`]: random changes to training images.
//!
//! One file per family: [`crop`](ResizedCrop), geometry (shift, mirror, shear, rotate),
//! colour (brightness, contrast, saturation, hue, sharpness), tone (posterize, solarize,
//! autocontrast, equalize), [`RandAugment`] over all of these, and erasing. What Pillow and
//! torchvision do to an image is done to the bit.

mod color;
mod crop;
mod erase;
mod geometry;
#[cfg(test)]
mod golden;
mod rand_augment;
mod tone;

use image::RgbImage;
use scarlet_arch::Preprocessing;
use serde::{Deserialize, Serialize};

pub use color::ColorJitter;
pub use crop::ResizedCrop;
pub use rand_augment::{Operation, RandAugment};

use crate::{DataError, Random, eval_image};

/// Largest shift, in pixels: far beyond any image that a network reads, which it leaves black.
const MAX_SHIFT: usize = 16_384;

/// Random changes to training images, in the order of the fields; everything is off by default.
///
/// What an image becomes depends on the [`Random`] stream it is given and on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// A random part of the image, resized to the network's input. Without it, images that do not
    /// have that size yet are resized and cropped as for evaluation.
    pub resized_crop: Option<ResizedCrop>,
    /// Shift by up to this many pixels in each direction; black comes in at the border. The same
    /// as to pad by this many pixels and to crop at random. At most 16,384.
    pub shift: usize,
    /// Mirror left to right, with probability one half.
    pub flip: bool,
    /// Operations drawn at random, all of one strength.
    pub rand_augment: Option<RandAugment>,
    /// Brightness, contrast, saturation and hue.
    pub color_jitter: Option<ColorJitter>,
    /// Probability of erasing a rectangle of 2 % to 33 % of the image, to the value that
    /// normalisation makes 0.
    pub erase: f64,
}

impl Augment {
    /// The customary recipe for photographs: resized crops, mirroring, RandAugment and erasing in
    /// one of ten images (torchvision's classification reference).
    pub fn photographs() -> Self {
        Self {
            resized_crop: Some(ResizedCrop::default()),
            flip: true,
            rand_augment: Some(RandAugment::default()),
            erase: 0.1,
            ..Self::default()
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidOption`] names the first that is out of its range.
    pub fn validate(&self) -> Result<(), DataError> {
        check(
            (0.0..=1.0).contains(&self.erase),
            "augment.erase",
            format!(
                "{} is no probability: give a number from 0 to 1",
                self.erase
            ),
        )?;
        check(
            self.shift <= MAX_SHIFT,
            "augment.shift",
            format!(
                "{} is too large: give a number of pixels from 0 to {MAX_SHIFT}",
                self.shift
            ),
        )?;
        self.resized_crop
            .as_ref()
            .map_or(Ok(()), ResizedCrop::validate)?;
        self.rand_augment
            .as_ref()
            .map_or(Ok(()), RandAugment::validate)?;
        self.color_jitter
            .as_ref()
            .map_or(Ok(()), ColorJitter::validate)
    }

    /// A training image of [`Preprocessing::resolution`] pixels out of an image of any size;
    /// everything but the erasing, which comes after normalisation.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidOption`] when the image is empty or the preprocessing impossible.
    pub fn apply(
        &self,
        image: &RgbImage,
        preprocessing: &Preprocessing,
        random: &mut Random,
    ) -> Result<RgbImage, DataError> {
        let side = preprocessing.resolution;
        let mut image = match &self.resized_crop {
            Some(crop) => crop.apply(image, side, preprocessing.filter, random)?,
            None if image.dimensions() == (side as u32, side as u32) => image.clone(),
            None => eval_image(image, preprocessing)?,
        };
        if self.shift > 0 {
            let (right, down) = (self.offset(random), self.offset(random));
            image = geometry::shift(&image, right, down);
        }
        if self.flip && random.chance(0.5) {
            image::imageops::flip_horizontal_in_place(&mut image);
        }
        if let Some(rand_augment) = &self.rand_augment {
            image = rand_augment.apply(image, random);
        }
        if let Some(jitter) = &self.color_jitter {
            jitter.apply(&mut image, random);
        }
        Ok(image)
    }

    /// Erases a rectangle of normalised planes `[channels, height, width]`, with the probability
    /// of [`erase`](Self::erase) (Zhong et al., arXiv 1708.04896).
    pub fn erase(&self, planes: &mut [f32], [height, width]: [usize; 2], random: &mut Random) {
        if self.erase > 0.0 && random.chance(self.erase) {
            erase::erase(planes, [height, width], random);
        }
    }

    fn offset(&self, random: &mut Random) -> i64 {
        random.below(2 * self.shift + 1) as i64 - self.shift as i64
    }
}

/// Refuses a setting that does not meet its condition; write the condition so that NaN fails it.
fn check(condition: bool, name: &'static str, reason: String) -> Result<(), DataError> {
    match condition {
        true => Ok(()),
        false => Err(DataError::InvalidOption { name, reason }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use scarlet_arch::ResizeFilter;

    use super::*;

    fn image(width: u32, height: u32, seed: u64) -> RgbImage {
        let mut random = Random::new(seed, 0u64, 0);
        RgbImage::from_fn(width, height, |_, _| {
            image::Rgb(std::array::from_fn(|_| random.below(256) as u8))
        })
    }

    fn preprocessing(resolution: usize) -> Preprocessing {
        Preprocessing {
            resolution,
            filter: ResizeFilter::Bilinear,
            ..Preprocessing::IMAGENET
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let message = |augment: Augment| augment.validate().unwrap_err().to_string();
        assert!(Augment::photographs().validate().is_ok());
        let erase = Augment {
            erase: f64::NAN,
            ..Augment::default()
        };
        assert_eq!(
            message(erase),
            "augment.erase: NaN is no probability: give a number from 0 to 1"
        );
        let crop = |scale, ratio| Augment {
            resized_crop: Some(ResizedCrop { scale, ratio }),
            ..Augment::default()
        };
        assert!(message(crop([0.5, 0.2], [1.0, 1.0])).contains("resized_crop.scale"));
        assert!(message(crop([0.0, 1.0], [1.0, 1.0])).contains("resized_crop.scale"));
        assert!(message(crop([0.1, 1.0], [0.0, 1.0])).contains("resized_crop.ratio"));
        let strength = Augment {
            rand_augment: Some(RandAugment {
                operations: 2,
                magnitude: 31,
            }),
            ..Augment::default()
        };
        assert!(message(strength).contains("magnitude: 31"));
        let many = Augment {
            rand_augment: Some(RandAugment {
                operations: 101,
                magnitude: 9,
            }),
            ..Augment::default()
        };
        assert_eq!(
            message(many),
            "augment.rand_augment.operations: 101 are too many: give a number from 0 to 100"
        );
        let shift = |shift| Augment {
            shift,
            ..Augment::default()
        };
        assert!(shift(16_384).validate().is_ok());
        assert!(message(shift(usize::MAX)).contains("augment.shift: "));
        let jitter = Augment {
            color_jitter: Some(ColorJitter {
                hue: 0.6,
                ..ColorJitter::default()
            }),
            ..Augment::default()
        };
        assert!(message(jitter).contains("augment.color_jitter.hue"));
    }

    #[test]
    fn nothing_is_changed_by_default() {
        let whole = image(16, 16, 1);
        let mut random = Random::new(3, 0u64, 0);
        let same = Augment::default().apply(&whole, &preprocessing(16), &mut random);
        assert_eq!(same.unwrap(), whole);
        let large = image(40, 30, 1);
        let evaluated = eval_image(&large, &preprocessing(16)).unwrap();
        let same = Augment::default().apply(&large, &preprocessing(16), &mut random);
        assert_eq!(same.unwrap(), evaluated);
    }

    #[test]
    fn half_of_the_images_are_mirrored() {
        let whole = image(8, 8, 1);
        let flip = Augment {
            flip: true,
            ..Augment::default()
        };
        let kept = (0..1000).filter(|&counter| {
            let mut random = Random::new(0, 0u64, counter);
            flip.apply(&whole, &preprocessing(8), &mut random).unwrap() == whole
        });
        assert!((440..560).contains(&kept.count()));
    }

    proptest! {
        #[test]
        fn every_image_becomes_one_of_the_networks_size(
            width in 1u32..60,
            height in 1u32..60,
            resolution in 1usize..40,
            seed: u64,
            magnitude in 0usize..=30,
            shift in 0usize..5,
        ) {
            let augment = Augment {
                shift,
                rand_augment: Some(RandAugment { operations: 3, magnitude }),
                color_jitter: Some(ColorJitter::default()),
                ..Augment::photographs()
            };
            let image = image(width, height, seed);
            let apply = || {
                let mut random = Random::new(seed, 1u64, 2);
                augment.apply(&image, &preprocessing(resolution), &mut random).unwrap()
            };
            let side = resolution as u32;
            prop_assert_eq!(apply().dimensions(), (side, side));
            prop_assert_eq!(apply(), apply());
        }
    }
}
