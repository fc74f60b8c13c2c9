//! `scarlet-weights`: inspect, convert, compare and check weight files.

mod check;
mod cli;
mod convert;
mod diff;
mod error;
mod inputs;
mod inspect;
mod output;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};
use error::ToolError;
use output::tell;
use scarlet_io::printable;

/// What a command found; an error is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    /// The files differ, or the network does not compute what it should.
    Bad,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => return show_usage(&usage),
    };
    exit_code(match cli.command {
        Command::Inspect(args) => inspect::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Check(args) => check::run(&args),
    })
}

/// Shows what clap has to say instead of a command: help, the version, or what is wrong with the
/// command line.
fn show_usage(usage: &clap::Error) -> ExitCode {
    if !usage.use_stderr() {
        let printed = usage.print().and_then(|()| io::stdout().flush());
        return exit_code(printed.map(|()| Verdict::Good).map_err(ToolError::from));
    }
    // It repeats what was written on the command line, which a shell may have taken from a folder.
    let plain = usage.render().to_string();
    if plain == printable::message(&plain) {
        // Nobody is left to tell when standard error is gone.
        let _ = usage.print();
    } else {
        tell(plain.trim_end());
    }
    ExitCode::from(2)
}

fn exit_code(result: Result<Verdict, ToolError>) -> ExitCode {
    match result {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        // Whoever reads the output has seen enough.
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            tell(format_args!("error: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}
