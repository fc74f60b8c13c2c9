//! Changing colours, with Pillow's arithmetic.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::check;
use crate::{DataError, Random};

/// Changes brightness, contrast, saturation and hue by random amounts, in random order
/// (torchvision's `ColorJitter`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColorJitter {
    /// Brightness is multiplied by a number between 1 − this, at least 0, and 1 + this.
    pub brightness: f64,
    /// The same for contrast: the distance from the mean brightness.
    pub contrast: f64,
    /// The same for saturation: the distance from grey.
    pub saturation: f64,
    /// Hue is turned by up to this share of the circle in either direction, at most 0.5.
    pub hue: f64,
}

impl Default for ColorJitter {
    /// 0.4 of everything but hue, as most recipes for ImageNet have it.
    fn default() -> Self {
        Self {
            brightness: 0.4,
            contrast: 0.4,
            saturation: 0.4,
            hue: 0.0,
        }
    }
}

impl ColorJitter {
    pub(super) fn validate(&self) -> Result<(), DataError> {
        for (name, value) in [
            ("augment.color_jitter.brightness", self.brightness),
            ("augment.color_jitter.contrast", self.contrast),
            ("augment.color_jitter.saturation", self.saturation),
        ] {
            let reason = format!("{value} is out of range: give a number from 0");
            check(value >= 0.0 && value.is_finite(), name, reason)?;
        }
        check(
            (0.0..=0.5).contains(&self.hue),
            "augment.color_jitter.hue",
            format!("{} is out of range: give a number from 0 to 0.5", self.hue),
        )
    }

    pub(super) fn apply(&self, image: &mut RgbImage, random: &mut Random) {
        for step in random.permutation(4) {
            let strength = [self.brightness, self.contrast, self.saturation, self.hue][step];
            if strength == 0.0 {
                continue;
            }
            if step == 3 {
                turn_hue(image, random.between(-strength, strength));
                continue;
            }
            let factor = random.between((1.0 - strength).max(0.0), 1.0 + strength);
            match step {
                0 => adjust_brightness(image, factor),
                1 => adjust_contrast(image, factor),
                _ => adjust_saturation(image, factor),
            }
        }
    }
}

/// Black at 0, the image itself at 1.
pub(super) fn adjust_brightness(image: &mut RgbImage, factor: f64) {
    for value in image.iter_mut() {
        *value = blend(0, *value, factor);
    }
}

/// The mean brightness everywhere at 0, the image itself at 1.
pub(super) fn adjust_contrast(image: &mut RgbImage, factor: f64) {
    let sum: u64 = image.pixels().map(|pixel| u64::from(luma(pixel.0))).sum();
    let mean = sum as f64 / (f64::from(image.width()) * f64::from(image.height()));
    let mean = (mean + 0.5) as u8;
    for value in image.iter_mut() {
        *value = blend(mean, *value, factor);
    }
}

/// Grey at 0, the image itself at 1.
pub(super) fn adjust_saturation(image: &mut RgbImage, factor: f64) {
    for pixel in image.pixels_mut() {
        let grey = luma(pixel.0);
        pixel.0 = pixel.0.map(|value| blend(grey, value, factor));
    }
}

/// A smoothed image at 0, the image itself at 1; the outermost pixels stay as they are.
pub(super) fn adjust_sharpness(image: &RgbImage, factor: f64) -> RgbImage {
    let (width, height) = image.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        let own = *image.get_pixel(x, y);
        if x == 0 || y == 0 || x + 1 == width || y + 1 == height {
            return own;
        }
        // The neighbours once and the pixel itself 5 times, of 13.
        let mut sums = own.0.map(|value| 4 * u32::from(value));
        for (dx, dy) in (0..9).map(|place| (place % 3, place / 3)) {
            let neighbour = image.get_pixel(x + dx - 1, y + dy - 1);
            for (sum, value) in sums.iter_mut().zip(neighbour.0) {
                *sum += u32::from(value);
            }
        }
        let smooth = sums.map(|sum| ((2 * sum + 13) / 26) as u8);
        image::Rgb(std::array::from_fn(|channel| {
            blend(smooth[channel], own.0[channel], factor)
        }))
    })
}

