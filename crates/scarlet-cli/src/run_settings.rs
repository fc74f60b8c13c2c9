//! Settings of a run: from the defaults, a file and the command line to a configuration.

use std::path::{Path, absolute};

use clap::ValueEnum;
use scarlet_data::dataset::{DatasetError, Location};
use scarlet_io::limited;
use scarlet_run::pipeline::RunConfig;
use serde_json::{Map, Value, json};

use crate::cli::run::{RunSettingsArgs, SearchSettingsArgs};
use crate::error::CliError;
use crate::toml_settings::{self, SettingsError};

/// Bytes of the largest file of settings that is read.
const MAX_SETTINGS: u64 = 1 << 20;

/// The configuration that the command line asks for, over that of another run or the defaults for
/// its images.
pub(crate) fn configuration(
    other: Option<&RunConfig>,
    settings: &RunSettingsArgs,
    search: Option<&SearchSettingsArgs>,
) -> Result<RunConfig, CliError> {
    configuration_over(
        |source, resolution| {
            Ok(match other {
                Some(other) => other.clone(),
                None => RunConfig::for_images(source, resolution),
            })
        },
        settings,
        search,
    )
}

/// The configuration that the command line asks for, over the defaults that `base` has for images at
/// a source, seen at a resolution if it is given.
pub(crate) fn configuration_over(
    base: impl FnOnce(&str, Option<usize>) -> Result<RunConfig, CliError>,
    settings: &RunSettingsArgs,
    search: Option<&SearchSettingsArgs>,
) -> Result<RunConfig, CliError> {
    let file = settings.config.as_deref().map(read_toml).transpose()?;
    let mut changes = Value::Object(Map::new());
    for (key, value) in flags(settings, search) {
        set(&mut changes, key, value);
    }
    set_all(&mut changes, &settings.set)?;
    let mut config = {
        let data = [Some(&changes), file.as_ref()].into_iter().flatten();
        let data = data.map(|tree| &tree["data"]);
        let source = data.clone().find_map(|data| data["source"].as_str());
        let resolution = data.clone().find_map(|data| data["resolution"].as_u64());
        let default = RunConfig::default().data.source;
        let source = source.unwrap_or(&default);
        require_one_class(source)?;
        base(source, resolution.map(|side| side as usize))?
    };
    if let Some(file) = file {
        config = config.with(file)?;
    }
    let seed = settings.seed.filter(|_| changes["whole"]["seed"].is_null());
    let mut config = config.with(changes)?;
    if let (Some(_), Some(seed)) = (&config.space.from, seed) {
        config.whole.recipe.seed = seed;
    }
    make_absolute(&mut config.data.source);
    if let Some(from) = &mut config.space.from {
        make_absolute_file(&mut from.weights);
    }
    for file in [
        &mut config.data.cache_folder,
        &mut config.search.latency_table,
        &mut config.search.score_cache,
        &mut config.whole.recipe.teacher,
        &mut config.supernet.recipe.teacher,
        &mut config.train.recipe.teacher,
    ] {
        make_file_absolute(file);
    }
    Ok(config)
}

fn flags(
    settings: &RunSettingsArgs,
    search: Option<&SearchSettingsArgs>,
) -> Vec<(&'static str, Value)> {
    let mut flags = Vec::new();
    let mut flag = |key, value: Option<Value>| flags.extend(value.map(|value| (key, value)));
    let number = |value: Option<usize>| value.map(|number| json!(number));
    flag("data.source", settings.data.as_ref().map(|it| json!(it)));
    flag("data.resolution", number(settings.resolution));
    flag("data.grey", settings.grey.then_some(json!(true)));
    flag(
        "data.cache_folder",
        settings.cache_folder.as_ref().map(|it| json!(it)),
    );
    flag("space.plan", settings.space.map(name));
    flag("space.choices", settings.choices.map(name));
    flag("space.skip", settings.skip.map(name));
    flag("space.width", settings.width.map(|width| json!(width)));
    flag("supernet.epochs", number(settings.supernet_epochs));
    for key in ["data.seed", "supernet.seed", "search.seed", "train.seed"] {
        flag(key, settings.seed.map(|seed| json!(seed)));
    }
    if let Some(search) = search {
        let list = |texts: &[String]| (!texts.is_empty()).then(|| json!(texts));
        flag("search.budget", list(&search.budget));
        flag("search.objectives", list(&search.objectives));
        let table = search.latency_table.as_ref();
        flag("search.latency_table", table.map(|it| json!(it)));
        flag("search.deploy", search.deploy.map(|it| json!(it)));
        flag("search.evaluations", number(search.evaluations));
        flag("choose.network", search.choose.as_ref().map(|it| json!(it)));
        flag("train.teacher", search.teacher.as_ref().map(|it| json!(it)));
        flag("train.epochs", number(search.epochs));
    }
    flags
}

