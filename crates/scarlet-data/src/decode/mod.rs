//! Files to RGB pixels: JPEG and PNG of every colour type.

mod jpeg;
mod png;

use std::fs;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, RgbImage};

use crate::DataError;

/// How a file is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Most bytes that a file, and its decoded pixels, may take. The default, 512 MiB, admits
    /// 178 million RGB pixels; Pillow too refuses a larger image as a decompression bomb.
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
/// The content decides the format, not the file's extension. Colours become RGB as Pillow's
/// `convert("RGB")` has it: grey is repeated, palettes are looked up, alpha is dropped without
/// blending, 16-bit samples keep their high byte, and a CMYK JPEG is taken as inverted, Adobe's
/// habit. (One exception: Pillow clips 16-bit grey at 255, which leaves a white image; here it
/// keeps its high byte like any other.)
///
/// A truncated file is an error, not a picture with a grey rest, and so is a JPEG whose compressed
/// data is visibly corrupt. A trailing piece that no pixel depends on may be missing from a PNG, as
/// Pillow has it.
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

/// [`decode`] for files of unknown origin: one that reaches a bug in a decoder costs that file, not
/// the run.
///
/// # Errors
/// As [`decode`].
pub fn decode_caught(
    path: impl AsRef<Path>,
    options: &DecodeOptions,
) -> Result<RgbImage, DataError> {
    let path = path.as_ref();
    caught(path, || decode(path, options))
}

/// What `work` does with a file, or an error that names the file if it panics.
pub(crate) fn caught<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, DataError>,
) -> Result<T, DataError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(DataError::Damaged {
            path: path.into(),
            reason: "the decoder failed on it unexpectedly".into(),
        })
    })
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
    let (image, orientation) = match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => jpeg::decode(bytes, name, options)?,
        Ok(ImageFormat::Png) => png::decode(bytes, name, options)?,
        Ok(format) => {
            return Err(not_an_image(
                name,
                format!("it is in the {format:?} format"),
            ));
        }
        Err(_) if bytes.is_empty() => return Err(not_an_image(name, "it is empty".into())),
        Err(_) => {
            let start = bytes[..bytes.len().min(12)].escape_ascii();
            return Err(not_an_image(name, format!("it starts with \"{start}\"")));
        }
    };
    if !options.apply_orientation || orientation == Orientation::NoTransforms {
        return Ok(image);
    }
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    Ok(image.into_rgb8())
}

fn not_an_image(name: &Path, found: String) -> DataError {
    DataError::NotAnImage {
        path: name.into(),
        found,
    }
}

fn check_size(name: &Path, needed: u64, options: &DecodeOptions) -> Result<(), DataError> {
    if needed > options.max_bytes {
        return Err(DataError::TooLarge {
            path: name.into(),
            needed,
            limit: options.max_bytes,
        });
    }
    Ok(())
}
