//! [`Looked`]: what is kept of a photograph that was decoded once.

use std::path::{Path, PathBuf};

use image::RgbImage;
use rayon::prelude::*;
use scarlet_photo::PhotoError;
use sha2::{Digest, Sha256};

use super::fingerprint::{Fingerprint, Fingerprinter};
use crate::{DataError, DecodeOptions, PictureHeader, decode_with, grey_level, resize};

/// Side of the square that brightness and colour are judged on.
const JUDGED: u32 = 64;
/// Levels of standard deviation, of 255, below which a picture shows nothing.
const BLANK: f64 = 3.0;
/// How far the channels of a pixel may be apart in a picture that shows grey only. An encoder leaves
/// a few levels of colour.
const COLOURLESS: u8 = 8;

/// What a photograph looks like, as far as files are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// Width of the upright picture, in pixels.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// Whether its file says (EXIF) that the stored pixels are to be turned or mirrored.
    pub turned: bool,
    /// Whether it shows no colour.
    pub grey: bool,
    /// Whether it is of nearly one brightness everywhere.
    pub blank: bool,
}

/// What is kept of a photograph that was decoded once.
#[derive(Debug, Clone)]
pub struct Looked {
    pub(super) picture: Picture,
    /// Of its size and pixels.
    pub(super) digest: [u8; 32],
    pub(super) fingerprint: Fingerprint,
}

impl Looked {
    /// What the photograph looks like.
    pub fn picture(&self) -> Picture {
        self.picture
    }
}

/// Decodes the photograph at `path` and keeps what is to be known of it.
///
/// # Errors
/// As [`decode`](crate::decode()).
pub fn look(path: impl AsRef<Path>) -> Result<Looked, DataError> {
    look_with(path.as_ref(), &Fingerprinter::new())
}

/// [`look`]s at all files, on all threads, in their order. `go_on` is asked before each, and where it
/// says no there is no result.
pub fn look_at_all(
    paths: &[PathBuf],
    go_on: impl Fn() -> bool + Sync,
) -> Option<Vec<Result<Looked, DataError>>> {
    paths
        .par_iter()
        .map_init(Fingerprinter::new, |fingerprinter, path| {
            go_on().then(|| look_with(path, fingerprinter))
        })
        .collect()
}

fn look_with(path: &Path, fingerprinter: &Fingerprinter) -> Result<Looked, DataError> {
    decode_with(path, &DecodeOptions::default(), |image| {
        let (width, height) = image.dimensions();
        if width == 0 || height == 0 {
            let damaged = PhotoError::Damaged {
                path: path.into(),
                reason: "it has no pixels".into(),
            };
            return Err(damaged.into());
        }
        let small = resize(&image, JUDGED, JUDGED);
        Ok(Looked {
            picture: Picture {
                width,
                height,
                turned: PictureHeader::read(path).is_some_and(|header| header.turned),
                grey: is_grey(&small),
                blank: spread(&small) < BLANK,
            },
            digest: digest(&image),
            fingerprint: fingerprinter.of(&image),
        })
    })
}

fn digest(image: &RgbImage) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(image.width().to_le_bytes());
    hash.update(image.height().to_le_bytes());
    hash.update(image.as_raw());
    hash.finalize().into()
}

fn is_grey(image: &RgbImage) -> bool {
    image.pixels().all(|pixel| {
        let [red, green, blue] = pixel.0;
        red.max(green).max(blue) - red.min(green).min(blue) <= COLOURLESS
    })
}

/// Standard deviation of the brightness, in levels.
fn spread(image: &RgbImage) -> f64 {
    let levels = || image.pixels().map(|pixel| f64::from(grey_level(pixel.0)));
    let count = f64::from(image.width() * image.height()).max(1.0);
    let mean = levels().sum::<f64>() / count;
    let squares: f64 = levels().map(|level| (level - mean).powi(2)).sum();
    (squares / count).sqrt()
}

#[cfg(test)]
pub(super) mod tests {
    use image::{ExtendedColorType, ImageEncoder, Rgb};

