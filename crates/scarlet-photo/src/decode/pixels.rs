//! Pixels of other kinds than RGB as Pillow's `convert("RGB")` makes them RGB.

use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageError, Pixel, RgbImage};

use super::memory::{Memory, rgb_bytes};
use crate::PhotoError;

/// Decodes by one of `image`'s decoders, which takes so many bytes a pixel beside its result.
pub(super) fn decode(
    mut decoder: impl ImageDecoder,
    name: &Path,
    memory: &mut Memory<'_>,
    beside: u64,
) -> Result<(RgbImage, Orientation), PhotoError> {
    let failed = |error| failure(name, error);
    let orientation = decoder.orientation().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    // What is RGB already is not copied.
    let converted = match decoder.color_type() {
        image::ColorType::Rgb8 => 0,
        _ => decoder.total_bytes(),
    };
    let pixels = u64::from(width) * u64::from(height);
    let beside = converted.saturating_add(pixels.saturating_mul(beside));
    memory.claim(
        width,
        height,
        beside.max(turned(orientation, width, height)),
    )?;
    let image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    Ok((to_rgb8(image), orientation))
}

/// Bytes that turning a picture takes beside its pixels, after the decoder has given back its own.
pub(super) fn turned(orientation: Orientation, width: u32, height: u32) -> u64 {
    match orientation {
        Orientation::NoTransforms => 0,
        _ => rgb_bytes(width, height),
    }
}

/// Repeats grey, drops alpha, and keeps the high byte of 16-bit samples, which `image` would round.
fn to_rgb8(image: DynamicImage) -> RgbImage {
    match image {
        DynamicImage::ImageLuma16(image) => map_pixels(&image, |p| [high(p.0[0]); 3]),
        DynamicImage::ImageLumaA16(image) => map_pixels(&image, |p| [high(p.0[0]); 3]),
        DynamicImage::ImageRgb16(image) => map_pixels(&image, |p| p.0.map(high)),
        DynamicImage::ImageRgba16(image) => {
            map_pixels(&image, |p| [high(p.0[0]), high(p.0[1]), high(p.0[2])])
        }
        eight_bit => eight_bit.into_rgb8(),
    }
}

/// A colour of four inks, of which 255 is full.
pub(super) fn cmyk_to_rgb([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    let light = 255 - black;
    [cyan, magenta, yellow].map(|ink| light - product(ink, light))
}

/// The product of two shares of 255, rounded as Pillow rounds it.
fn product(a: u8, b: u8) -> u8 {
    let product = u32::from(a) * u32::from(b) + 128;
    (((product >> 8) + product) >> 8) as u8
}

pub(super) fn high(sample: u16) -> u8 {
    (sample >> 8) as u8
}

fn map_pixels<P: Pixel<Subpixel = u16>>(
    image: &ImageBuffer<P, Vec<u16>>,
    rgb: impl Fn(&P) -> [u8; 3],
) -> RgbImage {
    let mut out = RgbImage::new(image.width(), image.height());
    for (target, source) in out.pixels_mut().zip(image.pixels()) {
        target.0 = rgb(source);
    }
    out
}

pub(super) fn failure(name: &Path, error: ImageError) -> PhotoError {
    let path = name.into();
    match error {
        ImageError::Unsupported(error) => PhotoError::Unsupported {
            path,
            reason: error.to_string(),
        },
        error => PhotoError::Damaged {
            path,
            reason: error.to_string(),
        },
    }
}
