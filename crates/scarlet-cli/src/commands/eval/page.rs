//! `scarlet eval --report`: what came of an evaluation, as a page.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use scarlet_io::atomic_file::OutputFile;
use scarlet_report::{EvaluationReport, Fact, Judged, evaluation_html};
use scarlet_run::trust::{Looks, mistakes, trust};
use scarlet_train::trust::{AfterSource, Evidence, Figures};

use super::evaluation::loader_options;
use super::labels::Labels;
use super::subject::Subject;
use crate::cli::EvalArgs;
use crate::error::CliError;
use crate::model::Model;
use crate::report::eval::EvalReport;
use crate::report::number::{counted, percent, thousands};

/// The page's file, which appears whole or not at all.
pub(super) struct PageFile {
    path: PathBuf,
    file: OutputFile,
}

impl PageFile {
    /// Before anything is computed for it.
    pub(super) fn create(path: &Path) -> Result<Self, CliError> {
        let file = OutputFile::create(path).map_err(|source| write_error(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    pub(super) fn write(mut self, html: &str) -> Result<(), CliError> {
        let written = self.file.write_all(html.as_bytes());
        let written = written.and_then(|()| self.file.finish());
        written.map_err(|source| write_error(&self.path, source))
    }
}

fn write_error(path: &Path, source: io::Error) -> CliError {
    CliError::WriteFile {
        path: path.to_owned(),
        source,
    }
}

/// An evaluation that is shown.
pub(super) struct Shown<'a> {
    pub(super) args: &'a EvalArgs,
    pub(super) model: &'a Model,
    pub(super) subject: &'a Subject,
    pub(super) labels: &'a Labels,
    pub(super) evidence: &'a Evidence,
    pub(super) report: &'a EvalReport,
    /// Whether the network seems to have been trained on these images.
    pub(super) is_seen: bool,
}

impl Shown<'_> {
    /// The whole page.
    pub(super) fn html(&self) -> Result<String, CliError> {
        let (report, evidence) = (self.report, self.evidence);
        let figures = &report.trust;
        let name = |image| self.subject.name(image);
        let looks = Looks {
            network: self.model.architecture(),
            maps_of: self.model.network().ok_or(
                "Where the network looked can only be shown for weights as they were trained; \
                 this is a file that scarlet deploy wrote.",
            ),
        };
        let trust = trust(figures, evidence, looks, name, |images| self.read(images))?;
        let classes: Vec<String> = (0..evidence.classes())
            .map(|class| self.labels.name(class))
            .collect();
        let part = report.part.map_or(String::new(), |part| format!("{part} "));
        let judged_on = format!("{} {part}images", thousands(report.images));
        let page = EvaluationReport {
            title: format!("{} on {}", report.setting.network(), self.folder()),
            lead: self.lead(&part),
            accuracies: vec![Judged {
                what: "accuracy".to_owned(),
                accuracy: report.top1,
                images: Some(report.images),
                interval: Some(report.top1_interval),
            }],
            mistakes: mistakes(judged_on, &classes, evidence, &figures.answers, name),
            trust,
            usage: Vec::new(),
            data: self.facts(),
        };
        Ok(evaluation_html(&page)?)
    }

    /// The images' own name, without where they are.
    fn folder(&self) -> String {
        let path = Path::new(&self.report.folder);
        let name = path.file_name().unwrap_or(path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// What came of it.
    fn lead(&self, part: &str) -> String {
        let report = self.report;
        let right = report.trust.answers.iter().filter(|it| it.right).count();
        let images = counted(
            report.images,
            &format!("{part}image"),
            &format!("{part}images"),
        );
        let mut sentences = vec![
            format!("It is right on {} of {images}.", thousands(right as u64)),
            sureness(&report.trust),
        ];
        if let Some(against) = &report.against {
            sentences.push(format!(
                "Beside {}: {}",
                against.other.weights,
                against.sentence()
            ));
        }
        if self.is_seen {
            sentences.push(
                "But it seems to have been trained on these images, and is worse on others."
                    .to_owned(),
            );
        }
        sentences.retain(|sentence| !sentence.is_empty());
        sentences.join(" ")
    }

    fn facts(&self) -> Vec<Fact> {
        let (report, model) = (self.report, self.model);
        let network = model.architecture();
        let side = network.preprocessing.resolution;
        let mut facts = vec![
            Fact::new("network", report.setting.network()),
            Fact::new("weights", &report.setting.weights),
            Fact::new("sees", format!("{0}×{side}×{side}", network.input_channels)),
            Fact::new("images", &report.folder),
        ];
        let mut add = |name: &str, value: &dyn Display| facts.push(Fact::new(name, value));
        if let Some(part) = report.part {
            add("part", &part);
        }
        add("evaluated", &report.images);
        if !report.unreadable.is_empty() {
            add("unreadable, left out", &report.unreadable.len());
        }
        if let Some(trained_on) = model.card().and_then(|card| card.trained_on.as_ref()) {
            add("trained on", trained_on);
        }
        if let Some(own) = model.temperature() {
            let images = counted(own.images, "image", "images");
            add(
                "temperature",
                &format!("{}, fitted on {}: {images}", own.value, own.of),
            );
        }
        if let Some(augmented) = &report.augmented {
            add("averaged over", &augmented.views_text());
        }
        if let Some(against) = &report.against {
            add("compared with", &against.other.weights);
        }
        facts
    }

    /// What the network sees of some of the images, one after the other.
    fn read(&self, images: &[usize]) -> Result<Vec<f32>, CliError> {
        let network = self.model.architecture();
        let chosen = self.subject.chosen(images);
        let side = network.preprocessing.resolution;
        let size = network.input_channels * side * side;
        let mut values = vec![0.0; images.len() * size];
        for batch in chosen.batches(network, loader_options(self.args, self.model))? {
            let batch = batch?;
            // One that can no more be read stays empty.
            let read = batch.indices.iter().zip(batch.images.chunks_exact(size));
            for (&index, image) in read {
                values[index * size..][..size].copy_from_slice(image);
            }
        }
        Ok(values)
    }
}

/// Whether it is as sure as it is right, as far as this many images can tell; nothing where these
/// images may have made it so.
fn sureness(figures: &Figures) -> String {
    let given = match &figures.after {
        Some(after) if after.source == AfterSource::Halves && figures.temperature.is_some() => {
            return String::new();
        }
        _ => figures.as_it_is(),
    };
    let images = figures.answers.len().max(1) as f64;
    let sure = figures.answers.iter().map(|it| it.confidence).sum::<f64>() / images;
    let right = figures.answers.iter().filter(|it| it.right).count() as f64 / images;
    let verdict = match sure > right {
        _ if given.expected_calibration_error < 1.5 * given.by_chance => {
            "which matches how often it is right, as far as this many images can tell"
        }
        true => "so it is overconfident",
        false => "so it is underconfident",
    };
    format!("On average it is {} sure, {verdict}.", percent(sure))
}
