//! `scarlet eval` of a network that gives images any number of labels, on those that a CSV file lists.

use std::path::Path;
use std::time::Instant;

use scarlet::{Threshold, sigmoid};
use scarlet_data::dataset::JudgedTable;
use scarlet_data::{Batch, Loader};
use scarlet_report::{Fact, Judged, LabelsReport, labels_html};
use scarlet_run::trust::{label_scores, mislabelled};
use scarlet_train::several::{LabelEvidence, LabelFigures};

use super::evaluation::loader_options;
use super::is_trained_on;
use super::page::PageFile;
use crate::cli::EvalArgs;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::{Model, refuse_overwriting};
use crate::report::number::{counted, percent};
use crate::report::several::{LabelReport, LabelsEvalReport};
use crate::report::{Setting, Unreadable, print_json};
use crate::results_file::ResultsFile;
use crate::terminal::Terminal;

pub(super) fn run(args: &EvalArgs, table: &Path, terminal: &Terminal) -> Result<(), CliError> {
    for (given, option) in [
        (args.against.is_some(), "--against"),
        (!args.augment.is_empty(), "--augment"),
    ] {
        if given {
            return Err(CliError::OfSeveralLabels(option));
        }
    }
    let results = args
        .results
        .as_deref()
        .map(ResultsFile::create)
        .transpose()?;
    let page = match &args.report {
        Some(path) => {
            refuse_overwriting(path, args.model.weights.as_deref())?;
            Some(PageFile::create(path)?)
        }
        None => None,
    };
    let inference = &args.inference;
    let mut model = Model::open(&args.model, &inference.compute, inference.batch, terminal)?;
    let Some(several) = model.several_labels().cloned() else {
        return Err(CliError::OfOneLabel(table.to_owned()));
    };
    let names = model.card().map_or(Vec::new(), |card| card.classes.clone());
    let table = JudgedTable::read(table, &names)?;
    for warning in table.notices.warnings() {
        terminal.warn(warning);
    }
    if table.part != Some("test") && is_trained_on(&model, args) {
        terminal.warn(
            "the network seems to have been trained on these images, or chosen by them, and is better on \
             those than on any others",
        );
    }
    let interrupt = Interrupt::listen()?;
    let mut evaluation = Evaluation {
        args,
        table: &table,
        names: &names,
        thresholds: (0..names.len())
            .map(|class| several.threshold(class))
            .collect(),
        results,
        evidence: LabelEvidence::new(names.len()),
        unreadable: Vec::new(),
    };
    let started = Instant::now();
    let complete = evaluation.run(&mut model, &interrupt, terminal)?;
    let seconds = started.elapsed().as_secs_f64();
    if let Some(results) = evaluation.results.take() {
        let path = results.finish(!complete)?;
        terminal.note(format_args!("every prediction is in {}", path.display()));
    }
    let figures = LabelFigures::new(&evaluation.evidence, &evaluation.thresholds);
    if let Some(page) = page.filter(|_| complete && !evaluation.evidence.is_empty()) {
        page.write(&labels_html(&evaluation.page(&model, &figures)?)?)?;
        if let Some(path) = &args.report {
            terminal.note(format_args!("the page is {}", path.display()));
        }
    }
    let images = evaluation.evidence.len();
    let failed = evaluation.unreadable.len();
    let report = LabelsEvalReport {
        setting: Setting::of(&model),
        source: args.source.display().to_string(),
        part: table.part,
        complete,
        images,
        images_listed: table.list.len(),
        mean_average_precision: figures.mean_average_precision,
        precision: figures.precision,
        recall: figures.recall,
        f1: figures.f1,
        mean_f1: figures.mean_f1,
        exact: figures.exact,
        loss: figures.loss,
        thresholds_of: several.of,
        seconds,
        images_per_second: images as f64 / seconds,
        classes: LabelReport::all(&names, &figures),
        unreadable: evaluation.unreadable,
    };
    match args.json {
        true => print_json(terminal, &report)?,
        false => terminal.print(&report.text(args.worst))?,
    }
    match (complete, images) {
        (false, _) => Err(CliError::Interrupted),
        (true, 0) => Err(CliError::Unreadable {
            failed,
            total: failed,
        }),
        (true, _) => Ok(()),
    }
}

/// An evaluation under way.
struct Evaluation<'a> {
    args: &'a EvalArgs,
    table: &'a JudgedTable,
    /// Of the network's classes.
    names: &'a [String],
    thresholds: Vec<Threshold>,
    results: Option<ResultsFile>,
    evidence: LabelEvidence,
    unreadable: Vec<Unreadable>,
}

