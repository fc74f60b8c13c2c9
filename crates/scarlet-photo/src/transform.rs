//! The evaluation transform, as torchvision does it: resize the shorter side, crop the centre,
//! normalise.

use std::ops::Range;

use image::RgbImage;
use scarlet_arch::{Preprocessing, ResizeFilter};

use crate::PhotoError;
use crate::resample::resize_crop;

/// Resizes the shorter side of `image` to [`Preprocessing::resized_side`], antialiased, and crops
/// the central `resolution × resolution` pixels: torchvision's `Resize` and `CenterCrop` on a
/// Pillow image, to the bit. Where the resized image has fewer pixels than that, it comes into the
/// middle of black ones, an odd one at the bottom and right.
///
/// Only the crop is computed; what the crop leaves out is never resized, so that a panorama costs
/// no more than a square.
///
/// # Errors
/// [`PhotoError::InvalidOption`] when the image is empty, or the preprocessing asks for no pixels.
pub fn eval_image(image: &RgbImage, preprocessing: &Preprocessing) -> Result<RgbImage, PhotoError> {
    let (resized_side, resolution) = sides(preprocessing)?;
    let (width, height) = image.dimensions();
    if width == 0 || height == 0 {
        return Err(PhotoError::InvalidOption {
            name: "image",
            reason: format!("an image of {width} × {height} pixels has nothing to resize"),
        });
    }

    let (new_width, new_height) = resized_dimensions(width, height, resized_side);
    let part = resize_crop(
        image,
        (new_width, new_height),
        central(new_width, resolution),
        central(new_height, resolution),
        preprocessing.filter,
    );
    Ok(pad(part, resolution))
}

/// The image in the middle of `side` × `side` pixels, of which it has no more.
fn pad(image: RgbImage, side: u32) -> RgbImage {
    let (width, height) = image.dimensions();
    if (width, height) == (side, side) {
        return image;
    }
    let mut black = RgbImage::new(side, side);
    let (left, top) = ((side - width) / 2, (side - height) / 2);
    image::imageops::replace(&mut black, &image, left.into(), top.into());
    black
}

/// Resizes an image to `width` × `height` pixels, antialiased, as Pillow's bilinear filter does
/// it, to the bit. Sides of 0 count as 1, and an empty image stays as it is.
pub fn resize(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    if image.width() == 0 || image.height() == 0 {
        return image.clone();
    }
    let (width, height) = (u64::from(width.max(1)), u64::from(height.max(1)));
    let filter = ResizeFilter::Bilinear;
    resize_crop(image, (width, height), 0..width, 0..height, filter)
}

/// Shrinks an image, antialiased, until its shorter side has `side` pixels; one that is no larger
/// stays as it is.
pub fn shrink(image: RgbImage, side: usize) -> RgbImage {
    let (width, height) = image.dimensions();
    let side = side.max(1) as u64;
    if u64::from(width.min(height)) <= side {
        return image;
    }
    let size = resized_dimensions(width, height, side);
    resize_crop(&image, size, 0..size.0, 0..size.1, ResizeFilter::Bilinear)
}

/// Largest crop and shorter side that are accepted: guards against nonsense, far above any use.
const MAX_CROP: usize = 16_384;
const MAX_RESIZED_SIDE: usize = 1 << 20;

/// Refuses a preprocessing that no image can go through.
///
/// # Errors
/// [`PhotoError::InvalidOption`] when a side of the crop, or of what it is taken from, is 0 or beyond all
/// use.
pub fn check_preprocessing(preprocessing: &Preprocessing) -> Result<(), PhotoError> {
    sides(preprocessing).map(|_| ())
}

/// Shorter side after resizing, and side of the crop.
fn sides(preprocessing: &Preprocessing) -> Result<(u64, u32), PhotoError> {
    let (resized_side, side) = (preprocessing.resized_side(), preprocessing.resolution);
    if side == 0 || side > MAX_CROP || resized_side == 0 || resized_side > MAX_RESIZED_SIDE {
        return Err(PhotoError::InvalidOption {
            name: "preprocessing",
            reason: format!(
                "a crop of {side} pixels from a shorter side of {resized_side} is not possible: \
                 the resolution must be 1 to {MAX_CROP} pixels, and the crop ratio positive and no \
                 larger than the resolution"
            ),
        });
    }
    Ok((resized_side as u64, side as u32))
}

/// Width and height after the shorter side became `side`; torchvision truncates the longer one.
fn resized_dimensions(width: u32, height: u32, side: u64) -> (u64, u64) {
    let (w, h) = (u64::from(width), u64::from(height));
    if w <= h {
        (side, side * h / w)
    } else {
        (side * w / h, side)
    }
}

/// The central `crop` of `resized` pixels, or all where there are no more.
fn central(resized: u64, crop: u32) -> Range<u64> {
    let crop = u64::from(crop).min(resized);
    let start = round_half_even(resized - crop);
    start..start + crop
}

/// `twice / 2`, ties to even: torchvision's crop offset goes through Python's `round`.
fn round_half_even(twice: u64) -> u64 {
    let half = twice / 2;
    half + (twice & 1 & half)
}

/// What a network that sees grey is shown of a colour: 0.299 R + 0.587 G + 0.114 B, rounded (ITU-R
/// BT.601; Pillow's fixed point rounds one colour in 2,000 to the other side). Grey stays what it
/// is.
pub fn grey_level([red, green, blue]: [u8; 3]) -> u8 {
    let weighted = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    ((weighted + 500) / 1000) as u8
}

