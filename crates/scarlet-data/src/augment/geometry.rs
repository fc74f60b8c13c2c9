//! Moving pixels: shift, shear and rotation, as Pillow does it with the nearest pixel. What comes
//! in from outside the image is black.

use image::{Rgb, RgbImage};

/// Shifts right and down by whole pixels.
pub(super) fn shift(image: &RgbImage, right: i64, down: i64) -> RgbImage {
    let (width, height) = image.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        pixel(image, i64::from(x) - right, i64::from(y) - down)
    })
}

/// Reads the pixel at `(x + slope · y, y)`, from the pixels' centres.
pub(super) fn shear_x(image: &RgbImage, slope: f64) -> RgbImage {
    affine(image, [1.0, slope, 0.0, 0.0, 1.0, 0.0])
}

/// Reads the pixel at `(x, y + slope · x)`, from the pixels' centres.
pub(super) fn shear_y(image: &RgbImage, slope: f64) -> RgbImage {
    affine(image, [1.0, 0.0, 0.0, slope, 1.0, 0.0])
}

/// Rotates counter-clockwise around the centre.
pub(super) fn rotate(image: &RgbImage, degrees: f64) -> RgbImage {
    let (width, height) = image.dimensions();
    let (x, y) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    // Pillow rounds, so that a right angle moves whole pixels.
    let round = |value: f64| (value * 1e15).round_ties_even() / 1e15;
    let (sin, cos) = (-degrees.to_radians()).sin_cos();
    let (sin, cos) = (round(sin), round(cos));
    let matrix = [
        cos,
        sin,
        cos * -x + sin * -y + x,
        -sin,
        cos,
        -sin * -x + cos * -y + y,
    ];
    affine(image, matrix)
}

/// Reads, for the pixel at `(x, y)`, the one at `(a·x + b·y + c, d·x + e·y + f)`: Pillow's
/// arithmetic in fixed point with 16 fraction bits.
fn affine(image: &RgbImage, [a, b, c, d, e, f]: [f64; 6]) -> RgbImage {
    let (width, height) = image.dimensions();
    let fixed = |value: f64| (value * 65_536.0 + 0.5).floor() as i64;
    let (step_x, step_y) = ([fixed(a), fixed(d)], [fixed(b), fixed(e)]);
    let start = [fixed(c + (a + b) * 0.5), fixed(f + (d + e) * 0.5)];
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (i64::from(x), i64::from(y));
        let [from_x, from_y] =
            [0, 1].map(|axis| (start[axis] + step_x[axis] * x + step_y[axis] * y) >> 16);
        pixel(image, from_x, from_y)
    })
}

fn pixel(image: &RgbImage, x: i64, y: i64) -> Rgb<u8> {
    match (u32::try_from(x), u32::try_from(y)) {
        (Ok(x), Ok(y)) => image
            .get_pixel_checked(x, y)
            .copied()
            .unwrap_or(Rgb([0; 3])),
        _ => Rgb([0; 3]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered() -> RgbImage {
        RgbImage::from_fn(3, 2, |x, y| image::Rgb([(3 * y + x + 1) as u8; 3]))
    }

    fn values(image: &RgbImage) -> Vec<u8> {
        image.pixels().map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn shifts_bring_in_black() {
        assert_eq!(values(&shift(&numbered(), -1, 1)), [0, 0, 0, 2, 3, 0]);
        assert_eq!(values(&shift(&numbered(), 0, -9)), [0; 6]);
        assert_eq!(shift(&numbered(), 0, 0), numbered());
    }

    #[test]
    fn no_angle_and_no_slope_change_nothing() {
        for changed in [
            rotate(&numbered(), 0.0),
            shear_x(&numbered(), 0.0),
            shear_y(&numbered(), 0.0),
        ] {
            assert_eq!(changed, numbered());
        }
    }

    #[test]
    fn half_a_turn_reverses_the_pixels() {
        assert_eq!(values(&rotate(&numbered(), 180.0)), [6, 5, 4, 3, 2, 1]);
    }
}
