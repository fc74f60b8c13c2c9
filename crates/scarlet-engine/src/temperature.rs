//! [`Temperature`]: what logits are divided by, so that a network is right as often as it says.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a network's logits are divided by before they become probabilities: above 1 for a network
/// that is surer than it is right, below 1 for one that is less sure. The classes that it finds the
/// most probable, and their order, stay the same.
///
/// Guo et al., *On Calibration of Modern Neural Networks*, 2017, arXiv 1706.04599, section 4.2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Temperature(f64);

// It is never NaN.
impl Eq for Temperature {}

/// 1, which changes nothing.
impl Default for Temperature {
    fn default() -> Self {
        Self(1.0)
    }
}

/// A number that is no temperature.
#[derive(Debug, Error, Clone, Copy, PartialEq)]
#[error(
    "a temperature of {0}, but logits are divided by a number from {least} to {most}",
    least = Temperature::LEAST,
    most = Temperature::MOST
)]
pub struct TemperatureError(pub f64);

impl Temperature {
    /// The smallest there is: it makes a hundredth of a difference decide.
    pub const LEAST: f64 = 0.01;

    /// The largest there is: almost nothing is left of what a network says.
    pub const MOST: f64 = 100.0;

    /// Steps between the temperatures that are [fitted](Self::fit), so that a file says them in a few
    /// digits.
    const STEP: f64 = 1e-4;

    /// A temperature of this value.
    ///
    /// # Errors
    ///
    /// When it is not from [`LEAST`](Self::LEAST) to [`MOST`](Self::MOST).
    pub fn new(value: f64) -> Result<Self, TemperatureError> {
        match (Self::LEAST..=Self::MOST).contains(&value) {
            true => Ok(Self(value)),
            false => Err(TemperatureError(value)),
        }
    }

    /// Its value.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The probabilities of the classes, from an image's logits: their softmax, divided by the
    /// temperature. They are in the order of the logits, but very small differences between these
    /// may be lost.
    pub fn probabilities(self, logits: &[f32]) -> Vec<f32> {
        let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let shares = logits
            .iter()
            .map(|&logit| ((f64::from(logit) - f64::from(top)) / self.0).exp());
        let shares: Vec<f64> = shares.collect();
        let sum: f64 = shares.iter().sum();
        shares.into_iter().map(|it| (it / sum) as f32).collect()
    }

    /// The temperature under which the labels of some images are the most likely, given their logits,
    /// `[images, classes]` row by row; none where there are no images, or all logits of an image are
    /// equal for all of them, or one is not finite. It is a multiple of 0.0001.
    ///
    /// Maximum likelihood, but with one image more: made of equal shares of all, its class the one that
    /// the network finds the most likely beside the right one. Without it, a network that is right on
    /// all images, as on few of them it often is, would have to be infinitely sure; with it, it is
    /// about as sure as n of n + 1. Among many images it is without
    /// weight. (Platt, *Probabilistic Outputs for Support Vector Machines*, 1999, section 2.2.1, softens
    /// its targets with the same reason.)
    ///
    /// # Panics
    ///
    /// When the logits are not so many for each label, or a label is none of the classes.
    pub fn fit(logits: &[f32], labels: &[usize]) -> Option<Self> {
        if labels.is_empty() || logits.iter().any(|logit| !logit.is_finite()) {
            return None;
        }
        let classes = logits.len() / labels.len();
        assert_eq!(logits.len(), classes * labels.len(), "a row for each label");
        let rows = || logits.chunks_exact(classes).zip(labels);
        // What speaks for the labels, and for the image more, whatever the temperature is.
        let mut wanted = 0.0;
        for (row, &label) in rows() {
            let top = row[largest(row)?];
            let other = runner_up(row, label).map_or(row[label], |other| row[other]);
            let below = |logit: f32| f64::from(logit) - f64::from(top);
            wanted += below(row[label]) + below(other) / labels.len() as f64;
        }
        let weight = 1.0 + 1.0 / labels.len() as f64;
        // The negative log likelihood is convex in the inverse of the temperature, so that its slope
        // there grows, and is 0 where it is least.
        let slope_and_curve = |inverse: f64| {
            let (mut expected, mut variance) = (0.0, 0.0);
            for (row, _) in rows() {
                let (mean, square) = moments(row, inverse);
                expected += mean;
                variance += square - mean * mean;
            }
            (weight * expected - wanted, weight * variance)
        };
        let (mut low, mut high) = (1.0 / Self::MOST, 1.0 / Self::LEAST);
        if slope_and_curve(0.0).1 <= 0.0 {
            return None;
        }
        // Newton's method where it stays between the bounds, and halving where it does not.
        let mut inverse = 1.0f64;
        for _ in 0..100 {
            let (slope, curve) = slope_and_curve(inverse);
            match slope > 0.0 {
                true => high = inverse,
                false => low = inverse,
            }
            let newton = inverse - slope / curve;
            let next = match newton > low && newton < high {
                true => newton,
                false => (low * high).sqrt(),
            };
            if (next / inverse - 1.0).abs() < 1e-9 {
                break;
            }
            inverse = next;
        }
        let rounded = (1.0 / inverse / Self::STEP).round() * Self::STEP;
        // Without the digits that only binary numbers have.
        let rounded = (rounded * 1e4).round() / 1e4;
        Self::new(rounded.clamp(Self::LEAST, Self::MOST)).ok()
    }
}

