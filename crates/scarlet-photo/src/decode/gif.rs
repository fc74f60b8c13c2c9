//! GIF to RGB: the first frame, on the file's canvas.
//!
//! The decoder is used directly rather than through `image`, which makes whatever the frame leaves
//! of the canvas black; Pillow gives it the transparent colour, or the palette's first.

use std::num::NonZeroU64;
use std::path::Path;

use gif::{ColorOutput, DecodingError, MemoryLimit};
use image::metadata::Orientation;
use image::{Rgb, RgbImage};

use super::memory::Memory;
use crate::PhotoError;

pub(super) fn decode(
    bytes: &[u8],
    name: &Path,
    memory: &mut Memory<'_>,
) -> Result<(RgbImage, Orientation), PhotoError> {
    let failed = |error: DecodingError| PhotoError::Damaged {
        path: name.into(),
        reason: error.to_string(),
    };
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(match NonZeroU64::new(memory.limit()) {
        Some(limit) => MemoryLimit::Bytes(limit),
        None => MemoryLimit::Unlimited,
    });
    let mut decoder = options.read_info(bytes).map_err(failed)?;
    let (canvas_width, canvas_height) = (decoder.width(), decoder.height());
    let frame = decoder
        .next_frame_info()
        .map_err(failed)?
        .ok_or_else(|| PhotoError::Damaged {
            path: name.into(),
            reason: "it holds no picture".into(),
        })?;
    let (left, top) = (u32::from(frame.left), u32::from(frame.top));
    let (frame_width, frame_height) = (u32::from(frame.width), u32::from(frame.height));
    let transparent = frame.transparent;
    // A frame that reaches beyond the canvas widens it.
    let width = u32::from(canvas_width).max(left + frame_width);
    let height = u32::from(canvas_height).max(top + frame_height);
    if frame_width == 0 || frame_height == 0 {
        return Err(PhotoError::Damaged {
            path: name.into(),
            reason: "its first picture has no pixels".into(),
        });
    }
    let indices = u64::from(frame_width) * u64::from(frame_height);
    memory.claim(width, height, indices)?;

    let mut indices = vec![0; indices as usize];
    decoder.read_into_buffer(&mut indices).map_err(failed)?;
    let palette = decoder.palette().map_err(failed)?;
    // Indices beyond the palette are black, as in Pillow.
    let color = |index: u8| {
        let start = usize::from(index) * 3;
        let color = palette.get(start..start + 3);
        Rgb(color.map_or([0; 3], |color| [color[0], color[1], color[2]]))
    };
    let mut image = RgbImage::from_pixel(width, height, color(transparent.unwrap_or(0)));
    let rows = indices.chunks_exact(frame_width as usize);
    for (y, row) in (top..).zip(rows) {
        for (x, &index) in (left..).zip(row) {
            image.put_pixel(x, y, color(index));
        }
    }
    Ok((image, Orientation::NoTransforms))
}
