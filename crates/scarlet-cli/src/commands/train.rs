//! `scarlet train`.

use scarlet_run::standalone::{Recipe, Start};
use serde_json::json;

use super::training::{self, New};
use crate::cli::training::TrainArgs;
use crate::error::CliError;
use crate::model::named::architecture;
use crate::terminal::Terminal;
use crate::training_settings::configuration;

/// The network that is trained unless told otherwise.
const DEFAULT_MODEL: &str = "scarlet-c";

pub(super) fn run(args: &TrainArgs, terminal: &Terminal) -> Result<(), CliError> {
    training::run("train", &args.training, terminal, |fit| {
        let model = args.model.as_ref().map(|model| json!(model));
        let more = [&[("network.model", model)], &fit.flags()[..]].concat();
        let config = configuration(Recipe::Scratch, &args.training, &more)?;
        let model = config.network.model.as_deref().unwrap_or(DEFAULT_MODEL);
        let start = Start::Scratch(architecture(model)?);
        Ok(New { config, start })
    })
}
