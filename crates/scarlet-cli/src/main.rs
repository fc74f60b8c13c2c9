//! The program `scarlet`: classifies photographs, evaluates networks, measures and prices them.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod class_names;
mod cli;
mod commands;
mod embedding;
mod engine_package;
mod error;
mod interrupt;
mod meanings;
mod model;
mod new_folder;
mod onnx_metadata;
mod report;
mod results_file;
mod resumed;
mod run_settings;
mod study_settings;
mod terminal;
mod threads;
mod toml_settings;
mod training_settings;
mod verify;
mod views;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use cli::Cli;
use terminal::Terminal;

fn main() -> ExitCode {
    let parsed = cli::with_negative_numbers(Cli::command())
        .try_get_matches()
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(usage) => return terminal::show_usage(&usage),
    };
    let terminal = Terminal::new(cli.quiet, cli.verbose);
    let result = resumed::check(&matches).and_then(|()| commands::run(cli.command, &terminal));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough, as in `scarlet info | head`.
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
