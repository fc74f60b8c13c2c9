//! `scarlet completions`.

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs};
use crate::error::CliError;
use crate::terminal::Terminal;

pub(super) fn run(args: &CompletionsArgs, terminal: &Terminal) -> Result<(), CliError> {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "scarlet", &mut script);
    terminal.print(&String::from_utf8_lossy(&script))
}
