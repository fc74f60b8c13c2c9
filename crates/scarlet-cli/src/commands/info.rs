//! `scarlet info`.

use std::fmt::Display;
use std::io;
use std::path::Path;

use scarlet::arch::{Architecture, Cost};
use scarlet::tflite;
use scarlet::weights::OpenOptions;
use scarlet::zoo::{self, Network};
use scarlet::{CardError, DeployOptions, Deployed, ModelCard};
use scarlet_search::{Bound, Constraint};

use crate::cli::{InfoArgs, ZooOrder};
use crate::error::CliError;
use crate::model::named::architecture;
use crate::model::weights_file::{architecture_of, open_weights};
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
        bf16,
        card,
    } = Described::of(model, terminal)?;
    let architecture = at_resolution(architecture, args)?;
    let report = InfoReport {
        int8,
        bf16,
        card,
        layers: architecture.layers_text(),
        cost: Cost::of(&architecture, architecture.preprocessing.resolution)?,
        published: zoo::find(&architecture.name)
            .ok()
            .and_then(Network::published),
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
    bf16: bool,
    card: Option<ModelCard>,
}

impl Described {
    fn of(model: &str, terminal: &Terminal) -> Result<Self, CliError> {
        if Deployed::is_file(model) {
            let deployed = Deployed::open(model, &DeployOptions::new())?;
            return Ok(Self {
                architecture: deployed.architecture().clone(),
                int8: deployed.is_int8(),
                bf16: deployed.is_bf16(),
                card: deployed.card().cloned(),
            });
        }
        // Names and layers first; weights are what is left.
        match architecture(model) {
            Ok(architecture) => {
                return Ok(Self {
                    architecture,
                    int8: false,
                    bf16: false,
                    card: None,
                });
            }
            Err(CliError::NotAModelFile(_)) => {}
            Err(error) => return Err(no_network(model, error)),
        }
        let path = Path::new(model);
        if let Some(described) = Self::of_exported(path, terminal)? {
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
            bf16: false,
        })
    }

    /// What an ONNX or TensorFlow Lite file says itself, if it is one.
    fn of_exported(path: &Path, terminal: &Terminal) -> Result<Option<Self>, CliError> {
        let ending = path.extension().and_then(|it| it.to_str());
        let said = match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("onnx") => onnx_metadata::read(path).map(|metadata| {
                metadata.map(|mut metadata| {
                    let mut take = |key| metadata.remove(key);
                    let int8 = take("scarlet.int8").is_some();
                    (take("scarlet.architecture"), take("scarlet.card"), int8)
                })
            }),
            Some("tflite") => tflite::describe(path)
                .map(|said| said.map(|said| (said.architecture, said.card, said.int8))),
            _ => return Ok(None),
        };
        let said = said.map_err(|source| CliError::ReadFile {
            path: path.to_owned(),
            source,
        })?;
        let Some((json, card, int8)) = said else {
            return Ok(None);
        };
        let Some(json) = json else {
            return Err(CliError::ForeignExport(path.to_owned()));
        };
        let architecture =
            Architecture::from_json(&json).map_err(|source| CliError::ModelFile {
                path: path.to_owned(),
                source: Box::new(source),
            })?;
        let card = card.map(|json| ModelCard::from_json(&json)).transpose();
        let name = path.display().to_string();
        Ok(Some(Self {
            card: usable(&name, card, &architecture, terminal),
            architecture,
            int8,
            bf16: false,
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
        terminal.warn(format_args!("{file}: {error}; it is skipped"));
        None
    })
}

/// Whether a file is what a run resumes from.
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
        "tflite",
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
    match is_file_name && matches!(error, CliError::Architecture(_) | CliError::UnknownModel(_)) {
        true => CliError::ReadFile {
            path: path.to_owned(),
            source: io::Error::new(io::ErrorKind::NotFound, "there is no such file"),
        },
        false => error,
    }
}

fn list(args: &InfoArgs, terminal: &Terminal) -> Result<(), CliError> {
    for family in &args.family {
        if !zoo::families().contains(&family.as_str()) {
            return Err(CliError::UnknownFamily(family.clone()));
        }
    }
    let mut networks = Vec::new();
    for network in zoo::networks() {
        let is_wanted =
            args.family.is_empty() || args.family.iter().any(|it| it == network.family());
        if !is_wanted || args.public && network.weights().is_empty() {
            continue;
        }
        let architecture = at_resolution(network.architecture(), args)?;
        let cost = Cost::of(&architecture, architecture.preprocessing.resolution)?;
        let entry = ZooEntry::new(network, &cost);
        if keeps(&entry, &args.budget)? {
            networks.push(entry);
        }
    }
    let accuracy = |it: &ZooEntry| it.top1.unwrap_or_default();
    match args.sort {
        ZooOrder::MultAdds => networks.sort_by_key(|it| it.costs["mult_adds"]),
        ZooOrder::Parameters => networks.sort_by_key(|it| it.costs["parameters"]),
        ZooOrder::Accuracy => networks.sort_by(|a, b| accuracy(b).total_cmp(&accuracy(a))),
        ZooOrder::Family => {}
    }
    let best = (networks.iter()).max_by(|a, b| accuracy(a).total_cmp(&accuracy(b)));
    let report = ZooReport {
        most_accurate: best.map(|best| best.name),
        budget: args.budget.iter().map(in_words).collect(),
        networks,
    };
    if args.json {
        print_json(terminal, &report)
    } else {
        terminal.print(&report.text())
    }
}

/// A budget as people write it: `mult_adds <= 250M`.
fn in_words(budget: &Constraint) -> String {
    let bound = match budget.bound {
        Bound::AtMost => "<=",
        Bound::AtLeast => ">=",
    };
    let scales = [(1e9, "G"), (1e6, "M"), (1e3, "K")];
    let mut scales = scales.into_iter();
    let (scale, unit) = scales
        .find(|(scale, _)| budget.limit >= *scale && (budget.limit / scale * 1e3).fract() == 0.0)
        .unwrap_or((1.0, ""));
    format!("{} {bound} {}{unit}", budget.name, budget.limit / scale)
}

/// Whether a network keeps within a budget.
fn keeps(network: &ZooEntry, budget: &[Constraint]) -> Result<bool, CliError> {
    for constraint in budget {
        let Some(value) = network.metric(&constraint.name) else {
            return Err(CliError::UnknownMetric {
                name: constraint.name.clone(),
                known: ZooEntry::metrics().collect::<Vec<_>>().join(", "),
            });
        };
        // Of a network of unknown accuracy nothing can be said.
        let keeps = match constraint.bound {
            Bound::AtMost => value <= constraint.limit,
            Bound::AtLeast => value >= constraint.limit,
        };
        if !keeps {
            return Ok(false);
        }
    }
    Ok(true)
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
