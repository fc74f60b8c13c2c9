//! PNG to RGB; of an animated PNG, the picture that programs see that know nothing of animation.

use std::io::Cursor;
use std::path::Path;

use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{Limits, RgbImage};

use super::memory::Memory;
use super::pixels;
use crate::PhotoError;

/// Bytes that what is not pixels may unfold to: many times a colour profile.
const METADATA: u64 = 64 << 20;

pub(super) fn decode(
    bytes: &[u8],
    name: &Path,
    memory: &mut Memory<'_>,
) -> Result<(RgbImage, Orientation), PhotoError> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(memory.limit().min(METADATA));
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits)
        .map_err(|error| pixels::failure(name, error))?;
    pixels::decode(decoder, name, memory, 0)
}