/// The word that a value goes by on the command line, which is that of the settings too.
pub(crate) fn name(value: impl ValueEnum) -> Value {
    let word = value.to_possible_value();
    json!(word.map(|word| word.get_name().to_owned()))
}

/// The settings of a file.
pub(crate) fn read_toml(path: &Path) -> Result<Value, CliError> {
    let text =
        limited::read_to_string(path, MAX_SETTINGS).map_err(|source| CliError::ReadFile {
            path: path.to_owned(),
            source,
        })?;
    toml_settings::parse(&text).map_err(|error| match error {
        SettingsError::Syntax(problem) => CliError::ConfigFile {
            path: path.to_owned(),
            problem,
        },
        error => error.into(),
    })
}

/// What `--set KEY=VALUE` says; it goes over all other flags.
pub(crate) fn set_all(tree: &mut Value, settings: &[String]) -> Result<(), CliError> {
    for text in settings {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| CliError::NotASetting(text.clone()))?;
        let key = key.trim();
        set(tree, key, toml_settings::value(key, value.trim())?);
    }
    Ok(())
}

/// Refuses a CSV file, whose images have any number of labels, before anything is done for it. What else
/// may be wrong with a source is said when it is read.
pub(crate) fn require_one_class(source: &str) -> Result<(), CliError> {
    match Location::find(source) {
        Ok(Location::Table(_)) => Err(DatasetError::SeveralLabels.into()),
        _ => Ok(()),
    }
}

/// Names a folder of images, or a file that lists them, so that a run can continue from elsewhere.
pub(crate) fn make_absolute(source: &mut String) {
    let path = Path::new(source.as_str());
    if (path.is_dir() || matches!(Location::find(path), Ok(Location::Table(_))))
        && let Ok(path) = absolute(source.as_str())
    {
        *source = path.display().to_string();
    }
}

/// The same for a file.
pub(crate) fn make_file_absolute(file: &mut Option<String>) {
    if let Some(file) = file {
        make_absolute_file(file);
    }
}

fn make_absolute_file(file: &mut String) {
    if let Ok(path) = absolute(&*file) {
        *file = path.display().to_string();
    }
}

