//! `scarlet finetune`.

use scarlet::weights::{Source, StateDict};
use scarlet_train::standalone::{Recipe, StandaloneConfig, Start};
use serde_json::json;

use super::training::{self, New};
use crate::cli::DEFAULT_MODEL;
use crate::cli::training::FinetuneArgs;
use crate::error::CliError;
use crate::model::{architecture, get};
use crate::terminal::Terminal;
use crate::training_settings::configuration;

pub(super) fn run(args: &FinetuneArgs, terminal: &Terminal) -> Result<(), CliError> {
    training::run("finetune", &args.training, terminal, || {
        let more = [
            ("network.model", args.model.as_ref().map(|it| json!(it))),
            ("network.weights", args.weights.as_ref().map(|it| json!(it))),
            ("network.freeze", args.freeze.map(|it| json!(it))),
            ("train.layer_decay", args.layer_decay.map(|it| json!(it))),
        ];
        let config = configuration(Recipe::Finetune, &args.training, &more)?;
        let start = weights(&config, terminal)?;
        Ok(New { config, start })
    })
}

/// The weights that a run begins with, downloaded if need be.
pub(super) fn weights(config: &StandaloneConfig, terminal: &Terminal) -> Result<Start, CliError> {
    let model = config.network.model.as_deref();
    let Some(source) = &config.network.weights else {
        let architecture = architecture(model.unwrap_or(DEFAULT_MODEL))?;
        let path = get(terminal, |fetcher| fetcher.fetch_known(&architecture.name))?;
        return Ok(Start::Weights(architecture, path));
    };
    let source: Source = source.parse()?;
    let path = get(terminal, |fetcher| fetcher.fetch(&source))?;
    let architecture = match model {
        Some(model) => architecture(model)?,
        None => StateDict::open(&path)?.architecture()?,
    };
    Ok(Start::Weights(architecture, path))
}
