//! `scarlet extract`.

use scarlet::weights::Precision;
use scarlet_run::pipeline::{RunConfig, extract_uncalibrated};
use serde_json::json;

use crate::cli::run::ExtractArgs;
use crate::commands::search::prepare;
use crate::commands::warn_without_checksums;
use crate::error::CliError;
use crate::model::open_device;
use crate::report::print_json;
use crate::report::search::choice_text;
use crate::run_settings::read_toml;
use crate::terminal::Terminal;

pub(super) fn run(args: &ExtractArgs, terminal: &Terminal) -> Result<(), CliError> {
    let terminal = &terminal.beside(&args.output);
    let device = open_device(&args.compute)?;
    let (folder, stored) = RunConfig::open_existing(&args.run)?;
    warn_without_checksums(&folder, terminal);
    let config = configuration(args, &stored)?;
    let precision = match args.half || config.export.half {
        true => Precision::F16,
        false => Precision::F32,
    };
    let (choice, extracted) = match args.uncalibrated {
        true => extract_uncalibrated(&folder, &config, &args.budget, &device)?,
        false => prepare(config, device, terminal)?.extract(&folder, &args.budget)?,
    };
    if !args.dry_run {
        extracted.network.save(&args.output, precision)?;
    }
    match args.json {
        true => print_json(terminal, &choice),
        false => terminal.print(&choice_text(&choice)),
    }
}

/// The run's settings with those of the command line.
fn configuration(args: &ExtractArgs, stored: &RunConfig) -> Result<RunConfig, CliError> {
    let mut config = stored.clone();
    if let Some(path) = &args.config {
        config = config.with(read_toml(path)?)?;
        config.check_supernet_of(stored)?;
    }
    if let Some(choose) = &args.choose {
        config = config.with(json!({"choose": {"network": choose}}))?;
    }
    // "The best under this budget", whatever the run itself chose.
    if !args.budget.is_empty() {
        config = config.with(json!({"choose": {"network": "best"}}))?;
    }
    Ok(config)
}
