//! From which probability on a label is given.

use scarlet::Threshold;

use super::precision::descending_runs;

/// The threshold of the highest F1 on some images, of whose label `scores` are the probabilities: between
/// the lowest score that is given the label and the next lower one, in as few digits as tell these apart.
/// Of several with the same F1, the one closest to one half; one half where no image has the label.
pub(super) fn fit(scores: &[f64], present: &[bool]) -> Threshold {
    let all = present.iter().filter(|present| **present).count();
    let runs = descending_runs(scores);
    let (mut found, mut given) = (0usize, 0usize);
    let mut best = (0.0, Threshold::HALF);
    for (place, run) in runs.iter().enumerate() {
        given += run.len();
        found += run.iter().filter(|&&place| present[place]).count();
        let f1 = 2.0 * found as f64 / (all + given) as f64;
        let high = scores[run[0]];
        let low = runs.get(place + 1).map_or(0.0, |next| scores[next[0]]);
        let threshold = between(low, high);
        let distance = |threshold: Threshold| (threshold.get() - 0.5).abs();
        if f1 > best.0 || (f1 == best.0 && f1 > 0.0 && distance(threshold) < distance(best.1)) {
            best = (f1, threshold);
        }
    }
    best.1
}

/// A threshold above `low` and at most `high`: one half, or else about their middle.
fn between(low: f64, high: f64) -> Threshold {
    let fits = |value: f64| value > low && value <= high;
    let middle = 0.5 * (low + high);
    let rounded = (2..17).map(|digits| {
        let scale = 10.0f64.powi(digits);
        (middle * scale).round() / scale
    });
    let first = std::iter::once(0.5)
        .chain(rounded)
        .find(|&value| fits(value));
    Threshold::new(first.unwrap_or(high)).unwrap_or(Threshold::HALF)
}
