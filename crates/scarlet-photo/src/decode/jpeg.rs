//! JPEG to RGB, to the bit as libjpeg-turbo has it, by which Pillow and torchvision read.
//!
//! The decoder is used directly rather than through `image`, whose pixels differ by rounding, and
//! whose lenient mode would turn corrupt or missing data into grey pixels and success. Strictness
//! refuses what Pillow refuses, and a little more.

mod segments;

use std::path::Path;

use image::RgbImage;
use image::metadata::Orientation;
use libjpeg_turbo_rs::{
    ColorSpace, ComponentInfo, DecodeLimits, Decoder, FrameHeader, JpegError, PixelFormat,
};

use self::segments::Fault;
use super::memory::Memory;
use super::pixels::{cmyk_to_rgb, turned};
use crate::PhotoError;

/// More scans than any encoder writes. Each goes over the whole picture, and takes a few bytes.
const MAX_SCANS: usize = 100;

pub(super) fn decode(
    bytes: &[u8],
    name: &Path,
    memory: &mut Memory<'_>,
) -> Result<(RgbImage, Orientation), PhotoError> {
    let damaged = |reason: &str| PhotoError::Damaged {
        path: name.into(),
        reason: reason.into(),
    };
    let unsupported = |reason: &str| PhotoError::Unsupported {
        path: name.into(),
        reason: reason.into(),
    };
    match segments::check(bytes) {
        Ok(()) => {}
        Err(Fault::RareCoding(coding)) => {
            return Err(unsupported(&format!("its coding is {coding}")));
        }
        Err(fault) => return Err(damaged(&fault.to_string())),
    }

    let limits = DecodeLimits {
        // Memory is claimed below.
        max_pixels: u64::MAX,
        max_scans: MAX_SCANS,
        ..DecodeLimits::default()
    };
    let failed = |error: JpegError| match error {
        JpegError::Unsupported(_)
        | JpegError::LimitExceeded { .. }
        | JpegError::AllocationFailed { .. } => unsupported(&error.to_string()),
        error => damaged(&error.to_string()),
    };
    let mut decoder = Decoder::new_with_limits(bytes, limits).map_err(failed)?;
    let frame = decoder.header();
    if frame.precision != 8 {
        let bits = frame.precision;
        return Err(unsupported(&format!("its samples have {bits} bits, not 8")));
    }
    let format = match frame.components.as_slice() {
        [luminance, blue, red] if decoder.jpeg_color_space() == ColorSpace::YCbCr => {
            if is_finer(blue, luminance) || is_finer(red, luminance) {
                return Err(unsupported("its colours are finer than its brightness"));
            }
            PixelFormat::Rgb
        }
        [_] | [_, _, _] => PixelFormat::Rgb,
        [cyan, magenta, yellow, black] => {
            if !inks_are_read(cyan, magenta, yellow, black) {
                return Err(unsupported("its inks differ in resolution"));
            }
            PixelFormat::Cmyk
        }
        components => {
            let count = components.len();
            return Err(unsupported(&format!("its pixels have {count} components")));
        }
    };
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    // A height may come behind the pixels by the standard, which libjpeg does not read either.
    if width == 0 || height == 0 {
        return Err(damaged("it does not say how large the picture is"));
    }
    let orientation = decoder
        .exif_data()
        .and_then(Orientation::from_exif_chunk)
        .unwrap_or(Orientation::NoTransforms);
    memory.claim(
        width,
        height,
        beside(frame, format).max(turned(orientation, width, height)),
    )?;

    decoder.set_output_format(format);
    // libjpeg's habit where a progressive picture lacks its last scans.
    decoder.set_block_smoothing(true);
    let mut pixels = decoder.decode_image().map_err(failed)?.into_vec();
    if format == PixelFormat::Cmyk {
        inks_to_rgb(&mut pixels);
    }
    let image = RgbImage::from_raw(width, height, pixels)
        .ok_or_else(|| damaged("it holds fewer pixels than it says"))?;
    Ok((image, orientation))
}

/// Bytes that the decoder takes at the peak beside three a pixel: every component as it is stored,
/// in whole blocks, and either the coefficients of a progressive picture or what becomes of it.
fn beside(frame: &FrameHeader, format: PixelFormat) -> u64 {
    let components = &frame.components;
    let most = |sampling: fn(&ComponentInfo) -> u8| {
        let samplings = components.iter().map(sampling);
        u64::from(samplings.max().unwrap_or(1).max(1))
    };
    let (across, down) = (
        most(|component| component.horizontal_sampling),
        most(|component| component.vertical_sampling),
    );
    let (width, height) = (u64::from(frame.width), u64::from(frame.height));
    // Blocks of 64 samples come in groups, of as many as a component has samples in one.
    let groups = width.div_ceil(8 * across) * height.div_ceil(8 * down);
    let stored: u64 = components
        .iter()
        .map(|component| {
            let (across, down) = sampling(component);
            groups * 64 * u64::from(across) * u64::from(down)
        })
        .sum();
    // Each has 16 bits, and each block a byte beside them.
    let coefficients = match frame.is_progressive {
        true => 2 * stored + stored / 64,
        false => 0,
    };
    let enlarged = match enlarged_by_rows(components) {
        true => 0,
        false => {
            let smaller = |component: &&ComponentInfo| {
                let (h, v) = sampling(component);
                u64::from(h) < across || u64::from(v) < down
            };
            let count = components.iter().filter(smaller).count() as u64;
            count * groups * 64 * across * down
        }
    };
    let pixels = width * height;
    let result = pixels * format.bytes_per_pixel() as u64 + enlarged;
    (stored + coefficients.max(result)).saturating_sub(3 * pixels)
}

