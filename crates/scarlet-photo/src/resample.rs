//! Pillow's antialiased resizing, to the bit.
//!
//! Networks are trained on photographs that Pillow resized, and a fraction of a level moves
//! logits, so the arithmetic is Pillow's: weights in fixed point with 22 bits, rows first, each
//! pass rounded to u8. No library computes this exactly.

use std::ops::Range;

use image::RgbImage;
use scarlet_arch::ResizeFilter;

/// Fraction bits of a weight: 32 bits less 8 of the pixel, and 2 for sums above 1.
const PRECISION: u32 = 32 - 8 - 2;

const CHANNELS: usize = 3;

/// What one output pixel reads along one axis.
struct Window {
    start: usize,
    weights: Vec<i32>,
}

/// Resizes `image`, which has pixels, to `size` (width and height) and returns the part of the result in
/// `columns` and `rows`, the only one that is computed.
///
/// # Panics
///
/// May panic for an empty image, or a part that is not within `size`.
pub fn resize_crop(
    image: &RgbImage,
    size: (u64, u64),
    columns: Range<u64>,
    rows: Range<u64>,
    filter: ResizeFilter,
) -> RgbImage {
    let (width, height) = image.dimensions();
    let across = windows(width, size.0, columns, filter);
    let down = windows(height, size.1, rows, filter);

    // Rows of the image that the second pass reads.
    let first = down.iter().map(|window| window.start).min().unwrap_or(0);
    let end = down
        .iter()
        .map(|window| window.start + window.weights.len())
        .max()
        .unwrap_or(0);
    let stride = width as usize * CHANNELS;
    let source = &image.as_raw()[first * stride..end * stride];

    let narrow_stride = across.len() * CHANNELS;
    let mut narrow = vec![0; (end - first) * narrow_stride];
    for (row, out) in source
        .chunks_exact(stride)
        .zip(narrow.chunks_exact_mut(narrow_stride))
    {
        for (window, pixel) in across.iter().zip(out.chunks_exact_mut(CHANNELS)) {
            let start = window.start * CHANNELS;
            let mut sums = [HALF; CHANNELS];
            for (source, &weight) in row[start..].chunks_exact(CHANNELS).zip(&window.weights) {
                for (sum, &value) in sums.iter_mut().zip(source) {
                    *sum += i32::from(value) * weight;
                }
            }
            for (value, sum) in pixel.iter_mut().zip(sums) {
                *value = to_level(sum);
            }
        }
    }

    let mut result = Vec::with_capacity(down.len() * narrow_stride);
    let mut sums = vec![HALF; narrow_stride];
    for window in &down {
        sums.fill(HALF);
        let start = (window.start - first) * narrow_stride;
        for (row, &weight) in narrow[start..]
            .chunks_exact(narrow_stride)
            .zip(&window.weights)
        {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        result.extend(sums.iter().map(|&sum| to_level(sum)));
    }
    RgbImage::from_raw(across.len() as u32, down.len() as u32, result).unwrap_or_default()
}

/// A half in fixed point, so that cutting the fraction off rounds.
const HALF: i32 = 1 << (PRECISION - 1);

fn to_level(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// What each of `target` pixels is made of when `source` pixels along one axis are resized by
/// `filter`, as networks' photographs are: rows of weights that sum to 1, `[target, source]`.
pub fn resize_weights(source: usize, target: usize, filter: ResizeFilter) -> Vec<f32> {
    let mut weights = vec![0.0; target * source];
    let windows = windows(source as u32, target as u64, 0..target as u64, filter);
    for (row, window) in weights.chunks_exact_mut(source.max(1)).zip(windows) {
        for (weight, &fixed) in row[window.start..].iter_mut().zip(&window.weights) {
            *weight = fixed as f32 / (1 << PRECISION) as f32;
        }
    }
    weights
}

/// The windows of the outputs in `range` when `source` pixels become `target`.
fn windows(source: u32, target: u64, range: Range<u64>, filter: ResizeFilter) -> Vec<Window> {
    let (kernel, radius): (fn(f64) -> f64, f64) = match filter {
        ResizeFilter::Bilinear => (triangle, 1.0),
        ResizeFilter::Bicubic => (catmull_rom, 2.0),
    };
    let scale = f64::from(source) / target as f64;
    // Shrinking widens the filter over all pixels that an output covers: antialiasing.
    let stretch = scale.max(1.0);
    let support = radius * stretch;
    range
        .map(|out| {
            let centre = (out as f64 + 0.5) * scale;
            let start = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(source as usize);
            let weights: Vec<f64> = (start..end)
                .map(|pixel| kernel((pixel as f64 - centre + 0.5) / stretch))
                .collect();
            let total: f64 = weights.iter().sum();
            let fixed = f64::from(1 << PRECISION);
            let weights = weights
                .into_iter()
                .map(|weight| (weight / total * fixed).round() as i32)
                .collect();
            Window { start, weights }
        })
        .collect()
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

/// Keys' cubic convolution with a = −0.5.
fn catmull_rom(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every window lies within the image and its weights sum to one, but for rounding.
    #[test]
    fn windows_stay_within_the_image() {
        for filter in [ResizeFilter::Bilinear, ResizeFilter::Bicubic] {
            for source in [1, 2, 3, 7, 224, 500, 1_999] {
                for target in [1, 2, 64, 224, 257] {
                    for window in windows(source, target, 0..target, filter) {
                        let count = window.weights.len();
                        assert!(count > 0 && window.start + count <= source as usize);
                        let sum: i32 = window.weights.iter().sum();
                        assert!((sum - (1 << PRECISION)).unsigned_abs() as usize <= count);
                    }
                }
            }
        }
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let image = RgbImage::from_fn(9, 5, |x, y| image::Rgb([x as u8, y as u8, 200]));
        for filter in [ResizeFilter::Bilinear, ResizeFilter::Bicubic] {
            let same = resize_crop(&image, (9, 5), 0..9, 0..5, filter);
            assert_eq!(same, image);
        }
    }

    #[test]
    fn a_crop_is_a_part_of_the_whole() {
        let image = RgbImage::from_fn(31, 17, |x, y| {
            image::Rgb([(x * 8) as u8, (y * 15) as u8, (x * y) as u8])
        });
        let filter = ResizeFilter::Bicubic;
        let whole = resize_crop(&image, (20, 11), 0..20, 0..11, filter);
        let part = resize_crop(&image, (20, 11), 4..15, 3..9, filter);
        let expected = image::imageops::crop_imm(&whole, 4, 3, 11, 6).to_image();
        assert_eq!(part, expected);
    }
}
