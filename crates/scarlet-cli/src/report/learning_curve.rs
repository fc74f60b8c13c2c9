//! How the accuracy of a probed network grows with the number of images, in words and as a picture.

use scarlet_report::{LogChart, ProbedCurve};
use scarlet_train::probe::{CurveVerdict, LearningCurve};
use serde::Serialize;

use super::number::{counted, interval, percent, thousands};
use super::table::{Column, table};

/// Places of the law's curve in the picture.
const PLACES: usize = 60;

/// The learning curve of one of the networks.
#[derive(Debug, Serialize)]
pub(crate) struct LearningCurveReport {
    /// Which network's features.
    network: String,
    #[serde(flatten)]
    curve: LearningCurve,
}

impl LearningCurveReport {
    pub(crate) fn new(network: String, curve: LearningCurve) -> Self {
        Self { network, curve }
    }

    pub(crate) fn text(&self) -> String {
        let columns = [
            Column::Right("images"),
            Column::Right("accuracy"),
            Column::Right("95 % interval"),
            Column::Left(""),
        ];
        let measured = self.measured().into_iter().map(|row| (row, ""));
        let forecast = self.forecasts().into_iter().map(|row| (row, "predicted"));
        let rows = measured.chain(forecast);
        let rows = rows.map(|(row, note)| [&row[..], &[note.to_owned()]].concat());
        format!(
            "\nlearning curve\n{}\n{}",
            table(&columns, rows),
            self.sentences().join("\n")
        )
    }

    /// Images, accuracy and interval of each share.
    fn measured(&self) -> Vec<[String; 3]> {
        let points = self.curve.points.iter();
        let row = points.map(|point| {
            [
                thousands(point.images as u64),
                percent(point.accuracy),
                interval(point.interval),
            ]
        });
        row.collect()
    }

    fn forecasts(&self) -> Vec<[String; 3]> {
        let CurveVerdict::PowerLaw { forecasts, .. } = &self.curve.verdict else {
            return Vec::new();
        };
        let row = forecasts.iter().map(|it| {
            let [low, high] = it.interval;
            [
                thousands(it.images as u64),
                format!("about {}", whole(it.accuracy)),
                format!("{:.0} to {}", 100.0 * low, whole(high)),
            ]
        });
        row.collect()
    }

    fn sentences(&self) -> Vec<String> {
        let by = match self.curve.by_test {
            true => format!(
                "evaluated on {}",
                counted(self.curve.judged_images as u64, "test image", "test images")
            ),
            false => {
                "each evaluated on the fifth of the images that it was not fitted to".to_owned()
            }
        };
        let mut sentences = vec![format!(
            "The points are of linear classifiers on the features of {}, fitted to an eighth up to all of the \
             images, {} times each, and {by}.",
            self.network,
            self.curve.points.first().map_or(0, |it| it.draws.len())
        )];
        sentences.extend(match &self.curve.verdict {
            CurveVerdict::PowerLaw { law, forecasts } => {
                let gains = forecasts.iter().map(|it| {
                    let [low, high] = it.interval;
                    let times = match it.factor {
                        2 => "Twice the images".to_owned(),
                        4 => "four times the images".to_owned(),
                        factor => format!("{factor} times the images"),
                    };
                    format!(
                        "{times} would give about {} ({:.0} to {:.0})",
                        whole(it.accuracy),
                        100.0 * low,
                        100.0 * high
                    )
                });
                vec![
                    format!("{}.", gains.collect::<Vec<_>>().join(", ")),
                    format!(
                        "This continues the power law error = {:.3} · images^-{:.2}{}, and holds for images of \
                         the same kind. The intervals do not cover that the law may be another, so the true \
                         uncertainty is larger.",
                        law.scale,
                        law.exponent,
                        match law.floor < 5e-4 {
                            true => String::new(),
                            false => format!(" + {:.3}", law.floor),
                        }
                    ),
                    "Fine-tuning gets more out of the same images, and may gain more or less from \
                     additional ones."
                        .to_owned(),
                ]
            }
            CurveVerdict::NoGain => vec![
                "All images are no better than a quarter of them, as far as can be told: more of the same \
                 kind will hardly help this classifier. Other images, such as those it gets wrong, may."
                    .to_owned(),
            ],
            CurveVerdict::TooFewMistakes { mistakes } => vec![format!(
                "With all images it is wrong about {mistakes:.1} of {} only, too few to say what more images \
                 would bring.",
                thousands(self.curve.judged_images as u64)
            )],
            _ => vec![
                "The errors do not follow a power law, so nothing is said about more images: some classes \
                 may have wrong labels (scarlet check-data), or images of several kinds."
                    .to_owned(),
            ],
        });
        sentences
    }

    /// For the page.
    pub(crate) fn section(&self) -> ProbedCurve {
        let curve = &self.curve;
        let points = curve.points.iter();
        let dots = points.flat_map(|point| {
            let images = point.images as f64;
            point.draws.iter().map(move |draw| (images, 100.0 * draw))
        });
        let mut chart = LogChart {
            x_axis: "Images".to_owned(),
            y_axis: "Accuracy (%)".to_owned(),
            description: "Accuracy over the number of images".to_owned(),
            dots: ("each draw".to_owned(), dots.collect()),
            marks: vec![(
                curve.images as f64,
                format!("all {}", thousands(curve.images as u64)),
            )],
            ..LogChart::default()
        };
        if let CurveVerdict::PowerLaw { law, forecasts } = &curve.verdict {
            let from = curve.points.first().map_or(1.0, |it| it.images as f64);
            let to = forecasts.last().map_or(from, |it| it.images as f64);
            let place = |place: usize| {
                let images = from * (to / from).powf(place as f64 / (PLACES - 1) as f64);
                (images, 100.0 * (1.0 - law.error(images)))
            };
            chart.curve = ("power law".to_owned(), (0..PLACES).map(place).collect());
            let bar = |it: &scarlet_train::probe::Forecast| {
                (it.images as f64, it.interval.map(|end| 100.0 * end))
            };
            let mark = |it: &scarlet_train::probe::Forecast| {
                (it.images as f64, thousands(it.images as u64))
            };
            chart.marks.extend(forecasts.iter().map(mark));
            chart.bars = (
                "95 % intervals of predictions".to_owned(),
                forecasts.iter().map(bar).collect(),
            );
        }
        let mut rows = self.measured();
        rows.extend(self.forecasts());
        ProbedCurve {
            sentences: self.sentences(),
            chart,
            rows,
        }
    }
}

/// `93 %`: more digits than a prediction has would mislead.
fn whole(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}
