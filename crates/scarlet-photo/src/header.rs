//! What the header of a picture's file says, without its pixels.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use image::metadata::Orientation;
use image::{ImageDecoder, ImageReader};

use crate::PhotoError;
use crate::decode::caught;

/// Larger files are left unread: some headers are found only by reading the whole file.
const MAX_BYTES: u64 = 64 << 20;

/// Size and kind of a picture, as its header has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureHeader {
    /// Width of the upright picture, in pixels.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// Whether it is stored in colour; one that shows only grey may be.
    pub coloured: bool,
    /// Whether the stored pixels are to be turned or mirrored, as the file says (EXIF).
    pub turned: bool,
}

impl PictureHeader {
    /// The header of the picture at `path`; none where it cannot be read.
    pub fn read(path: impl AsRef<Path>) -> Option<Self> {
        let path = path.as_ref();
        let metadata = fs::metadata(path).ok()?;
        // Reading a pipe or a device might never end.
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return None;
        }
        let read = || Self::decode(path).map_err(|error| PhotoError::read(path, error));
        caught(path, read).ok()
    }

    fn decode(path: &Path) -> std::io::Result<Self> {
        let other = std::io::Error::other::<image::ImageError>;
        let reader = ImageReader::new(BufReader::new(File::open(path)?)).with_guessed_format()?;
        let mut decoder = reader.into_decoder().map_err(other)?;
        let (width, height) = decoder.dimensions();
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let on_its_side = matches!(
            orientation,
            Orientation::Rotate90
                | Orientation::Rotate270
                | Orientation::Rotate90FlipH
                | Orientation::Rotate270FlipH
        );
        let (width, height) = if on_its_side {
            (height, width)
        } else {
            (width, height)
        };
        Ok(Self {
            width,
            height,
            coloured: decoder.color_type().has_color(),
            turned: orientation != Orientation::NoTransforms,
        })
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, RgbImage};

    use super::*;

    #[test]
    fn headers_tell_size_and_colour() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a.png", "a.jpg", "a.bmp"] {
            RgbImage::new(30, 20).save(path(name)).unwrap();
            let expected = PictureHeader {
                width: 30,
                height: 20,
                coloured: true,
                turned: false,
            };
            assert_eq!(PictureHeader::read(path(name)), Some(expected), "{name}");
        }
        for name in ["g.png", "g.jpg"] {
            GrayImage::new(3, 2).save(path(name)).unwrap();
            assert!(!PictureHeader::read(path(name)).unwrap().coloured, "{name}");
        }
    }

    #[test]
    fn what_is_no_picture_has_no_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        for content in [&b""[..], b"no picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(PictureHeader::read(&path), None);
        }
        assert_eq!(PictureHeader::read(folder.path()), None);
        assert_eq!(PictureHeader::read(folder.path().join("none")), None);
    }
}
