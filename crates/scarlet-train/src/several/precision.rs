//! Average precision.

/// Places from the highest score on, in runs of equal scores.
pub(super) fn descending_runs(scores: &[f64]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for place in order {
        match runs.last_mut() {
            Some(run) if scores[run[0]] == scores[place] => run.push(place),
            _ => runs.push(vec![place]),
        }
    }
    runs
}

/// How well `scores` put the images that have a label, those of `present`, before all others, from 0 to
/// 1: Σ (Rₙ − Rₙ₋₁) Pₙ, with precision P and recall R of giving the label from the n-th highest of all
/// different scores on. None where no image has it.
///
/// As scikit-learn's `average_precision_score` computes it: equal scores are one step, and nothing is
/// interpolated.
///
/// # Panics
///
/// If there are not as many scores as images.
pub fn average_precision(scores: &[f64], present: &[bool]) -> Option<f64> {
    assert_eq!(scores.len(), present.len(), "a score for each image");
    let all = present.iter().filter(|present| **present).count();
    if all == 0 {
        return None;
    }
    let (mut found, mut given, mut sum) = (0usize, 0usize, 0.0);
    for run in descending_runs(scores) {
        let new = run.iter().filter(|&&place| present[place]).count();
        given += run.len();
        found += new;
        sum += new as f64 / all as f64 * (found as f64 / given as f64);
    }
    Some(sum)
}
