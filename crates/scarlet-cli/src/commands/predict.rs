//! `scarlet predict`.

use std::path::PathBuf;

use scarlet::Threshold;
use scarlet_data::{Batch, DataError, Loader, LoaderOptions, PassedOver, list_images};

use crate::class_names::ClassNames;
use crate::cli::PredictArgs;
use crate::error::CliError;
use crate::model::Model;
use crate::report::predict::{Photograph, PredictReport};
use crate::report::{Setting, Unreadable, print_json};
use crate::terminal::Terminal;
use crate::views::Views;

pub(super) fn run(args: &PredictArgs, terminal: &Terminal) -> Result<(), CliError> {
    let Found {
        photographs: paths,
        mut unreadable,
        passed_over,
    } = find(&args.paths, terminal);
    if paths.is_empty() {
        return Err(CliError::Unreadable {
            failed: unreadable.len(),
            total: unreadable.len(),
        });
    }
    let inference = &args.inference;
    let mut model = Model::open(&args.model, &inference.compute, inference.batch, terminal)?;
    let names = model.class_names(args.classes.as_deref(), terminal)?;
    if !args.augment.is_empty() {
        model.require_one_label("--augment")?;
    }

    let views = Views::new(&args.augment, model.architecture(), true)?;
    let loader = Loader::new(
        paths,
        (views.as_ref()).map_or(model.preprocessing(), |views| views.reader().preprocessing),
        LoaderOptions {
            batch_size: inference.batch,
            channels: model.channels(),
            workers: inference.compute.threads.unwrap_or(0),
            ..LoaderOptions::default()
        },
    );
    let mut photographs = Vec::new();
    let mut predicted = 0;
    let mut progress = terminal.progress("photographs", loader.paths().len());
    for batch in loader.batches()? {
        let batch = batch?;
        for failure in &batch.failures {
            unreadable.push(report_unreadable(&failure.path, &failure.error, terminal));
        }
        let finished = predict(&mut model, views.as_ref(), &loader, &batch, args, &names)?;
        predicted += finished.len();
        progress.advance(batch.len() + batch.failures.len());
        if args.json {
            photographs.extend(finished);
            continue;
        }
        for photograph in &finished {
            terminal.print(&photograph.text())?;
        }
    }
    drop(progress);

    let failed = unreadable.len();
    if args.json {
        let report = PredictReport {
            setting: Setting::of(&model),
            temperature: model.temperature().map(|it| it.value),
            threshold: args.threshold,
            several_labels: model.several_labels().cloned(),
            augment: views.as_ref().map(|views| views.kinds().to_vec()),
            views: views.as_ref().map(Views::count),
            photographs,
            unreadable,
            passed_over,
        };
        print_json(terminal, &report)?;
    }
    let total = predicted + failed;
    if failed > 0 && (args.strict || predicted == 0) {
        return Err(CliError::Unreadable { failed, total });
    }
    if failed > 0 {
        terminal.warn(CliError::Unreadable { failed, total });
    }
    Ok(())
}

/// What there is at the paths that were given.
#[derive(Default)]
struct Found {
    photographs: Vec<PathBuf>,
    /// What could not be listed.
    unreadable: Vec<Unreadable>,
    /// What is no image.
    passed_over: PassedOver,
}

fn find(paths: &[PathBuf], terminal: &Terminal) -> Found {
    let mut all = Found::default();
    for path in paths {
        match list_images(path) {
            Ok(found) => {
                all.photographs.extend(found.images);
                all.passed_over.extend(&found.passed_over);
            }
            Err(error) => all
                .unreadable
                .push(report_unreadable(path, &error, terminal)),
        }
    }
    if !all.passed_over.is_empty() {
        terminal.warn(&all.passed_over);
    }
    all
}

fn report_unreadable(path: &std::path::Path, error: &DataError, terminal: &Terminal) -> Unreadable {
    terminal.warn(error);
    Unreadable {
        path: path.display().to_string(),
        error: error.to_string(),
    }
}

fn predict(
    model: &mut Model,
    views: Option<&Views>,
    loader: &Loader,
    batch: &Batch,
    args: &PredictArgs,
    names: &ClassNames,
) -> Result<Vec<Photograph>, CliError> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    if model.several_labels().is_some() {
        return given(model, loader, batch, args, names);
    }
    let predictions = match views {
        None => model.predict(&batch.images, args.top_k)?,
        Some(views) => {
            let answers = views.answers(model, &batch.images)?;
            model.predictions(&answers.averaged, args.top_k)?
        }
    };
    let photographs = batch
        .indices
        .iter()
        .zip(&predictions)
        .map(|(&index, predictions)| {
            let path = loader.paths()[index].display().to_string();
            Photograph::new(path, predictions, names, args.threshold)
        })
        .collect();
    Ok(photographs)
}

/// Of a network that gives any number of labels, those that it gives each photograph.
fn given(
    model: &mut Model,
    loader: &Loader,
    batch: &Batch,
    args: &PredictArgs,
    names: &ClassNames,
) -> Result<Vec<Photograph>, CliError> {
    let logits = model.logits(&batch.images)?.to_vec();
    if logits.iter().any(|logit| !logit.is_finite()) {
        return Err(CliError::NotFinite);
    }
    let mut several = model.several_labels().cloned().unwrap_or_default();
    let classes = model.architecture().classes;
    if let Some(threshold) = args.threshold.and_then(|it| Threshold::new(it).ok()) {
        several.thresholds = vec![threshold; classes];
    }
    let rows = batch.indices.iter().zip(logits.chunks_exact(classes));
    let photographs = rows.map(|(&index, row)| {
        let path = loader.paths()[index].display().to_string();
        Photograph::labelled(path, &several.given(row), names)
    });
    Ok(photographs.collect())
}
