//! `scarlet deploy`.

use std::path::Path;

use scarlet_data::{Loader, LoaderOptions, list_images};

use crate::cli::{ComputeArgs, DeployArgs};
use crate::error::CliError;
use crate::model::{Model, refuse_overwriting};
use crate::report::deploy::DeployReport;
use crate::report::{Setting, file_size, print_json};
use crate::terminal::Terminal;

/// Photographs that a calibration looks at in one forward pass.
const BATCH: usize = 8;

/// The most photographs that a calibration looks at: the ranges that it finds hardly change after
/// the first few.
const CALIBRATED: usize = 512;

pub(super) fn run(args: &DeployArgs, terminal: &Terminal) -> Result<(), CliError> {
    let terminal = &terminal.beside(&args.out);
    refuse_overwriting(&args.out, args.model.weights.as_deref())?;
    let compute = ComputeArgs {
        device: "cpu".to_owned(),
        threads: None,
    };
    let mut model = Model::open(&args.model, &compute, BATCH, terminal)?;
    let calibrated_on = match &args.int8 {
        Some(photographs) => Some(round(&mut model, photographs, terminal)?),
        None => None,
    };
    model.save(&args.out)?;
    let report = DeployReport {
        setting: Setting::of(&model),
        file: args.out.display().to_string(),
        bytes: file_size(&args.out)?,
        calibrated_on,
    };
    if args.json {
        print_json(terminal, &report)
    } else {
        terminal.print(&report.text())
    }
}

/// Rounds the network to eight bits and returns how many photographs it was calibrated on.
fn round(model: &mut Model, photographs: &Path, terminal: &Terminal) -> Result<usize, CliError> {
    let tree = list_images(photographs)?;
    if !tree.passed_over.is_empty() {
        terminal.warn(&tree.passed_over);
    }
    let paths = tree.images;
    let step = paths.len().div_ceil(CALIBRATED).max(1);
    // From all of a folder, whose parts may be its classes.
    let paths: Vec<_> = paths.into_iter().step_by(step).collect();
    let total = paths.len();
    let options = LoaderOptions {
        batch_size: BATCH,
        channels: model.channels(),
        ..LoaderOptions::default()
    };
    let loader = Loader::new(paths, model.preprocessing(), options);
    let mut seen = 0;
    let mut progress = terminal.progress("photographs", total);
    let batches = loader.batches()?.map(|batch| {
        let batch = batch?;
        for failure in &batch.failures {
            terminal.warn(&failure.error);
        }
        seen += batch.len();
        progress.advance(batch.len() + batch.failures.len());
        Ok(batch.images)
    });
    model.quantise(batches)?;
    drop(progress);
    Ok(seen)
}
