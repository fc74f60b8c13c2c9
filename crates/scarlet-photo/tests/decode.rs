//! Files of every kind, sound and not, through `decode`.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, RgbImage};
use proptest::prelude::*;
use scarlet_photo::{DecodeOptions, PhotoError, decode, decode_bytes};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap()
}

fn largest_difference(a: &RgbImage, b: &RgbImage) -> u8 {
    assert_eq!(a.dimensions(), b.dimensions());
    let pairs = a.as_raw().iter().zip(b.as_raw());
    pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

fn decode_all(bytes: &[u8]) -> Result<RgbImage, PhotoError> {
    decode_bytes(bytes, "the file", &DecodeOptions::default())
}

fn message(bytes: &[u8]) -> String {
    decode_all(bytes).unwrap_err().to_string()
}

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn every_fixture_is_read_as_pillow_reads_it() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let tolerance = match path.extension().and_then(|extension| extension.to_str()) {
            // Another decoder than that of JPEG files, which rounds in its own way.
            Some("tif") if name == "jpeg.tif" => 4,
            // Samples of five or six bits are rounded here, and cut in Pillow.
            Some("bmp") if name.ends_with("_bits.bmp") => 1,
            Some("jpg" | "png" | "webp" | "bmp" | "gif" | "tif") => 0,
            _ => continue,
        };
        let expected = fixtures().join("expected").join(format!("{name}.png"));
        let expected = image::open(expected).unwrap().into_rgb8();
        let difference = largest_difference(
            &decode(&path, &DecodeOptions::default()).unwrap(),
            &expected,
        );
        if difference > tolerance {
            wrong.push(format!("{name}: {difference} levels"));
        }
        seen += 1;
    }
    assert_eq!(seen, 71);
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn orientation_is_ignored_when_asked() {
    let options = DecodeOptions {
        apply_orientation: false,
        ..DecodeOptions::default()
    };
    for name in ["orientation_6.jpg", "orientation_6.png"] {
        let turned = decode_bytes(&fixture(name), name, &options).unwrap();
        assert_eq!(turned.dimensions(), (32, 48), "{name}");
        assert_eq!(decode_all(&fixture(name)).unwrap().dimensions(), (48, 32));
    }
}

#[test]
fn png_of_every_sample_type_becomes_rgb() {
    let [low, high] = [0x12FF_u16, 0xABCD];
    let colour = [0x12, 0xAB, 0x80];
    let grey = [0x12; 3];
    let cases: [(DynamicImage, [u8; 3]); 8] = [
        (
            image::GrayImage::from_raw(1, 1, vec![0x12]).unwrap().into(),
            grey,
        ),
        (
            image::GrayAlphaImage::from_raw(1, 1, vec![0x12, 0])
                .unwrap()
                .into(),
            grey,
        ),
        (
            RgbImage::from_raw(1, 1, colour.to_vec()).unwrap().into(),
            colour,
        ),
        (
            image::RgbaImage::from_raw(1, 1, vec![0x12, 0xAB, 0x80, 0])
                .unwrap()
                .into(),
            colour,
        ),
        (
            DynamicImage::ImageLuma16(image::ImageBuffer::from_raw(1, 1, vec![low]).unwrap()),
            grey,
        ),
        (
            DynamicImage::ImageLumaA16(image::ImageBuffer::from_raw(1, 1, vec![low, 7]).unwrap()),
            grey,
        ),
        (
            DynamicImage::ImageRgb16(
                image::ImageBuffer::from_raw(1, 1, vec![low, high, 0x80FF]).unwrap(),
            ),
            colour,
        ),
        (
            DynamicImage::ImageRgba16(
                image::ImageBuffer::from_raw(1, 1, vec![low, high, 0x80FF, 9]).unwrap(),
            ),
            colour,
        ),
    ];
    for (image, expected) in cases {
        let kind = image.color();
        let decoded = decode_all(&encoded(image, ImageFormat::Png)).unwrap();
        assert_eq!(decoded.into_raw(), expected, "{kind:?}");
    }
}

#[test]
fn the_content_decides_not_the_extension() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jpg");
    std::fs::write(&path, fixture("palette.png")).unwrap();
    assert_eq!(
        decode(&path, &DecodeOptions::default())
            .unwrap()
            .dimensions(),
        (48, 32)
    );
}

