//! `scarlet search`.

use rayon::current_num_threads;
use scarlet_train::run::{Run, RunConfig, RunError};
use scarlet_train::{RunFolder, TrainError};

use crate::cli::ComputeArgs;
use crate::cli::run::{RunFolderArgs, SearchArgs};
use crate::commands::watch::Watch;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::open_device;
use crate::report::print_json;
use crate::report::search::{plan_text, result_text};
use crate::run_settings::configuration;
use crate::terminal::Terminal;

pub(super) fn run(args: &SearchArgs, terminal: &Terminal) -> Result<(), CliError> {
    let config = configuration(&args.settings, Some(&args.search), &args.folder)?;
    if args.dry_run {
        let run = prepare(config, &args.compute, terminal)?;
        let plan = run.timed_plan()?;
        return match args.json {
            true => print_json(terminal, &plan),
            false => terminal.print(&plan_text(&plan)),
        };
    }
    let (run, folder) = begin(config, &args.folder, &args.compute, terminal)?;
    let result = run.finish(&folder);
    let exported = result.map_err(|error| ended(error, "search", &args.folder, terminal))?;
    match args.json {
        true => print_json(terminal, &exported),
        false => terminal.print(&result_text(&exported, folder.path())),
    }
}

/// A run, watched, and its folder.
pub(super) fn begin(
    config: RunConfig,
    folder: &RunFolderArgs,
    compute: &ComputeArgs,
    terminal: &Terminal,
) -> Result<(Run, RunFolder), CliError> {
    // Better now than after reading all images.
    let file = folder.out.join("config.json");
    if !folder.resume && file.exists() {
        return Err(RunError::from(TrainError::Exists { path: file }).into());
    }
    let watch = Watch::new(terminal.clone(), Interrupt::listen()?);
    let run = prepare(config, compute, terminal)?.with_observer(watch);
    let opened = run.config().open_folder(&folder.out, folder.resume)?;
    Ok((run, opened))
}

fn prepare(config: RunConfig, compute: &ComputeArgs, terminal: &Terminal) -> Result<Run, CliError> {
    let device = open_device(compute)?;
    let run = Run::prepare(config, device)?.with_workers(current_num_threads());
    for (_, error) in &run.data().unreadable {
        terminal.warn(error);
    }
    Ok(run)
}

/// What a run ended with, and how it can be gone on with.
pub(super) fn ended(
    error: RunError,
    command: &str,
    folder: &RunFolderArgs,
    terminal: &Terminal,
) -> CliError {
    if let RunError::Interrupted { .. } = error {
        terminal.note(format_args!(
            "go on with: scarlet {command} --resume --out {}",
            folder.out.display()
        ));
    }
    error.into()
}
