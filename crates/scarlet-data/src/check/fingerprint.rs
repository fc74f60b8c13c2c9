//! [`Fingerprint`]: perceptual hashes of a picture and of its crops.

use image::{GrayImage, RgbImage, imageops};
use image_hasher::{FilterType, HashAlg, Hasher, HasherConfig};

use crate::{grey_level, resize};

/// Side of the square that pictures are shrunk to before they are hashed: crops of a fortieth of it
/// are whole pixels.
const SIDE: u32 = 120;
/// Bits on a side of a hash.
const BITS: u32 = 16;

/// Words of a hash.
pub(super) const WORDS: usize = 4;

/// Parts of a picture that are hashed: the whole first. Left, top, right and bottom, as shares of
/// width and height: what crops of 5 % leave, in the middle and at every side and corner, and one
/// of 5 % at all four sides.
pub(super) const VIEWS: [[f32; 4]; 11] = [
    [0.0, 0.0, 1.0, 1.0],
    [0.025, 0.025, 0.975, 0.975],
    [0.05, 0.05, 0.95, 0.95],
    [0.0, 0.0, 0.95, 0.95],
    [0.05, 0.0, 1.0, 0.95],
    [0.0, 0.05, 0.95, 1.0],
    [0.05, 0.05, 1.0, 1.0],
    [0.0, 0.0, 0.95, 1.0],
    [0.05, 0.0, 1.0, 1.0],
    [0.0, 0.0, 1.0, 0.95],
    [0.0, 0.05, 1.0, 1.0],
];

/// The signs of a picture's lowest frequencies.
pub(super) type Hash = [u64; WORDS];

/// How many bits differ.
pub(super) fn distance(a: &Hash, b: &Hash) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// The hashes of a picture, one for each of the [views](VIEWS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint(pub(super) [Hash; VIEWS.len()]);

/// Makes fingerprints.
pub(super) struct Fingerprinter(Hasher<[u8; 8 * WORDS]>);

impl Fingerprinter {
    pub(super) fn new() -> Self {
        let config = HasherConfig::with_bytes_type::<[u8; 8 * WORDS]>()
            .hash_size(BITS, BITS)
            .hash_alg(HashAlg::Median)
            .preproc_dct()
            .resize_filter(FilterType::Triangle);
        Self(config.to_hasher())
    }

    pub(super) fn of(&self, image: &RgbImage) -> Fingerprint {
        let small = resize(image, SIDE, SIDE);
        let levels = small.pixels().map(|pixel| grey_level(pixel.0)).collect();
        let grey = GrayImage::from_raw(small.width(), small.height(), levels).unwrap_or_default();
        Fingerprint(VIEWS.map(|view| self.view(&grey, view)))
    }

    fn view(&self, grey: &GrayImage, view: [f32; 4]) -> Hash {
        let [left, top, right, bottom] = view.map(|share| (share * SIDE as f32).round() as u32);
        let part = imageops::crop_imm(grey, left, top, right - left, bottom - top).to_image();
        let hash = self.0.hash_image(&part);
        let mut words = Hash::default();
        for (word, bytes) in words.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
            *word = bytes
                .iter()
                .fold(0, |word, &byte| word << 8 | u64::from(byte));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::super::look::tests::scene;
    use super::*;

    #[test]
    fn what_is_left_of_a_crop_is_a_view_of_the_whole() {
        let whole = scene(1, 200, 160);
        let fingerprinter = Fingerprinter::new();
        let views = fingerprinter.of(&whole);
        for (place, view) in VIEWS.into_iter().enumerate() {
            let (width, height) = (200.0, 160.0);
            let [left, top, right, bottom] = [
                view[0] * width,
                view[1] * height,
                view[2] * width,
                view[3] * height,
            ]
            .map(|at| at.round() as u32);
            let crop = imageops::crop_imm(&whole, left, top, right - left, bottom - top);
            let of_crop = fingerprinter.of(&crop.to_image()).0[0];
            let apart = distance(&of_crop, &views.0[place]);
            assert!(apart <= 12, "{view:?}: {apart} bits");
        }
        let other = fingerprinter.of(&scene(2, 200, 160));
        assert!(distance(&other.0[0], &views.0[0]) > 60);
    }

    #[test]
    fn pictures_of_a_single_pixel_have_one_too() {
        let fingerprinter = Fingerprinter::new();
        for (width, height) in [(1, 1), (1, 10_000), (10_000, 1)] {
            fingerprinter.of(&RgbImage::new(width, height));
        }
    }
}