#[test]
fn a_png_without_all_pixels_is_an_error() {
    for name in ["palette.png", "grey_alpha.png", "orientation_6.png"] {
        let whole = fixture(name);
        // The last 16 bytes are the checksums of the data and the empty end chunk.
        for length in 8..whole.len() - 24 {
            let error = decode_all(&whole[..length]).unwrap_err();
            assert!(
                matches!(error, PhotoError::Damaged { .. }),
                "{name} cut to {length} bytes: {error}"
            );
        }
    }
}

#[test]
fn corrupt_data_inside_a_png_is_an_error() {
    let mut png = fixture("palette.png");
    let middle = png.len() - 60;
    png[middle] ^= 0x55;
    assert!(
        message(&png).starts_with("the file is damaged: "),
        "{}",
        message(&png)
    );
}

#[test]
fn what_is_not_an_image_is_named() {
    assert_eq!(message(b""), "the file is not an image: it is empty");
    assert_eq!(
        message(b"hello\nworld, this is text"),
        "the file is not an image: it starts with \"hello\\nworld,\""
    );
    assert_eq!(
        message(b"\0\0\0\x18ftypheic\0\0\0\0"),
        "the file is a HEIC image, which is not read: convert it to JPEG or PNG"
    );
    assert_eq!(
        message(b"<!DOCTYPE html><title>404</title>"),
        "the file is not an image: it is a web page, perhaps of a download that failed"
    );
}

#[test]
fn an_image_that_unfolds_to_more_than_the_limit_is_refused_before_decoding() {
    let options = DecodeOptions {
        max_bytes: 48 * 32 * 3 - 1,
        ..DecodeOptions::default()
    };
    for (name, bytes) in [("rgb.jpg", 6_912), ("palette.png", 4_608)] {
        let error = decode_bytes(&fixture(name), name, &options).unwrap_err();
        assert!(
            matches!(error, PhotoError::TooLarge { needed, .. } if needed == bytes),
            "{error}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.png");
    std::fs::write(&path, vec![0; 5_000]).unwrap();
    let error = decode(&path, &options).unwrap_err();
    assert!(
        matches!(error, PhotoError::TooLarge { needed: 5_000, .. }),
        "{error}"
    );
}

#[test]
fn a_picture_is_judged_by_what_it_becomes() {
    // Grey takes a byte a pixel in the decoder, and three more in RGB.
    let grey = image::GrayImage::from_pixel(1_000, 1_000, image::Luma([9]));
    let grey = encoded(grey, ImageFormat::Png);
    assert!(grey.len() < 100_000);
    let decode = |max_bytes| {
        let options = DecodeOptions {
            max_bytes,
            ..DecodeOptions::default()
        };
        decode_bytes(&grey, "grey.png", &options)
    };
    assert_eq!(decode(4_000_000).unwrap().dimensions(), (1_000, 1_000));
    let error = decode(3_999_999).unwrap_err();
    assert!(
        matches!(
            error,
            PhotoError::TooLarge {
                needed: 4_000_000,
                ..
            }
        ),
        "{error}"
    );
    // Whatever the format, no less than its RGB pixels.
    for name in [
        "rgb.jpg",
        "palette.png",
        "lossy.webp",
        "animated.webp",
        "rgb.bmp",
        "palette.gif",
        "small_frame.gif",
        "rgb.tif",
        "palette.tif",
        "one_bit.tif",
        "jpeg.tif",
    ] {
        let options = DecodeOptions {
            max_bytes: 48 * 32 * 3 - 1,
            ..DecodeOptions::default()
        };
        let error = decode_bytes(&fixture(name), name, &options).unwrap_err();
        let PhotoError::TooLarge { needed, limit, .. } = error else {
            panic!("{name}: {error}")
        };
        assert!(needed > limit && needed < 48 * 32 * 20, "{name}: {needed}");
    }
}

/// The start of a PNG file with this size, colour type and depth.
fn png_header(width: u32, height: u32, depth: u8, colour: u8) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([depth, colour, 0, 0, 0]);
    let checksum = !chunk.iter().fold(!0u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ (0xEDB8_8320 * (sum & 1))
        })
    });
    let mut file = b"\x89PNG\r\n\x1A\n\0\0\0\x0D".to_vec();
    file.extend(chunk);
    file.extend(checksum.to_be_bytes());
    file.extend(b"\0\0\0\x02IDAT\x78\x01");
    file
}

