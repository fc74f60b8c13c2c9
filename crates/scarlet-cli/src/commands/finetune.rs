//! `scarlet finetune`.

use scarlet::arch::Architecture;
use scarlet::weights::Source;
use scarlet::zoo;
use scarlet_run::standalone::{Recipe, StandaloneConfig, Start};
use serde_json::json;

use super::training::{self, New};
use crate::cli::DEFAULT_MODEL;
use crate::cli::training::FinetuneArgs;
use crate::error::CliError;
use crate::model::named::architecture;
use crate::model::weights_file::{
    architecture_but_for_classifier, architecture_of, get, open_weights, warn_of_difference,
};
use crate::terminal::Terminal;
use crate::training_settings::configuration;

pub(super) fn run(args: &FinetuneArgs, terminal: &Terminal) -> Result<(), CliError> {
    training::run("finetune", &args.training, terminal, |fit| {
        let names = &args.names;
        let more = [
            ("network.model", args.model.as_ref().map(|it| json!(it))),
            ("network.weights", args.weights.as_ref().map(|it| json!(it))),
            ("network.key", names.key.as_ref().map(|it| json!(it))),
            (
                "network.strip_prefix",
                names.strip_prefix.as_ref().map(|it| json!(it)),
            ),
            (
                "network.rename",
                (!names.rename.is_empty()).then(|| json!(names.rename)),
            ),
            ("network.origin", names.origin.as_ref().map(|it| json!(it))),
            ("network.freeze", args.freeze.map(|it| json!(it))),
            (
                "network.keep_classifier",
                args.keep_classifier.then_some(json!(true)),
            ),
            ("train.layer_decay", args.layer_decay.map(|it| json!(it))),
        ];
        let more = [&more[..], &fit.flags()[..]].concat();
        let config = configuration(Recipe::Finetune, &args.training, &more)?;
        let model = match (&config.network.model, &config.network.weights) {
            (Some(model), _) => Some(architecture(model)?),
            (None, Some(_)) => None,
            (None, None) => Some(architecture(DEFAULT_MODEL)?),
        };
        let start = weights(&config, model, terminal)?;
        Ok(New { config, start })
    })
}

/// The weights that a run begins with, downloaded if need be; of a `model`, or of what they say
/// that they are.
pub(super) fn weights(
    config: &StandaloneConfig,
    model: Option<Architecture>,
    terminal: &Terminal,
) -> Result<Start, CliError> {
    let source = config.network.weights.as_deref();
    let source: Option<Source> = source.map(str::parse).transpose()?;
    let named = config.network.model.as_deref();
    // By what was asked for, where that is a name: it may be that of certain weights.
    let known = named.filter(|name| zoo::find(name).is_ok());
    let known = known.or(model.as_ref().map(|model| model.name.as_str()));
    let known = known.unwrap_or(DEFAULT_MODEL);
    let path = get(terminal, |fetcher| match &source {
        Some(source) => fetcher.fetch(source),
        None => fetcher.fetch_known(known),
    })?;
    let mut options = config.network.open_options();
    if let Some(source) = &source {
        options = options.with_origin_of(source);
    }
    let weights = open_weights(&path, &options, terminal)?;
    let architecture = match model {
        Some(model) => {
            warn_of_difference(&model, &weights, terminal);
            model
        }
        None if config.network.keep_classifier => architecture_of(&weights, terminal)?,
        None => architecture_but_for_classifier(&weights, terminal)?,
    };
    Ok(Start::Weights(architecture, Box::new(weights)))
}
