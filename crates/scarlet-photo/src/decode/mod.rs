//! Files to RGB pixels: JPEG, PNG, WebP, BMP, GIF and TIFF of every colour type.

mod bmp;
mod gif;
mod jpeg;
pub(crate) mod kind;
mod memory;
mod pixels;
mod png;
mod tiff;
mod webp;

use std::fs;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

use self::kind::FileKind;
use self::memory::{FILES, Memory};
use crate::PhotoError;

/// How a file is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Most bytes that a file may take, and most that decoding it may take at the peak: three a
    /// pixel of the RGB result, and what the decoder needs beside them. The default, 640 MiB, admits
    /// 50 million pixels of every format and depth, and 100 million of an ordinary JPEG. However
    /// many threads decode, all that is being decoded in a process takes no more than 1 GiB
    /// together, or one file's `max_bytes` where that is more: others wait.
    pub max_bytes: u64,
    /// Turn and mirror the pixels as the EXIF orientation says, so that a portrait stands upright.
    /// On by default. torchvision's `ImageFolder` ignores the orientation: switch it off to
    /// reproduce its numbers to the last image.
    pub apply_orientation: bool,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            max_bytes: 640 << 20,
            apply_orientation: true,
        }
    }
}

/// Reads the image at `path` as 8-bit RGB, upright.
///
/// The content decides the format, not the file's extension: JPEG, PNG, WebP, BMP, GIF or TIFF. Of
/// an animation or a file with several pages the first picture is read. Colours become RGB as
/// Pillow's `convert("RGB")` has it: grey is repeated, palettes are looked up, alpha is dropped
/// without blending, 16-bit samples keep their high byte, and a CMYK JPEG is taken as inverted,
/// Adobe's habit. There are three exceptions: Pillow clips 16-bit grey at 255, which leaves a white
/// image, and here it keeps its high byte like any other; samples of five or six bits in a BMP are
/// rounded, not cut, to 8 bits; and what a run-length coded BMP skips is black.
///
/// Every pixel is then equal to Pillow's and torchvision's, JPEG's too, which are libjpeg-turbo's to
/// the bit. Only a JPEG within a TIFF, and a JPEG of four inks of which two are stored coarser, may
/// differ by a few levels.
///
/// A truncated file is an error, not a picture with a grey rest, and so is a JPEG whose compressed
/// data is visibly corrupt. A trailing piece that no pixel depends on may be missing from a PNG, as
/// Pillow has it. A file that reaches a bug in a decoder is an error too.
///
/// # Errors
/// [`PhotoError::NotFound`], [`PhotoError::NotAFile`] and [`PhotoError::Read`] when there is no file
/// to read; [`PhotoError::NotAnImage`], [`PhotoError::UnreadFormat`], [`PhotoError::Damaged`],
/// [`PhotoError::Unsupported`] and [`PhotoError::TooLarge`] when its content will not do. Each holds
/// the path.
pub fn decode(path: impl AsRef<Path>, options: &DecodeOptions) -> Result<RgbImage, PhotoError> {
    decode_with(path, options, Ok)
}

/// What `work` makes of an image that is [decoded](decode). Until `work` is done, the image counts
/// as being decoded, whose memory is [limited](DecodeOptions::max_bytes): where many threads decode,
/// this is the way to make large images small.
///
/// # Errors
/// As [`decode`], and those of `work`.
pub fn decode_with<T, E: From<PhotoError>>(
    path: impl AsRef<Path>,
    options: &DecodeOptions,
    work: impl FnOnce(RgbImage) -> Result<T, E>,
) -> Result<T, E> {
    let path = path.as_ref();
    let metadata = fs::metadata(path).map_err(|error| PhotoError::read(path, error))?;
    // Reading a pipe or a device might never end.
    if !metadata.is_file() {
        return Err(PhotoError::NotAFile { path: path.into() }.into());
    }
    let mut memory = Memory::new(path, options);
    memory.check(metadata.len())?;
    let room = FILES.take(metadata.len());
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    fs::File::open(path)
        .and_then(|file| file.take(options.max_bytes).read_to_end(&mut bytes))
        .map_err(|error| PhotoError::read(path, error))?;
    let image = decode_in(&mut memory, &bytes, path, options)?;
    drop((bytes, room));
    caught(path, || work(image))
}

/// What `work` does with a file, or an error that names the file if it panics: a hostile file may reach
/// a bug in a decoder.
///
/// # Errors
/// Those of `work`, and [`PhotoError::Damaged`].
pub fn caught<T, E: From<PhotoError>>(
    path: &Path,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let damaged = PhotoError::Damaged {
            path: path.into(),
            reason: "the decoder failed on it unexpectedly".into(),
        };
        Err(damaged.into())
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
) -> Result<RgbImage, PhotoError> {
    let name = name.as_ref();
    decode_in(&mut Memory::new(name, options), bytes, name, options)
}

fn decode_in(
    memory: &mut Memory<'_>,
    bytes: &[u8],
    name: &Path,
    options: &DecodeOptions,
) -> Result<RgbImage, PhotoError> {
    let (image, orientation) = caught(name, || decode_pixels(memory, bytes, name))?;
    if !options.apply_orientation || orientation == Orientation::NoTransforms {
        return Ok(image);
    }
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    Ok(image.into_rgb8())
}

/// The pixels as they are stored, and how they are to be turned.
fn decode_pixels(
    memory: &mut Memory<'_>,
    bytes: &[u8],
    name: &Path,
) -> Result<(RgbImage, Orientation), PhotoError> {
    let not_an_image = |found: String| PhotoError::NotAnImage {
        path: name.into(),
        found,
    };
    match FileKind::of(bytes) {
        FileKind::Jpeg => jpeg::decode(bytes, name, memory),
        FileKind::Png => png::decode(bytes, name, memory),
        FileKind::WebP => webp::decode(bytes, name, memory),
        FileKind::Bmp => bmp::decode(bytes, name, memory),
        FileKind::Gif => gif::decode(bytes, name, memory),
        FileKind::Tiff => tiff::decode(bytes, name, memory),
        FileKind::Unread(format) => Err(PhotoError::UnreadFormat {
            path: name.into(),
            format,
        }),
        FileKind::Mistaken(found) => Err(not_an_image(found.into())),
        FileKind::Unknown if bytes.is_empty() => Err(not_an_image("it is empty".into())),
        FileKind::Unknown => {
            let start = bytes[..bytes.len().min(12)].escape_ascii();
            Err(not_an_image(format!("it starts with \"{start}\"")))
        }
    }
}
