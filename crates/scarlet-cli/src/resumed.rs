//! What may be said to a run that continues.

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory};

use crate::cli::Cli;
use crate::error::CliError;

/// Options that change no result, and `resume` itself.
const HARMLESS: [&str; 13] = [
    "resume",
    "checkpoint_every",
    "device",
    "threads",
    "evaluate_on",
    "json",
    "export",
    "int8",
    "verify",
    "runtime",
    "python",
    "quiet",
    "verbose",
];

/// Refuses settings for a run that resumes with its own.
pub(crate) fn check(matches: &ArgMatches) -> Result<(), CliError> {
    let (mut command, mut matches) = (&Cli::command(), matches);
    let mut name = Vec::new();
    while let Some((next, its)) = matches.subcommand() {
        let Some(found) = command.find_subcommand(next) else {
            return Ok(());
        };
        name.push(next);
        (command, matches) = (found, its);
    }
    match refused(command, matches) {
        None => Ok(()),
        Some(option) => Err(CliError::Resumed {
            option,
            instead: instead(&name.join(" ")),
        }),
    }
}

/// The first option given with `--resume` that cannot be changed.
fn refused(command: &Command, matches: &ArgMatches) -> Option<String> {
    let given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    let has_resume = command.get_arguments().any(|arg| arg.get_id() == "resume");
    if !has_resume || !given("resume") {
        return None;
    }
    let may_change = |id: &str| match command.get_name() {
        "train" | "finetune" => id == "epochs" && has_resume,
        _ => id == "until",
    };
    let wrong = command.get_arguments().find(|arg| {
        let id = arg.get_id().as_str();
        given(id) && !HARMLESS.contains(&id) && !may_change(id)
    })?;
    Some(wrong.get_long().unwrap_or_default().to_owned())
}

/// What can be done instead.
fn instead(command: &str) -> String {
    match command {
        "search" | "supernet train" => {
            "Begin a new run with other settings; scarlet search --supernet RUN reuses this \
             one's supernet"
                .to_owned()
        }
        command => format!(
            "Only the total number of epochs can be changed: scarlet {command} --resume RUN \
             --epochs N continues. For anything else begin a new run; scarlet finetune --weights \
             RUN/best.safetensors --keep-classifier starts it from this one's weights"
        ),
    }
}
