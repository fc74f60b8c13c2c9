//! How well one ranking foretells another: Kendall's tau, Spearman's rho, top-k regret.

use std::cmp::Ordering;

/// Why two rankings cannot be compared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RankCorrelationError {
    /// Not one value of each ranking per item.
    #[error("the rankings have {x} and {y} values; they must rank the same items")]
    UnequalLengths {
        /// Values of the first ranking.
        x: usize,
        /// Values of the second ranking.
        y: usize,
    },

    /// Nothing to compare.
    #[error("the rankings have {found} values; at least {least} are needed")]
    TooFewValues {
        /// Values of each ranking.
        found: usize,
        /// Fewest values that can be compared.
        least: usize,
    },

    /// A value that has no rank.
    #[error("value {index} of the {ranking} ranking is NaN, which has no rank; leave the item out")]
    NotANumber {
        /// `first` or `second`.
        ranking: &'static str,
        /// Position of the value, from 0.
        index: usize,
    },

    /// A ranking that does not rank.
    #[error("all values of the {ranking} ranking are equal, so that no correlation is defined")]
    Constant {
        /// `first` or `second`.
        ranking: &'static str,
    },

    /// More or fewer items than there are.
    #[error("the best {k} of {items} items were asked for; ask for 1 to {items}")]
    InvalidCount {
        /// Number asked for.
        k: usize,
        /// Number of items.
        items: usize,
    },
}

/// Kendall's tau-b of two rankings of the same items, in [−1, 1] (Kendall 1945): the excess of
/// pairs in the same order over pairs in opposite order, as a fraction of their number, corrected
/// for ties. By counting the exchanges of a merge sort (Knight 1966), O(n log n).
///
/// # Errors
///
/// [`RankCorrelationError`] for rankings of unequal length, of fewer than two values, with NaN, or
/// of equal values only.
///
/// ```
/// use scarlet_search::kendall_tau;
///
/// assert_eq!(kendall_tau(&[1.0, 2.0, 3.0, 4.0], &[10.0, 30.0, 20.0, 40.0])?, 2.0 / 3.0);
/// # Ok::<(), scarlet_search::RankCorrelationError>(())
/// ```
pub fn kendall_tau(x: &[f64], y: &[f64]) -> Result<f64, RankCorrelationError> {
    check(x, y, 2)?;
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_unstable_by(|&a, &b| compare(x[a], x[b]).then(compare(y[a], y[b])));

    let pairs = pairs(x.len());
    let tied_in_x = tied_pairs(&order, |a, b| x[a] == x[b]);
    let tied_in_both = tied_pairs(&order, |a, b| x[a] == x[b] && y[a] == y[b]);
    let discordant = sort_counting_exchanges(&mut order, &|a, b| compare(y[a], y[b]));
    let tied_in_y = tied_pairs(&order, |a, b| y[a] == y[b]);

    let (untied_in_x, untied_in_y) = (pairs - tied_in_x, pairs - tied_in_y);
    not_constant(untied_in_x == 0, untied_in_y == 0)?;
    let concordant = pairs - tied_in_x - tied_in_y + tied_in_both - discordant;
    let excess = concordant as f64 - discordant as f64;
    Ok(ratio(excess, untied_in_x as f64, untied_in_y as f64))
}

/// Spearman's rho of two rankings of the same items, in [−1, 1]: the correlation of their ranks,
/// equal values sharing the mean of their ranks. O(n log n).
///
/// # Errors
///
/// As [`kendall_tau`].
///
/// ```
/// use scarlet_search::spearman_rho;
///
/// assert_eq!(spearman_rho(&[1.0, 2.0, 3.0, 4.0], &[10.0, 30.0, 20.0, 40.0])?, 0.8);
/// # Ok::<(), scarlet_search::RankCorrelationError>(())
/// ```
pub fn spearman_rho(x: &[f64], y: &[f64]) -> Result<f64, RankCorrelationError> {
    check(x, y, 2)?;
    let (x, y) = (centred_ranks(x), centred_ranks(y));
    let product = |a: &[i64], b: &[i64]| -> i128 {
        let products = a
            .iter()
            .zip(b)
            .map(|(&a, &b)| i128::from(a) * i128::from(b));
        products.sum()
    };
    let (in_x, in_y) = (product(&x, &x), product(&y, &y));
    not_constant(in_x == 0, in_y == 0)?;
    Ok(ratio(product(&x, &y) as f64, in_x as f64, in_y as f64))
}

