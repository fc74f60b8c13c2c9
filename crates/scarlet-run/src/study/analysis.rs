//! The results of a study's records: rows of tables.

use scarlet_search::{kendall_tau, spearman_rho, top_k_regret};
use serde::Serialize;

use super::{StandaloneRecord, SupernetRecord};

/// How far one-shot accuracies lie apart, for one supernet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpreadRow {
    /// `stabilizer` or `identity`.
    pub skip: &'static str,
    /// `fair` or `uniform`.
    pub sampling: &'static str,
    /// Seed of the supernet.
    pub seed: u64,
    /// Whether batch normalisation was measured again for each network.
    pub recalibrated: bool,
    /// Number of networks.
    pub networks: usize,
    /// Mean accuracy, from 0 to 1.
    pub mean: f64,
    /// Standard deviation of the accuracies as a sample.
    pub standard_deviation: f64,
    /// Lowest accuracy.
    pub lowest: f64,
    /// Highest accuracy.
    pub highest: f64,
}

/// The spread of every supernet's one-shot accuracies, with batch normalisation measured again and
/// without.
pub fn spread(supernets: &[SupernetRecord]) -> Vec<SpreadRow> {
    let mut rows = Vec::with_capacity(2 * supernets.len());
    for record in supernets {
        for recalibrated in [true, false] {
            let accuracies = accuracies(record, recalibrated);
            let count = accuracies.len() as f64;
            let mean = accuracies.iter().sum::<f64>() / count;
            let squares: f64 = accuracies.iter().map(|x| (x - mean).powi(2)).sum();
            rows.push(SpreadRow {
                skip: record.variant.skip_name(),
                sampling: record.variant.sampling_name(),
                seed: record.seed,
                recalibrated,
                networks: accuracies.len(),
                mean,
                standard_deviation: (squares / (count - 1.0)).sqrt(),
                lowest: accuracies.iter().copied().fold(f64::INFINITY, f64::min),
                highest: accuracies.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            });
        }
    }
    rows
}

/// How well one supernet foretells stand-alone accuracy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankingRow {
    /// `stabilizer` or `identity`.
    pub skip: &'static str,
    /// `fair` or `uniform`.
    pub sampling: &'static str,
    /// Seed of the supernet.
    pub seed: u64,
    /// Whether batch normalisation was measured again for each network.
    pub recalibrated: bool,
    /// Number of networks.
    pub networks: usize,
    /// Kendall's tau-b; none where all accuracies of one kind are the same.
    pub kendall_tau: Option<f64>,
    /// Spearman's rho; none where all accuracies of one kind are the same.
    pub spearman_rho: Option<f64>,
    /// Stand-alone accuracy that is lost by taking the network that the supernet finds best.
    pub top_1_regret: f64,
    /// The same, taking the best of the five that it finds best.
    pub top_5_regret: f64,
}

/// How well every supernet ranks the networks of `standalone`, which are in the order of its
/// scores.
pub fn ranking(supernets: &[SupernetRecord], standalone: &[StandaloneRecord]) -> Vec<RankingRow> {
    let actual: Vec<f64> = standalone.iter().map(|record| record.accuracy).collect();
    let mut rows = Vec::with_capacity(2 * supernets.len());
    for record in supernets {
        for recalibrated in [true, false] {
            let predicted = accuracies(record, recalibrated);
            let regret = |k: usize| {
                let regret = top_k_regret(&predicted, &actual, k.min(actual.len()));
                regret.unwrap_or(f64::NAN)
            };
            rows.push(RankingRow {
                skip: record.variant.skip_name(),
                sampling: record.variant.sampling_name(),
                seed: record.seed,
                recalibrated,
                networks: actual.len(),
                kendall_tau: kendall_tau(&predicted, &actual).ok(),
                spearman_rho: spearman_rho(&predicted, &actual).ok(),
                top_1_regret: regret(1),
                top_5_regret: regret(5),
            });
        }
    }
    rows
}

/// Whether stand-alone accuracies can be distinguished at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolution {
    /// Standard deviation of the networks' accuracies as a sample.
    pub spread: f64,
    /// Standard error of one accuracy, for its number of test images.
    pub error: f64,
}

