//! The commands, one a file.

mod after;
mod arrange_val;
mod bench;
mod calibration;
mod check_data;
mod completions;
mod config;
mod demo;
mod deploy;
mod devices;
mod eval;
mod export;
mod extract;
mod finetune;
mod fit;
mod info;
mod latency_table;
mod learning_rate;
mod notices;
mod predict;
mod probe;
mod profile;
mod reading_progress;
mod search;
mod serve;
mod study;
mod supernet;
mod train;
mod training;
mod training_progress;
mod watch;
use scarlet_run::RunFolder;

use crate::cli::Command;
use crate::error::CliError;
use crate::terminal::Terminal;

/// Says where somebody has changed a run's settings, or damage to it would go unnoticed.
fn warn_without_checksums(folder: &RunFolder, terminal: &Terminal) {
    if folder.has_checksums() {
        return;
    }
    let path = folder.path().display();
    match folder.is_edited() {
        true => terminal.warn(format_args!(
            "the settings in {path} have no checksum, since they were edited: they are used as they \
             are, because nothing that alters the result was changed"
        )),
        false => terminal.warn(format_args!(
            "the settings in {path} have no checksum, since an earlier version wrote them: they are \
             used as they are, and damage to the run's other files may go unnoticed"
        )),
    }
}

pub(crate) fn run(command: Command, terminal: &Terminal) -> Result<(), CliError> {
    match command {
        Command::Search(args) => search::run(&args, terminal),
        Command::Train(args) => train::run(&args, terminal),
        Command::Finetune(args) => finetune::run(&args, terminal),
        Command::Probe(args) => probe::run(&args, terminal),
        Command::CheckData(args) => check_data::run(&args, terminal),
        Command::Predict(args) => predict::run(&args, terminal),
        Command::Demo(args) => demo::run(&args, terminal),
        Command::Eval(args) => eval::run(&args, terminal),
        Command::Bench(args) => bench::run(&args, terminal),
        Command::Deploy(args) => deploy::run(&args, terminal),
        Command::Export(args) => export::run(&args, terminal),
        Command::Profile(args) => profile::run(&args, terminal),
        Command::Info(args) => info::run(&args, terminal),
        Command::Extract(args) => extract::run(&args, terminal),
        Command::Supernet(args) => supernet::run(&args, terminal),
        Command::LatencyTable(args) => latency_table::run(&args, terminal),
        Command::Study(args) => study::run(&args, terminal),
        Command::Config(args) => config::run(&args, terminal),
        Command::ArrangeVal(args) => arrange_val::run(&args, terminal),
        Command::Devices(args) => devices::run(&args, terminal),
        Command::Serve(args) => serve::run(&args, terminal),
        Command::Completions(args) => completions::run(&args, terminal),
    }
}
