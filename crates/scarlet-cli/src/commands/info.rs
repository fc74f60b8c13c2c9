//! `scarlet info`.

use std::fmt::Display;
use std::io;
use std::path::Path;

use scarlet::arch::{self, Architecture, Cost};
use scarlet::weights::OpenOptions;
use scarlet::{CardError, DeployOptions, Deployed, ModelCard};

use crate::cli::InfoArgs;
use crate::error::CliError;
use crate::model::{architecture, architecture_of, open_weights};
use crate::onnx_metadata;
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
        match architecture(model) {
            Ok(architecture) => {
                return Ok(Self {
                    architecture,
                    int8: false,
                    card: None,
                });
            }
            Err(CliError::NotAModelFile(_)) => {}
            Err(error) => return Err(no_network(model, error)),
        }
        let path = Path::new(model);
        if let Some(described) = Self::of_onnx(path, terminal)? {
            return Ok(described);
        }
        let weights =
            open_weights(path, &OpenOptions::default(), terminal).map_err(|error| match error {
                CliError::Weights(error) => CliError::NoNetworkIn(Box::new(error)),
                error => error,
            })?;
        let architecture = match architecture_of(&weights, terminal) {
            Err(CliError::UnknownNetwork(_)) if is_checkpoint(path) => {
                return Err(CliError::CheckpointOfRun(path.to_owned()));
            }
            found => found?,
        };
        Ok(Self {
            card: usable(model, weights.card(), &architecture, terminal),
            architecture,
            int8: false,
        })
    }

    /// What an ONNX file says itself, if it is one.
    fn of_onnx(path: &Path, terminal: &Terminal) -> Result<Option<Self>, CliError> {
        let is_named_so = path
            .extension()
            .is_some_and(|it| it.eq_ignore_ascii_case("onnx"));
        if !is_named_so {
            return Ok(None);
        }
        let metadata = onnx_metadata::read(path).map_err(|source| CliError::ReadFile {
            path: path.to_owned(),
            source,
        })?;
        let Some(metadata) = metadata else {
            return Ok(None);
        };
        let Some(json) = metadata.get("scarlet.architecture") else {
            return Err(CliError::ForeignOnnx(path.to_owned()));
        };
        let architecture = Architecture::from_json(json).map_err(|source| CliError::ModelFile {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let card = metadata.get("scarlet.card");
        let card = card.map(|json| ModelCard::from_json(json)).transpose();
        let name = path.display().to_string();
        Ok(Some(Self {
            card: usable(&name, card, &architecture, terminal),
            architecture,
            int8: false,
        }))
    }
}

/// The card of a file, if it is one of its network.
fn usable<E: From<CardError> + Display>(
    file: &str,
    card: Result<Option<ModelCard>, E>,
    architecture: &Architecture,
    terminal: &Terminal,
) -> Option<ModelCard> {
    let checked = card.and_then(|card| match card {
        Some(card) => {
            card.check(architecture.classes)?;
            Ok(Some(card))
        }
        None => Ok(None),
    });
    checked.unwrap_or_else(|error| {
        terminal.warn(format_args!("{file}: {error}; it is left out"));
        None
    })
}

/// Whether a file is what a run goes on from.
fn is_checkpoint(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|it| it == "checkpoint.safetensors")
}

/// What `model` is that names no network, where it is a folder, or was meant to be a file.
fn no_network(model: &str, error: CliError) -> CliError {
    let path = Path::new(model);
    let network = |folder: &Path| {
        let networks = [
            "best.safetensors",
            "last.safetensors",
            "network/network.safetensors",
        ];
        let mut networks = networks.iter().map(|name| folder.join(name));
        networks.find(|file| file.is_file())
    };
    if path.is_dir() {
        return CliError::FolderAsModel {
            path: path.to_owned(),
            network: network(path),
        };
    }
    // The settings of a run, or what it came to.
    if let (CliError::ModelFile { .. }, Some(folder)) = (&error, path.parent())
        && let Some(network) = network(folder)
    {
        return CliError::FileOfRun {
            path: path.to_owned(),
            network,
        };
    }
    let endings = [
        "safetensors",
        "onnx",
        "scarlet",
        "pth",
        "pt",
        "tar",
        "bin",
        "ckpt",
    ];
    let is_file_name = path
        .extension()
        .is_some_and(|it| endings.iter().any(|ending| it.eq_ignore_ascii_case(ending)));
    match is_file_name && matches!(error, CliError::Architecture(_)) {
        true => CliError::ReadFile {
            path: path.to_owned(),
            source: io::Error::new(io::ErrorKind::NotFound, "there is no such file"),
        },
        false => error,
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
