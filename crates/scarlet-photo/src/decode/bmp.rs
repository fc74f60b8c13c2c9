//! BMP to RGB.

use std::io::Cursor;
use std::path::Path;

use image::RgbImage;
use image::codecs::bmp::BmpDecoder;
use image::metadata::Orientation;

use super::memory::Memory;
use super::pixels;
use crate::PhotoError;

pub(super) fn decode(
    bytes: &[u8],
    name: &Path,
    memory: &mut Memory<'_>,
) -> Result<(RgbImage, Orientation), PhotoError> {
    let decoder =
        BmpDecoder::new(Cursor::new(bytes)).map_err(|error| pixels::failure(name, error))?;
    pixels::decode(decoder, name, memory, 0)
}
