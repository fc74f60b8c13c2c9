//! A small problem whose every genome can be measured.

use scarlet_search::{Evaluation, EvaluatorFn, GeneSpace, SearchConfig};

/// Genes of the small problem; 5 choices each, 15,625 genomes.
pub(crate) const GENES: usize = 6;

/// Quality, cost and size of a genome: they conflict, neighbouring genes interact, and quality
/// saturates.
pub(crate) fn measure(genes: &[u8]) -> Vec<f64> {
    let level = |gene: usize| f64::from(genes[gene]);
    let cost: f64 = (0..GENES)
        .map(|gene| level(gene) * (1.0 + gene as f64))
        .sum();
    let size: f64 = (0..GENES).map(|gene| level(gene).powi(2)).sum();
    let harmony = (1..GENES)
        .filter(|&gene| genes[gene] == genes[gene - 1])
        .count();
    let gain = size + 4.0 * harmony as f64;
    vec![gain / (gain + 20.0), cost, size]
}

pub(crate) fn evaluator() -> EvaluatorFn<fn(&[u8]) -> Evaluation> {
    EvaluatorFn::new(["quality", "cost", "size"], |genes| Ok(measure(genes)))
}

pub(crate) fn config() -> SearchConfig {
    let objectives = ["maximize quality", "minimize cost"];
    SearchConfig::new(
        GeneSpace::uniform(GENES, 5).unwrap(),
        objectives
            .iter()
            .map(|text| text.parse().unwrap())
            .collect(),
    )
}
