//! The program `scarlet`: classifies photographs, evaluates networks, measures and prices them.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod class_names;
mod cli;
mod commands;
mod error;
mod interrupt;
mod model;
mod report;
mod results_file;
mod run_settings;
mod study_settings;
mod terminal;
mod training_settings;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
use terminal::Terminal;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => return terminal::show_usage(&usage),
    };
    let terminal = Terminal::new(cli.quiet, cli.verbose);
    match commands::run(cli.command, &terminal) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough, as in `scarlet info | head`.
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
