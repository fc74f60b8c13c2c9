//! How large the maps of a network are for an image of any size.

use super::{Graph, Op};
use crate::Padding;

impl Graph {
    /// Height and width of every node's output, for images of `height` and `width` pixels: any from
    /// 1 on, which need not be multiples of the strides. A vector has 1 and 1.
    ///
    /// They are what PyTorch makes of symmetric padding, and TensorFlow of its "same". With an odd
    /// kernel, which all have, both are `ceil(size / stride)` for every convolution.
    pub fn sizes(&self, height: usize, width: usize) -> Vec<[usize; 2]> {
        let mut size = [height, width];
        let nodes = self.nodes.iter();
        nodes
            .map(|node| {
                size = node.op.output_size(size);
                size
            })
            .collect()
    }
}

impl Op {
    /// Height and width of the output for an input of these.
    fn output_size(&self, size: [usize; 2]) -> [usize; 2] {
        match *self {
            Self::Conv {
                kernel,
                stride,
                padding,
                ..
            } => size.map(|side| windows(padding, kernel, stride, side)),
            Self::SqueezeExcite { .. } | Self::Add { .. } => size,
            Self::GlobalMean | Self::Linear { .. } => [1, 1],
        }
    }
}

/// Places of a kernel along one side of a map.
fn windows(padding: Padding, kernel: usize, stride: usize, side: usize) -> usize {
    // A stride of 0 is no convolution's; `check` refuses it.
    let stride = stride.max(1);
    match padding {
        // By its definition, from which the zeros around the map follow.
        Padding::Same => side.div_ceil(stride),
        Padding::Symmetric => {
            let padded = side.saturating_add(2 * (kernel / 2));
            padded
                .checked_sub(kernel)
                .map_or(0, |room| room / stride + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places a kernel on a padded row, one after the other.
    fn placed(zeros: [usize; 2], kernel: usize, stride: usize, side: usize) -> usize {
        let padded = zeros[0] + side + zeros[1];
        let mut count = 0;
        let mut start = 0;
        while start + kernel <= padded {
            count += 1;
            start += stride;
        }
        count
    }

    #[test]
    fn a_kernel_has_as_many_places_as_can_be_counted() {
        for kernel in (1..=31usize).step_by(2) {
            for stride in 1..=3 {
                for side in 1..=70usize {
                    let expected = side.div_ceil(stride);
                    let half = kernel / 2;
                    let found = windows(Padding::Symmetric, kernel, stride, side);
                    assert_eq!(found, placed([half, half], kernel, stride, side));
                    assert_eq!(found, expected);
                    // TensorFlow's rule: as many zeros as the outputs need, the odd one at the end.
                    let found = windows(Padding::Same, kernel, stride, side);
                    let total = ((expected - 1) * stride + kernel).saturating_sub(side);
                    let zeros = [total / 2, total - total / 2];
                    assert_eq!(found, placed(zeros, kernel, stride, side));
                    assert_eq!(found, expected);
                }
            }
        }
    }

    #[test]
    fn no_pixels_stay_none() {
        for padding in [Padding::Symmetric, Padding::Same] {
            assert_eq!(windows(padding, 3, 2, 0), 0);
        }
    }
}