impl Resolution {
    /// Of these networks, each measured on `images` images.
    pub fn of(standalone: &[StandaloneRecord], images: usize) -> Self {
        let count = standalone.len() as f64;
        let accuracies = || standalone.iter().map(|record| record.accuracy);
        let mean = accuracies().sum::<f64>() / count;
        let squares: f64 = accuracies().map(|x| (x - mean).powi(2)).sum();
        let variances: f64 = accuracies().map(|x| x * (1.0 - x)).sum();
        Self {
            // One network has no spread.
            spread: (squares / (count - 1.0).max(1.0)).sqrt(),
            error: (variances / count / images as f64).sqrt(),
        }
    }

    /// Whether the accuracies lie further apart than chance alone would have it, by a factor of
    /// two: less, and most of their order is the luck of the test images.
    pub fn is_enough(&self) -> bool {
        self.spread >= 2.0 * self.error
    }
}

fn accuracies(record: &SupernetRecord, recalibrated: bool) -> Vec<f64> {
    let scores = record.scores.iter();
    scores.map(|score| score.accuracy(recalibrated)).collect()
}

#[cfg(test)]
mod tests {
    use scarlet_arch::Genome;

    use super::super::{OneShot, Similarity, Variant};
    use super::*;

    fn genome(index: usize) -> Genome {
        Genome::new(vec![index as u8]).unwrap()
    }

    fn supernet(accuracies: &[f64]) -> SupernetRecord {
        let scores = accuracies
            .iter()
            .enumerate()
            .map(|(index, &accuracy)| OneShot {
                genome: genome(index),
                recalibrated: accuracy,
                as_trained: 0.1,
            });
        SupernetRecord {
            variant: Variant::SKIPS[0],
            seed: 3,
            epochs: Vec::new(),
            scores: scores.collect(),
            similarity: Similarity {
                layer: 1,
                choices: vec!["E3K3".to_owned(), "-".to_owned(), "E6K3".to_owned()],
                cosine: vec![
                    vec![1.0, 0.2, 0.9],
                    vec![0.2, 1.0, 0.4],
                    vec![0.9, 0.4, 1.0],
                ],
            },
        }
    }

    #[test]
    fn spread_is_the_samples_standard_deviation() {
        let rows = spread(&[supernet(&[0.5, 0.7, 0.9])]);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].skip, rows[0].sampling), ("stabilizer", "fair"));
        assert!((rows[0].mean - 0.7).abs() < 1e-12);
        assert!((rows[0].standard_deviation - 0.2).abs() < 1e-12);
        assert_eq!((rows[0].lowest, rows[0].highest), (0.5, 0.9));
        assert!(!rows[1].recalibrated && rows[1].standard_deviation < 1e-12);
    }

    #[test]
    fn ranking_compares_with_stand_alone_accuracies() {
        let standalone: Vec<StandaloneRecord> = [0.8, 0.9, 0.85]
            .into_iter()
            .enumerate()
            .map(|(index, accuracy)| StandaloneRecord {
                genome: genome(index),
                accuracy,
                mult_adds: 1,
            })
            .collect();
        let rows = ranking(&[supernet(&[0.5, 0.6, 0.7])], &standalone);
        // Of three pairs, one is the wrong way round.
        assert!((rows[0].kendall_tau.unwrap() - 1.0 / 3.0).abs() < 1e-12);
        assert!((rows[0].spearman_rho.unwrap() - 0.5).abs() < 1e-12);
        assert!((rows[0].top_1_regret - 0.05).abs() < 1e-12);
        assert_eq!(rows[0].top_5_regret, 0.0);
        assert_eq!((rows[1].kendall_tau, rows[1].spearman_rho), (None, None));
    }

    #[test]
    fn accuracies_closer_than_chance_are_found_out() {
        let records = [0.8, 0.81, 0.82].map(|accuracy| StandaloneRecord {
            genome: genome(0),
            accuracy,
            mult_adds: 1,
        });
        let few = Resolution::of(&records, 1_000);
        assert!((few.spread - 0.01).abs() < 1e-12);
        assert!((few.error - 0.0124).abs() < 1e-4);
        assert!(!few.is_enough());
        assert!(Resolution::of(&records, 10_000).is_enough());
    }

    #[test]
    fn similarity_of_the_skip_and_of_the_blocks_are_means_over_pairs() {
        let similarity = supernet(&[]).similarity;
        assert!((similarity.skip_with_blocks() - 0.3).abs() < 1e-12);
        assert!((similarity.blocks() - 0.9).abs() < 1e-12);
    }
}
