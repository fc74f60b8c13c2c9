//! Whether two pictures are the same one, by their pixels.

use image::RgbImage;

use crate::resize;

/// Longest sides of what is kept of a picture to compare it.
const KEPT: u32 = 128;
/// Sides of the squares that are compared, in pixels; no more than either picture has.
const COMPARED: usize = 64;
/// And no fewer, though a picture has fewer.
const FEWEST: usize = 8;
/// Squares on a side within which pictures must agree too.
const BLOCKS: usize = 8;
/// Shares of a side by which the edges of a crop are moved to find it, one after the other.
const STEPS: [f32; 3] = [0.025, 0.0125, 0.00625];
/// Least share of a side that a crop has.
const LEAST: f32 = 0.87;

/// Levels, of 255, that channels may differ on average (root mean square).
const LEVELS: f32 = 20.0;
/// And before crops have been aligned.
const UNALIGNED: f32 = 45.0;
/// How far the correlation of brightness may be from 1.
const UNCORRELATED: f32 = 0.03;
/// Differences within any block, in standard deviations of the picture's brightness. Pictures of the
/// same place on which something has moved differ in few blocks, but there by much.
const IN_A_BLOCK: f32 = 0.6;

const CHANNELS: usize = 3;

/// A picture that is kept to be compared: sums of its pixels from the first corner on, so that the
/// mean of any part is at hand.
#[derive(Debug)]
pub(super) struct Comparable {
    width: usize,
    height: usize,
    /// `[height + 1, width + 1, 3]`
    sums: Vec<u32>,
}

impl Comparable {
    pub(super) fn of(image: &RgbImage) -> Self {
        let (width, height) = (image.width().min(KEPT), image.height().min(KEPT));
        let small = resize(image, width, height);
        let (width, height) = (small.width() as usize, small.height() as usize);
        let row = (width + 1) * CHANNELS;
        let mut sums = vec![0_u32; (height + 1) * row];
        for (y, pixels) in small.as_raw().chunks_exact(width * CHANNELS).enumerate() {
            let mut along = [0_u32; CHANNELS];
            for (x, pixel) in pixels.chunks_exact(CHANNELS).enumerate() {
                for channel in 0..CHANNELS {
                    along[channel] += u32::from(pixel[channel]);
                    let place = (y + 1) * row + (x + 1) * CHANNELS + channel;
                    sums[place] = sums[place - row] + along[channel];
                }
            }
        }
        Self {
            width,
            height,
            sums,
        }
    }

    /// A part of the picture (left, top, right and bottom, as shares of its sides) in `side` × `side`
    /// pixels, each the mean of what it covers.
    fn part(&self, [left, top, right, bottom]: [f32; 4], side: usize) -> Vec<f32> {
        let places = |from: f32, to: f32, length: usize| -> Vec<(usize, f32)> {
            let at = |step: usize| {
                let share = from + (to - from) * step as f32 / side as f32;
                let at = (share * length as f32).clamp(0.0, length as f32);
                let whole = (at as usize).min(length - 1);
                (whole, at - whole as f32)
            };
            (0..=side).map(at).collect()
        };
        let across = places(left, right, self.width);
        let down = places(top, bottom, self.height);
        let row = (self.width + 1) * CHANNELS;
        let mut corners = Vec::with_capacity((side + 1) * (side + 1) * CHANNELS);
        for &(y, low) in &down {
            for &(x, far) in &across {
                for channel in 0..CHANNELS {
                    let place = y * row + x * CHANNELS + channel;
                    let sum = |place: usize| self.sums[place] as f32;
                    let upper = sum(place) * (1.0 - far) + sum(place + CHANNELS) * far;
                    let lower = sum(place + row) * (1.0 - far) + sum(place + row + CHANNELS) * far;
                    corners.push(upper * (1.0 - low) + lower * low);
                }
            }
        }
        let area = (right - left) * self.width as f32 * (bottom - top) * self.height as f32
            / (side * side) as f32;
        let line = (side + 1) * CHANNELS;
        let mut pixels = Vec::with_capacity(side * side * CHANNELS);
        for y in 0..side {
            for x in 0..side * CHANNELS {
                let place = y * line + x;
                let sum = corners[place + line + CHANNELS]
                    - corners[place + line]
                    - corners[place + CHANNELS]
                    + corners[place];
                pixels.push(sum / area);
            }
        }
        pixels
    }
}

/// Whether `part` is a view of `whole`, or of one that is cropped a little otherwise.
pub(super) fn is_view(part: &Comparable, whole: &Comparable, view: [f32; 4]) -> bool {
    let sides = [part.width, part.height, whole.width, whole.height];
    let side = sides.into_iter().fold(COMPARED, usize::min).max(FEWEST);
    let seen = part.part([0.0, 0.0, 1.0, 1.0], side);
    let apart = |view: [f32; 4]| {
        let pixels = whole.part(view, side);
        (levels_apart(&pixels, &seen), pixels)
    };
    let (mut view, mut best) = (view, apart(view));
    if best.0 > UNALIGNED {
        return false;
    }
    for step in STEPS {
        // Edge by edge, for as long as that helps.
        loop {
            let before = best.0;
            for edge in 0..4 {
                for moved in [-step, step] {
                    let mut other = view;
                    other[edge] += moved;
                    if !is_crop(other) {
                        continue;
                    }
                    let found = apart(other);
                    if found.0 < best.0 {
                        (view, best) = (other, found);
                    }
                }
            }
            if best.0 >= before {
                break;
            }
        }
    }
    best.0 <= LEVELS && agree(&best.1, &seen, side)
}

