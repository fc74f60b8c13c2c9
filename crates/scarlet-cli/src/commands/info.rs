//! `scarlet info`.

use scarlet::arch::{self, Architecture, Cost};
use scarlet::weights::StateDict;
use scarlet::{DeployOptions, Deployed, ModelCard};

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
    let Described {
        architecture,
        int8,
        card,
    } = Described::of(model, terminal)?;
    let architecture = at_resolution(architecture, args)?;
    let report = InfoReport {
        int8,
        card,
        layers: architecture.layers_text(),
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

/// What a text or a file says of a network.
struct Described {
    architecture: Architecture,
    int8: bool,
    card: Option<ModelCard>,
}

impl Described {
    fn of(model: &str, terminal: &Terminal) -> Result<Self, CliError> {
        if Deployed::is_file(model) {
            let deployed = Deployed::open(model, &DeployOptions::new())?;
            return Ok(Self {
                architecture: deployed.architecture().clone(),
                int8: deployed.is_int8(),
                card: deployed.card().cloned(),
            });
        }
        // Names and layers first; weights are what is left.
        let error = match architecture(model) {
            Ok(architecture) => {
                return Ok(Self {
                    architecture,
                    int8: false,
                    card: None,
                });
            }
            Err(error @ CliError::NotAModelFile(_)) => error,
            Err(error) => return Err(error),
        };
        let Ok(weights) = StateDict::open(model) else {
            return Err(error);
        };
        let architecture = weights.architecture()?;
        let card = weights.card().and_then(|card| match card {
            Some(card) => card.check(architecture.classes).map(|()| Some(card)),
            None => Ok(None),
        });
        Ok(Self {
            architecture,
            int8: false,
            card: card.unwrap_or_else(|error| {
                terminal.warn(format_args!("{model}: {error}; it is left out"));
                None
            }),
        })
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
        architecture.preprocessing.resolution = resolution;
    }
    Ok(architecture)
}
