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
        Self::with_limit(weights, largest_of_pairs(weights), least)
    }

    /// Rounds the weights of kernels that lie over neighbouring pixels, so many to a kernel: of many steps,
    /// none below `least`, it takes the one with which they lose least.
    ///
    /// Neighbouring pixels are much alike, so that a kernel's errors of one sign add up: the square of their
    /// sum counts as much as all their squares.
    pub fn of_kernels(weights: &[f32], places: usize, least: f32) -> Self {
        Self::best_of(weights, places, largest(weights), least)
    }

    /// The same [in pairs](Self::in_pairs).
    pub fn of_kernels_in_pairs(weights: &[f32], places: usize, least: f32) -> Self {
        Self::best_of(weights, places, largest_of_pairs(weights), least)
    }

    fn best_of(weights: &[f32], places: usize, limit: f32, least: f32) -> Self {
        /// The largest weight becomes one of so many numbers up to 127.
        const STEPS: usize = 512;
        const FEWEST: f32 = 64.0;

        let mut best = Self::with_limit(weights, limit, least);
        let mut best_error = best.error(weights, places);
        for step in 1..=STEPS {
            let becomes = 127.0 - (127.0 - FEWEST) * step as f32 / STEPS as f32;
            let row = Self::with_limit(weights, limit * (127.0 / becomes), least);
            let error = row.error(weights, places);
            if error < best_error {
                (best, best_error) = (row, error);
            }
        }
        best
    }

    /// The squared errors, and the square of each kernel's sum of them.
    fn error(&self, weights: &[f32], places: usize) -> f64 {
        let scale = f64::from(self.scale);
        let kernels = weights
            .chunks(places.max(1))
            .zip(self.bytes.chunks(places.max(1)));
        let errors = kernels.map(|(weights, bytes)| {
            let errors = weights.iter().zip(bytes);
            let (squares, sum) = errors.fold((0.0, 0.0), |(squares, sum), (weight, byte)| {
                let error = f64::from(*weight) - scale * f64::from(*byte);
                (squares + error * error, sum + error)
            });
            squares + sum * sum
        });
        errors.sum()
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
            bytes: weights
                .iter()
                .map(|w| libm::roundf(w / scale) as i8)
                .collect(),
            scale,
        }
    }
}

fn largest(weights: &[f32]) -> f32 {
    weights.iter().fold(0f32, |most, w| most.max(w.abs()))
}

/// The largest weight, or sum of a pair.
fn largest_of_pairs(weights: &[f32]) -> f32 {
    let sums = weights.chunks(2).map(|pair| pair.iter().sum::<f32>().abs());
    sums.fold(largest(weights), f32::max)
}

use alloc::vec::Vec;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_takes_the_step_that_loses_least() {
        let wave = |at: usize| (at as f32 * 1.7).sin() * 0.8 + 0.3;
        let mut gained = 0.0;
        for start in 0..50 {
            let weights: Vec<f32> = (0..9).map(|at| wave(start * 9 + at)).collect();
            let (plain, best) = (
                RoundedRow::new(&weights, 0.0),
                RoundedRow::of_kernels(&weights, 9, 0.0),
            );
            assert!(best.error(&weights, 9) <= plain.error(&weights, 9));
            gained += best.error(&weights, 9) / plain.error(&weights, 9) / 50.0;
            for (weight, &byte) in weights.iter().zip(&best.bytes) {
                let error = (weight - best.scale * f32::from(byte)).abs();
                assert!(error <= best.scale * 0.501, "{weight} {byte}");
            }
        }
        // Less than half of the squared errors, on average.
        assert!(gained < 0.5, "{gained}");
        let zeros = RoundedRow::of_kernels(&[0.0; 9], 9, 0.0);
        assert_eq!((zeros.bytes, zeros.scale), (vec![0; 9], 0.0));
        assert!(
            RoundedRow::of_kernels(&[f32::NAN, 1.0], 2, 0.0)
                .scale
                .is_nan()
        );
        assert!(RoundedRow::of_kernels(&[1.0, 0.5], 2, 0.25).scale >= 0.25);
    }

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
