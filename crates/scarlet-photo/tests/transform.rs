//! The evaluation transform on images of any size.
#![allow(clippy::unwrap_used)]

use image::{Rgb, RgbImage};
use proptest::prelude::*;
use scarlet_arch::{Preprocessing, ResizeFilter};
use scarlet_photo::eval_image;

fn preprocessing(resolution: usize, crop_ratio: f64, filter: ResizeFilter) -> Preprocessing {
    Preprocessing {
        resolution,
        crop_ratio,
        filter,
        ..Preprocessing::IMAGENET
    }
}

fn filters() -> impl Strategy<Value = ResizeFilter> {
    prop_oneof![Just(ResizeFilter::Bilinear), Just(ResizeFilter::Bicubic)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Also: a uniform image stays uniform, whatever is cropped and resized.
    #[test]
    fn any_image_becomes_the_resolution(
        width in 1_u32..=500,
        height in 1_u32..=500,
        resolution in 1_usize..=96,
        crop_ratio in 0.3_f64..=1.0,
        filter in filters(),
        colour in any::<[u8; 3]>(),
    ) {
        let image = RgbImage::from_pixel(width, height, Rgb(colour));
        let out = eval_image(&image, &preprocessing(resolution, crop_ratio, filter)).unwrap();
        prop_assert_eq!(out.dimensions(), (resolution as u32, resolution as u32));
        prop_assert!(out.pixels().all(|pixel| pixel.0 == colour));
    }

    /// The crop is taken from the centre: an image mirrored beforehand comes out mirrored. An odd
    /// remainder cannot be halved, so the resized sides are kept even.
    #[test]
    fn the_transform_commutes_with_mirroring(
        half_width in 32_u32..=120,
        filter in filters(),
        seed in any::<u8>(),
    ) {
        let image = RgbImage::from_fn(2 * half_width, 64, |x, y| {
            Rgb([(x * 7 + y) as u8 ^ seed, (x * x) as u8, (y * 5 + x * 3) as u8])
        });
        let mirrored = image::imageops::flip_horizontal(&image);
        let preprocessing = preprocessing(32, 1.0, filter);
        // The resized width is ⌊32 · width / 64⌋ = half_width.
        prop_assume!(half_width % 2 == 0);
        let out = eval_image(&image, &preprocessing).unwrap();
        let out_mirrored = eval_image(&mirrored, &preprocessing).unwrap();
        let expected = image::imageops::flip_horizontal(&out);
        for (a, b) in out_mirrored.as_raw().iter().zip(expected.as_raw()) {
            prop_assert!(a.abs_diff(*b) <= 1);
        }
    }
}

#[test]
fn an_image_of_the_right_size_is_only_cropped() {
    let image = RgbImage::from_fn(300, 256, |x, y| Rgb([x as u8, y as u8, (x + y) as u8]));
    let out = eval_image(&image, &Preprocessing::IMAGENET).unwrap();
    // torchvision: top 16, left 38.
    for (x, y, pixel) in out.enumerate_pixels() {
        assert_eq!(pixel, image.get_pixel(x + 38, y + 16));
    }
}

#[test]
fn the_filters_differ() {
    let image = RgbImage::from_fn(100, 100, |x, y| {
        Rgb([if (x / 9 + y / 9) % 2 == 0 { 0 } else { 255 }; 3])
    });
    let bilinear = eval_image(&image, &preprocessing(64, 1.0, ResizeFilter::Bilinear)).unwrap();
    let bicubic = eval_image(&image, &preprocessing(64, 1.0, ResizeFilter::Bicubic)).unwrap();
    assert_ne!(bilinear, bicubic);
}

#[test]
fn an_extreme_aspect_ratio_costs_no_more_than_its_crop() {
    // Resized whole, this would be 256 × 16,776,960 pixels, 13 GB.
    let image = RgbImage::from_pixel(1, 65_535, Rgb([1, 2, 3]));
    let out = eval_image(&image, &Preprocessing::IMAGENET).unwrap();
    assert!(out.pixels().all(|pixel| pixel.0 == [1, 2, 3]));
}
