//! `scarlet info`.

use scarlet::arch::{self, Architecture, Cost};
use scarlet::{DeployOptions, Deployed};

use crate::cli::InfoArgs;
use crate::error::CliError;
use crate::model::architecture;
use crate::report::info::{InfoReport, ZooEntry, ZooReport};
use crate::report::print_json;
use crate::terminal::Terminal;

pub(super) fn run(args: &InfoArgs, terminal: &Terminal) -> Result<(), CliError> {
    match &args.model {
        Some(model) => show(model, args, terminal),
        None => list(args, terminal),
    }
}

fn show(model: &str, args: &InfoArgs, terminal: &Terminal) -> Result<(), CliError> {
    let (architecture, int8) = match Deployed::is_file(model) {
        true => {
            let deployed = Deployed::open(model, &DeployOptions::new())?;
            (deployed.architecture().clone(), deployed.is_int8())
        }
        false => (architecture(model)?, false),
    };
    let architecture = at_resolution(architecture, args)?;
    let report = InfoReport {
        int8,
        layers: architecture.to_string(),
        cost: Cost::of(&architecture, architecture.preprocessing.resolution)?,
        published: arch::published(&architecture.name),
        architecture: &architecture,
    };
    if args.json {
        print_json(terminal, &report)
    } else {
        terminal.print(&report.text())
    }
}

fn list(args: &InfoArgs, terminal: &Terminal) -> Result<(), CliError> {
    let mut networks = Vec::new();
    for name in arch::NAMES {
        let architecture = at_resolution(arch::by_name(name)?, args)?;
        let cost = Cost::of(&architecture, architecture.preprocessing.resolution)?;
        networks.push(ZooEntry::new(&architecture, &cost, arch::published(name)));
    }
    let report = ZooReport { networks };
    if args.json {
        print_json(terminal, &report)
    } else {
        terminal.print(&report.text())
    }
}

fn at_resolution(
    mut architecture: Architecture,
    args: &InfoArgs,
) -> Result<Architecture, CliError> {
    if let Some(resolution) = args.resolution {
        architecture.check_resolution(resolution)?;
        architecture.preprocessing.resolution = resolution;
    }
    Ok(architecture)
}
