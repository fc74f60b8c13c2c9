//! Random erasing (Zhong et al., arXiv 1708.04896), with torchvision's ranges.

use crate::Random;

/// Smallest and largest share of the image that is erased.
const SHARE: [f64; 2] = [0.02, 0.33];
/// Ratios of the rectangle's height to its width.
const RATIO: [f64; 2] = [0.3, 3.3];
/// Tries before the image is left as it is.
const TRIES: usize = 10;

/// Sets a rectangle of planes `[channels, height, width]` to 0.
pub(super) fn erase(planes: &mut [f32], [height, width]: [usize; 2], random: &mut Random) {
    let Some((top, left, rows, columns)) = draw(height, width, random) else {
        return;
    };
    for plane in planes.chunks_exact_mut(height * width) {
        for row in plane.chunks_exact_mut(width).skip(top).take(rows) {
            row[left..left + columns].fill(0.0);
        }
    }
}

/// Top, left, height and width.
fn draw(height: usize, width: usize, random: &mut Random) -> Option<(usize, usize, usize, usize)> {
    let area = (height * width) as f64;
    for _ in 0..TRIES {
        let area = area * random.between(SHARE[0], SHARE[1]);
        let ratio = random.between(RATIO[0].ln(), RATIO[1].ln()).exp();
        let rows = (area * ratio).sqrt().round_ties_even() as usize;
        let columns = (area / ratio).sqrt().round_ties_even() as usize;
        if rows < height && columns < width {
            let top = random.below(height - rows + 1);
            let left = random.below(width - columns + 1);
            return Some((top, left, rows, columns));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Augment;

    #[test]
    fn erasing_hits_its_share_in_all_channels() {
        let augment = Augment {
            erase: 0.5,
            ..Augment::default()
        };
        let (mut hit, mut erased) = (0, 0);
        for counter in 0..2_000 {
            let mut planes = [9.0; 3 * 28 * 28];
            augment.erase(&mut planes, [28, 28], &mut Random::new(1, 0u64, counter));
            let zeros = |plane: &[f32]| plane.iter().filter(|&&value| value == 0.0).count();
            let counts: Vec<usize> = planes.chunks(784).map(zeros).collect();
            assert!(counts.iter().all(|&count| count == counts[0]));
            hit += usize::from(counts[0] > 0);
            erased += counts[0];
            assert!(counts[0] as f64 <= 0.37 * 784.0);
        }
        assert!((900..1100).contains(&hit), "{hit}");
        // A little less than the middle of the range: tall and wide rectangles fit less often.
        let share = erased as f64 / (hit * 784) as f64;
        assert!((0.14..0.18).contains(&share), "{share}");
    }

    #[test]
    fn a_single_pixel_cannot_be_erased() {
        let augment = Augment {
            erase: 1.0,
            ..Augment::default()
        };
        let mut planes = [5.0];
        augment.erase(&mut planes, [1, 1], &mut Random::new(1, 0u64, 0));
        // Rounded to no pixel at all, or to the whole image, which is not erased.
        assert_eq!(planes, [5.0]);
    }
}
