//! `scarlet eval`.

pub(super) mod labels;
pub(super) mod subject;

use std::time::Instant;

use scarlet::zoo;
use scarlet::{Accuracy, Prediction};
use scarlet_data::{Batch, DecodeOptions, LoaderOptions};

use crate::cli::EvalArgs;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::Model;
use crate::report::eval::{EvalReport, class_reports};
use crate::report::number::counted;
use crate::report::{Setting, Unreadable, print_json};
use crate::results_file::{ResultsFile, Row};
use crate::terminal::Terminal;
use labels::{Decision, EvaluatedClasses, Labels};
use subject::Subject;

/// Predictions that top-5 accuracy looks at.
const TOP: usize = 5;

pub(super) fn run(args: &EvalArgs, terminal: &Terminal) -> Result<(), CliError> {
    let terminal = &match &args.results {
        Some(path) => terminal.beside(path),
        None => terminal.clone(),
    };
    let subject = Subject::find(&args.source)?;
    let results = args
        .results
        .as_deref()
        .map(ResultsFile::create)
        .transpose()?;
    let inference = &args.inference;
    let mut model = Model::open(&args.model, &inference.compute, inference.batch, terminal)?;
    let names = model.class_names(None, terminal)?;
    let count = model.architecture().classes;
    let evaluated = EvaluatedClasses {
        names: &subject.classes,
        has_images: &subject.has_images(),
        path: &args.source,
    };
    let labels = Labels::new(&evaluated, count, &names).map_err(|refusal| match refusal {
        CliError::EvaluatedClasses(text) => {
            CliError::EvaluatedClasses(text + &subject.deeper().unwrap_or_default())
        }
        error => error,
    })?;
    for warning in subject.notices.warnings() {
        terminal.warn(warning);
    }
    match labels.decision(&subject.classes) {
        Some(Decision::Doubtful(text)) => terminal.warn(text),
        Some(Decision::Clear(text)) => terminal.note(text),
        None => {}
    }

    let mut evaluation = Evaluation {
        args,
        model: &mut model,
        subject: &subject,
        labels: &labels,
        results,
        accuracy: Accuracy::default(),
        unreadable: Vec::new(),
        unread: vec![false; subject.len()],
    };
    let started = Instant::now();
    let complete = evaluation.run(terminal)?;
    let seconds = started.elapsed().as_secs_f64();

    let Evaluation {
        results,
        accuracy,
        unreadable,
        unread,
        ..
    } = evaluation;
    if let Some(results) = results {
        let path = results.finish(!complete)?;
        terminal.note(format_args!("every prediction is in {}", path.display()));
    }
    let failed = unreadable.len();
    let lost = subject.classes_without(&unread);
    let total = accuracy.total();
    let is_imagenet = labels.is_whole_imagenet() && !args.model.random_init;
    let report = EvalReport {
        setting: Setting::of(&model),
        folder: args.source.display().to_string(),
        part: subject.part,
        complete,
        images: total.images,
        images_in_folder: subject.len(),
        top1: total.top1(),
        top1_interval: total.top1_interval(),
        top5: total.top5(),
        top5_interval: total.top5_interval(),
        mean_class_top1: accuracy.mean_class_top1(),
        seconds,
        images_per_second: total.images as f64 / seconds,
        published: zoo::find(&model.architecture().name)
            .ok()
            .and_then(zoo::Network::accuracy)
            .filter(|_| is_imagenet),
        classes: class_reports(
            &accuracy,
            |class| labels.name(class),
            |class| labels.wnid(class),
        ),
        unreadable,
        passed_over: subject.notices.passed_over.clone(),
    };
    if args.json {
        print_json(terminal, &report)?;
    } else {
        terminal.print(&report.text(args.worst))?;
    }
    if !complete {
        return Err(CliError::Interrupted);
    }
    if report.images == 0 {
        return Err(CliError::Unreadable {
            failed,
            total: failed,
        });
    }
    match lost.is_empty() {
        true => Ok(()),
        // As in training: what was printed is no accuracy of this network on these classes.
        false => Err(CliError::UnreadableClasses(lost)),
    }
}

/// An evaluation under way.
struct Evaluation<'a> {
    args: &'a EvalArgs,
    model: &'a mut Model,
    subject: &'a Subject,
    labels: &'a Labels,
    results: Option<ResultsFile>,
    accuracy: Accuracy,
    unreadable: Vec<Unreadable>,
    /// For each image whether it could not be read.
    unread: Vec<bool>,
}

impl Evaluation<'_> {
    /// Whether it came to the end.
    fn run(&mut self, terminal: &Terminal) -> Result<bool, CliError> {
        let inference = &self.args.inference;
        let options = LoaderOptions {
            batch_size: inference.batch,
            workers: inference.compute.threads.unwrap_or(0),
            strict: self.args.strict,
            channels: self.model.channels(),
            decode: DecodeOptions {
                apply_orientation: !self.args.ignore_orientation,
                ..DecodeOptions::default()
            },
            ..LoaderOptions::default()
        };
        let subject = self.subject;
        let batches = subject.batches(self.model.architecture(), options)?;
        let interrupt = Interrupt::listen()?;
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
        let predictions = self.model.predict(&batch.images, TOP)?;
        for (&index, predictions) in batch.indices.iter().zip(&predictions) {
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
