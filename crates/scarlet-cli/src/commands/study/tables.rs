//! The study's records as tables.

use scarlet_run::RunFolder;
use scarlet_run::pipeline::ComparedSearch;
use scarlet_run::study::SupernetRecord;
use serde::Serialize;

use crate::error::CliError;

/// Writes rows as a table into a folder.
pub(super) fn write_csv<R: Serialize>(
    folder: &RunFolder,
    name: &str,
    rows: &[R],
) -> Result<(), CliError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |source: std::io::Error| CliError::WriteFile {
        path: folder.file(name),
        source,
    };
    for row in rows {
        writer
            .serialize(row)
            .map_err(|error| failed(error.into()))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    Ok(folder.write(name, &bytes)?)
}

/// A pair of a layer's choices.
#[derive(Serialize)]
pub(super) struct Pair<'a> {
    skip: &'static str,
    seed: u64,
    layer: usize,
    choice: &'a str,
    other: &'a str,
    cosine: f64,
}

/// Every pair of the layer's choices, for every supernet.
pub(super) fn pairs(supernets: &[SupernetRecord]) -> Vec<Pair<'_>> {
    let mut pairs = Vec::new();
    for record in supernets {
        let similarity = &record.similarity;
        for (choice, row) in similarity.choices.iter().zip(&similarity.cosine) {
            for (other, &cosine) in similarity.choices.iter().zip(row) {
                pairs.push(Pair {
                    skip: record.variant.skip_name(),
                    seed: record.seed,
                    layer: similarity.layer,
                    choice,
                    other,
                    cosine,
                });
            }
        }
    }
    pairs
}

/// Where one of a layer's choices lies on a plane.
#[derive(Serialize)]
pub(super) struct Place<'a> {
    skip: &'static str,
    seed: u64,
    layer: usize,
    choice: &'a str,
    x: f64,
    y: f64,
    /// Share of the variance that the plane shows.
    explained: f64,
}

/// Every choice of the layer, for every supernet.
pub(super) fn places(supernets: &[SupernetRecord]) -> Vec<Place<'_>> {
    let mut places = Vec::new();
    for record in supernets {
        let similarity = &record.similarity;
        let projection = similarity.projection();
        let points = similarity.choices.iter().zip(&projection.points);
        places.extend(points.map(|(choice, &[x, y])| Place {
            skip: record.variant.skip_name(),
            seed: record.seed,
            layer: similarity.layer,
            choice,
            x,
            y,
            explained: projection.explained,
        }));
    }
    places
}

/// A network as a supernet judged it.
#[derive(Serialize)]
pub(super) struct Score {
    skip: &'static str,
    sampling: &'static str,
    seed: u64,
    genome: String,
    recalibrated: f64,
    as_trained: f64,
}

/// Every network, for every supernet.
pub(super) fn scores(supernets: &[SupernetRecord]) -> Vec<Score> {
    let mut scores = Vec::new();
    for record in supernets {
        scores.extend(record.scores.iter().map(|score| Score {
            skip: record.variant.skip_name(),
            sampling: record.variant.sampling_name(),
            seed: record.seed,
            genome: score.genome.to_string(),
            recalibrated: score.recalibrated,
            as_trained: score.as_trained,
        }));
    }
    scores
}

/// How far a search was after a generation.
#[derive(Serialize)]
pub(super) struct Generation {
    algorithm: &'static str,
    seed: u64,
    evaluations: usize,
    feasible: usize,
    front: usize,
    hypervolume: f64,
}

/// Every generation of every search.
pub(super) fn generations(searches: &[ComparedSearch]) -> Vec<Generation> {
    let mut rows = Vec::new();
    for search in searches {
        rows.extend(search.history.iter().map(|record| Generation {
            algorithm: search.algorithm,
            seed: search.seed,
            evaluations: record.evaluations,
            feasible: record.feasible,
            front: record.front,
            hypervolume: record.hypervolume,
        }));
    }
    rows
}
