//! [`Loaded`]: a network with weights, as it trains.

use std::path::{Path, PathBuf};

use scarlet::arch::Architecture;
use scarlet::burn::tensor::Device;
use scarlet::exported::{is_exported, open_exported};
use scarlet::weights::{Source, StateDict, WeightsError};
use scarlet::zoo;
use scarlet::{Deployed, ModelCard, Scarlet, ScarletConfig};

use super::named::{adapt, architecture, read_architecture};
use super::weights_file::{architecture_of, get, open_weights, warn_of_card, warn_of_difference};
use crate::class_names::ClassNames;
use crate::cli::{DEFAULT_MODEL, ModelArgs};
use crate::error::CliError;
use crate::terminal::Terminal;

/// What a run calls the description of its network, next to the weights.
const ARCHITECTURE: &str = "architecture.json";

/// A network with weights, as it trains.
pub(crate) struct Loaded {
    pub(crate) network: Scarlet,
    /// What it is to be run as: with the resolution that was asked for.
    pub(crate) architecture: Architecture,
    /// Where the weights are from, for reports.
    pub(crate) weights: String,
    /// The folder of the weights' file, where it is one of the user's.
    pub(super) home: Option<PathBuf>,
}

impl Loaded {
    /// The network that `args` asks for, its weights downloaded if need be.
    pub(crate) fn open(
        args: &ModelArgs,
        device: &Device,
        terminal: &Terminal,
    ) -> Result<Self, CliError> {
        let named = |model: &str| adapt(architecture(model)?, args);
        let model = args.model.as_deref();
        let (network, weights, home) = match &args.weights {
            _ if args.random_init => {
                let architecture = named(model.unwrap_or(DEFAULT_MODEL))?;
                let config = ScarletConfig::from(architecture);
                let network = config.try_init_seeded(args.seed, device)?;
                (network, format!("random, seed {}", args.seed), None)
            }
            Some(source) => {
                let architecture = model.map(named).transpose()?;
                let source: Source = source.parse()?;
                let path = get(terminal, |fetcher| fetcher.fetch(&source))?;
                if Deployed::is_file(&path) {
                    return Err(CliError::DeployedWeights(path));
                }
                let home = path.parent().filter(|_| source.is_path());
                let options = args.names.options().with_origin_of(&source);
                // What was written for other programs is run, but not trained further.
                let weights = match is_exported(&path) {
                    true => open_exported(&path)?,
                    false => open_weights(&path, &options, terminal)?,
                };
                let network = load(&weights, architecture, home, device, terminal)?;
                let network = with_names_beside(network, home)?;
                (network, source.to_string(), home.map(Path::to_owned))
            }
            None => {
                let model = model.unwrap_or(DEFAULT_MODEL);
                let architecture = named(model)?;
                // By what was asked for, where that is a name: it may be that of certain weights.
                let known = zoo::find(model).map_or(architecture.name.as_str(), |_| model);
                let path = get(terminal, |fetcher| fetcher.fetch_known(known))?;
                let weights = path.display().to_string();
                let stored = open_weights(&path, &args.names.options(), terminal)?;
                let network = load(&stored, Some(architecture), None, device, terminal)?;
                // Public weights are ImageNet's.
                let network = with_names(network, &ClassNames::ImageNet)?;
                (network, weights, None)
            }
        };
        let found = network.architecture().classes;
        if let Some(asked) = args.num_classes.filter(|&asked| asked != found) {
            return Err(CliError::WeightsClassCount { found, asked });
        }
        let architecture = adapt(network.architecture().clone(), args)?;
        Ok(Self {
            network,
            architecture,
            weights,
            home,
        })
    }

    /// The names of its classes: those in `file`, or else those that the weights say themselves, or
    /// that a run wrote next to them.
    pub(crate) fn class_names(
        &self,
        file: Option<&Path>,
        terminal: &Terminal,
    ) -> Result<ClassNames, CliError> {
        ClassNames::of(
            self.architecture.classes,
            file,
            self.network.card(),
            self.home.as_deref(),
            terminal,
        )
    }
}

/// `given` with the weights, or else the network that the file describes, or else the one that a
/// run described in the file's folder.
fn load(
    weights: &StateDict,
    given: Option<Architecture>,
    home: Option<&Path>,
    device: &Device,
    terminal: &Terminal,
) -> Result<Scarlet, CliError> {
    warn_of_card(weights, terminal);
    let described = home.map(|home| home.join(ARCHITECTURE));
    let described = described.filter(|file| file.is_file());
    let architecture = match given {
        Some(architecture) => {
            warn_of_difference(&architecture, weights, terminal);
            architecture
        }
        None => match (architecture_of(weights, terminal), described) {
            (Err(CliError::UnknownNetwork(_)), Some(file)) => read_architecture(&file)?,
            (found, _) => found?,
        },
    };
    let network = ScarletConfig::from(architecture).try_init(device)?;
    network.load(weights).map_err(|error| match error {
        WeightsError::OtherClassCount { found, asked, .. } => {
            CliError::WeightsClassCount { found, asked }
        }
        error => error.into(),
    })
}

/// The network with the names of its classes that lie next to its weights, where these say none, so
/// that whatever is written of it says them.
fn with_names_beside(network: Scarlet, home: Option<&Path>) -> Result<Scarlet, CliError> {
    if network.card().is_some() {
        return Ok(network);
    }
    // A file that does not fit is spoken of where the names are needed.
    match ClassNames::beside(network.architecture().classes, home) {
        Ok(names) => with_names(network, &names),
        Err(_) => Ok(network),
    }
}

fn with_names(network: Scarlet, names: &ClassNames) -> Result<Scarlet, CliError> {
    match names.all() {
        Some(names) if names.len() == network.architecture().classes => {
            let mut card = ModelCard::new(names);
            // Nobody knows what trained it.
            card.program = None;
            Ok(network.with_card(card)?)
        }
        _ => Ok(network),
    }
}