/// What choosing by a prediction costs: the best actual value of all items, less the best among
/// the `k` items predicted best. Larger is better in both; equal predictions count in their given
/// order. 0 if the best item is among the `k`.
///
/// # Errors
///
/// [`RankCorrelationError`] for rankings of unequal length or with NaN, and for a `k` that is 0 or
/// more than the number of items.
///
/// ```
/// use scarlet_search::top_k_regret;
///
/// let (predicted, actual) = ([0.5, 0.75, 0.25], [80.0, 70.0, 60.0]);
/// assert_eq!(top_k_regret(&predicted, &actual, 1)?, 10.0);
/// assert_eq!(top_k_regret(&predicted, &actual, 2)?, 0.0);
/// # Ok::<(), scarlet_search::RankCorrelationError>(())
/// ```
pub fn top_k_regret(
    predicted: &[f64],
    actual: &[f64],
    k: usize,
) -> Result<f64, RankCorrelationError> {
    check(predicted, actual, 1)?;
    let items = predicted.len();
    if !(1..=items).contains(&k) {
        return Err(RankCorrelationError::InvalidCount { k, items });
    }
    let mut order: Vec<usize> = (0..items).collect();
    order.sort_by(|&a, &b| compare(predicted[b], predicted[a]));
    let best = |items: &[usize]| items.iter().map(|&at| actual[at]).fold(f64::MIN, f64::max);
    Ok(best(&order) - best(&order[..k]))
}

fn check(x: &[f64], y: &[f64], least: usize) -> Result<(), RankCorrelationError> {
    if x.len() != y.len() {
        return Err(RankCorrelationError::UnequalLengths {
            x: x.len(),
            y: y.len(),
        });
    }
    if x.len() < least {
        return Err(RankCorrelationError::TooFewValues {
            found: x.len(),
            least,
        });
    }
    for (ranking, values) in [("first", x), ("second", y)] {
        if let Some(index) = values.iter().position(|value| value.is_nan()) {
            return Err(RankCorrelationError::NotANumber { ranking, index });
        }
    }
    Ok(())
}

fn not_constant(x_is: bool, y_is: bool) -> Result<(), RankCorrelationError> {
    for (ranking, is_constant) in [("first", x_is), ("second", y_is)] {
        if is_constant {
            return Err(RankCorrelationError::Constant { ranking });
        }
    }
    Ok(())
}

/// `a / sqrt(b c)`, kept in [−1, 1] where rounding would leave it.
fn ratio(a: f64, b: f64, c: f64) -> f64 {
    (a / (b * c).sqrt()).clamp(-1.0, 1.0)
}

/// Comparison of numbers that are not NaN; both zeros are equal.
fn compare(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

fn pairs(items: usize) -> u64 {
    let items = items as u64;
    items * items.saturating_sub(1) / 2
}

/// Number of pairs within runs of tied neighbours.
fn tied_pairs(order: &[usize], tied: impl Fn(usize, usize) -> bool) -> u64 {
    order
        .chunk_by(|&a, &b| tied(a, b))
        .map(|run| pairs(run.len()))
        .sum()
}

/// Merge sort, stable; returns how many pairs were in the wrong order.
fn sort_counting_exchanges(
    items: &mut [usize],
    compare: &impl Fn(usize, usize) -> Ordering,
) -> u64 {
    if items.len() < 2 {
        return 0;
    }
    let (left, right) = items.split_at_mut(items.len() / 2);
    let mut exchanges =
        sort_counting_exchanges(left, compare) + sort_counting_exchanges(right, compare);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut a, mut b) = (0, 0);
    while a < left.len() && b < right.len() {
        if compare(left[a], right[b]).is_le() {
            merged.push(left[a]);
            a += 1;
        } else {
            exchanges += (left.len() - a) as u64;
            merged.push(right[b]);
            b += 1;
        }
    }
    merged.extend_from_slice(&left[a..]);
    merged.extend_from_slice(&right[b..]);
    items.copy_from_slice(&merged);
    exchanges
}

