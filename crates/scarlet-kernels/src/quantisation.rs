//! [`Quantisation`]: what of a network is rounded to eight bits.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    activation::Activation,
    error::EngineError,
    network::{Network, Operation},
};

/// Input channels whose products fit into a sum of 32 bits, however large they are.
const LARGEST_DEPTH: usize = 1 << 16;

/// The largest kernel of a depthwise convolution whose sums floats hold exactly: 22² products of at
/// most 255 and 127 are less than 2²⁴.
const LARGEST_KERNEL: usize = 22;

/// The values that 256 evenly spaced numbers stand for; 0 is exactly one of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "(f32, f32)", into = "(f32, f32)")]
pub struct ValueRange {
    low: f32,
    high: f32,
}

impl ValueRange {
    /// From `low` to `high`, extended to 0; `None` if that is empty or not finite.
    pub fn new(low: f32, high: f32) -> Option<Self> {
        if !(low.is_finite() && high.is_finite()) {
            return None;
        }
        // The addition makes one zero of both.
        let (low, high) = (low.min(0.0) + 0.0, high.max(0.0) + 0.0);
        let range = Self { low, high };
        // The reciprocal is finite too.
        (range.step().is_normal() && high < f32::MAX && low > f32::MIN).then_some(range)
    }

    /// The least value that is represented, before its end is moved to make 0 exact.
    pub fn low(self) -> f32 {
        self.low
    }

    /// The largest value that is represented, before its end is moved to make 0 exact.
    pub fn high(self) -> f32 {
        self.high
    }

    /// From one of the 256 values to the next.
    pub fn step(self) -> f32 {
        self.high / 255.0 - self.low / 255.0
    }

    /// Which of them is 0.
    pub fn zero(self) -> u8 {
        libm::roundf(-self.low / self.step()) as u8
    }
}

impl From<Vec<Option<ValueRange>>> for Quantisation {
    fn from(inputs: Vec<Option<ValueRange>>) -> Self {
        Self::new(inputs)
    }
}

impl From<Quantisation> for Vec<Option<ValueRange>> {
    fn from(quantisation: Quantisation) -> Self {
        quantisation.inputs
    }
}

impl TryFrom<(f32, f32)> for ValueRange {
    type Error = String;

    fn try_from((low, high): (f32, f32)) -> Result<Self, String> {
        Self::new(low, high).ok_or_else(|| format!("{low} to {high} is no range of values"))
    }
}

impl From<ValueRange> for (f32, f32) {
    fn from(range: ValueRange) -> Self {
        (range.low, range.high)
    }
}

/// Which operations of a network compute with eight bits, and how their inputs are rounded.
///
/// A convolution with a range rounds its input to 256 values within it, one range for all channels, and
/// the weights of each output channel to at most 255 values, evenly spaced around 0 with a step of their
/// own. Sums are exact, in 32 bits; shortcuts, means and what else there is remain in floats, and so do
/// inputs of squeeze-excite and fully connected layers, whose matrices' weights alone are rounded, to 255
/// values for each output. Where a depthwise convolution is fed by one of bytes, or feeds one, and there
/// is nothing but an activation between the two, sums of the one become bytes for the other at once.
///
/// The step of a pointwise convolution's weights is such that also the sum of two neighbouring weights has
/// eight bits: AVX2 adds products of pairs in 16 bits, which must not overflow. Of a depthwise
/// convolution, and of the 3×3 convolution of the image, it is the one of many with which kernels lose
/// least ([`RoundedRow::of_kernels`](crate::RoundedRow::of_kernels)).
///
/// Halves go to the even integer where inputs are rounded, and away from zero where weights are. What
/// the weights of an output lose by that for inputs of the [means](Self::with_means) that were seen,
/// its bias makes up for.
///
/// A [`Calibration`](crate::Calibration) finds the ranges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Option<ValueRange>>", into = "Vec<Option<ValueRange>>")]
pub struct Quantisation {
    inputs: Vec<Option<ValueRange>>,
    /// Of each operation's input the mean of every channel, where it is known. Packed weights have no
    /// use for it any more, and files do not hold it.
    means: Vec<Vec<f32>>,
}

impl Quantisation {
    /// The range of each operation's input; `None` for those that read floats.
    pub fn new(inputs: Vec<Option<ValueRange>>) -> Self {
        Self {
            inputs,
            means: Vec::new(),
        }
    }

    /// With the mean of every channel of each operation's input; none where it is not known, or not
    /// finite.
    pub fn with_means(mut self, means: Vec<Vec<f32>>) -> Self {
        self.means = means;
        for means in &mut self.means {
            if means.iter().any(|mean| !mean.is_finite()) {
                means.clear();
            }
        }
        self
    }

