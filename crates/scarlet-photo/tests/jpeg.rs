//! JPEG files that are damaged, rare or too large, through `decode_bytes`.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use image::RgbImage;
use scarlet_photo::{DecodeOptions, PhotoError, decode_bytes};

fn fixture(name: &str) -> Vec<u8> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read(fixtures.join(name)).unwrap()
}

fn decode_all(bytes: &[u8]) -> Result<RgbImage, PhotoError> {
    decode_bytes(bytes, "the file", &DecodeOptions::default())
}

fn message(bytes: &[u8]) -> String {
    decode_all(bytes).unwrap_err().to_string()
}

/// A JPEG with other bytes from this place of its baseline frame header on: 1 is the marker, 4 the
/// bits of a sample, 5 the height, 7 the width and 11 the first component's sampling.
fn with_frame(name: &str, place: usize, bytes: &[u8]) -> Vec<u8> {
    let mut jpeg = fixture(name);
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]);
    let place = frame.unwrap() + place;
    jpeg[place..place + bytes.len()].copy_from_slice(bytes);
    jpeg
}

#[test]
fn a_jpeg_cut_anywhere_is_an_error() {
    for name in [
        "rgb.jpg",
        "progressive.jpg",
        "restarts.jpg",
        "cmyk.jpg",
        "orientation_6.jpg",
    ] {
        let whole = fixture(name);
        for length in 3..whole.len() {
            let error = decode_all(&whole[..length]).unwrap_err();
            assert!(
                matches!(error, PhotoError::Damaged { .. }),
                "{name} cut to {length} bytes: {error}"
            );
        }
    }
    assert_eq!(
        message(&fixture("rgb.jpg")[..500]),
        "the file is damaged: it ends before the picture does"
    );
}

#[test]
fn corrupt_data_inside_a_jpeg_is_an_error() {
    // A marker that cannot stand inside compressed data.
    let mut jpeg = fixture("rgb.jpg");
    let middle = jpeg.len() - 120;
    jpeg[middle..middle + 2].copy_from_slice(&[0xFF, 0xC1]);
    assert!(
        message(&jpeg).starts_with("the file is damaged: "),
        "{}",
        message(&jpeg)
    );
    assert!(decode_all(&fixture("rgb.jpg")).is_ok());
}

#[test]
fn a_jpeg_without_a_size_is_an_error() {
    for name in ["rgb.jpg", "grey.jpg", "cmyk.jpg"] {
        assert_eq!(
            message(&with_frame(name, 5, &[0, 0])),
            "the file is damaged: it does not say how large the picture is"
        );
    }
}

#[test]
fn rare_kinds_of_jpeg_are_unsupported_not_damaged() {
    for (jpeg, reason) in [
        (
            with_frame("rgb.jpg", 1, &[0xC9]),
            "its coding is arithmetic",
        ),
        (with_frame("rgb.jpg", 1, &[0xC3]), "its coding is lossless"),
        (
            with_frame("rgb.jpg", 1, &[0xC5]),
            "its coding is hierarchical",
        ),
        (
            with_frame("rgb.jpg", 4, &[12]),
            "its samples have 12 bits, not 8",
        ),
        (
            with_frame("rgb.jpg", 14, &[0x41]),
            "its colours are finer than its brightness",
        ),
        (
            with_frame("cmyk.jpg", 11, &[0x22]),
            "its inks differ in resolution",
        ),
    ] {
        let error = decode_all(&jpeg).unwrap_err();
        assert!(matches!(error, PhotoError::Unsupported { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!("the file cannot be decoded: {reason}; save it as a baseline JPEG or a PNG")
        );
    }
}

#[test]
fn a_jpeg_with_more_scans_than_an_encoder_writes_is_refused() {
    let whole = fixture("progressive.jpg");
    let scan = |from: usize| {
        whole[from..]
            .windows(2)
            .position(|pair| pair == [0xFF, 0xDA])
    };
    let first = scan(0).unwrap();
    let length = 2 + scan(first + 2).unwrap();
    let mut jpeg = whole[..first].to_vec();
    for _ in 0..101 {
        jpeg.extend(&whole[first..first + length]);
    }
    jpeg.extend([0xFF, 0xD9]);
    let error = decode_all(&jpeg).unwrap_err();
    assert!(matches!(error, PhotoError::Unsupported { .. }), "{error}");
    assert!(
        error.to_string().contains("101 exceeds limit 100"),
        "{error}"
    );
}

#[test]
fn a_jpeg_that_unfolds_to_more_than_the_limit_is_refused_before_decoding() {
    // 60,000 × 60,000 pixels in a file of 1 kB.
    let jpeg = with_frame("rgb.jpg", 5, &[0xEA, 0x60, 0xEA, 0x60]);
    // Three bytes a pixel of the result, and one and a half of luminance and halved colours.
    assert_eq!(
        message(&jpeg),
        "the file needs 16200000000 bytes to decode, more than the limit of 671088640; raise the \
         limit if the file can be trusted, or make the image smaller"
    );
}
