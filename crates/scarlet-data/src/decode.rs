//! Files to RGB pixels: JPEG and PNG of every colour type.

use std::fs;
use std::io::{Cursor, Read};
use std::path::Path;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, RgbImage};

use crate::DataError;
use crate::jpeg;

/// How a file is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Most bytes that a file, and its decoded pixels, may take. The default, 512 MiB, admits
    /// 178 million RGB pixels, the size from which Pillow too refuses an image as a decompression
    /// bomb.
    pub max_bytes: u64,
    /// Turn and mirror the pixels as the EXIF orientation says, so that a portrait stands upright.
    /// On by default. torchvision's `ImageFolder` ignores the orientation: switch it off to
    /// reproduce its numbers to the last image.
    pub apply_orientation: bool,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            max_bytes: 512 << 20,
            apply_orientation: true,
        }
    }
}

/// Reads the JPEG or PNG at `path` as 8-bit RGB, upright.
///
/// The content decides the format, not the file's extension. Grey and palette images become RGB;
/// alpha is dropped without blending, 16-bit samples keep their high byte, and a CMYK JPEG is taken
/// as inverted (Adobe's habit), all as Pillow's `convert("RGB")` does it. A truncated JPEG or PNG
/// is an error, not a picture with a grey rest.
///
/// # Errors
/// [`DataError::NotFound`], [`DataError::NotAFile`] and [`DataError::Read`] when there is no file
/// to read; [`DataError::NotAnImage`], [`DataError::Damaged`], [`DataError::Unsupported`] and
/// [`DataError::TooLarge`] when its content will not do. Each holds the path.
pub fn decode(path: impl AsRef<Path>, options: &DecodeOptions) -> Result<RgbImage, DataError> {
    let path = path.as_ref();
    let metadata = fs::metadata(path).map_err(|error| DataError::read(path, error))?;
    // Reading a pipe or a device might never end.
    if !metadata.is_file() {
        return Err(DataError::NotAFile { path: path.into() });
    }
    check_size(path, metadata.len(), options)?;
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    fs::File::open(path)
        .and_then(|file| file.take(options.max_bytes).read_to_end(&mut bytes))
        .map_err(|error| DataError::read(path, error))?;
    decode_bytes(&bytes, path, options)
}

/// [`decode`] for a file's `bytes`, wherever they come from; errors call them `name`.
///
/// # Errors
/// As [`decode`], without those of the file system.
pub fn decode_bytes(
    bytes: &[u8],
    name: impl AsRef<Path>,
    options: &DecodeOptions,
) -> Result<RgbImage, DataError> {
    let name = name.as_ref();
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => {
            jpeg::check_complete(bytes).map_err(|reason| DataError::Damaged {
                path: name.into(),
                reason: reason.into(),
            })?;
            read_pixels(JpegDecoder::new(Cursor::new(bytes)), name, options)
        }
        Ok(ImageFormat::Png) => read_pixels(PngDecoder::new(Cursor::new(bytes)), name, options),
        other => Err(DataError::NotAnImage {
            path: name.into(),
            found: match other {
                Ok(format) => format!("it is in the {format:?} format"),
                Err(_) if bytes.is_empty() => "it is empty".into(),
                Err(_) => format!(
                    "it starts with \"{}\"",
                    bytes[..bytes.len().min(12)].escape_ascii()
                ),
            },
        }),
    }
}

fn check_size(path: &Path, needed: u64, options: &DecodeOptions) -> Result<(), DataError> {
    if needed > options.max_bytes {
        return Err(DataError::TooLarge {
            path: path.into(),
            needed,
            limit: options.max_bytes,
        });
    }
    Ok(())
}

fn read_pixels(
    decoder: Result<impl ImageDecoder, ImageError>,
    name: &Path,
    options: &DecodeOptions,
) -> Result<RgbImage, DataError> {
    let failed = |error| decoding_failed(name, error);
    let mut decoder = decoder.map_err(failed)?;
    check_size(name, decoder.total_bytes(), options)?;
    let orientation = if options.apply_orientation {
        Some(decoder.orientation().map_err(failed)?)
    } else {
        None
    };
    let mut image = DynamicImage::ImageRgb8(to_rgb8(
        DynamicImage::from_decoder(decoder).map_err(failed)?,
    ));
    if let Some(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    Ok(image.into_rgb8())
}

/// Drops alpha, repeats grey, and keeps the high byte of 16-bit samples, where `image` would round.
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

fn map_pixels<P: image::Pixel<Subpixel = u16>>(
    image: &image::ImageBuffer<P, Vec<u16>>,
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
