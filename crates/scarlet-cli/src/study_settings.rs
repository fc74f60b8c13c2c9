//! Settings of studies: from the defaults, a file and the command line to a configuration.

use std::path::Path;

use scarlet_data::dataset::TrainTest;
use scarlet_run::pipeline::ComparisonConfig;
use scarlet_run::study::{Study, StudyConfig};
use serde_json::{Map, Value, json};

use crate::cli::study::{SearchStudyArgs, SupernetStudyArgs};
use crate::error::CliError;
use crate::run_settings::{make_absolute, make_file_absolute, name, read_toml, set, set_all};

/// What the folder's study was begun with, or the defaults, with what the command line asks for;
/// and its images.
pub(crate) fn configuration(
    args: &SupernetStudyArgs,
) -> Result<(StudyConfig, TrainTest), CliError> {
    let flags = [
        ("source", args.data.as_ref().map(|it| json!(it))),
        ("images", args.images.map(|it| json!(it))),
        ("space.plan", args.space.map(name)),
        ("space.choices", args.choices.map(name)),
        ("space.width", args.width.map(|it| json!(it))),
        ("seeds", args.seeds.map(from_zero)),
        ("networks", args.networks.map(|it| json!(it))),
        ("by_depth", args.by_depth.then_some(json!(true))),
        ("layer", args.layer.map(|it| json!(it))),
        ("supernet.epochs", args.supernet_epochs.map(|it| json!(it))),
        ("standalone.epochs", args.network_epochs.map(|it| json!(it))),
    ];
    let changes = changes(args.config.as_deref(), flags, &args.set)?;
    let begun = Study::stored_config(&args.folder)?;
    let (mut config, data) = StudyConfig::configured(begun, changes)?;
    make_absolute(&mut config.source);
    make_file_absolute(&mut config.supernet.teacher);
    make_file_absolute(&mut config.standalone.teacher);
    Ok((config, data))
}

/// What the command line wants to be compared, of searches of this many `evaluations` unless told
/// otherwise.
pub(crate) fn comparison(
    args: &SearchStudyArgs,
    evaluations: usize,
) -> Result<ComparisonConfig, CliError> {
    let flags = [
        ("seeds", args.seeds.map(from_zero)),
        ("evaluations", args.evaluations.map(|it| json!(it))),
    ];
    let default = ComparisonConfig {
        seeds: (0..5).collect(),
        evaluations,
    };
    Ok(default.with(changes(args.config.as_deref(), flags, &args.set)?)?)
}

/// The settings of a file, those of flags over them, and `settings` over both.
fn changes<const N: usize>(
    file: Option<&Path>,
    flags: [(&str, Option<Value>); N],
    settings: &[String],
) -> Result<Value, CliError> {
    let mut changes = match file {
        Some(path) => read_toml(path)?,
        None => Value::Object(Map::new()),
    };
    for (key, value) in flags {
        if let Some(value) = value {
            set(&mut changes, key, value);
        }
    }
    set_all(&mut changes, settings)?;
    Ok(changes)
}

fn from_zero(count: u16) -> Value {
    json!((0..u64::from(count)).collect::<Vec<_>>())
}
