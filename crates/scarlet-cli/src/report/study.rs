//! What `scarlet study` prints.

use scarlet_train::run::ComparedSearch;
use scarlet_train::study::{RankingRow, SpreadRow};
use serde::Serialize;

use super::number::percent;
use super::table::{Column, table};

/// How alike a skip's output is to the blocks', for one supernet.
#[derive(Debug, Serialize)]
pub(crate) struct SkipSimilarity {
    pub(crate) skip: &'static str,
    pub(crate) seed: u64,
    /// Mean cosine similarity of the skip's output with the blocks'.
    pub(crate) skip_with_blocks: f64,
    /// The same of the blocks among themselves.
    pub(crate) blocks: f64,
}

pub(crate) fn similarity_text(rows: &[SkipSimilarity]) -> String {
    let columns = [
        Column::Left("skip"),
        Column::Right("seed"),
        Column::Right("skip with blocks"),
        Column::Right("blocks"),
    ];
    let rows = rows.iter().map(|row| {
        vec![
            row.skip.to_owned(),
            row.seed.to_string(),
            format!("{:.3}", row.skip_with_blocks),
            format!("{:.3}", row.blocks),
        ]
    });
    table(&columns, rows)
}

pub(crate) fn spread_text(rows: &[SpreadRow]) -> String {
    let columns = [
        Column::Left("skip"),
        Column::Left("statistics"),
        Column::Right("seed"),
        Column::Right("mean"),
        Column::Right("deviation"),
        Column::Right("lowest"),
        Column::Right("highest"),
    ];
    let rows = rows.iter().map(|row| {
        vec![
            row.skip.to_owned(),
            statistics(row.recalibrated).to_owned(),
            row.seed.to_string(),
            percent(row.mean),
            percent(row.standard_deviation),
            percent(row.lowest),
            percent(row.highest),
        ]
    });
    table(&columns, rows)
}

pub(crate) fn ranking_text(rows: &[RankingRow]) -> String {
    let columns = [
        Column::Left("skip"),
        Column::Left("sampling"),
        Column::Left("statistics"),
        Column::Right("seed"),
        Column::Right("Kendall tau"),
        Column::Right("Spearman rho"),
        Column::Right("top-1 regret"),
        Column::Right("top-5 regret"),
    ];
    let correlation = |value: Option<f64>| value.map_or("-".to_owned(), |it| format!("{it:.3}"));
    let rows = rows.iter().map(|row| {
        vec![
            row.skip.to_owned(),
            row.sampling.to_owned(),
            statistics(row.recalibrated).to_owned(),
            row.seed.to_string(),
            correlation(row.kendall_tau),
            correlation(row.spearman_rho),
            percent(row.top_1_regret),
            percent(row.top_5_regret),
        ]
    });
    table(&columns, rows)
}

/// Whose statistics batch normalisation used.
pub(crate) fn statistics(recalibrated: bool) -> &'static str {
    match recalibrated {
        true => "the network's",
        false => "the supernet's",
    }
}

/// What the algorithms came to with one seed.
#[derive(Debug, Serialize)]
pub(crate) struct FoundVolumes {
    pub(crate) seed: u64,
    /// Hypervolume by algorithm, the search's own first.
    pub(crate) hypervolumes: Vec<(&'static str, f64)>,
}

impl FoundVolumes {
    pub(crate) fn of(searches: &[ComparedSearch]) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for search in searches {
            let volume = (search.algorithm, search.hypervolume());
            match found.iter_mut().find(|it| it.seed == search.seed) {
                Some(seed) => seed.hypervolumes.push(volume),
                None => found.push(Self {
                    seed: search.seed,
                    hypervolumes: vec![volume],
                }),
            }
        }
        found
    }
}

pub(crate) fn found_text(found: &[FoundVolumes]) -> String {
    let algorithms: Vec<&str> = found.first().map_or_else(Vec::new, |seed| {
        seed.hypervolumes.iter().map(|(name, _)| *name).collect()
    });
    let mut columns = vec![Column::Right("seed")];
    columns.extend(algorithms.iter().map(|name| Column::Right(name)));
    let rows = found.iter().map(|seed| {
        let volumes = seed.hypervolumes.iter();
        let volumes = volumes.map(|(_, volume)| format!("{volume:.4}"));
        std::iter::once(seed.seed.to_string())
            .chain(volumes)
            .collect()
    });
    let mut text = table(&columns, rows);
    for (place, name) in algorithms.iter().enumerate().skip(1) {
        let ahead = found
            .iter()
            .filter(|it| it.hypervolumes[0].1 > it.hypervolumes[place].1)
            .count();
        text += &format!(
            "\n{} found the larger hypervolume than {name} with {ahead} of {} seeds",
            algorithms[0],
            found.len()
        );
    }
    text
}