impl TryFrom<f64> for Temperature {
    type Error = TemperatureError;

    fn try_from(value: f64) -> Result<Self, TemperatureError> {
        Self::new(value)
    }
}

impl From<Temperature> for f64 {
    fn from(temperature: Temperature) -> Self {
        temperature.0
    }
}

impl std::fmt::Display for Temperature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Where the logits are largest; of equals the first.
pub fn largest(logits: &[f32]) -> Option<usize> {
    let classes = logits.iter().enumerate().rev();
    classes
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(class, _)| class)
}

/// The most probable class beside this one, if there are others.
fn runner_up(row: &[f32], label: usize) -> Option<usize> {
    let others = row.iter().enumerate().filter(|(class, _)| *class != label);
    others
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(class, _)| class)
}

/// Mean and mean square of the logits, counted from the largest of them, by the probabilities at this
/// inverse of a temperature.
fn moments(row: &[f32], inverse: f64) -> (f64, f64) {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
    for &logit in row {
        let below = f64::from(logit) - f64::from(top);
        let share = (below * inverse).exp();
        sum += share;
        first += share * below;
        second += share * below * below;
    }
    (first / sum, second / sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(logits: &[f32], labels: &[usize]) -> f64 {
        Temperature::fit(logits, labels).unwrap().get()
    }

    #[test]
    fn the_temperature_is_the_most_likely_one() {
        // By scipy.optimize.minimize_scalar, bounded, of the negative log likelihood of these labels
        // and of the image more.
        let logits = [
            4.0, 1.0, 0.5, 0.0, 3.0, 2.0, 2.5, 2.0, -1.0, 0.0, 0.5, 6.0, 5.0, 1.0, 4.0, -2.0, 0.0,
            1.0,
        ];
        let found = fitted(&logits, &[0, 2, 0, 2, 0, 1]);
        assert!((found - 1.617_34).abs() < 1e-4, "{found}");
    }

    #[test]
    fn a_network_that_is_always_right_is_not_made_certain() {
        // Twenty images, all right, and the one more, which is not.
        let logits: Vec<f32> = [5.0, 0.0].repeat(20);
        let temperature = Temperature::fit(&logits, &[0; 20]);
        let shares = temperature.unwrap().probabilities(&logits[..2]);
        assert!((shares[0] - 20.0 / 21.0).abs() < 1e-3, "{shares:?}");
        // One image alone.
        let single = Temperature::fit(&logits[..2], &[0]);
        assert_eq!(single.unwrap().get(), Temperature::MOST);
    }

    #[test]
    fn a_network_that_is_always_wrong_says_nothing() {
        let logits: Vec<f32> = [5.0, 0.0, 1.0].repeat(20);
        assert_eq!(fitted(&logits, &[1; 20]), Temperature::MOST);
    }

    #[test]
    fn what_cannot_be_fitted_has_no_temperature() {
        assert_eq!(Temperature::fit(&[], &[]), None);
        assert_eq!(Temperature::fit(&[1.0, 1.0, 3.0, 3.0], &[0, 1]), None);
        assert_eq!(
            Temperature::fit(&[2.0, 3.0], &[0, 0]),
            None,
            "a single class"
        );
        assert_eq!(Temperature::fit(&[f32::NAN, 1.0], &[0]), None);
        assert_eq!(Temperature::fit(&[f32::INFINITY, 1.0], &[0]), None);
    }

    #[test]
    fn logits_of_any_size_are_fitted_within_the_bounds() {
        for size in [1e-30, 1e-3, 1.0, 1e3, 1e30] {
            let logits = [3.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.5, 1.0, 0.0].map(|it: f32| it * size);
            let found = fitted(&logits, &[0, 1, 0]);
            let bounds = Temperature::LEAST..=Temperature::MOST;
            assert!(bounds.contains(&found), "{size}: {found}");
        }
    }

    #[test]
    fn probabilities_are_those_of_divided_logits() {
        // scipy.special.softmax of the logits divided by 2.
        let found = Temperature::new(2.0)
            .unwrap()
            .probabilities(&[0.5, 2.0, -1.0]);
        let expected = [0.278_600_83, 0.589_797_7, 0.131_601_5];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert!(Temperature::new(1.0).unwrap().probabilities(&[]).is_empty());
    }

    #[test]
    fn what_is_no_temperature_is_refused() {
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9, 0.0099] {
            assert!(Temperature::new(value).is_err(), "{value}");
        }
        let error = Temperature::new(-1.5).unwrap_err().to_string();
        assert_eq!(
            error,
            "a temperature of -1.5, but logits are divided by a number from 0.01 to 100"
        );
        assert!(serde_json::from_str::<Temperature>("0").is_err());
        let read: Temperature = serde_json::from_str("1.25").unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), "1.25");
    }
}
