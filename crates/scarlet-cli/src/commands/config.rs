//! `scarlet config`.

use scarlet_run::pipeline::{RunConfig, SpaceSettings};
use scarlet_run::standalone::{Preset, Recipe, StandaloneConfig};
use scarlet_run::study::StudyConfig;
use serde_json::{Map, Value, json};

use crate::cli::config::{ConfigArgs, ConfiguredCommand};
use crate::error::CliError;
use crate::meanings::{Meaning, meaning};
use crate::terminal::Terminal;

/// Characters of a line of the file.
const WIDTH: usize = 96;
/// Where defaults are shown for no images in particular.
const SAMPLE: &str = "fashion-sample";

pub(super) fn run(args: &ConfigArgs, terminal: &Terminal) -> Result<(), CliError> {
    let source = args.data.as_deref().unwrap_or(SAMPLE);
    let has_presets = !matches!(
        args.command,
        Some(ConfiguredCommand::Search | ConfiguredCommand::Study)
    );
    if args.preset.is_some() && !has_presets {
        return Err(CliError::NoPresets);
    }
    let preset = args.preset.map_or(Preset::default(), Preset::from);
    let text = match args.command {
        Some(command) => file(command, preset, source)?,
        None => {
            let all = [
                ConfiguredCommand::Train,
                ConfiguredCommand::Finetune,
                ConfiguredCommand::Search,
                ConfiguredCommand::Study,
            ];
            let files = all.into_iter().map(|command| file(command, preset, source));
            let files: Vec<String> = files.collect::<Result<_, _>>()?;
            format!(
                "# All settings of all commands. For a file that --config takes, name one: \
                 scarlet config train\n\n{}",
                files.join("\n")
            )
        }
    };
    terminal.print(&text)
}

/// A file of all settings of a command, with their defaults for these images.
fn file(command: ConfiguredCommand, preset: Preset, source: &str) -> Result<String, CliError> {
    let name = match command {
        ConfiguredCommand::Train => "train",
        ConfiguredCommand::Finetune => "finetune",
        ConfiguredCommand::Search => "search",
        ConfiguredCommand::Study => "study",
    };
    let usage = match command {
        ConfiguredCommand::Study => "scarlet study ranking FOLDER --config FILE".to_owned(),
        _ => format!("scarlet {name} --config FILE"),
    };
    let mut text = String::new();
    comment(
        &format!(
            "Settings of `scarlet {name}` and their defaults for {source}. A file may hold any part \
             of them: {usage}. A setting with a # in front of it is not set by default."
        ),
        &mut text,
    );
    write_settings(&defaults(command, preset, source)?, "", &mut text);
    Ok(text)
}

/// The settings of a command as a tree, all of them, as its file has them.
fn defaults(command: ConfiguredCommand, preset: Preset, source: &str) -> Result<Value, CliError> {
    let standalone = |recipe| -> Result<Value, CliError> {
        let config = StandaloneConfig::for_preset(recipe, preset, source, &Value::Null)?;
        let mut tree = json!(config);
        // The command says it.
        tree.as_object_mut().and_then(|tree| tree.remove("recipe"));
        Ok(tree)
    };
    match command {
        ConfiguredCommand::Train => standalone(Recipe::Scratch),
        ConfiguredCommand::Finetune => standalone(Recipe::Finetune),
        ConfiguredCommand::Search => Ok(RunConfig::for_source(source).to_value()),
        ConfiguredCommand::Study => {
            let (config, _) = StudyConfig::configured(None, json!({"source": source}))?;
            let mut tree = json!(config);
            // The file says how it is made.
            tree["space"] = json!(SpaceSettings::default());
            Ok(tree)
        }
    }
}

/// The settings of a section, each below its meaning, and then its own sections.
fn write_settings(tree: &Value, section: &str, text: &mut String) {
    for (name, value) in in_order(tree, section) {
        let place = join(section, name);
        let Meaning {
            text: explained,
            example,
            ..
        } = meaning(&place);
        match value {
            Value::Object(_) => {
                text.push('\n');
                comment(explained, text);
                text.push_str(&format!("[{place}]\n"));
                write_settings(value, &place, text);
            }
            Value::Null => {
                comment(explained, text);
                text.push_str(&format!("# {name} = {example}\n"));
            }
            value => {
                comment(explained, text);
                text.push_str(&format!("{name} = {}\n", toml_text(value)));
            }
        }
    }
}

/// In the order of the table of meanings, sections last, for what follows one belongs to it.
fn in_order<'a>(tree: &'a Value, section: &str) -> Vec<(&'a str, &'a Value)> {
    let entries = tree.as_object().into_iter().flat_map(Map::iter);
    let mut entries: Vec<(&str, &Value)> = entries
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    entries.sort_by_key(|(name, value)| (value.is_object(), meaning(&join(section, name)).place));
    entries
}

fn join(section: &str, name: &str) -> String {
    match section.is_empty() {
        true => name.to_owned(),
        false => format!("{section}.{name}"),
    }
}

