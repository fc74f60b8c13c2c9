//! `scarlet-weights`: inspect, convert, compare and check weight files.

mod check;
mod cli;
mod convert;
mod diff;
mod error;
mod inputs;
mod inspect;
mod output;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// What a command found; an error is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    /// The files differ, or the network does not compute what it should.
    Bad,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Inspect(args) => inspect::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Check(args) => check::run(&args),
    };
    match result {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        // Whoever reads the output has seen enough.
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            output::tell(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}
