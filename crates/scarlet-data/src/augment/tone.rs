//! Changing every channel by a table of its 256 values, as Pillow's `ImageOps` does.

use image::RgbImage;

/// Keeps the highest `bits` of every value, 1 to 8.
pub(super) fn posterize(image: &mut RgbImage, bits: u32) {
    let mask = !(0xFF_u8.checked_shr(bits).unwrap_or(0));
    image.iter_mut().for_each(|value| *value &= mask);
}

/// Inverts values from the threshold on.
pub(super) fn solarize(image: &mut RgbImage, threshold: f64) {
    for value in image.iter_mut() {
        if f64::from(*value) >= threshold {
            *value = 255 - *value;
        }
    }
}

/// Stretches every channel so that it reaches from 0 to 255.
pub(super) fn autocontrast(image: &mut RgbImage) {
    map_channels(image, |histogram| {
        let used = |value: &usize| histogram[*value] > 0;
        let (Some(low), Some(high)) = ((0..256).find(used), (0..256).rfind(used)) else {
            return None;
        };
        if low >= high {
            return None;
        }
        let scale = 255.0 / (high - low) as f64;
        let offset = -(low as f64) * scale;
        // Conversion to u8 cuts the fraction off and keeps to the range.
        Some(std::array::from_fn(|value| {
            (value as f64 * scale + offset) as u8
        }))
    });
}

/// Spreads the values of every channel evenly.
pub(super) fn equalize(image: &mut RgbImage) {
    map_channels(image, |histogram| {
        let last = histogram.iter().rfind(|&&count| count > 0)?;
        let step = (histogram.iter().sum::<usize>() - last) / 255;
        if step == 0 {
            return None;
        }
        let mut sum = step / 2;
        Some(std::array::from_fn(|value| {
            let mapped = (sum / step).min(255) as u8;
            sum += histogram[value];
            mapped
        }))
    });
}

/// Maps each channel by the table that `table` makes of its histogram, if any.
fn map_channels(image: &mut RgbImage, table: impl Fn(&[usize; 256]) -> Option<[u8; 256]>) {
    for channel in 0..3 {
        let mut histogram = [0; 256];
        for pixel in image.pixels() {
            histogram[usize::from(pixel[channel])] += 1;
        }
        if let Some(table) = table(&histogram) {
            for pixel in image.pixels_mut() {
                pixel[channel] = table[usize::from(pixel[channel])];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> RgbImage {
        RgbImage::from_fn(256, 2, |x, _| image::Rgb([x as u8; 3]))
    }

    #[test]
    fn eight_bits_keep_everything_and_one_keeps_the_half() {
        let mut image = ramp();
        posterize(&mut image, 8);
        assert_eq!(image, ramp());
        posterize(&mut image, 1);
        assert!(
            image
                .enumerate_pixels()
                .all(|(x, _, p)| p[0] == if x < 128 { 0 } else { 128 })
        );
    }

    #[test]
    fn solarizing_from_0_inverts() {
        let mut image = ramp();
        solarize(&mut image, 256.0);
        assert_eq!(image, ramp());
        solarize(&mut image, 0.0);
        assert!(
            image
                .enumerate_pixels()
                .all(|(x, _, p)| u32::from(p[0]) == 255 - x)
        );
    }

    #[test]
    fn what_is_spread_already_stays() {
        let mut image = ramp();
        autocontrast(&mut image);
        assert_eq!(image, ramp());
        equalize(&mut image);
        assert_eq!(image, ramp());
        let mut flat = RgbImage::from_pixel(4, 4, image::Rgb([7, 8, 9]));
        autocontrast(&mut flat);
        equalize(&mut flat);
        assert_eq!(flat.get_pixel(0, 0).0, [7, 8, 9]);
        let mut two = RgbImage::from_fn(2, 1, |x, _| image::Rgb([100 + x as u8; 3]));
        autocontrast(&mut two);
        assert_eq!(two.into_raw(), [0, 0, 0, 255, 255, 255]);
    }
}
