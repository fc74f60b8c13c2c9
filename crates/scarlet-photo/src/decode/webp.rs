//! WebP to RGB, lossy or lossless; of an animation the first frame.

use std::io::Cursor;
use std::path::Path;

use image::RgbImage;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;

use super::memory::Memory;
use super::pixels;
use crate::PhotoError;

/// Bytes a pixel that the decoder takes beside its result: for planes of brightness and colour, or
/// for pixels with alpha.
const BESIDE: u64 = 4;
/// The same of an animation, whose frame is put on a canvas.
const BESIDE_ANIMATED: u64 = 12;

pub(super) fn decode(
    bytes: &[u8],
    name: &Path,
    memory: &mut Memory<'_>,
) -> Result<(RgbImage, Orientation), PhotoError> {
    let decoder =
        WebPDecoder::new(Cursor::new(bytes)).map_err(|error| pixels::failure(name, error))?;
    let beside = match decoder.has_animation() {
        true => BESIDE_ANIMATED,
        false => BESIDE,
    };
    pixels::decode(decoder, name, memory, beside)
}