fn is_finer(component: &ComponentInfo, than: &ComponentInfo) -> bool {
    let ((across, down), (than_across, than_down)) = (sampling(component), sampling(than));
    across > than_across || down > than_down
}

fn sampling(component: &ComponentInfo) -> (u8, u8) {
    (component.horizontal_sampling, component.vertical_sampling)
}

/// Whether the decoder brings the components to the picture's size a row at a time: so it does with
/// those samplings of colour that encoders use.
fn enlarged_by_rows(components: &[ComponentInfo]) -> bool {
    match components {
        [luminance, blue, red] => {
            sampling(blue) == (1, 1)
                && sampling(red) == (1, 1)
                && matches!(
                    sampling(luminance),
                    (1, 1) | (2, 1) | (1, 2) | (2, 2) | (4, 1)
                )
        }
        components => components.len() == 1,
    }
}

/// Whether the decoder reads inks of these samplings: either all alike, or the middle two coarser,
/// as in a picture of luminance, two colour differences and black. Others would make it panic.
fn inks_are_read(
    cyan: &ComponentInfo,
    magenta: &ComponentInfo,
    yellow: &ComponentInfo,
    black: &ComponentInfo,
) -> bool {
    let ((across, down), (coarse_across, coarse_down)) = (sampling(cyan), sampling(magenta));
    sampling(black) == (across, down)
        && sampling(yellow) == (coarse_across, coarse_down)
        && across.is_multiple_of(coarse_across)
        && down.is_multiple_of(coarse_down)
}

/// Pixels of inverted inks, Adobe's habit, in four bytes to RGB in three, in place.
fn inks_to_rgb(pixels: &mut Vec<u8>) {
    let count = pixels.len() / 4;
    for index in 0..count {
        let from = 4 * index;
        let inverted: [u8; 4] = std::array::from_fn(|ink| 255 - pixels[from + ink]);
        pixels[3 * index..3 * index + 3].copy_from_slice(&cmyk_to_rgb(inverted));
    }
    pixels.truncate(3 * count);
    pixels.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header that the decoder makes of a picture of `size` with components of these samplings.
    fn frame(progressive: bool, [width, height]: [u16; 2], samplings: &[(u8, u8)]) -> FrameHeader {
        let components = samplings
            .iter()
            .zip(1..)
            .map(|(sampling, id)| ComponentInfo {
                id,
                horizontal_sampling: sampling.0,
                vertical_sampling: sampling.1,
                quant_table_index: 0,
            });
        FrameHeader {
            precision: 8,
            height,
            width,
            components: components.collect(),
            is_progressive: progressive,
            is_lossless: false,
        }
    }

    #[test]
    fn memory_is_that_of_components_and_coefficients() {
        let beside = |progressive, size, samplings: &[(u8, u8)]| {
            let format = match samplings.len() {
                4 => PixelFormat::Cmyk,
                _ => PixelFormat::Rgb,
            };
            super::beside(&frame(progressive, size, samplings), format)
        };
        let (full, halved) = ([(1, 1); 3], [(2, 2), (1, 1), (1, 1)]);
        assert_eq!(beside(false, [64, 32], &full), 3 * 64 * 32);
        assert_eq!(beside(false, [64, 32], &halved), 64 * 32 * 3 / 2);
        // In whole groups of blocks.
        assert_eq!(beside(false, [64, 33], &full), 3 * 64 * 40);
        assert_eq!(beside(false, [64, 33], &halved), 64 * 48 * 3 / 2);
        assert_eq!(beside(false, [64, 32], &[(1, 1)]), 64 * 32);
        // Coefficients of two bytes give way to pixels of three.
        let coefficients = 2 * 3 * 64 * 32 + 3 * 32;
        assert_eq!(beside(true, [64, 32], &full), coefficients);
        // A byte more a pixel in the decoder's result.
        assert_eq!(beside(false, [64, 32], &[(1, 1); 4]), 5 * 64 * 32);
        // Two components enlarged as a whole.
        let inks = [(2, 2), (1, 1), (1, 1), (2, 2)];
        let stored = 64 * 32 * 5 / 2;
        assert_eq!(
            beside(false, [64, 32], &inks),
            stored + (4 + 2 - 3) * 64 * 32
        );
    }

    #[test]
    fn inks_that_would_make_the_decoder_panic_are_refused() {
        let read = |samplings: [(u8, u8); 4]| {
            let frame = frame(false, [8, 8], &samplings);
            let [cyan, magenta, yellow, black] = frame.components.as_slice() else {
                unreachable!()
            };
            inks_are_read(cyan, magenta, yellow, black)
        };
        assert!(read([(1, 1); 4]));
        assert!(read([(2, 2), (1, 1), (1, 1), (2, 2)]));
        assert!(!read([(2, 2), (1, 1), (1, 1), (1, 1)]));
        assert!(!read([(1, 1), (2, 1), (2, 1), (1, 1)]));
        assert!(!read([(2, 1), (2, 1), (1, 1), (2, 1)]));
        assert!(!read([(3, 1), (2, 1), (2, 1), (3, 1)]));
    }
}
