//! How images of a data set are normalised: alike by a search and by a training of its own.

use scarlet_arch::Preprocessing;

/// Images of one value everywhere have no deviation to divide by.
const LEAST_DEVIATION: f32 = 0.001;

/// The same preprocessing with the mean and standard deviation of each channel of these images.
pub fn normalised_by(mut preprocessing: Preprocessing, statistics: &[(f64, f64)]) -> Preprocessing {
    for (channel, (mean, std)) in (preprocessing.mean.iter_mut())
        .zip(&mut preprocessing.std)
        .enumerate()
    {
        // Of fewer channels the last stands for all that are not there.
        if let Some(&(found, deviation)) = statistics.get(channel).or(statistics.last()) {
            *mean = rounded(found);
            *std = rounded(deviation).max(LEAST_DEVIATION);
        }
    }
    preprocessing
}

/// To four decimals, so that the numbers can be read and written down.
fn rounded(value: f64) -> f32 {
    ((value * 1e4).round() / 1e4) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_can_be_divided_by() {
        let of = |statistics: &[(f64, f64)]| {
            let found = normalised_by(Preprocessing::IMAGENET, statistics);
            (found.mean, found.std)
        };
        assert_eq!(of(&[(0.286_041, 0.0)]), ([0.286; 3], [0.001; 3]));
        let three = [(0.1, 0.2), (0.3, 0.4), (0.123_46, 0.654_32)];
        assert_eq!(of(&three), ([0.1, 0.3, 0.1235], [0.2, 0.4, 0.6543]));
    }
}
