//! From noisy times to a number.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A time, and how far the rounds that it is the median of lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// The median, in milliseconds.
    pub ms: f64,
    /// Half the distance between the quartiles, in milliseconds.
    pub spread_ms: f64,
}

impl Spread {
    /// Of the rounds' times, in milliseconds; 0 if there are none.
    pub(super) fn of(rounds: &[f64]) -> Self {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self {
            ms: rounded(quantile(&sorted, 0.5)),
            spread_ms: rounded((quantile(&sorted, 0.75) - quantile(&sorted, 0.25)) / 2.0),
        }
    }
}

/// The median; 0 of nothing.
pub(super) fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// To whole nanoseconds: nothing finer is measured, and files are read by people too.
pub(super) fn rounded(ms: f64) -> f64 {
    (ms * 1e6).round() / 1e6
}

/// Between the two nearest values, of sorted ones.
fn quantile(sorted: &[f64], at: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let place = at * last as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_round_changes_little() {
        let spread = Spread::of(&[1.0, 1.25, 90.0, 0.75, 1.5]);
        assert_eq!(spread.ms, 1.25);
        assert_eq!(spread.spread_ms, 0.25);
        assert_eq!(Spread::of(&[2.0, 3.0]).ms, 2.5);
        assert_eq!(Spread::of(&[]).ms, 0.0);
    }
}
