//! Small versions of pictures for pages.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use scarlet_photo::PhotoError;

use crate::{resize, shrink};

/// Pixels of the shorter side, and of the longer one at the most.
const SIDE: usize = 144;
const LONGEST: u32 = 432;
const QUALITY: u8 = 80;

/// A small version of a picture as a JPEG file's bytes; of one that is far longer than high, squeezed.
/// Errors call it `name`.
///
/// # Errors
/// [`PhotoError::Unsupported`] when it cannot be encoded.
pub fn thumbnail(image: RgbImage, name: impl AsRef<Path>) -> Result<Vec<u8>, PhotoError> {
    let mut small = shrink(image, SIDE);
    let (width, height) = small.dimensions();
    if width.max(height) > LONGEST {
        small = resize(&small, width.min(LONGEST), height.min(LONGEST));
    }
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    let (width, height) = small.dimensions();
    encoder
        .write_image(small.as_raw(), width, height, ExtendedColorType::Rgb8)
        .map_err(|error| PhotoError::Unsupported {
            path: name.as_ref().into(),
            reason: error.to_string(),
        })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_are_small_whatever_the_picture_is() {
        for (size, expected) in [
            ((1200, 900), (192, 144)),
            ((40, 30), (40, 30)),
            ((1, 10_000), (1, 432)),
            ((10_000, 300), (432, 144)),
        ] {
            let bytes = thumbnail(RgbImage::new(size.0, size.1), "x").unwrap();
            let decoded = crate::decode_bytes(&bytes, "x", &Default::default()).unwrap();
            assert_eq!(decoded.dimensions(), expected);
        }
    }
}
