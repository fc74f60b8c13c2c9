//! [`Rounding`]: which integers stand for the values and weights of a network.

use scarlet_kernels::{RoundedRow, ValueRange};

use super::{Conv, Form};

/// How every value of a network is rounded to eight bits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rounding {
    pub(crate) values: Vec<Range>,
    /// For each value the mean of every channel.
    pub(crate) means: Vec<Vec<f32>>,
}

impl Rounding {
    /// The step of a value, and the means of its channels.
    pub(crate) fn of(&self, value: usize) -> (f32, &[f32]) {
        (self.values[value].step, &self.means[value])
    }
}

/// What the bytes of a value stand for: `(byte - zero) · step`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    pub(crate) step: f32,
    pub(crate) zero: u8,
}

impl From<ValueRange> for Range {
    fn from(range: ValueRange) -> Self {
        Self {
            step: range.step(),
            zero: range.zero(),
        }
    }
}

/// How a runtime adds products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sums {
    /// In 32 bits.
    Exact,
    /// On some processors pairs in 16 bits, as our own kernels do.
    Pairs,
}

/// A convolution's weights and biases in integers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoundedConv {
    /// In the order of the floats.
    pub(crate) weight: Vec<i8>,
    /// What one unit of each output channel's weights stands for.
    pub(crate) weight_steps: Vec<f32>,
    pub(crate) bias: Vec<i32>,
    /// What one unit of each bias stands for: the step of the input times that of the weights.
    pub(crate) bias_steps: Vec<f32>,
}

/// The least step of weights: so small that nothing is lost, and not so small that a product with
/// another step is no number any more.
const LEAST_STEP: f32 = 1e-20;

/// The largest bias, which leaves as much room again for the sum that it is added to.
const LARGEST_BIAS: f32 = (1 << 30) as f32;

impl Conv {
    /// The weights of each output channel, to the nearest multiple of a step of their own, and the
    /// biases to the nearest multiple of that times the input's step; halves away from zero.
    ///
    /// The step is that of our own kernels: the largest weight becomes 127, or of a convolution
    /// that adds products of pairs in 16 bits the largest sum of a pair.
    ///
    /// What that loses on average, for inputs of these means, the bias makes up for, as our own kernels
    /// do too; those of squeeze-excite do not. In the convolution of the image, where our kernels keep
    /// floats, neighbouring pixels are much alike, so that what counts of a kernel's errors is their sum:
    /// some weights are rounded the other way, such that the kernel's sum is right to half a step.
    pub(crate) fn rounded(&self, (input_step, means): (f32, &[f32]), sums: Sums) -> RoundedConv {
        let depth = (self.weight.len() / self.output.max(1)).max(1);
        let mut rounded = RoundedConv {
            weight: Vec::with_capacity(self.weight.len()),
            weight_steps: Vec::with_capacity(self.output),
            bias: Vec::with_capacity(self.output),
            bias_steps: Vec::with_capacity(self.output),
        };
        let rows = self.weight.chunks_exact(depth).zip(&self.bias);
        for (channel, (weights, &bias)) in rows.enumerate() {
            // Coarser where the bias would leave its range: such weights are next to nothing.
            let least = (bias.abs() / LARGEST_BIAS / input_step).max(LEAST_STEP);
            let mut row = match (self.form, sums) {
                (Form::Dense, Sums::Pairs) => {
                    // Room for what the sums of kernels ask for.
                    let limit = 1.03 * self.largest_pair(weights);
                    RoundedRow::new(weights, least.max(limit / f32::from(i8::MAX)))
                }
                (Form::Depthwise, _) => RoundedRow::of_kernels(weights, weights.len(), least),
                (Form::Dense, _) => RoundedRow::new(weights, least),
                (Form::Pointwise, _) | (_, Sums::Pairs) => RoundedRow::in_pairs(weights, least),
                (_, Sums::Exact) => RoundedRow::new(weights, least),
            };
            if self.form == Form::Dense {
                self.keep_sums(weights, &mut row);
            }
            let step = row.scale * input_step;
            let bias = match self.form {
                Form::Excite => bias,
                Form::Pointwise | Form::Linear => {
                    (f64::from(bias) + row.lost(weights, means)) as f32
                }
                Form::Dense | Form::Depthwise => bias + self.lost(channel, weights, &row, means),
            };
            rounded.weight.extend(row.bytes);
            rounded.weight_steps.push(row.scale);
            rounded.bias.push((bias / step).round() as i32);
            rounded.bias_steps.push(step);
        }
        rounded
    }
    /// Rounds some weights of each kernel the other way, those that lose the least by it, so that the
    /// kernel's sum is the nearest to what it was.
    fn keep_sums(&self, weights: &[f32], row: &mut RoundedRow) {
        let places = self.kernel * self.kernel;
        let kernels = weights.chunks(places).zip(row.bytes.chunks_mut(places));
        for (weights, bytes) in kernels {
            let pairs = weights.iter().zip(bytes.iter());
            let lost: Vec<f32> = pairs
                .map(|(weight, byte)| weight / row.scale - f32::from(*byte))
                .collect();
            let total = lost.iter().sum::<f32>().round();
            let mut order: Vec<usize> = (0..lost.len()).collect();
            // The largest of the sign that is missing first.
            order.sort_by(|&a, &b| (lost[b] * total).total_cmp(&(lost[a] * total)));
            for place in order.into_iter().take(total.abs() as usize) {
                let moved = i16::from(bytes[place]) + if total > 0.0 { 1 } else { -1 };
                let moved = moved.clamp(-i16::from(i8::MAX), i16::from(i8::MAX));
                bytes[place] = i8::try_from(moved).unwrap_or(bytes[place]);
            }
        }
    }