fn is_crop([left, top, right, bottom]: [f32; 4]) -> bool {
    let within = |at: f32| (-1e-6..=1.0 + 1e-6).contains(&at);
    [left, top, right, bottom].into_iter().all(within)
        && right - left >= LEAST
        && bottom - top >= LEAST
}

/// Root mean square of the differences.
fn levels_apart(a: &[f32], b: &[f32]) -> f32 {
    let squares: f32 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    (squares / a.len() as f32).sqrt()
}

/// Whether brightness goes up and down alike, in all and in every block.
fn agree(a: &[f32], b: &[f32], side: usize) -> bool {
    let brightness = |pixels: &[f32]| -> Vec<f32> {
        let pixels = pixels.chunks_exact(CHANNELS);
        pixels
            .map(|pixel| pixel.iter().sum::<f32>() / CHANNELS as f32)
            .collect()
    };
    let (a, b) = (brightness(a), brightness(b));
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let (mean_a, mean_b) = (mean(&a), mean(&b));
    let (mut both, mut squares_a, mut squares_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(&b) {
        let (a, b) = (a - mean_a, b - mean_b);
        both += a * b;
        squares_a += a * a;
        squares_b += b * b;
    }
    let correlated = both >= (1.0 - UNCORRELATED) * (squares_a * squares_b).sqrt();
    let deviation = (squares_b / b.len() as f32).sqrt();
    let block = (side / BLOCKS).max(1);
    let differs = |left: usize, top: usize| {
        let rows = top..(top + block).min(side);
        let places = rows.flat_map(|y| (left..(left + block).min(side)).map(move |x| y * side + x));
        let (mut squares, mut count) = (0.0, 0.0);
        for place in places {
            squares += (a[place] - b[place]).powi(2);
            count += 1.0;
        }
        (squares / f32::max(count, 1.0)).sqrt() > IN_A_BLOCK * deviation
    };
    let starts = || (0..side).step_by(block);
    correlated && !starts().any(|top| starts().any(|left| differs(left, top)))
}

#[cfg(test)]
mod tests {
    use image::{Rgb, imageops};

    use super::super::fingerprint::VIEWS;
    use super::super::look::tests::scene;
    use super::*;

    fn same(part: &RgbImage, whole: &RgbImage) -> bool {
        let [part, whole] = [part, whole].map(Comparable::of);
        VIEWS.iter().any(|&view| is_view(&part, &whole, view))
    }

    #[test]
    fn means_of_parts_are_what_they_cover() {
        let image = RgbImage::from_fn(4, 2, |x, y| Rgb([(10 * x + y) as u8, 7, 0]));
        let comparable = Comparable::of(&image);
        let half = comparable.part([0.0, 0.0, 0.5, 1.0], 1);
        assert_eq!(half, [5.5, 7.0, 0.0]);
        // A pixel and a half.
        let more = comparable.part([0.0, 0.0, 0.375, 0.5], 1);
        assert!((more[0] - 10.0 / 3.0).abs() < 1e-4, "{more:?}");
        let all = comparable.part([0.0, 0.0, 1.0, 1.0], 2);
        assert_eq!(all[0], 5.0);
        assert_eq!(all[9], 26.0);
    }

    #[test]
    fn changed_copies_are_the_same() {
        let whole = scene(5, 180, 140);
        assert!(same(&whole, &whole));
        assert!(same(&crate::resize(&whole, 77, 60), &whole));
        assert!(same(&crate::resize(&whole, 400, 300), &whole));
        let crop = imageops::crop_imm(&whole, 4, 6, 171, 133).to_image();
        assert!(same(&crop, &whole));
        let brighter = RgbImage::from_fn(180, 140, |x, y| {
            whole[(x, y)].0.map(|level| level.saturating_add(9)).into()
        });
        assert!(same(&brighter, &whole));
    }

    #[test]
    fn other_pictures_of_the_same_place_are_not() {
        let place = scene(6, 180, 140);
        assert!(!same(&scene(7, 180, 140), &place));
        // Something small has come into the picture.
        let mut visited = place.clone();
        for (x, y, pixel) in visited.enumerate_pixels_mut() {
            if (60..90).contains(&x) && (50..72).contains(&y) {
                *pixel = Rgb(pixel.0.map(|level| 255 - level));
            }
        }
        assert!(!same(&visited, &place));
        // The same shape in another colour.
        let mut dyed = place.clone();
        dyed.pixels_mut().for_each(|pixel| pixel.0.rotate_left(1));
        assert!(!same(&dyed, &place));
    }

    #[test]
    fn pictures_of_few_pixels_are_compared_too() {
        let line = RgbImage::from_fn(1, 10_000, |_, y| Rgb([(y / 40) as u8; 3]));
        assert!(same(&line, &line));
        let pixel = RgbImage::new(1, 1);
        assert!(same(&pixel, &pixel));
        assert!(!same(&pixel, &line));
    }
}