    /// The mean of every channel of an operation's input, if it is known.
    pub(crate) fn means(&self, operation: usize) -> &[f32] {
        self.means.get(operation).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn without_means(&self) -> Self {
        Self::new(self.inputs.clone())
    }

    /// The range of an operation's input, if that is rounded.
    pub fn input(&self, operation: usize) -> Option<ValueRange> {
        self.inputs.get(operation).copied().flatten()
    }

    /// Whether an operation's weights are rounded.
    pub(crate) fn rounds<W>(&self, index: usize, operation: &Operation<W>) -> bool {
        match operation {
            Operation::Convolution(_) | Operation::Pointwise(_) | Operation::Depthwise(_) => {
                self.input(index).is_some()
            }
            Operation::SqueezeExcite(_) | Operation::Linear(_) => true,
            _ => false,
        }
    }

    /// Whether the means of an operation's input are of use.
    #[cfg(feature = "std")]
    pub(crate) fn takes_means<W>(operation: &Operation<W>) -> bool {
        Self::suits(operation) || matches!(operation, Operation::Linear(_))
    }

    /// Whether a range could be for this operation.
    pub(crate) fn suits<W>(operation: &Operation<W>) -> bool {
        match operation {
            // Of which there are kernels.
            Operation::Convolution(c) => {
                (c.kernel, c.stride) == (3, 2) && (1..=LARGEST_DEPTH / 12).contains(&c.input)
            }
            Operation::Pointwise(c) => (1..=LARGEST_DEPTH).contains(&c.input),
            Operation::Depthwise(c) => c.kernel <= LARGEST_KERNEL,
            _ => false,
        }
    }

    /// The range within which an operation's output is rounded as it is made, without being floats in
    /// between: nothing but the next operation reads it, which reads bytes, and the activation only
    /// limits them. Its packed scales and biases are in steps of that range. `shared` is the network's
    /// [`shared`](Network::shared).
    pub(crate) fn output<W>(
        &self,
        network: &Network<W>,
        shared: &[bool],
        index: usize,
    ) -> Option<ValueRange> {
        let operations = &network.operations;
        let range = self.input(index + 1)?;
        let activation = match operations.get(index)? {
            Operation::Convolution(c) => c.activation,
            Operation::Pointwise(c) => c.activation,
            Operation::Depthwise(c) => c.activation,
            _ => return None,
        };
        let limits = matches!(
            activation,
            Activation::None | Activation::Relu | Activation::Relu6
        );
        // Not from a pointwise convolution to the next, where shortcuts begin and end.
        let reads = match (operations.get(index)?, operations.get(index + 1)?) {
            (Operation::Depthwise(_), Operation::Pointwise(c)) => c.stride == 1,
            (_, Operation::Depthwise(_)) => true,
            _ => false,
        };
        let is_rounded = self.input(index).is_some();
        (is_rounded && limits && reads && !shared[index]).then_some(range)
    }

    pub(crate) fn check<W>(&self, network: &Network<W>) -> Result<(), EngineError> {
        let operations = network.operations.len();
        if self.inputs.len() != operations {
            return Err(EngineError::OtherCalibration {
                found: self.inputs.len(),
                expected: operations,
            });
        }
        let pairs = network.operations.iter().zip(&self.inputs).enumerate();
        for (index, (operation, range)) in pairs {
            if range.is_some() && !Self::suits(operation) {
                return Err(EngineError::NotQuantised {
                    operation: index,
                    kind: operation.kind(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_exact_and_the_ends_are_within_half_a_step() {
        for (low, high) in [
            (-1.0, 1.0),
            (0.0, 6.0),
            (-0.375, 11.3),
            (-7.0, 0.0),
            (2.0, 3.0),
        ] {
            let range = ValueRange::new(low, high).unwrap();
            let (step, zero) = (range.step(), f32::from(range.zero()));
            assert!((-zero * step - range.low()).abs() <= step * 0.501);
            assert!(((255.0 - zero) * step - range.high()).abs() <= step * 0.501);
            assert!(range.low() <= low && range.high() >= high);
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        let huge = f32::MAX;
        for (low, high) in [
            (0.0, 0.0),
            (0.0, f32::INFINITY),
            (f32::NAN, 1.0),
            (-1.0, f32::NAN),
            (-huge, huge),
            (0.0, 1e-44),
        ] {
            assert_eq!(ValueRange::new(low, high), None, "{low} {high}");
        }
        let error = serde_json::from_str::<Quantisation>("[null, [0.0, 0.0]]").unwrap_err();
        assert!(error.to_string().contains("0 to 0 is no range"), "{error}");
    }
}