/// Turns the hue by a share of the circle.
fn turn_hue(image: &mut RgbImage, turn: f64) {
    let turn = (turn * 255.0) as i32;
    for pixel in image.pixels_mut() {
        let [hue, saturation, value] = to_hsv(pixel.0);
        let hue = (i32::from(hue) + turn).rem_euclid(256) as u8;
        pixel.0 = to_rgb([hue, saturation, value]);
    }
}

/// From `from` at 0 to `to` at 1, and on beyond it; cut off, not rounded.
fn blend(from: u8, to: u8, factor: f64) -> u8 {
    let (from, to) = (f32::from(from), f32::from(to));
    // Conversion to u8 keeps to the range.
    (from + factor as f32 * (to - from)) as u8
}

/// ITU-R BT.601, in fixed point with 16 fraction bits.
fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue);
    ((sum + 0x8000) >> 16) as u8
}

fn to_hsv([red, green, blue]: [u8; 3]) -> [u8; 3] {
    let largest = red.max(green).max(blue);
    let smallest = red.min(green).min(blue);
    if largest == smallest {
        return [0, 0, largest];
    }
    let range = f32::from(largest - smallest);
    let saturation = range / f32::from(largest);
    let away = |value: u8| f32::from(largest - value) / range;
    let (red_away, green_away, blue_away) = (away(red), away(green), away(blue));
    let sector = if red == largest {
        blue_away - green_away
    } else if green == largest {
        (2.0 + f64::from(red_away) - f64::from(blue_away)) as f32
    } else {
        (4.0 + f64::from(green_away) - f64::from(red_away)) as f32
    };
    let hue = (f64::from(sector) / 6.0 + 1.0) % 1.0;
    [
        (f64::from(hue as f32) * 255.0) as u8,
        (f64::from(saturation) * 255.0) as u8,
        largest,
    ]
}

fn to_rgb([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    if saturation == 0 {
        return [value; 3];
    }
    let sixths = f64::from(hue) * 6.0 / 255.0;
    let sector = sixths.floor();
    let rest = f64::from((sixths - sector) as f32);
    let saturation = f64::from((f64::from(saturation) / 255.0) as f32);
    let scaled = |share: f64| (f64::from(value) * share).round() as u8;
    let low = scaled(1.0 - saturation);
    let falling = scaled(1.0 - saturation * rest);
    let rising = scaled(1.0 - saturation * (1.0 - rest));
    match sector as u32 % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    }
}

/// For comparison with Pillow.
#[cfg(test)]
pub(super) fn turned_hue(image: &RgbImage, turn: f64) -> RgbImage {
    let mut image = image.clone();
    turn_hue(&mut image, turn);
    image
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_factor_of_1_changes_nothing_and_0_takes_everything(pixels: [[u8; 3]; 9]) {
            let image = RgbImage::from_fn(3, 3, |x, y| image::Rgb(pixels[(3 * y + x) as usize]));
            let changed = |change: fn(&mut RgbImage, f64), factor| {
                let mut image = image.clone();
                change(&mut image, factor);
                image
            };
            for change in [adjust_brightness, adjust_contrast, adjust_saturation] {
                prop_assert_eq!(&changed(change, 1.0), &image);
            }
            prop_assert_eq!(&adjust_sharpness(&image, 1.0), &image);
            prop_assert!(changed(adjust_brightness, 0.0).iter().all(|&value| value == 0));
            let grey = changed(adjust_saturation, 0.0);
            prop_assert!(grey.pixels().all(|p| p[0] == p[1] && p[1] == p[2]));
            let flat = changed(adjust_contrast, 0.0);
            prop_assert!(flat.iter().all(|value| *value == flat.as_raw()[0]));
        }

        #[test]
        fn turning_the_hue_keeps_the_brightest_channel(pixel: [u8; 3], turn in -0.5f64..0.5) {
            let mut image = RgbImage::from_pixel(1, 1, image::Rgb(pixel));
            turn_hue(&mut image, turn);
            prop_assert_eq!(image.iter().max(), pixel.iter().max());
        }
    }
}
