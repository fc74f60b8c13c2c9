//! McNemar's test: whether two networks differ on the same images.

/// The probability that two networks which are equally good would disagree as unevenly as these, or
/// more so: `first` images only the one puts into their class, `second` only the other. Below 0.05 the
/// networks are usually said to differ.
///
/// McNemar's exact test, two-sided (McNemar, *Note on the Sampling Error of the Difference between
/// Correlated Proportions or Percentages*, 1947): of equally good networks each is the better one on
/// half of the images on which they disagree, and the number follows a binomial distribution. Images
/// on which both are right or both are wrong say nothing.
///
/// ```
/// assert_eq!(scarlet::trust::mcnemar_exact(5, 5), 1.0);
/// assert!((scarlet::trust::mcnemar_exact(6, 0) - 0.03125).abs() < 1e-12);
/// ```
pub fn mcnemar_exact(first: u64, second: u64) -> f64 {
    let (fewer, all) = (first.min(second), first + second);
    let halves = all as f64 * -std::f64::consts::LN_2;
    // The logarithm of C(all, i), from i = 0 on.
    let mut choose = 0.0;
    let mut tail = 0.0;
    for i in 0..=fewer {
        tail += (choose + halves).exp();
        choose += ((all - i) as f64 / (i + 1) as f64).ln();
    }
    // The middle of an even number belongs to both sides.
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use scarlet_random::Random;

    use super::*;

    #[test]
    fn values_are_those_of_statsmodels() {
        // statsmodels.stats.contingency_tables.mcnemar([[0, b], [c, 0]], exact=True).pvalue
        for ((first, second), expected) in [
            ((0, 0), 1.0),
            ((1, 0), 1.0),
            ((8, 2), 0.109_375),
            ((25, 11), 0.028_816_719_655_878_8),
            ((121, 59), 4.434_449_263_755e-6),
            ((500, 440), 0.054_250_697_506_537),
            ((3, 4), 1.0),
            ((20_000, 20_300), 0.136_374_478_388_167),
        ] {
            let found = mcnemar_exact(first, second);
            let error = (found - expected).abs() / expected;
            assert!(error < 1e-9, "{first}, {second}: {found}");
            assert_eq!(found, mcnemar_exact(second, first));
        }
    }

    #[test]
    fn equally_good_networks_seldom_seem_to_differ() {
        let mut random = Random::new(11, 1u64, 0);
        let runs = 4_000;
        let mut significant = 0;
        for _ in 0..runs {
            let first = (0..60).filter(|_| random.chance(0.5)).count() as u64;
            significant += u32::from(mcnemar_exact(first, 60 - first) < 0.05);
        }
        // At most 5 %; of 60, by the distribution's steps, 2.7 %.
        let share = f64::from(significant) / f64::from(runs);
        assert!(share < 0.05 && share > 0.015, "{share}");
    }
}