/// Ranks as distances from the middle rank, doubled to be whole numbers.
fn centred_ranks(values: &[f64]) -> Vec<i64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| compare(values[a], values[b]));
    let mut ranks = vec![0; values.len()];
    let mut below = 0;
    for run in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let above = (values.len() - below - run.len()) as i64;
        for &item in run {
            ranks[item] = below as i64 - above;
        }
        below += run.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition: every pair of items.
    fn naive_tau(x: &[f64], y: &[f64]) -> f64 {
        let sign = |a: f64, b: f64| f64::from(i8::from(a > b) - i8::from(a < b));
        let (mut excess, mut in_x, mut in_y) = (0.0f64, 0.0f64, 0.0f64);
        for a in 0..x.len() {
            for b in 0..a {
                let (dx, dy) = (sign(x[a], x[b]), sign(y[a], y[b]));
                excess += dx * dy;
                in_x += dx.abs();
                in_y += dy.abs();
            }
        }
        (excess / (in_x * in_y).sqrt()).clamp(-1.0, 1.0)
    }

    /// Pearson's correlation of mean ranks.
    fn naive_rho(x: &[f64], y: &[f64]) -> f64 {
        let rank = |values: &[f64], item: f64| {
            let below = values.iter().filter(|&&value| value < item).count() as f64;
            let equal = values.iter().filter(|&&value| value == item).count() as f64;
            below + (equal + 1.0) / 2.0 - (values.len() as f64 + 1.0) / 2.0
        };
        let x: Vec<f64> = x.iter().map(|&item| rank(x, item)).collect();
        let y: Vec<f64> = y.iter().map(|&item| rank(y, item)).collect();
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        product(&x, &y) / (product(&x, &x) * product(&y, &y)).sqrt()
    }

    proptest! {
        #[test]
        fn correlations_are_those_of_the_definitions(
            pairs in prop::collection::vec((-4i8..5, -4i8..5), 2..60)
        ) {
            let x: Vec<f64> = pairs.iter().map(|&(x, _)| x.into()).collect();
            let y: Vec<f64> = pairs.iter().map(|&(_, y)| y.into()).collect();
            let is_constant = |values: &[f64]| values.iter().all(|&value| value == values[0]);
            prop_assume!(!is_constant(&x) && !is_constant(&y));
            prop_assert_eq!(kendall_tau(&x, &y).unwrap(), naive_tau(&x, &y));
            prop_assert!((spearman_rho(&x, &y).unwrap() - naive_rho(&x, &y)).abs() < 1e-14);
        }
    }

    #[test]
    fn perfect_rankings() {
        let x: Vec<f64> = (0..500).map(f64::from).collect();
        let reversed: Vec<f64> = x.iter().rev().copied().collect();
        assert_eq!(kendall_tau(&x, &x), Ok(1.0));
        assert_eq!(kendall_tau(&x, &reversed), Ok(-1.0));
        assert_eq!(spearman_rho(&x, &x), Ok(1.0));
        assert_eq!(spearman_rho(&x, &reversed), Ok(-1.0));
        assert_eq!(kendall_tau(&[0.0, -0.0, 1.0], &[1.0, 1.0, 2.0]), Ok(1.0));
    }

    #[test]
    fn regret_never_grows_with_k() {
        let predicted = [3.0, 9.0, 5.0, 5.0, 1.0];
        let actual = [0.5, 0.25, 0.75, 1.0, 2.0];
        let regrets: Vec<f64> = (1..=5)
            .map(|k| top_k_regret(&predicted, &actual, k).unwrap())
            .collect();
        assert_eq!(regrets, [1.75, 1.25, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let tau = |x: &[f64], y: &[f64]| kendall_tau(x, y).unwrap_err().to_string();
        let rho = |x: &[f64], y: &[f64]| spearman_rho(x, y).unwrap_err().to_string();
        let unequal = "the rankings have 2 and 1 values; they must rank the same items";
        assert_eq!(tau(&[1.0, 2.0], &[1.0]), unequal);
        assert_eq!(rho(&[1.0, 2.0], &[1.0]), unequal);
        assert!(tau(&[1.0], &[1.0]).contains("at least 2 are needed"));
        assert!(tau(&[1.0, 2.0], &[1.0, f64::NAN]).contains("value 1 of the second ranking"));
        assert!(tau(&[1.0, 1.0], &[1.0, 2.0]).contains("values of the first ranking are equal"));
        assert!(rho(&[1.0, 2.0], &[3.0, 3.0]).contains("values of the second ranking are equal"));
        let regret = |k| {
            top_k_regret(&[1.0, 2.0], &[1.0, 2.0], k)
                .unwrap_err()
                .to_string()
        };
        assert!(regret(0).contains("the best 0 of 2 items"));
        assert!(regret(3).contains("ask for 1 to 2"));
        assert!(
            top_k_regret(&[], &[], 1)
                .unwrap_err()
                .to_string()
                .contains("at least 1")
        );
    }
}
