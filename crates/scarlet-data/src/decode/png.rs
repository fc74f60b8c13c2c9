//! PNG to RGB.

use std::io::Cursor;
use std::path::Path;

use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageError, Limits, Pixel, RgbImage};

use super::{DecodeOptions, check_size};
use crate::DataError;

pub(super) fn decode(
    bytes: &[u8],
    name: &Path,
    options: &DecodeOptions,
) -> Result<(RgbImage, Orientation), DataError> {
    let failed = |error| decoding_failed(name, error);
    // The limit bounds what compressed metadata may unfold to; the pixels are checked below.
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(options.max_bytes);
    let mut decoder = PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(failed)?;
    check_size(name, decoder.total_bytes(), options)?;
    let orientation = decoder.orientation().map_err(failed)?;
    let image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    Ok((to_rgb8(image), orientation))
}

/// Repeats grey, drops alpha, and keeps the high byte of 16-bit samples, which `image` would round.
fn to_rgb8(image: DynamicImage) -> RgbImage {
    let high = |sample: u16| (sample >> 8) as u8;
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

fn decoding_failed(name: &Path, error: ImageError) -> DataError {
    let path = name.into();
    match error {
        ImageError::Unsupported(error) => DataError::Unsupported {
            path,
            reason: error.to_string(),
        },
        error => DataError::Damaged {
            path,
            reason: error.to_string(),
        },
    }
}
