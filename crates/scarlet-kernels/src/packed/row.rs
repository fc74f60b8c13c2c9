//! [`RoundedRow`]: weights of one output, rounded to bytes.

/// The weights of one output channel, rounded to multiples of a step of their own; halves away from
/// zero.
#[derive(Debug, Clone, PartialEq)]
pub struct RoundedRow {
    /// The weights, in that step.
    pub bytes: Vec<i8>,
    /// What one unit of them stands for.
    pub scale: f32,
}

impl RoundedRow {
    /// Rounds weights so that the largest magnitude becomes 127, or less where the step would be
    /// below `least`.
    pub fn new(weights: &[f32], least: f32) -> Self {
        Self::with_limit(weights, largest(weights), least)
    }

    /// Rounds weights so that neither one's magnitude nor that of the sum of a pair, the first and
    /// the second, the third and the fourth and so on, becomes larger than 127; a pair's by rounding
    /// one more. Processors of AVX2 add the products of pairs in 16 bits.
    ///
    /// A finer scale, with only the pairs cut that do not fit, comes nearer to the weights, but
    /// was measured to change logits more: what it cuts are the largest weights.
    pub fn in_pairs(weights: &[f32], least: f32) -> Self {
        let sums = weights.chunks(2).map(|pair| pair.iter().sum::<f32>().abs());
        Self::with_limit(weights, sums.fold(largest(weights), f32::max), least)
    }

    /// Rounds the few weights of a depthwise convolution's channel: of many steps the one with which they
    /// lose least.
    ///
    /// Neighbouring pixels are much alike, so that errors of one sign add up: their sum counts as much as
    /// each of them does.
    pub fn of_channel(weights: &[f32]) -> Self {
        /// The largest weight becomes one of so many numbers up to 127.
        const STEPS: usize = 512;
        const LEAST: f32 = 64.0;

        let largest = largest(weights);
        let mut best = Self::new(weights, 0.0);
        let mut least = best.error(weights);
        for step in 1..=STEPS {
            let becomes = 127.0 - (127.0 - LEAST) * step as f32 / STEPS as f32;
            let row = Self::with_limit(weights, largest * (127.0 / becomes), 0.0);
            let error = row.error(weights);
            if error < least {
                (best, least) = (row, error);
            }
        }
        best
    }

    /// The squared errors, and the square of their sum.
    fn error(&self, weights: &[f32]) -> f64 {
        let scale = f64::from(self.scale);
        let errors = weights.iter().zip(&self.bytes);
        let (squares, sum) = errors.fold((0.0, 0.0), |(squares, sum), (weight, byte)| {
            let error = f64::from(*weight) - scale * f64::from(*byte);
            (squares + error * error, sum + error)
        });
        squares + sum * sum
    }

    /// What the rounded weights give less than `weights` on average, for inputs of these means: what a
    /// bias has to make up for. Errors of single inputs cancel out; that of their mean does not, and
    /// behind a ReLU it is most of what rounding costs.
    pub fn lost(&self, weights: &[f32], means: &[f32]) -> f64 {
        if self.scale.is_nan() {
            return 0.0;
        }
        let scale = f64::from(self.scale);
        let pairs = weights.iter().zip(&self.bytes).zip(means);
        pairs
            .map(|((weight, byte), mean)| {
                (f64::from(*weight) - scale * f64::from(*byte)) * f64::from(*mean)
            })
            .sum()
    }

    /// `limit` becomes 127.
    fn with_limit(weights: &[f32], limit: f32, least: f32) -> Self {
        let scale = (limit / f32::from(i8::MAX)).max(least);
        if !scale.is_finite() || weights.iter().any(|weight| weight.is_nan()) {
            // Outputs are no numbers in floats either, or so large that nothing is left of them.
            return Self {
                bytes: vec![0; weights.len()],
                scale: f32::NAN,
            };
        }
        if !scale.is_normal() {
            // All are 0, or so small that nothing is lost.
            return Self {
                bytes: vec![0; weights.len()],
                scale: 0.0,
            };
        }
        Self {
            bytes: weights.iter().map(|w| (w / scale).round() as i8).collect(),
            scale,
        }
    }
}

fn largest(weights: &[f32]) -> f32 {
    weights.iter().fold(0f32, |most, w| most.max(w.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_rounded_by_its_largest_weight() {
        let row = RoundedRow::new(&[0.5, -1.0, 0.0, 0.244, 0.01], 0.0);
        assert_eq!(row.bytes, [64, -127, 0, 31, 1]);
        assert_eq!(row.scale, 1.0 / 127.0);
        for weights in [[0.0, 0.0], [1e-44, 0.0]] {
            let row = RoundedRow::new(&weights, 0.0);
            assert_eq!((row.bytes, row.scale), (vec![0, 0], 0.0));
        }
    }

    #[test]
    fn pairs_fit_into_sixteen_bits_with_any_inputs() {
        for (weights, bytes) in [
            ([1.0, -1.0, 0.5], [127, -127, 64]),
            ([1.0, 1.0, 0.5], [64, 64, 32]),
            ([-0.5, -1.0, 1.0], [-42, -85, 85]),
        ] {
            let row = RoundedRow::in_pairs(&weights, 0.0);
            assert_eq!(row.bytes, bytes);
            for pair in row.bytes.chunks(2) {
                let sum: i32 = pair.iter().map(|&w| 255 * i32::from(w)).sum();
                assert!(i16::try_from(sum).is_ok(), "{pair:?}");
            }
        }
    }
}
