//! What `scarlet study` prints.

use scarlet_run::pipeline::{ComparedSearch, ComparisonPlan};
use scarlet_run::study::{RankingRow, SpreadRow, StudyPlan, Trainings};
use serde::Serialize;

use super::number::{percent, thousands};
use super::search::{duration, grouped, line, priced};
use super::table::{Column, table};

/// What a study has yet to do.
pub(crate) fn plan_text(plan: &StudyPlan) -> String {
    let [channels, height, width] = plan.input;
    let count = |number: usize| thousands(number as u64);
    let mut text = format!(
        "images      {channels}×{height}×{width}, {} classes: {} to train on, {} to test\n\
         space       {} layers of {}: {} networks, {} of which are compared\n",
        plan.classes,
        count(plan.train_images),
        count(plan.test_images),
        plan.layers,
        plan.choices.join(" "),
        grouped(&plan.space),
        count(plan.networks),
    );
    line(&mut text, "cheapest", &priced(&plan.cheapest));
    line(&mut text, "costliest", &priced(&plan.dearest));
    line(&mut text, "supernets", &trainings(&plan.supernets));
    if plan.standalone.total > 0 {
        line(&mut text, "networks", &trainings(&plan.standalone));
    }
    line(
        &mut text,
        "time",
        &format!("about {}", duration(plan.seconds())),
    );
    text
}

fn trainings(trainings: &Trainings) -> String {
    format!(
        "{} of {} to train: {} steps, about {}",
        trainings.left,
        trainings.total,
        thousands(trainings.steps),
        duration(trainings.seconds)
    )
}

/// What a comparison of searches is going to do.
pub(crate) fn comparison_text(plan: &ComparisonPlan) -> String {
    let mut text = String::new();
    let seeds: Vec<String> = plan.seeds.iter().map(u64::to_string).collect();
    line(&mut text, "algorithms", &plan.algorithms.join(", "));
    line(&mut text, "seeds", &seeds.join(", "));
    let supernet = match plan.supernet_steps {
        0 => "trained".to_owned(),
        steps => format!(
            "{} steps to train, about {}",
            thousands(steps),
            duration(plan.supernet_seconds)
        ),
    };
    line(&mut text, "supernet", &supernet);
    line(
        &mut text,
        "candidates",
        &format!(
            "{} of each search, {} in all, about {}; less for those measured before",
            thousands(plan.evaluations as u64),
            thousands(plan.candidates as u64),
            duration(plan.search_seconds)
        ),
    );
    text
}

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

/// The results of the algorithms with one seed.
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
