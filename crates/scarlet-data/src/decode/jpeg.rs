//! JPEG to RGB.
//!
//! The decoder is used directly rather than through `image`, which runs it in its lenient mode:
//! corrupt or missing data would come back as grey pixels and success. Its strict mode refuses what
//! Pillow refuses, and a little more.

use std::path::Path;

use image::RgbImage;
use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::memory::Memory;
use super::pixels::turned;
use crate::DataError;

pub(super) fn decode(
    bytes: &[u8],
    name: &Path,
    memory: &mut Memory<'_>,
) -> Result<(RgbImage, Orientation), DataError> {
    let damaged = |reason: &str| DataError::Damaged {
        path: name.into(),
        reason: reason.into(),
    };
    let layout = Layout::read(bytes).ok_or_else(|| damaged("it ends before the picture does"))?;
    if let Some(coding) = layout.unsupported_coding {
        return Err(DataError::Unsupported {
            path: name.into(),
            reason: format!("its coding is {coding}"),
        });
    }

    let decoder_options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        // Padding between headers is harmless and does occur; strictness would refuse it.
        .set_strict_mode(!layout.padded_headers)
        // The format's own limit; memory is checked below.
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX));
    let failed = |error: DecodeErrors| damaged(&error.to_string());
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), decoder_options);
    decoder.decode_headers().map_err(failed)?;
    let (width, height) = decoder
        .dimensions()
        .ok_or_else(|| damaged("it does not say how large the picture is"))?;
    let (width, height) = (width as u32, height as u32);
    let orientation = decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif))
        .unwrap_or(Orientation::NoTransforms);
    // Coefficients of two bytes are kept of a whole picture that comes in several scans.
    let coefficients = match layout.scans {
        0 | 1 => 0,
        _ => {
            let components = decoder.info().map_or(4, |info| u64::from(info.components));
            2 * components * u64::from(width) * u64::from(height)
        }
    };
    memory.claim(
        width,
        height,
        coefficients.max(turned(orientation, width, height)),
    )?;
    let pixels = decoder.decode().map_err(failed)?;
    let image = RgbImage::from_raw(width, height, pixels)
        .ok_or_else(|| damaged("it holds fewer pixels than it says"))?;
    Ok((image, orientation))
}

/// What a walk over the segments of a JPEG that is all there finds.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    /// Whether bytes that belong to nothing stand between the headers.
    padded_headers: bool,
    /// Which of the standard's rarer codings it has, if it is not baseline, extended sequential or
    /// progressive Huffman coding; the decoder would take its frame header for an unknown one.
    unsupported_coding: Option<&'static str>,
    /// Pieces that the compressed data comes in; more than one in a progressive picture.
    scans: usize,
}

const TEMPORARY: u8 = 0x01;
const RESTART_0: u8 = 0xD0;
const RESTART_7: u8 = 0xD7;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;

impl Layout {
    /// Walks the segments (ITU-T T.81, annex B) to the end-of-image marker; none if it is missing.
    ///
    /// The decoder does not notice when the last rows are cut off. Segments are skipped by their
    /// length, because an EXIF thumbnail is a JPEG of its own with an end marker of its own.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut layout = Self {
            padded_headers: false,
            unsupported_coding: None,
            scans: 0,
        };
        let mut in_headers = true;
        let mut position = 2; // Past the start-of-image marker, which told that this is a JPEG.
        loop {
            let skipped = find_marker(bytes.get(position..)?)?;
            layout.padded_headers |= in_headers && skipped > 0;
            let marker = bytes[position + skipped + 1];
            position += skipped + 2;
            match marker {
                END_OF_IMAGE => return Some(layout),
                RESTART_0..=RESTART_7 | TEMPORARY => {}
                _ => {
                    if in_headers {
                        layout.unsupported_coding =
                            layout.unsupported_coding.or(rare_coding(marker));
                    }
                    layout.scans += usize::from(marker == START_OF_SCAN);
                    let length = bytes.get(position..position + 2)?;
                    position += usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
                    // What follows until the next marker is compressed data.
                    in_headers &= marker != START_OF_SCAN;
                }
            }
        }
    }
}

/// The coding that a frame header stands for, if it is one of the rarer ones (T.81, table B.1).
fn rare_coding(marker: u8) -> Option<&'static str> {
    match marker {
        0xC3 => Some("lossless"),
        0xC5..=0xC7 | 0xCD..=0xCF => Some("hierarchical"),
        0xC9..=0xCB => Some("arithmetic"),
        _ => None,
    }
}

/// Position of the next marker: `FF` with neither a stuffed zero nor a fill `FF` after it.
fn find_marker(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(0xFF, bytes)
        .find(|&index| !matches!(bytes.get(index + 1), None | Some(0x00 | 0xFF)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: [u8; 6] = [0xFF, 0xE1, 0x00, 0x04, 0xFF, 0xD9];
    const SCAN: [u8; 9] = [0xFF, 0xDA, 0x00, 0x02, 0x12, 0xFF, 0x00, 0xFF, 0xD3];

    fn read(parts: &[&[u8]]) -> Option<bool> {
        let bytes = [&[0xFF, 0xD8], parts.concat().as_slice()].concat();
        Layout::read(&bytes).map(|layout| layout.padded_headers)
    }

    #[test]
    fn the_end_marker_is_found_behind_segments_and_scans() {
        let end: &[u8] = &[0xFF, 0xD9];
        assert_eq!(read(&[&SEGMENT, &SCAN, &[0x34], end]), Some(false));
        assert_eq!(
            read(&[&SEGMENT, &SCAN, &SEGMENT, &SCAN, end, b"more"]),
            Some(false)
        );
        assert_eq!(read(&[&SEGMENT, &[0xFF], &SCAN, end]), Some(true));
        assert_eq!(read(&[b"pad", &SEGMENT, &SCAN, end]), Some(true));
    }

    #[test]
    fn without_the_end_marker_the_file_is_incomplete() {
        assert_eq!(read(&[]), None);
        assert_eq!(
            read(&[&SEGMENT]),
            None,
            "the marker inside the segment does not count"
        );
        assert_eq!(read(&[&SEGMENT[..5]]), None);
        assert_eq!(read(&[&SEGMENT[..3]]), None);
        assert_eq!(read(&[&SEGMENT, &SCAN, &[0x34, 0xFF]]), None);
    }
}
