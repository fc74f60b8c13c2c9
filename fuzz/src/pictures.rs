//! Pictures of every format that is read.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat, RgbImage};
use scarlet::arch::Preprocessing;
use scarlet_photo::{DecodeOptions, decode, eval_image};

use crate::Target;

/// Small, so that damage often lands where it matters.
const WIDTH: u32 = 23;
const HEIGHT: u32 = 17;

pub(crate) fn target() -> Target {
    let colour = DynamicImage::from(RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        image::Rgb([(11 * x) as u8, (15 * y) as u8, (x * y) as u8])
    }));
    let kinds = [
        colour.clone(),
        colour.to_rgba8().into(),
        colour.to_luma8().into(),
        colour.to_rgb16().into(),
        colour.to_luma_alpha8().into(),
    ];
    let formats = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Bmp,
        ImageFormat::Gif,
        ImageFormat::Tiff,
    ];
    let mut seeds = Vec::new();
    for format in formats {
        // Not every format has every kind of pixel.
        let written = kinds.iter().filter_map(|image| {
            let mut bytes = Cursor::new(Vec::new());
            image.write_to(&mut bytes, format).ok()?;
            Some(bytes.into_inner())
        });
        let before = seeds.len();
        seeds.extend(written);
        assert!(seeds.len() > before, "{format:?}");
    }
    Target {
        seeds,
        wrap: |bytes, _| bytes,
        feed,
    }
}

fn feed(path: &Path) -> bool {
    let options = DecodeOptions {
        max_bytes: 64 << 20,
        ..DecodeOptions::default()
    };
    match decode(path, &options) {
        Ok(image) => {
            let again = decode(path, &options).expect("it was read before");
            assert!(image == again, "read twice, it is two pictures");
            let seen = eval_image(&image, &Preprocessing::IMAGENET);
            if let Err(error) = seen {
                drop(error.to_string());
            }
            true
        }
        Err(error) => {
            drop(error.to_string());
            false
        }
    }
}
