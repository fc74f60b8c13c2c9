//! `--find-learning-rate` of `scarlet train` and `scarlet finetune`.

use std::fs;
use std::path::{Path, PathBuf};

use scarlet_io::atomic_file;
use scarlet_run::standalone::Standalone;
use scarlet_train::trainer::RangeVerdict;
use scarlet_train::{Control, Event};

use super::training_progress::TrainingProgress;
use crate::cli::training::TrainingArgs;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::report::learning_rate::{LearningRateReport, picture};
use crate::report::print_json;
use crate::terminal::Terminal;

const PICTURE: &str = "learning-rate.svg";
const POINTS: &str = "learning-rate.json";

/// Tries learning rates for a run that is not made, and writes how its loss went.
pub(super) fn find(
    run: Standalone,
    args: &TrainingArgs,
    terminal: &Terminal,
) -> Result<(), CliError> {
    let folder = args.folder.out.clone().unwrap_or_default();
    let own = run.record().config.train.learning_rate;
    let interrupt = Interrupt::listen()?;
    let mut progress = TrainingProgress::new(terminal, "");
    let test = run.find_learning_rate(|event: &Event| {
        progress.event(event);
        match interrupt.is_requested() {
            true => Control::Stop,
            false => Control::Continue,
        }
    });
    drop(progress);
    let test = match test {
        Err(error) if error.is_stopped() => return Err(CliError::Interrupted),
        test => test?,
    };
    let files = [PICTURE, POINTS].map(|name| folder.join(name));
    let report = LearningRateReport::new(&test, own, &files, std::env::args());
    if !folder.as_os_str().is_empty() {
        fs::create_dir_all(&folder).map_err(write_error(&folder))?;
    }
    let json = serde_json::to_string_pretty(&report).map_err(std::io::Error::from)?;
    for (path, text) in files.iter().zip([picture(&test, own)?, json]) {
        atomic_file::write(path, |file| file.write_all(text.as_bytes()))
            .map_err(write_error(path))?;
    }
    match args.json {
        true => print_json(terminal, &report),
        false => terminal.print(&report.text()),
    }?;
    match test.verdict {
        RangeVerdict::Suggested(_) => Ok(()),
        _ => Err(CliError::NoLearningRate(report.why_none())),
    }
}

fn write_error(path: &Path) -> impl FnOnce(std::io::Error) -> CliError {
    let path: PathBuf = path.to_owned();
    move |source| CliError::WriteFile { path, source }
}