impl Evaluation<'_> {
    /// Whether it came to the end.
    fn run(
        &mut self,
        model: &mut Model,
        interrupt: &Interrupt,
        terminal: &Terminal,
    ) -> Result<bool, CliError> {
        let paths = self.table.list.paths().to_vec();
        let total = paths.len();
        let loader = Loader::new(
            paths,
            model.preprocessing(),
            loader_options(self.args, model),
        );
        let part = self.table.part.map_or(String::new(), |it| format!("{it} "));
        terminal.note(format_args!(
            "evaluating {} on {} of {}",
            model.architecture().name,
            counted(
                total as u64,
                &format!("{part}image"),
                &format!("{part}images")
            ),
            counted(self.names.len() as u64, "class", "classes")
        ));
        self.write_header()?;
        let mut progress = terminal.progress("images", total);
        for batch in loader.batches()? {
            let batch = batch?;
            let images = batch.len() + batch.failures.len();
            self.evaluate(&batch, model, terminal)?;
            progress.advance(images);
            if interrupt.is_requested() {
                return Ok(self.evidence.len() + self.unreadable.len() == total);
            }
        }
        Ok(true)
    }

    fn evaluate(
        &mut self,
        batch: &Batch,
        model: &mut Model,
        terminal: &Terminal,
    ) -> Result<(), CliError> {
        for failure in &batch.failures {
            terminal.warn(&failure.error);
            let error = failure.error.to_string();
            self.write_row(failure.index, None, &error)?;
            self.unreadable.push(Unreadable {
                path: self.name(failure.index),
                error,
            });
        }
        if batch.is_empty() {
            return Ok(());
        }
        let table = self.table;
        let logits = model.logits(&batch.images)?.to_vec();
        if logits.iter().any(|logit| !logit.is_finite()) {
            return Err(CliError::NotFinite);
        }
        for (&index, row) in batch
            .indices
            .iter()
            .zip(logits.chunks_exact(self.names.len()))
        {
            self.evidence
                .record(index, table.list.labels().of(index), row);
            self.write_row(index, Some(self.evidence.len() - 1), "")?;
        }
        Ok(())
    }

    /// The classes of an image.
    fn labels(&self, index: usize) -> &[u32] {
        self.table.list.labels().of(index)
    }

    /// An image's path from the folder of the CSV file.
    fn name(&self, index: usize) -> String {
        let path = &self.table.list.paths()[index];
        let root = self.args.source.parent().unwrap_or(Path::new(""));
        path.strip_prefix(root)
            .unwrap_or(path)
            .display()
            .to_string()
    }

    fn write_header(&mut self) -> Result<(), CliError> {
        let fixed = ["path", "labels", "given", "error"].map(str::to_owned);
        let columns = [&fixed[..], self.names].concat();
        match &mut self.results {
            Some(results) => results.write_fields(&columns),
            None => Ok(()),
        }
    }

    fn write_row(
        &mut self,
        index: usize,
        place: Option<usize>,
        error: &str,
    ) -> Result<(), CliError> {
        if self.results.is_none() {
            return Ok(());
        }
        let fields = self.fields(index, place, error);
        match &mut self.results {
            Some(results) => results.write_fields(&fields),
            None => Ok(()),
        }
    }

    /// An image with its labels, those that it is given and the probabilities of all classes, by its place
    /// in the evidence if it could be read.
    fn fields(&self, index: usize, place: Option<usize>, error: &str) -> Vec<String> {
        let joined = |classes: &[usize]| {
            let names = classes.iter().map(|&class| self.names[class].as_str());
            names.collect::<Vec<_>>().join(";")
        };
        let has = self.labels(index).iter().map(|&class| class as usize);
        let has: Vec<usize> = has.collect();
        let logits = place.map_or(&[][..], |place| self.evidence.logits(place));
        let probabilities: Vec<f64> = logits.iter().map(|&logit| sigmoid(logit)).collect();
        let given = (0..probabilities.len())
            .filter(|&class| probabilities[class] >= self.thresholds[class].get());
        let given: Vec<usize> = given.collect();
        let mut fields = vec![
            self.name(index),
            joined(&has),
            joined(&given),
            error.to_owned(),
        ];
        let told = |class: usize| {
            probabilities
                .get(class)
                .map_or(String::new(), f64::to_string)
        };
        fields.extend((0..self.names.len()).map(told));
        fields
    }

    fn page(&self, model: &Model, figures: &LabelFigures) -> Result<LabelsReport, CliError> {
        let evidence = &self.evidence;
        let network = model.architecture();
        let side = network.preprocessing.resolution;
        let part = self
            .table
            .part
            .map_or(String::new(), |part| format!("{part} "));
        let setting = Setting::of(model);
        let source = Path::new(&self.args.source);
        let file = source.file_name().unwrap_or(source.as_os_str());
        let images = mislabelled(
            evidence,
            &self.thresholds,
            self.names,
            network,
            |index| self.name(index),
            |indices| self.read(indices, model),
        )?;
        let score = |what: &str, value: Option<f64>| {
            value.map(|accuracy| Judged {
                what: what.to_owned(),
                accuracy,
                images: Some(evidence.len() as u64),
                interval: None,
            })
        };
        let scores = [
            score("mean average precision", figures.mean_average_precision),
            score("mean of the classes' F1", figures.mean_f1),
            score("of the labels given are right", figures.precision),
            score("of the labels are given", figures.recall),
        ];
        Ok(LabelsReport {
            title: format!("{} on {}", setting.network(), file.to_string_lossy()),
            lead: format!(
                "{} of the images are given exactly their labels.",
                percent(figures.exact)
            ),
            scores: scores.into_iter().flatten().collect(),
            judged_on: counted(
                evidence.len() as u64,
                &format!("{part}image"),
                &format!("{part}images"),
            ),
            classes: label_scores(self.names, figures),
            images,
            training: None,
            usage: Vec::new(),
            data: vec![
                Fact::new("network", setting.network()),
                Fact::new("weights", &setting.weights),
                Fact::new("sees", format!("{0}×{side}×{side}", network.input_channels)),
                Fact::new("images", self.args.source.display()),
                Fact::new("evaluated", evidence.len()),
                Fact::new("unreadable, left out", self.unreadable.len()),
            ],
        })
    }

    /// What the network sees of some of the images, one after the other.
    fn read(&self, images: &[usize], model: &Model) -> Result<Vec<f32>, CliError> {
        let paths = self.table.list.paths();
        let paths: Vec<_> = images.iter().map(|&index| paths[index].clone()).collect();
        let side = model.preprocessing().resolution;
        let size = model.channels() * side * side;
        let mut values = vec![0.0; images.len() * size];
        let loader = Loader::new(
            paths,
            model.preprocessing(),
            loader_options(self.args, model),
        );
        for batch in loader.batches()? {
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
