//! Settings of a training run: from the defaults, a file and the command line to a configuration.

use scarlet::weights::Source;
use scarlet_run::standalone::{Preset, Recipe, StandaloneConfig};
use serde_json::{Map, Value, json};

use crate::cli::training::{BalanceArg, TrainingArgs};
use crate::error::CliError;
use crate::model::named::is_model_file;
use crate::run_settings::{make_absolute, make_file_absolute, read_toml, set, set_all};

/// The configuration that the command line asks for, with more flags of its command.
pub(crate) fn configuration(
    recipe: Recipe,
    args: &TrainingArgs,
    more: &[(&str, Option<Value>)],
) -> Result<StandaloneConfig, CliError> {
    let mut changes = match &args.settings.config {
        Some(path) => read_toml(path)?,
        None => Value::Object(Map::new()),
    };
    let settings = &args.settings;
    let flags = [
        ("data.source", args.data.as_ref().map(|it| json!(it))),
        ("data.holdout", settings.holdout.map(|it| json!(it))),
        ("data.folds", settings.folds.map(|it| json!(it))),
        (
            "data.cache_folder",
            settings.cache_folder.as_ref().map(|it| json!(it)),
        ),
        ("train.balance", settings.balance.map(balance)),
        ("data.grey", settings.grey.then_some(json!(true))),
        ("data.strict", settings.strict.then_some(json!(true))),
        ("data.seed", settings.seed.map(|it| json!(it))),
        (
            "network.resolution",
            settings.resolution.map(|it| json!(it)),
        ),
        (
            "train.teacher",
            settings.teacher.as_ref().map(|it| json!(it)),
        ),
        ("train.seed", settings.seed.map(|it| json!(it))),
        ("train.epochs", settings.epochs.map(|it| json!(it))),
        ("train.batch_size", settings.batch.map(|it| json!(it))),
        (
            "train.learning_rate",
            settings.learning_rate.map(|it| json!(it)),
        ),
        ("train.patience", settings.patience.map(|it| json!(it))),
    ];
    for (key, value) in flags.iter().chain(more) {
        if let Some(value) = value {
            set(&mut changes, key, value.clone());
        }
    }
    set_all(&mut changes, &settings.set)?;
    let source = changes["data"]["source"].as_str().ok_or(CliError::NoData)?;
    let preset = settings.preset.map_or(Preset::default(), Preset::from);
    let mut config = StandaloneConfig::for_preset(recipe, preset, source, &changes)?;
    if config.recipe != recipe {
        return Err(CliError::Recipe);
    }
    make_absolute(&mut config.data.source);
    make_file_absolute(&mut config.data.cache_folder);
    make_file_absolute(&mut config.train.teacher);
    let network = &mut config.network;
    if let Some(weights) = &network.weights
        && weights.parse::<Source>()?.is_path()
    {
        // With its checksum, if it has one: that is the end of a path like any other.
        make_file_absolute(&mut network.weights);
    }
    if network.model.as_deref().is_some_and(is_model_file) {
        make_file_absolute(&mut network.model);
    }
    Ok(config)
}

fn balance(how: BalanceArg) -> Value {
    let [sampling, loss] = match how {
        BalanceArg::Sampling => [1.0, 0.0],
        BalanceArg::Loss => [0.0, 1.0],
        BalanceArg::None => [0.0, 0.0],
    };
    json!({"sampling": sampling, "loss": loss})
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn configured(args: &[&str]) -> Result<StandaloneConfig, CliError> {
        let args = ["scarlet", "train"].iter().chain(args);
        let Command::Train(args) = Cli::parse_from(args).command else {
            panic!("another command");
        };
        configuration(Recipe::Scratch, &args.training, &[])
    }

    #[test]
    fn flags_go_over_the_file_and_the_file_over_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.toml");
        let text = "[data]\nsource = \"fashion-sample\"\n[train]\nepochs = 4\nbatch_size = 9\n";
        fs::write(&file, text).unwrap();
        let file = file.display().to_string();
        let config = configured(&[
            "--config",
            &file,
            "--epochs",
            "7",
            "--set",
            "train.mix.cutmix=1",
            "--set",
            "train.batch_size=8",
            "--batch",
            "3",
            "--seed",
            "5",
        ])
        .unwrap();
        assert_eq!((config.train.epochs, config.train.batch_size), (7, 8));
        assert_eq!((config.train.seed, config.data.seed), (5, 5));
        assert_eq!(config.train.mix.cutmix, 1.0);
        assert!(config.train.augment.flip);
    }

    #[test]
    fn classes_are_balanced_as_asked() {
        let balance = |args: &[&str]| {
            let args = [&["--data", "fashion-sample"], args].concat();
            let balance = configured(&args).unwrap().train.balance;
            (balance.sampling, balance.loss)
        };
        assert_eq!(balance(&[]), (0.0, 0.0));
        assert_eq!(balance(&["--balance"]), (1.0, 0.0));
        assert_eq!(balance(&["--balance", "loss"]), (0.0, 1.0));
        let half = ["--balance", "--set", "train.balance.sampling=0.5"];
        assert_eq!(balance(&half), (0.5, 0.0));
    }

    #[test]
    fn mistakes_say_what_is_wrong() {
        let message = |args: &[&str]| configured(args).unwrap_err().to_string();
        assert!(message(&[]).contains("give them with --data"));
        assert!(message(&["--data", "nowhere"]).contains("`nowhere` is neither a folder"));
        let data = ["--data", "fashion-sample", "--set"];
        let set = |text| message(&[&data[..], &[text]].concat());
        assert!(set("train.epochs").contains("KEY=VALUE"));
        assert!(set("train.epoch=3").contains("did you mean `train.epochs`?"));
    }
}