/// A value as TOML has it.
fn toml_text(value: &Value) -> String {
    // JSON without nulls and with numbers of 63 bits is always TOML too.
    toml::Value::try_from(value).map_or_else(|_| value.to_string(), |value| value.to_string())
}

/// Lines of comment with these words.
fn comment(words: &str, text: &mut String) {
    let mut line = "#".to_owned();
    for word in words.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = "#".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::meanings::MEANINGS;
    use crate::run_settings::set;

    const COMMANDS: [ConfiguredCommand; 4] = [
        ConfiguredCommand::Train,
        ConfiguredCommand::Finetune,
        ConfiguredCommand::Search,
        ConfiguredCommand::Study,
    ];

    /// What a command makes of its defaults with some settings changed, as a tree.
    fn changed(command: ConfiguredCommand, source: &str, changes: Value) -> Value {
        match command {
            ConfiguredCommand::Train | ConfiguredCommand::Finetune => {
                let recipe = match command {
                    ConfiguredCommand::Train => Recipe::Scratch,
                    _ => Recipe::Finetune,
                };
                let config = StandaloneConfig::defaults(recipe, source).unwrap();
                let mut tree = json!(config.with(changes).unwrap());
                tree.as_object_mut().unwrap().remove("recipe");
                tree
            }
            ConfiguredCommand::Search => {
                let config = RunConfig::for_source(source);
                config.with(changes).unwrap().to_value()
            }
            ConfiguredCommand::Study => {
                let (config, _) = StudyConfig::configured(None, changes).unwrap();
                json!(config)
            }
        }
    }

    /// All settings and sections, by their full names.
    fn names(tree: &Value, section: &str) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        for (name, value) in tree.as_object().into_iter().flatten() {
            all.extend(names(value, &join(section, name)));
            all.push((join(section, name), value.clone()));
        }
        all
    }

    #[test]
    fn every_setting_is_explained_and_every_explanation_is_a_settings() {
        let photographs = tempfile::tempdir().unwrap();
        let sources = [SAMPLE, photographs.path().to_str().unwrap()];
        let mut used = BTreeSet::new();
        for command in COMMANDS {
            for source in sources {
                if command == ConfiguredCommand::Study && source != SAMPLE {
                    continue;
                }
                for (name, value) in names(&defaults(command, Preset::Good, source).unwrap(), "") {
                    let Meaning {
                        place,
                        text,
                        example,
                    } = meaning(&name);
                    assert!(!text.is_empty(), "`{name}` is not explained");
                    used.insert(place);
                    if value.is_null() {
                        assert!(!example.is_empty(), "`{name}` has no example");
                        let example: toml::Value = toml::from_str::<toml::Table>(&format!(
                            "it = {example}"
                        ))
                        .unwrap()["it"]
                            .clone();
                        let mut changes = json!({});
                        set(&mut changes, &name, json!(example));
                        if command == ConfiguredCommand::Study {
                            set(&mut changes, "source", json!(source));
                        }
                        let with_it = names(&changed(command, source, changes), "");
                        used.extend(with_it.iter().map(|(name, _)| meaning(name).place));
                    }
                }
            }
        }
        // Of what is set for none of these.
        let optimizers =
            json!({"optimizer": {"name": "adam-w", "beta_1": 0, "beta_2": 0, "epsilon": 0}});
        used.extend(
            names(&optimizers, "train")
                .iter()
                .map(|(name, _)| meaning(name).place),
        );
        for (place, (name, ..)) in MEANINGS.iter().enumerate() {
            assert!(used.contains(&place), "there is no setting `{name}`");
        }
    }

    #[test]
    fn the_file_is_read_back_as_the_defaults() {
        for command in COMMANDS {
            let text = file(command, Preset::Good, SAMPLE).unwrap();
            let read: Value = toml::from_str(&text).unwrap();
            let source = json!({"source": SAMPLE});
            let unchanged = match command {
                ConfiguredCommand::Study => source,
                _ => json!({"data": source}),
            };
            assert_eq!(
                changed(command, SAMPLE, read),
                changed(command, SAMPLE, unchanged),
                "{text}"
            );
            assert!(
                text.lines().all(|line| line.chars().count() <= 120),
                "{text}"
            );
        }
    }

    #[test]
    fn a_presets_settings_are_listed() {
        let text = file(ConfiguredCommand::Train, Preset::Fast, SAMPLE).unwrap();
        assert!(text.contains("\nepochs = 10\n"), "{text}");
    }

    #[test]
    fn settings_stand_below_their_meaning() {
        let text = file(ConfiguredCommand::Train, Preset::Good, SAMPLE).unwrap();
        assert!(
            text.contains("# Passes over the training images.\nepochs = 30\n"),
            "{text}"
        );
        assert!(text.contains("# patience = "), "{text}");
        assert!(text.contains("\n[train.optimizer]\n"), "{text}");
    }
}