/// Writes `image` into `out` as a network reads it: planes `[3, height, width]` in RGB order, each
/// channel `(x / 255 − mean) / std` in f32, exactly torchvision's `ToTensor` and `Normalize`; or,
/// where there is room for one plane, its [`grey_level`] by the first channel's mean and deviation.
///
/// # Errors
/// [`PhotoError::InvalidOption`] when `out` has neither `3 · height · width` nor `height · width`
/// places.
pub fn normalize(
    image: &RgbImage,
    preprocessing: &Preprocessing,
    out: &mut [f32],
) -> Result<(), PhotoError> {
    let pixels = image.width() as usize * image.height() as usize;
    if out.len() != 3 * pixels && out.len() != pixels {
        return Err(PhotoError::InvalidOption {
            name: "out",
            reason: format!(
                "an image of {} × {} pixels fills {} values, or {pixels} in grey, but there is \
                 room for {}",
                image.width(),
                image.height(),
                3 * pixels,
                out.len()
            ),
        });
    }
    if pixels == 0 {
        return Ok(());
    }
    // A byte has 256 values: look the quotient up instead of dividing for every pixel.
    let table = |channel: usize| -> [f32; 256] {
        let (mean, std) = (preprocessing.mean[channel], preprocessing.std[channel]);
        std::array::from_fn(|x| (x as f32 / 255.0 - mean) / std)
    };
    if out.len() == pixels {
        let table = table(0);
        for (value, pixel) in out.iter_mut().zip(image.pixels()) {
            *value = table[usize::from(grey_level(pixel.0))];
        }
        return Ok(());
    }
    for (channel, plane) in out.chunks_exact_mut(pixels).enumerate() {
        let table = table(channel);
        for (value, pixel) in plane.iter_mut().zip(image.as_raw().chunks_exact(3)) {
            *value = table[usize::from(pixel[channel])];
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_side_is_truncated() {
        assert_eq!(resized_dimensions(500, 375, 256), (341, 256));
        assert_eq!(resized_dimensions(375, 500, 256), (256, 341));
        assert_eq!(resized_dimensions(256, 256, 256), (256, 256));
        assert_eq!(resized_dimensions(1, 65_535, 256), (256, 16_776_960));
    }

    #[test]
    fn crop_offsets_round_half_to_even() {
        // Python: round(0.5) = 0, round(1.5) = 2, round(2.5) = 2, round(58.5) = 58.
        for (twice, rounded) in [(0, 0), (1, 0), (2, 1), (3, 2), (5, 2), (7, 4), (117, 58)] {
            assert_eq!(round_half_even(twice), rounded, "{twice} / 2");
        }
    }

    #[test]
    fn normalize_fills_planes_in_rgb_order() {
        let image = RgbImage::from_raw(2, 1, vec![0, 51, 255, 255, 102, 0]).unwrap();
        let preprocessing = Preprocessing {
            mean: [0.0, 0.2, 0.5],
            std: [1.0, 0.5, 0.25],
            ..Preprocessing::IMAGENET
        };
        let mut out = [f32::NAN; 6];
        normalize(&image, &preprocessing, &mut out).unwrap();
        let expected = [0.0, 1.0, 0.0, 0.4, 2.0, -2.0];
        for (got, want) in out.iter().zip(expected) {
            assert!((got - want).abs() < 1e-6, "{out:?}");
        }
        let error = normalize(&image, &preprocessing, &mut out[..5]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "out: an image of 2 × 1 pixels fills 6 values, or 2 in grey, but there is room for 5"
        );
    }

    #[test]
    fn one_plane_is_filled_with_grey() {
        let pixels = vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 77, 77, 77];
        let image = RgbImage::from_raw(4, 1, pixels).unwrap();
        let preprocessing = Preprocessing {
            mean: [0.5, 9.0, 9.0],
            std: [0.25, 9.0, 9.0],
            ..Preprocessing::IMAGENET
        };
        let mut out = [f32::NAN; 4];
        normalize(&image, &preprocessing, &mut out).unwrap();
        // 0.299, 0.587 and 0.114 of 255, rounded.
        let levels = [76.0, 150.0, 29.0, 77.0].map(|level: f32| (level / 255.0 - 0.5) / 0.25);
        assert_eq!(out, levels);
    }

    #[test]
    fn a_crop_larger_than_the_image_is_black_around_it() {
        let image = RgbImage::from_fn(3, 5, |x, y| image::Rgb([(10 * y + x + 1) as u8; 3]));
        let preprocessing = Preprocessing {
            resolution: 4,
            // The shorter side stays as it is.
            crop_ratio: 4.0 / 3.0,
            ..Preprocessing::IMAGENET
        };
        assert_eq!(preprocessing.resized_side(), 3);
        let seen = eval_image(&image, &preprocessing).unwrap();
        let values: Vec<u8> = seen.pixels().map(|pixel| pixel[0]).collect();
        // torchvision: no column to the left, one to the right; the first of five rows is cut off
        // by round(0.5) = 0, so it is the last.
        let rows = [
            [1, 2, 3, 0],
            [11, 12, 13, 0],
            [21, 22, 23, 0],
            [31, 32, 33, 0],
        ];
        assert_eq!(values, rows.concat());
    }

    #[test]
    fn impossible_crops_are_refused() {
        let image = RgbImage::new(10, 10);
        for (resolution, crop_ratio) in [(0, 0.875), (224, 225.0), (224, 0.0), (224, f64::NAN)] {
            let preprocessing = Preprocessing {
                resolution,
                crop_ratio,
                ..Preprocessing::IMAGENET
            };
            let message = eval_image(&image, &preprocessing).unwrap_err().to_string();
            assert!(message.starts_with("preprocessing: a crop of"), "{message}");
        }
        let message = eval_image(&RgbImage::new(0, 5), &Preprocessing::IMAGENET)
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            "image: an image of 0 × 5 pixels has nothing to resize"
        );
    }
}