pub(crate) fn set(tree: &mut Value, key: &str, value: Value) {
    let mut place = tree;
    for part in key.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[part];
    }
    *place = value;
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn configured(args: &[&str]) -> Result<RunConfig, CliError> {
        let args = ["scarlet", "search"].iter().chain(args);
        let Command::Search(args) = Cli::parse_from(args).command else {
            panic!("another command");
        };
        configuration(None, &args.settings, Some(&args.search))
    }

    fn message(args: &[&str]) -> String {
        configured(args).unwrap_err().to_string()
    }

    #[test]
    fn flags_go_over_the_file_and_the_file_over_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.toml");
        let text = "[search]\nevaluations = 30\nbudget = [\"parameters <= 1M\"]\n\
                    [train]\nepochs = 4\nlearning_rate = 1\n";
        fs::write(&file, text).unwrap();
        let file = file.display().to_string();
        let config = configured(&[
            "--config",
            &file,
            "--epochs",
            "9",
            "--budget",
            "mult_adds <= 3M",
            "--budget",
            "parameters <= 200K",
            "--space",
            "small",
            "--seed",
            "5",
            "--set",
            "train.augment.shift=4",
            "--set",
            "space.skip=identity",
        ])
        .unwrap();
        assert_eq!(config.search.evaluations, 30);
        assert_eq!(config.search.budget.len(), 2);
        assert_eq!(config.search.budget[1].limit, 2e5);
        assert_eq!(config.train.recipe.epochs, 9);
        assert_eq!(config.train.recipe.learning_rate, 1.0);
        assert_eq!(config.train.recipe.augment.shift, 4);
        assert_eq!((config.train.recipe.seed, config.data.seed), (5, 5));
        assert_eq!(config.to_value()["space"]["plan"], "small");
        assert_eq!(config.to_value()["space"]["skip"], "identity");
    }

    #[test]
    fn digits_are_not_mirrored_unless_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("train-images-idx3-ubyte"), "").unwrap();
        let data = folder.path().to_str().unwrap();
        let flips = |args: &[&str]| {
            let config = configured(args).unwrap();
            let recipes = [&config.supernet.recipe, &config.train.recipe];
            recipes.map(|recipe| recipe.augment.flip)
        };
        assert_eq!(flips(&[]), [true; 2]);
        assert_eq!(flips(&["--data", data]), [false; 2]);
        assert_eq!(
            flips(&["--set", &format!("data.source={data}")]),
            [false; 2]
        );
        let asked = ["--data", data, "--set", "train.augment.flip=true"];
        assert_eq!(flips(&asked), [false, true]);
        let file = folder.path().join("run.toml");
        fs::write(&file, format!("[data]\nsource = {data:?}\n")).unwrap();
        let file = file.to_str().unwrap();
        assert_eq!(flips(&["--config", file]), [false; 2]);
        assert_eq!(
            flips(&["--config", file, "--data", "fashion-sample"]),
            [true; 2]
        );
    }

    #[test]
    fn the_budget_grows_with_the_resolution_unless_it_is_given() {
        let limit = |args: &[&str]| configured(args).unwrap().search.budget[0].limit;
        assert_eq!(limit(&[]), 5e6);
        assert_eq!(limit(&["--resolution", "64"]), 2e7);
        assert_eq!(limit(&["--set", "data.resolution=64"]), 2e7);
        assert_eq!(
            limit(&["--resolution", "64", "--budget", "mult_adds <= 9M"]),
            9e6
        );
    }

    #[test]
    fn files_can_be_found_from_everywhere() {
        let config = configured(&["--set", "search.score_cache=shared.jsonl"]).unwrap();
        let file = config.search.score_cache.unwrap();
        assert_eq!(Path::new(&file), absolute("shared.jsonl").unwrap());
    }

    #[test]
    fn the_example_configurations_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/configs");
        let mut read = 0;
        for file in fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path().display().to_string();
            let config = configured(&["--config", &file]).unwrap();
            // Clothes, wherever their files are.
            assert!(config.supernet.recipe.augment.flip && config.train.recipe.augment.flip);
            read += 1;
        }
        assert!(read > 0);
    }

    #[test]
    fn numbers_that_are_none_are_no_settings() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.toml");
        let text = file.display().to_string();
        for (settings, key, value) in [
            ("[train]\nclip_norm = inf", "train.clip_norm", "inf"),
            ("[train]\nlearning_rate = nan", "train.learning_rate", "NaN"),
            (
                "[train.optimizer]\nname = \"sgd\"\nmomentum = -inf",
                "train.optimizer.momentum",
                "-inf",
            ),
            (
                "train.augment.resized_crop.scale = [0.1, inf]",
                "train.augment.resized_crop.scale",
                "inf",
            ),
        ] {
            fs::write(&file, settings).unwrap();
            let error = message(&["--config", &text]);
            let expected =
                format!("`{key}` is {value}, which is not a number that a setting can have");
            assert_eq!(error, expected);
        }
        for value in ["nan", "inf", "-inf"] {
            let error = message(&["--set", &format!("train.average_decay={value}")]);
            assert!(error.starts_with("`train.average_decay` is "), "{error}");
        }
        for flag in ["--width=nan", "--width=inf", "--width=1e999"] {
            let error = Cli::try_parse_from(["scarlet", "search", flag]).unwrap_err();
            assert!(
                error.to_string().contains("expected a finite number"),
                "{error}"
            );
        }
    }

    #[test]
    fn settings_are_bounded_in_size_and_depth() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.toml");
        fs::write(&file, "#".repeat(2 << 20)).unwrap();
        let error = message(&["--config", file.to_str().unwrap()]);
        assert!(error.contains("it has more than 1048576 bytes"), "{error}");
        let error = message(&["--set", &format!("{}=1", "a.".repeat(60_000))]);
        assert!(
            error.contains("is not a setting") && error.len() < 200,
            "{error}"
        );
    }

    #[test]
    fn mistakes_say_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.toml");
        fs::write(&file, "[train]\nepoch = 4\n").unwrap();
        let file = file.display().to_string();
        assert_eq!(
            message(&["--config", &file]),
            "there is no setting `train.epoch`; did you mean `train.epochs`?"
        );
        fs::write(&file, "[train\n").unwrap();
        assert!(message(&["--config", &file]).contains("line 1"));
        assert!(message(&["--set", "train.epochs"]).contains("KEY=VALUE"));
        assert!(message(&["--set", "trian.epochs=3"]).contains("did you mean `train`?"));
        assert!(message(&["--budget", "mult_adds < 3"]).contains("NAME <= NUMBER"));
    }
}
