//! [`Augment`]: random changes to training images.

use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::error::require;
use crate::random::Stream;

/// Random changes to training images, for small ones such as CIFAR's; everything is off by
/// default. What an image becomes depends on the seed of the run, the number of the mini-batch
/// and the image's place in it, and on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Shift by up to this many pixels in each direction; black comes in at the border. The same
    /// as to pad by so many pixels and to crop at random.
    pub shift: usize,
    /// Mirror left to right, every second time.
    pub flip: bool,
    /// Probability of erasing a rectangle of 2 % to 33 % of the image (random erasing, Zhong et
    /// al., arXiv 1708.04896), here to the value that normalisation makes 0.
    pub erase: f64,
}

/// Share of the image that is erased, and aspect ratios of the rectangle: Zhong et al.'s.
const ERASED: (f64, f64) = (0.02, 0.33);
const ASPECT: f64 = 0.3;

impl Augment {
    pub(crate) fn validate(&self) -> Result<(), TrainError> {
        require(
            (0.0..=1.0).contains(&self.erase),
            "augment.erase",
            self.erase,
            "a probability, from 0 to 1",
        )
    }

    /// What is to be done to one image of `height` × `width` pixels.
    pub(crate) fn draw(&self, height: usize, width: usize, stream: &mut Stream) -> Change {
        let offset = |stream: &mut Stream| match self.shift {
            0 => 0,
            shift => stream.below(2 * shift + 1) as isize - shift as isize,
        };
        Change {
            down: offset(stream),
            right: offset(stream),
            flip: self.flip && stream.chance(0.5),
            erase: match self.erase > 0.0 && stream.chance(self.erase) {
                true => Rectangle::draw(height, width, stream),
                false => Rectangle::default(),
            },
        }
    }
}

/// What is done to one image.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Change {
    down: isize,
    right: isize,
    flip: bool,
    erase: Rectangle,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Rectangle {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

impl Rectangle {
    fn draw(height: usize, width: usize, stream: &mut Stream) -> Self {
        let share = ERASED.0 + (ERASED.1 - ERASED.0) * stream.unit();
        let area = share * (height * width) as f64;
        let aspect = ASPECT + (1.0 - ASPECT) * stream.unit();
        // Either side may be the longer one.
        let aspect = if stream.chance(0.5) {
            aspect
        } else {
            1.0 / aspect
        };
        let rows = ((area * aspect).sqrt().round() as usize).clamp(1, height);
        let columns = ((area / aspect).sqrt().round() as usize).clamp(1, width);
        Self {
            top: stream.below(height - rows + 1),
            left: stream.below(width - columns + 1),
            height: rows,
            width: columns,
        }
    }

    fn contains(&self, y: usize, x: usize) -> bool {
        (self.top..self.top + self.height).contains(&y)
            && (self.left..self.left + self.width).contains(&x)
    }
}

impl Change {
    /// Appends one changed channel of `width` pixels a row; `value` turns a pixel into a network
    /// input.
    pub(crate) fn apply(
        &self,
        plane: &[u8],
        width: usize,
        value: &[f32; 256],
        output: &mut Vec<f32>,
    ) {
        let height = plane.len() / width;
        for y in 0..height {
            for x in 0..width {
                if self.erase.contains(y, x) {
                    output.push(0.0);
                    continue;
                }
                let mirrored = if self.flip { width - 1 - x } else { x };
                let row = y.checked_add_signed(-self.down).filter(|&row| row < height);
                let column = mirrored
                    .checked_add_signed(-self.right)
                    .filter(|&column| column < width);
                let pixel = match (row, column) {
                    (Some(row), Some(column)) => plane[row * width + column],
                    _ => 0,
                };
                output.push(value[usize::from(pixel)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    fn identity() -> [f32; 256] {
        std::array::from_fn(|pixel| pixel as f32)
    }

    fn applied(change: Change, plane: &[u8], width: usize) -> Vec<f32> {
        let mut output = Vec::new();
        change.apply(plane, width, &identity(), &mut output);
        output
    }

    #[test]
    fn images_shift_and_flip() {
        let plane = [1, 2, 3, 4, 5, 6];
        let none = Change::default();
        assert_eq!(applied(none, &plane, 3), [1., 2., 3., 4., 5., 6.]);
        let flip = Change { flip: true, ..none };
        assert_eq!(applied(flip, &plane, 3), [3., 2., 1., 6., 5., 4.]);
        let shift = Change {
            down: 1,
            right: -1,
            ..none
        };
        assert_eq!(applied(shift, &plane, 3), [0., 0., 0., 2., 3., 0.]);
        let far = Change { down: -9, ..none };
        assert_eq!(applied(far, &plane, 3), [0.; 6]);
    }

    #[test]
    fn erasing_hits_its_share() {
        let erase = Augment {
            erase: 0.5,
            ..Augment::default()
        };
        let plane = [9; 28 * 28];
        let (mut hit, mut erased) = (0, 0);
        for counter in 0..2_000 {
            let mut stream = Stream::new(1, Purpose::Augment, counter);
            let output = applied(erase.draw(28, 28, &mut stream), &plane, 28);
            let zeros = output.iter().filter(|&&value| value == 0.0).count();
            hit += usize::from(zeros > 0);
            erased += zeros;
            assert!(zeros as f64 <= 0.40 * 784.0);
        }
        assert!((900..1100).contains(&hit), "{hit}");
        let share = erased as f64 / (hit * 784) as f64;
        assert!((share - 0.175).abs() < 0.02, "{share}");
    }

    #[test]
    fn one_pixel_images_survive() {
        let all = Augment {
            shift: 2,
            flip: true,
            erase: 1.0,
        };
        all.validate().unwrap();
        for counter in 0..50 {
            let mut stream = Stream::new(1, Purpose::Augment, counter);
            assert_eq!(applied(all.draw(1, 1, &mut stream), &[7], 1).len(), 1);
        }
        let message = Augment {
            erase: f64::NAN,
            ..all
        }
        .validate()
        .unwrap_err();
        assert!(message.to_string().contains("`augment.erase` is NaN"));
    }
}