#[test]
fn photographs_of_fifty_megapixels_are_no_bombs() {
    // Their pixels are missing, which is found only after they were found small enough.
    for (width, height) in [(8_660, 5_774), (5_774, 8_660)] {
        for (depth, colour) in [(8, 0), (8, 2), (16, 2), (16, 6)] {
            let error = decode_all(&png_header(width, height, depth, colour)).unwrap_err();
            assert!(matches!(error, PhotoError::Damaged { .. }), "{error}");
        }
        for (name, marker) in [("rgb.jpg", 0xC0), ("progressive.jpg", 0xC2)] {
            let mut jpeg = fixture(name);
            let frame = jpeg.windows(2).position(|pair| pair == [0xFF, marker]);
            let size = [(height as u16).to_be_bytes(), (width as u16).to_be_bytes()].concat();
            let frame = frame.unwrap();
            jpeg[frame + 5..frame + 9].copy_from_slice(&size);
            let error = decode_all(&jpeg)
                .map(|_| "read as far as it goes")
                .map_err(|error| {
                    assert!(matches!(error, PhotoError::Damaged { .. }), "{error}");
                });
            // Padded or refused, but not for its size.
            let _ = error;
        }
    }
    // Of grey pixels, which take more than they seem.
    let error = message(&png_header(22_000, 22_000, 8, 0));
    assert!(
        error.contains("needs 1936000000 bytes to decode"),
        "{error}"
    );
}

#[test]
fn files_of_the_new_formats_that_are_cut_off_are_errors() {
    for name in [
        "lossy.webp",
        "lossless.webp",
        "rgb.bmp",
        "palette.bmp",
        "palette.gif",
        "interlaced.gif",
        "rgb.tif",
        "lzw.tif",
        "jpeg.tif",
    ] {
        let whole = fixture(name);
        for length in (20..whole.len() * 9 / 10).step_by(13) {
            let error = decode_all(&whole[..length]).map(|_| ()).unwrap_err();
            assert!(
                matches!(
                    error,
                    PhotoError::Damaged { .. } | PhotoError::Unsupported { .. }
                ),
                "{name} cut to {length} bytes: {error}"
            );
        }
    }
}

#[test]
fn paths_without_a_file_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.jpg");
    let error = decode(&missing, &DecodeOptions::default())
        .unwrap_err()
        .to_string();
    assert_eq!(error, format!("there is nothing at {}", missing.display()));
    let error = decode(folder.path(), &DecodeOptions::default())
        .unwrap_err()
        .to_string();
    assert_eq!(error, format!("{} is not a file", folder.path().display()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever happens to a file, it is an image or an error that names it; never a panic.
    #[test]
    fn spoilt_files_do_not_panic(
        name in prop::sample::select(vec![
            "rgb.jpg", "progressive.jpg", "restarts.jpg", "ycck.jpg", "orientation_5.jpg",
            "odd_progressive.jpg", "odd_inks.jpg", "halved_columns.jpg", "grey.jpg",
            "palette.png", "palette_transparent.png", "one_bit.png", "orientation_6.png",
            "lossy.webp", "alpha.webp", "lossless_alpha.webp", "animated.webp", "rgb.bmp",
            "six_bits.bmp", "runs.bmp", "palette.bmp", "palette.gif", "interlaced.gif",
            "small_frame.gif", "rgb.tif", "lzw.tif", "jpeg.tif", "palette_lzw.tif", "fax.tif",
            "cmyk.tif", "deep.tif", "big.tif",
        ]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = fixture(name);
        for (index, value) in edits {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        // A few bytes may claim a picture of hundreds of megabytes.
        let options = DecodeOptions { max_bytes: 1 << 20, ..DecodeOptions::default() };
        if let Err(error) = decode_bytes(&bytes, name, &options) {
            prop_assert!(error.to_string().starts_with(name), "{error}");
        }
    }
}
