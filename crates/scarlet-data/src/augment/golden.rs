//! Comparison with Pillow and torchvision: `tests/fixtures/augment/make_augmented.py` made what is
//! expected.

use image::RgbImage;

use super::{Operation, color};
use crate::{DecodeOptions, decode_bytes};

/// Steps of RandAugment's range that were taken, in either direction.
const MAGNITUDES: [f64; 3] = [3.0, 9.0, 30.0];
const HUES: [f64; 4] = [-0.5, -0.13, 0.07, 0.4];

fn fixture(bytes: &[u8]) -> RgbImage {
    decode_bytes(bytes, "fixture", &DecodeOptions::default()).unwrap()
}

#[test]
fn operations_are_pillows_to_the_bit() {
    let image = fixture(include_bytes!("../../tests/fixtures/augment/source.png"));
    let expected = fixture(include_bytes!("../../tests/fixtures/augment/expected.png"));
    let (width, height) = image.dimensions();
    let mut results: Vec<(String, RgbImage)> = Vec::new();
    for magnitude in MAGNITUDES {
        for direction in [1.0, -1.0] {
            for operation in Operation::ALL {
                let strength = direction * magnitude / 30.0;
                let name = format!("{operation:?} {strength}");
                results.push((name, operation.apply(&image, strength)));
            }
        }
    }
    for hue in HUES {
        results.push((format!("hue {hue}"), color::turned_hue(&image, hue)));
    }
    let rows = results.len() as u32;
    assert_eq!(expected.dimensions(), (width, height * rows));
    for (row, (name, result)) in results.into_iter().enumerate() {
        let top = row as u32 * height;
        let expected = image::imageops::crop_imm(&expected, 0, top, width, height).to_image();
        let differing = expected.iter().zip(result.iter()).filter(|(a, b)| a != b);
        assert_eq!(differing.count(), 0, "{name}");
    }
}
