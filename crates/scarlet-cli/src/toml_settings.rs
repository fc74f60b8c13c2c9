//! Settings as TOML has them, made into the tree that configurations are changed by.

use serde_json::{Value, json};
use thiserror::Error;
use toml::Table;

/// Parts of a key: more than the longest has.
const MAX_DEPTH: usize = 8;

/// Why a text says no settings.
#[derive(Debug, Clone, PartialEq, Error)]
pub(crate) enum SettingsError {
    #[error("{0}")]
    Syntax(String),
    #[error("`{key}` is {value}, which is not a number that a setting can have")]
    NotFinite { key: String, value: f64 },
    #[error("`{0}…` is not a setting: it has too many parts")]
    TooDeep(String),
}

/// The settings of a file.
pub(crate) fn parse(text: &str) -> Result<Value, SettingsError> {
    let syntax = |error: &dyn std::fmt::Display| SettingsError::Syntax(error.to_string());
    let tree: Table = toml::from_str(text).map_err(|error| syntax(&error))?;
    check_finite(&tree, "")?;
    serde_json::to_value(tree).map_err(|error| syntax(&error))
}

/// A value as in a file, or a text that does without quotes; `key` is whose it is to be.
pub(crate) fn value(key: &str, text: &str) -> Result<Value, SettingsError> {
    if key.split('.').count() > MAX_DEPTH {
        return Err(SettingsError::TooDeep(key.chars().take(60).collect()));
    }
    let parsed: Option<Table> = toml::from_str(&format!("value = {text}")).ok();
    let Some(value) = parsed.and_then(|mut table| table.remove("value")) else {
        return Ok(json!(text));
    };
    check_value(&value, key)?;
    Ok(serde_json::to_value(value).unwrap_or_else(|_| json!(text)))
}

/// TOML knows numbers that are infinite or none at all. No setting can be such a one, and JSON, which
/// settings are kept in, would make a missing value of it.
fn check_finite(tree: &Table, path: &str) -> Result<(), SettingsError> {
    tree.iter()
        .try_for_each(|(key, value)| check_value(value, &format!("{path}{key}")))
}

fn check_value(value: &toml::Value, place: &str) -> Result<(), SettingsError> {
    match value {
        toml::Value::Float(number) if !number.is_finite() => Err(SettingsError::NotFinite {
            key: place.to_owned(),
            value: *number,
        }),
        toml::Value::Array(values) => values.iter().try_for_each(|it| check_value(it, place)),
        toml::Value::Table(table) => check_finite(table, &format!("{place}.")),
        _ => Ok(()),
    }
}