    use super::*;

    /// A picture of smooth hills and a few edges, another for each seed.
    pub(crate) fn scene(seed: u32, width: u32, height: u32) -> RgbImage {
        let mut random = crate::Random::new(u64::from(seed), 0_u64, 0);
        let mut draw = || random.below(1000) as f32 / 1000.0;
        let hills: Vec<[f32; 6]> = (0..14)
            .map(|_| [draw(), draw(), 0.03 + 0.2 * draw(), draw(), draw(), draw()])
            .collect();
        let edges: Vec<[f32; 5]> = (0..4)
            .map(|_| [draw(), draw(), draw(), draw(), draw()])
            .collect();
        RgbImage::from_fn(width, height, |x, y| {
            let (x, y) = (
                (x as f32 + 0.5) / width as f32,
                (y as f32 + 0.5) / height as f32,
            );
            let mut pixel = [90.0_f32; 3];
            for [left, top, size, colours @ ..] in &hills {
                let near = (-((x - left).powi(2) + (y - top).powi(2)) / (size * size)).exp();
                for (value, colour) in pixel.iter_mut().zip(colours) {
                    *value += 160.0 * near * (colour - 0.4);
                }
            }
            for [left, top, wide, high, level] in &edges {
                if (x - left).abs() < 0.2 * wide && (y - top).abs() < 0.2 * high {
                    pixel = pixel.map(|value| value + 120.0 * (level - 0.5));
                }
            }
            Rgb(pixel.map(|value| value.clamp(0.0, 255.0) as u8))
        })
    }

    pub(crate) fn save_jpeg(image: &RgbImage, path: &Path, quality: u8) {
        let mut bytes = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality)
            .write_image(
                image.as_raw(),
                image.width(),
                image.height(),
                ExtendedColorType::Rgb8,
            )
            .unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn a_look_tells_size_colour_and_blankness() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        scene(3, 60, 40).save(path("scene.png")).unwrap();
        RgbImage::from_pixel(30, 20, Rgb([200, 201, 199]))
            .save(path("blank.png"))
            .unwrap();
        let grey = RgbImage::from_fn(50, 50, |x, y| Rgb([(4 * x + y) as u8; 3]));
        save_jpeg(&grey, &path("grey.jpg"), 80);
        let picture = |name: &str| look(path(name)).unwrap().picture();
        let expected = Picture {
            width: 60,
            height: 40,
            turned: false,
            grey: false,
            blank: false,
        };
        assert_eq!(picture("scene.png"), expected);
        let blank = picture("blank.png");
        assert!(blank.blank && blank.grey);
        let grey = picture("grey.jpg");
        assert!(grey.grey && !grey.blank);
    }

    #[test]
    fn hostile_pictures_are_looked_at_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        RgbImage::new(1, 1).save(path("pixel.png")).unwrap();
        RgbImage::new(1, 10_000).save(path("line.png")).unwrap();
        save_jpeg(&scene(4, 90, 90), &path("whole.jpg"), 90);
        let bytes = std::fs::read(path("whole.jpg")).unwrap();
        std::fs::write(path("half.jpg"), &bytes[..bytes.len() / 2]).unwrap();
        std::fs::write(path("empty.jpg"), b"").unwrap();
        std::fs::write(path("page.jpg"), b"<!doctype html>").unwrap();
        assert!(look(path("pixel.png")).unwrap().picture().blank);
        assert_eq!(look(path("line.png")).unwrap().picture().height, 10_000);
        for (name, reason) in [
            ("half.jpg", "is damaged"),
            ("empty.jpg", "it is empty"),
            ("page.jpg", "is not an image"),
            ("none.jpg", "there is nothing at"),
        ] {
            let error = look(path(name)).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn looking_stops_when_it_is_asked_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        scene(1, 20, 20).save(&path).unwrap();
        let paths = vec![path; 5];
        assert!(look_at_all(&paths, || false).is_none());
        assert_eq!(look_at_all(&paths, || true).unwrap().len(), 5);
    }
}