    /// The largest of the weights of an output channel and of the sums of pairs, in whichever order
    /// a runtime has them: channel by channel, or place by place.
    fn largest_pair(&self, weights: &[f32]) -> f32 {
        let places = self.kernel * self.kernel;
        let by_place = (0..places).flat_map(|place| weights.iter().skip(place).step_by(places));
        let by_place: Vec<f32> = by_place.copied().collect();
        let pairs = weights.chunks(2).chain(by_place.chunks(2));
        let sums = pairs.map(|pair| pair.iter().sum::<f32>().abs());
        let largest = weights.iter().map(|weight| weight.abs());
        sums.chain(largest).fold(0.0, f32::max)
    }

    /// What an output channel has less than with the weights before they were rounded, on average.
    fn lost(&self, channel: usize, weights: &[f32], row: &RoundedRow, means: &[f32]) -> f32 {
        let places = self.kernel * self.kernel;
        let first = if self.form == Form::Depthwise {
            channel
        } else {
            0
        };
        let kernels = weights.chunks(places).zip(row.bytes.chunks(places));
        let lost = kernels.zip(means.iter().skip(first));
        let lost = lost.map(|((weights, bytes), mean)| {
            let pairs = weights.iter().zip(bytes);
            let lost: f32 = pairs
                .map(|(weight, byte)| weight - f32::from(*byte) * row.scale)
                .sum();
            lost * mean
        });
        lost.sum()
    }
}

#[cfg(test)]
mod tests {
    use scarlet_kernels::Padding;

    use super::*;
    use crate::elementary::Clamp;

    fn depthwise(weight: Vec<f32>, bias: Vec<f32>) -> Conv {
        Conv {
            input: bias.len(),
            output: bias.len(),
            kernel: 3,
            stride: 1,
            padding: Padding::all(1),
            form: Form::Depthwise,
            weight,
            bias,
            clamp: Clamp::None,
        }
    }

    #[test]
    fn sums_of_kernels_are_kept_and_biases_make_up_for_the_rest() {
        let weight: Vec<f32> = (0..18)
            .map(|it| (it as f32 * 1.7).sin() * 0.8 + 0.3)
            .collect();
        let conv = depthwise(weight.clone(), vec![0.5, -0.25]);
        let (step, means) = (0.02, [1.5, 40.0]);
        let rounded = conv.rounded((step, &means), Sums::Exact);
        for channel in 0..2 {
            let scale = rounded.weight_steps[channel];
            let bytes = &rounded.weight[9 * channel..][..9];
            let floats = &weight[9 * channel..][..9];
            for (byte, float) in bytes.iter().zip(floats) {
                assert!((f32::from(*byte) * scale - float).abs() <= 1.01 * scale);
            }
            let sum: f32 = bytes.iter().map(|it| f32::from(*it) * scale).sum();
            let lost = floats.iter().sum::<f32>() - sum;
            assert!(lost.abs() <= scale, "{lost} {scale}");
            let bias = rounded.bias[channel] as f32 * rounded.bias_steps[channel];
            let expected = conv.bias[channel] + lost * means[channel];
            assert!(
                (bias - expected).abs() <= rounded.bias_steps[channel],
                "{bias} {expected}"
            );
        }
    }

    #[test]
    fn a_large_bias_makes_the_step_coarser() {
        let conv = depthwise(vec![1e-12; 9], vec![1000.0]);
        let rounded = conv.rounded((0.01, &[1.0]), Sums::Exact);
        let bias = rounded.bias[0] as f32 * rounded.bias_steps[0];
        assert!((bias - 1000.0).abs() < 0.01, "{bias}");
        // Nothing at all.
        let conv = depthwise(vec![0.0; 9], vec![0.0]);
        let rounded = conv.rounded((0.01, &[1.0]), Sums::Exact);
        assert_eq!((rounded.weight, rounded.bias), (vec![0; 9], vec![0]));
        assert!(rounded.bias_steps[0].is_normal());
    }

    #[test]
    fn pairs_of_any_order_fit_into_sixteen_bits() {
        let weight: Vec<f32> = (0..2 * 27).map(|it| (it as f32 * 0.9).sin()).collect();
        let conv = Conv {
            input: 3,
            output: 2,
            form: Form::Dense,
            ..depthwise(weight, vec![0.0; 2])
        };
        let rounded = conv.rounded((0.1, &[0.0; 3]), Sums::Pairs);
        for row in rounded.weight.chunks(27) {
            let by_place = (0..9).flat_map(|place| row.iter().skip(place).step_by(9));
            let by_place: Vec<i8> = by_place.copied().collect();
            for pair in row.chunks(2).chain(by_place.chunks(2)) {
                let sum: i32 = pair.iter().map(|it| 255 * i32::from(*it)).sum();
                assert!(i16::try_from(sum).is_ok(), "{pair:?}");
            }
        }
    }
}
