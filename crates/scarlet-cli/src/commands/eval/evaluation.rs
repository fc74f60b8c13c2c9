//! [`Evaluation`]: a network on all images of a subject, one batch after the other.

use scarlet::{Accuracy, Prediction};
use scarlet_data::{Batch, DecodeOptions, LoaderOptions};
use scarlet_train::trust::Evidence;

use super::labels::Labels;
use super::subject::Subject;
use crate::cli::EvalArgs;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::Model;
use crate::report::Unreadable;
use crate::report::number::counted;
use crate::results_file::{ResultsFile, Row};
use crate::terminal::Terminal;
use crate::views::Views;

/// Predictions that top-5 accuracy looks at.
const TOP: usize = 5;

/// An evaluation under way.
pub(super) struct Evaluation<'a> {
    pub(super) args: &'a EvalArgs,
    pub(super) model: &'a mut Model,
    pub(super) subject: &'a Subject,
    pub(super) labels: &'a Labels,
    pub(super) results: Option<ResultsFile>,
    pub(super) accuracy: Accuracy,
    /// What the network says of every image.
    pub(super) evidence: Evidence,
    /// What it says of each without further views, where there are any.
    pub(super) plain: Evidence,
    /// The views of each image, where there are several.
    pub(super) views: Option<Views>,
    pub(super) unreadable: Vec<Unreadable>,
    /// For each image whether it could not be read.
    pub(super) unread: Vec<bool>,
}

/// How the images of a subject are read for a network.
pub(super) fn loader_options(args: &EvalArgs, model: &Model) -> LoaderOptions {
    let inference = &args.inference;
    LoaderOptions {
        batch_size: inference.batch,
        workers: inference.compute.threads.unwrap_or(0),
        strict: args.strict,
        channels: model.channels(),
        decode: DecodeOptions {
            apply_orientation: !args.ignore_orientation,
            ..DecodeOptions::default()
        },
        ..LoaderOptions::default()
    }
}

impl<'a> Evaluation<'a> {
    /// Before its first image.
    pub(super) fn new(
        args: &'a EvalArgs,
        model: &'a mut Model,
        subject: &'a Subject,
        labels: &'a Labels,
        results: Option<ResultsFile>,
    ) -> Result<Self, CliError> {
        let classes = model.architecture().classes;
        let photographs = subject.is_photographs();
        Ok(Self {
            evidence: Evidence::new(classes),
            plain: Evidence::new(classes),
            views: Views::new(&args.augment, model.architecture(), photographs)?,
            args,
            model,
            subject,
            labels,
            results,
            accuracy: Accuracy::default(),
            unreadable: Vec::new(),
            unread: vec![false; subject.len()],
        })
    }

    /// Whether it came to the end.
    pub(super) fn run(
        &mut self,
        interrupt: &Interrupt,
        terminal: &Terminal,
    ) -> Result<bool, CliError> {
        let options = loader_options(self.args, self.model);
        let subject = self.subject;
        let reader = match &self.views {
            Some(views) => views.reader(),
            None => self.model.architecture(),
        };
        let batches = subject.batches(reader, options)?;
        let part = subject.part.map_or(String::new(), |it| format!("{it} "));
        terminal.note(format_args!(
            "evaluating {} on {} of {}",
            self.model.architecture().name,
            counted(
                subject.len() as u64,
                &format!("{part}image"),
                &format!("{part}images")
            ),
            counted(subject.classes.len() as u64, "class", "classes")
        ));
        let mut progress = terminal.progress("images", subject.len());
        for batch in batches {
            let batch = batch?;
            let images = batch.len() + batch.failures.len();
            self.evaluate(batch, terminal)?;
            progress.advance(images);
            if interrupt.is_requested() {
                return Ok(
                    self.accuracy.total().images as usize + self.unreadable.len() == subject.len(),
                );
            }
        }
        Ok(true)
    }

    fn evaluate(&mut self, batch: Batch, terminal: &Terminal) -> Result<(), CliError> {
        for failure in &batch.failures {
            terminal.warn(&failure.error);
            let path = self.subject.name(failure.index);
            self.write_row(failure.index, |row| {
                row.error = Some(failure.error.to_string());
            })?;
            self.unread[failure.index] = true;
            self.unreadable.push(Unreadable {
                path,
                error: failure.error.to_string(),
            });
        }
        if batch.is_empty() {
            return Ok(());
        }
        let (logits, plain) = match &self.views {
            None => (self.model.logits(&batch.images)?.to_vec(), Vec::new()),
            Some(views) => {
                let answers = views.answers(self.model, &batch.images)?;
                (answers.averaged, answers.plain)
            }
        };
        for (&index, row) in batch
            .indices
            .iter()
            .zip(plain.chunks_exact(self.plain.classes()))
        {
            self.plain.record(index, self.label(index), row);
        }
        let predictions = self.model.predictions(&logits, TOP)?;
        let rows = logits.chunks_exact(self.evidence.classes());
        for ((&index, predictions), row) in batch.indices.iter().zip(&predictions).zip(rows) {
            self.evidence.record(index, self.label(index), row);
            self.record(index, predictions)?;
        }
        Ok(())
    }

    fn record(&mut self, index: usize, predictions: &[Prediction]) -> Result<(), CliError> {
        let label = self.label(index);
        self.accuracy.record(label, predictions);
        let Some(first) = predictions.first() else {
            return Ok(());
        };
        let name = self.labels.name(first.class);
        self.write_row(index, |row| {
            row.predicted = Some(first.class);
            row.predicted_name = Some(name);
            row.probability = Some(first.probability);
            row.top1 = Some(first.class == label);
            row.top5 = Some(predictions.iter().any(|p| p.class == label));
        })
    }

    /// Adds a row for the image at `index`, which `fill` completes.
    fn write_row(&mut self, index: usize, fill: impl FnOnce(&mut Row)) -> Result<(), CliError> {
        if self.results.is_none() {
            return Ok(());
        }
        let class = self.label(index);
        let mut row = Row {
            path: self.subject.name(index),
            class,
            class_name: self.labels.name(class),
            ..Row::default()
        };
        fill(&mut row);
        match &mut self.results {
            Some(results) => results.write(&row),
            None => Ok(()),
        }
    }

    /// The network's class of the image at `index`.
    fn label(&self, index: usize) -> usize {
        self.labels.class(self.subject.label(index))
    }
}
