//! The study's records as pictures.

use scarlet_report::{
    Curve, HeatMap, Plane, PlanePoint, ReportError, Scatter, Strip, curves_svg, heat_maps_svg,
    planes_svg, scatters_svg, strips_svg,
};
use scarlet_run::pipeline::ComparedSearch;
use scarlet_run::study::{self, Similarity, StandaloneRecord, SupernetRecord, Variant};

use crate::report::study::statistics;

/// A matrix for each kind of skip: the mean over the seeds.
pub(super) fn similarity(supernets: &[SupernetRecord]) -> Result<String, ReportError> {
    let maps = mean_similarities(supernets).into_iter();
    let maps = maps.map(|(title, similarity)| HeatMap {
        title,
        labels: similarity.choices,
        values: similarity.cosine,
    });
    heat_maps_svg(&maps.collect::<Vec<_>>())
}

/// The choices on a plane for each kind of skip, by the mean similarity over the seeds.
pub(super) fn projection(supernets: &[SupernetRecord]) -> Result<String, ReportError> {
    let planes = mean_similarities(supernets).into_iter();
    let planes = planes.map(|(title, similarity)| {
        let projection = similarity.projection();
        Plane {
            title,
            note: format!("{:.0} % of the variance", 100.0 * projection.explained),
            points: (similarity.choices.iter().zip(projection.points).enumerate())
                .map(|(choice, (label, at))| PlanePoint {
                    label: label.clone(),
                    at,
                    marked: similarity.is_skip(choice),
                })
                .collect(),
        }
    });
    planes_svg(&planes.collect::<Vec<_>>())
}

/// The mean over the seeds for each kind of skip, with its heading.
fn mean_similarities(supernets: &[SupernetRecord]) -> Vec<(String, Similarity)> {
    let mut means = Vec::new();
    for variant in Variant::SKIPS {
        let records = of(supernets, variant);
        let records: Vec<&Similarity> = records.iter().map(|it| &it.similarity).collect();
        if let Some(mean) = Similarity::mean_of(&records) {
            let title = format!("{}, layer {}", variant.skip_name(), mean.layer);
            means.push((title, mean));
        }
    }
    means
}

/// A strip for each supernet, with batch normalisation measured again.
pub(super) fn spread(supernets: &[SupernetRecord]) -> Result<String, ReportError> {
    let mut strips = Vec::new();
    for variant in Variant::SKIPS {
        strips.extend(of(supernets, variant).into_iter().map(|record| Strip {
            title: format!("{}\nseed {}", variant.skip_name(), record.seed),
            values: percents(record, true),
        }));
    }
    strips_svg("One-shot accuracy (%)", &strips)
}

/// A panel for each variant, with and without batch normalisation measured again, for the first
/// seed.
pub(super) fn ranking(
    supernets: &[SupernetRecord],
    networks: &[StandaloneRecord],
) -> Result<String, ReportError> {
    let mut panels = Vec::new();
    for variant in Variant::ALL {
        let records = of(supernets, variant);
        let Some(&record) = records.first() else {
            continue;
        };
        for row in study::ranking(std::slice::from_ref(record), networks) {
            let predicted = percents(record, row.recalibrated);
            let actual = networks.iter().map(|network| 100.0 * network.accuracy);
            let whose = statistics(row.recalibrated);
            panels.push(Scatter {
                title: format!("{}, {}, {whose} statistics", row.skip, row.sampling),
                note: match row.kendall_tau {
                    Some(tau) => format!("Kendall tau {tau:.2}, seed {}", row.seed),
                    None => format!("no rank correlation, seed {}", row.seed),
                },
                points: predicted.into_iter().zip(actual).collect(),
            });
        }
    }
    scatters_svg("One-shot accuracy (%)", "Stand-alone (%)", 2, &panels)
}

/// Hypervolume over the candidates that were measured, a curve for each search.
pub(super) fn searches(searches: &[ComparedSearch]) -> Result<String, ReportError> {
    let curves = searches.iter().map(|search| Curve {
        kind: search.algorithm.to_owned(),
        points: search
            .history
            .iter()
            .map(|record| (record.evaluations as f64, record.hypervolume))
            .collect(),
    });
    curves_svg("Candidates", "Hypervolume", &curves.collect::<Vec<_>>())
}

/// The supernets of a variant.
fn of(supernets: &[SupernetRecord], variant: Variant) -> Vec<&SupernetRecord> {
    let records = supernets.iter();
    records.filter(|record| record.variant == variant).collect()
}

fn percents(record: &SupernetRecord, recalibrated: bool) -> Vec<f64> {
    let scores = record.scores.iter();
    scores
        .map(|score| 100.0 * score.accuracy(recalibrated))
        .collect()
}
