//! `scarlet supernet`.

use crate::cli::run::{SupernetArgs, SupernetCommand, SupernetTrainArgs};
use crate::commands::search::{begin, ended};
use crate::error::CliError;
use crate::run_settings::configuration;
use crate::terminal::Terminal;

pub(super) fn run(args: &SupernetArgs, terminal: &Terminal) -> Result<(), CliError> {
    match &args.command {
        SupernetCommand::Train(args) => train(args, terminal),
    }
}

fn train(args: &SupernetTrainArgs, terminal: &Terminal) -> Result<(), CliError> {
    let new = || configuration(&args.settings, None);
    let (run, folder) = begin(new, &args.folder, &args.compute, terminal)?;
    let trained = run.train_supernet(&folder);
    trained.map_err(|error| ended(error, "supernet train", &folder, terminal))?;
    terminal.print(&format!(
        "the supernet is trained; search it with: scarlet search --resume {}",
        folder.path().display()
    ))
}
