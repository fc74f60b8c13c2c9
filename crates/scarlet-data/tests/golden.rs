//! The photographs of `examples/photos`, decoded and transformed, against what torchvision made of
//! them with Pillow.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use safetensors::SafeTensors;
use scarlet_arch::{Preprocessing, ResizeFilter};
use scarlet_data::{DecodeOptions, decode, eval_image};

/// Largest and mean absolute difference, in levels of 0 to 255.
fn difference(file: &str) -> (u8, f64) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = std::fs::read(root.join("tests/golden/preprocess.safetensors")).unwrap();
    let golden = SafeTensors::deserialize(&golden).unwrap();
    let expected = golden.tensor(&format!("eval224.{file}")).unwrap();
    assert_eq!(expected.shape(), [224, 224, 3]);

    let path = root.join("../../examples/photos").join(file);
    let image = decode(path, &DecodeOptions::default()).unwrap();
    let image = eval_image(&image, &Preprocessing::IMAGENET).unwrap();
    assert_eq!(image.dimensions(), (224, 224));
    let differences: Vec<u8> = image
        .as_raw()
        .iter()
        .zip(expected.data())
        .map(|(a, b)| a.abs_diff(*b))
        .collect();
    let mean = differences.iter().map(|&d| f64::from(d)).sum::<f64>() / differences.len() as f64;
    (differences.into_iter().max().unwrap(), mean)
}

#[test]
fn png_is_equal_to_torchvision() {
    for file in ["chelsea.png", "coffee.png"] {
        let (largest, mean) = difference(file);
        println!("{file}: largest {largest}, mean {mean:.4}");
        assert!(largest == 0, "{file}: largest {largest}, mean {mean}");
    }
}

#[test]
fn jpeg_is_within_four_levels_of_torchvision_and_half_a_level_on_average() {
    for file in ["china.jpg", "flower.jpg", "rocket.jpg"] {
        let (largest, mean) = difference(file);
        println!("{file}: largest {largest}, mean {mean:.4}");
        assert!(
            largest <= 4 && mean <= 0.5,
            "{file}: largest {largest}, mean {mean}"
        );
    }
}

/// `golden/bicubic64.chelsea.png` is Pillow's: `Resize(256, BICUBIC)`, `CenterCrop(64)`.
#[test]
fn bicubic_is_equal_to_pillow() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let options = DecodeOptions::default();
    let photograph = decode(root.join("../../examples/photos/chelsea.png"), &options).unwrap();
    let expected = decode(root.join("tests/golden/bicubic64.chelsea.png"), &options).unwrap();
    let preprocessing = Preprocessing {
        resolution: 64,
        crop_ratio: 0.25,
        filter: ResizeFilter::Bicubic,
        ..Preprocessing::IMAGENET
    };
    assert_eq!(eval_image(&photograph, &preprocessing).unwrap(), expected);
}
