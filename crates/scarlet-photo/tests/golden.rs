//! The photographs of `examples/photos`, decoded and transformed, against what torchvision made of
//! them with Pillow.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use safetensors::SafeTensors;
use scarlet_arch::{Preprocessing, ResizeFilter};
use scarlet_photo::{DecodeOptions, decode, eval_image};

#[test]
fn photographs_are_equal_to_torchvisions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = std::fs::read(root.join("tests/golden/preprocess.safetensors")).unwrap();
    let golden = SafeTensors::deserialize(&golden).unwrap();
    for file in [
        "chelsea.png",
        "coffee.png",
        "china.jpg",
        "flower.jpg",
        "rocket.jpg",
    ] {
        let expected = golden.tensor(&format!("eval224.{file}")).unwrap();
        assert_eq!(expected.shape(), [224, 224, 3]);
        let path = root.join("../../examples/photos").join(file);
        let image = decode(path, &DecodeOptions::default()).unwrap();
        let image = eval_image(&image, &Preprocessing::IMAGENET).unwrap();
        assert_eq!(image.dimensions(), (224, 224));
        let pairs = image.as_raw().iter().zip(expected.data());
        let differing = pairs.filter(|(a, b)| a != b).count();
        assert_eq!(differing, 0, "{file}");
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
