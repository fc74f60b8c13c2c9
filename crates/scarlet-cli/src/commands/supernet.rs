//! `scarlet supernet`.

use std::path::Path;

use scarlet_run::pipeline::Run;
use scarlet_train::Ancestor;

use crate::cli::run::{SupernetArgs, SupernetCommand, SupernetTrainArgs};
use crate::commands::search::{begin, ended, introduce, prepare};
use crate::error::CliError;
use crate::model::open_device;
use crate::report::print_json;
use crate::report::search::plan_text;
use crate::report::seen::quoted;
use crate::run_settings::configuration;
use crate::terminal::Terminal;

pub(super) fn run(args: &SupernetArgs, terminal: &Terminal) -> Result<(), CliError> {
    match &args.command {
        SupernetCommand::Train(args) => train(args, terminal),
    }
}

fn train(args: &SupernetTrainArgs, terminal: &Terminal) -> Result<(), CliError> {
    let new = || configuration(None, &args.settings, None);
    if args.dry_run {
        let run = prepare(new()?, open_device(&args.compute)?, terminal)?;
        let plan = run.timed_plan(None)?;
        return match args.json {
            true => print_json(terminal, &plan),
            false => terminal.print(&plan_text(&plan)),
        };
    }
    let make = |run: &Run, path: &Path| {
        introduce(run, &args.settings, true, terminal);
        run.check_teachers(path, None)?;
        Ok(run.config().new_folder(path)?)
    };
    let (run, folder) = begin(new, make, &args.folder, &args.compute, terminal)?;
    let trained = run
        .train_whole(&folder)
        .and_then(|whole| run.train_supernet(&folder, whole.as_ref()));
    let trained = trained.map_err(|error| ended(error, "supernet train", &folder, terminal))?;
    let state = match trained {
        Ancestor::Supernet(_) => "the supernet is trained".to_owned(),
        Ancestor::Published(it) => format!("{} is searched as it was published", it.name()),
    };
    terminal.print(&format!(
        "{state}; search it with: scarlet search --resume {}",
        quoted(folder.path())
    ))
}
