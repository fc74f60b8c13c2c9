//! What `scarlet probe` prints.

use std::fmt::Write;
use std::path::Path;

use scarlet_report::{Fact, ProbedRow};
use scarlet_train::probe::Probed;
use serde::Serialize;

use super::eval::ClassReport;
use super::learning_curve::LearningCurveReport;
use super::number::{counted, interval, millions, percent, thousands};
use super::seen::quoted;
use super::table::{Column, table};

/// Confusions that are printed.
const CONFUSIONS: usize = 5;

/// How well networks' features tell the classes apart.
#[derive(Debug, Serialize)]
pub(crate) struct ProbeReport {
    /// Where the images are from.
    data: String,
    /// Images that the linear classifier was fitted to.
    fitted_images: usize,
    /// Images that it was judged by.
    judged_images: usize,
    /// Which they are.
    judged_by: &'static str,
    pub(crate) networks: Vec<ProbedNetwork>,
    /// Of the most accurate network, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) learning_curve: Option<LearningCurveReport>,
}

/// One network. Accuracies are from 0 to 1.
#[derive(Debug, Serialize)]
pub(crate) struct ProbedNetwork {
    pub(crate) network: String,
    /// By which other commands know it and its weights.
    pub(crate) model: Option<String>,
    pub(crate) resolution: usize,
    /// Number of an image's features.
    pub(crate) features: usize,
    pub(crate) mult_adds: u64,
    /// Of one image, deployed, with one thread.
    pub(crate) latency_ms: f64,
    pub(crate) top1: f64,
    pub(crate) top1_interval: [f64; 2],
    /// Whether no other network is as accurate and takes no longer.
    pub(crate) suits: bool,
    /// Weight of the classifier's penalty.
    pub(crate) penalty: f64,
    /// How long it took, without reading.
    pub(crate) seconds: f64,
    pub(crate) classes: Vec<ClassReport>,
}

impl ProbeReport {
    pub(crate) fn new(data: &str) -> Self {
        Self {
            data: data.to_owned(),
            fitted_images: 0,
            judged_images: 0,
            judged_by: "test images",
            networks: Vec::new(),
            learning_curve: None,
        }
    }

    pub(crate) fn add(&mut self, network: ProbedNetwork, probed: &Probed) {
        self.fitted_images = probed.fitted.len();
        self.judged_images = probed.judged.len();
        self.judged_by = match probed.by_test {
            true => "test images",
            false => "held-out images",
        };
        self.networks.push(network);
        self.networks
            .sort_by(|a, b| a.latency_ms.total_cmp(&b.latency_ms));
        let mut best = f64::NEG_INFINITY;
        for network in &mut self.networks {
            network.suits = network.top1 > best;
            best = best.max(network.top1);
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.judged_text());
        let columns = [
            Column::Left("network"),
            Column::Right("pixels"),
            Column::Right("latency"),
            Column::Right("mult-adds"),
            Column::Right("top-1"),
            Column::Right("95 % interval"),
            Column::Left(""),
        ];
        let rows = self.networks.iter().map(|it| {
            vec![
                it.network.clone(),
                it.resolution.to_string(),
                format!("{:.2} ms", it.latency_ms),
                millions(it.mult_adds),
                percent(it.top1),
                interval(it.top1_interval),
                match it.suits {
                    true => "none faster is as accurate".to_owned(),
                    false => String::new(),
                },
            ]
        });
        text.push_str(&table(&columns, rows));
        text.push('\n');
        let best = self.networks.iter().rfind(|it| it.suits);
        // Writing to a string cannot fail.
        if let Some(best) = best {
            let _ = write!(text, "{}", self.best_text(best));
        }
        if let Some(curve) = &self.learning_curve {
            text.push_str(&curve.text());
        }
        text
    }

    /// As a page.
    pub(crate) fn page(&self) -> scarlet_report::ProbeReport {
        let networks = self.networks.iter().map(|it| ProbedRow {
            network: it.network.clone(),
            pixels: it.resolution.to_string(),
            latency: format!("{:.2} ms", it.latency_ms),
            mult_adds: millions(it.mult_adds),
            top1: it.top1,
            interval: interval(it.top1_interval),
        });
        scarlet_report::ProbeReport {
            title: self.data.clone(),
            lead: self.judged_text(),
            networks: networks.collect(),
            curve: self.learning_curve.as_ref().map(|it| it.section()),
            data: vec![
                Fact::new("source", &self.data),
                Fact::new("images fitted to", self.fitted_images),
                Fact::new(self.judged_by, self.judged_images),
            ],
        }
    }

    fn judged_text(&self) -> String {
        format!(
            "a linear classifier fitted to {}, evaluated on {} {}",
            counted(self.fitted_images as u64, "image", "images"),
            thousands(self.judged_images as u64),
            self.judged_by
        )
    }

    fn best_text(&self, best: &ProbedNetwork) -> String {
        let mut confusions: Vec<(u64, String)> = Vec::new();
        for class in &best.classes {
            for mistake in &class.mistaken_for {
                let text = format!("{} for {}", class.name, mistake.name);
                confusions.push((mistake.images, text));
            }
        }
        confusions.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let mut text = String::new();
        if !confusions.is_empty() {
            let _ = writeln!(text, "\n{} most often takes", best.network);
            for (images, what) in confusions.iter().take(CONFUSIONS) {
                let images = counted(*images, "image", "images");
                let _ = writeln!(text, "  {what}: {images}");
            }
        }
        if let Some(model) = &best.model {
            let data = quoted(Path::new(&self.data));
            let _ = writeln!(
                text,
                "\nFine-tuned it becomes more accurate, and a part of it may be faster:\n  \
                 scarlet finetune --data {data} --model {model}\n  \
                 scarlet search --data {data} --from {model}"
            );
        }
        text
    }
}
