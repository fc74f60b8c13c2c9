//! Settings laid over their defaults.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::RunError;
use crate::TrainError;

/// How like two words must be for one to be taken for the other's misspelling.
const LIKENESS: f64 = 0.7;

/// `base` with some of its settings changed. `path` is where it stands among all settings.
///
/// # Errors
///
/// [`TrainError::Settings`] for a setting that does not exist or is of the wrong kind.
pub(crate) fn changed<T: Serialize + DeserializeOwned>(
    base: &T,
    changes: Value,
    path: &str,
) -> Result<T, TrainError> {
    let settings = |problem: String| TrainError::Settings { problem };
    let mut tree = serde_json::to_value(base).map_err(|error| settings(error.to_string()))?;
    overlay(&mut tree, changes, path).map_err(|error| settings(error.to_string()))?;
    serde_json::from_value(tree).map_err(|error| {
        settings(match path.is_empty() {
            true => error.to_string(),
            false => format!("[{path}]: {error}"),
        })
    })
}

/// Puts `changes` into `base`, which holds every setting there is.
///
/// An object with another `name`, such as that of another optimizer, takes the place of the old one
/// as a whole.
///
/// # Errors
///
/// [`RunError::UnknownKey`] for a setting that `base` does not have.
pub(crate) fn overlay(base: &mut Value, changes: Value, path: &str) -> Result<(), RunError> {
    match (base, changes) {
        (Value::Object(base), Value::Object(changes)) if is_same_kind(base, &changes) => {
            for (key, value) in changes {
                let place = join(path, &key);
                match base.get_mut(&key) {
                    Some(old) => overlay(old, value, &place)?,
                    None => return Err(unknown(place, &key, base)),
                }
            }
        }
        (base, changes) => *base = changes,
    }
    Ok(())
}

fn is_same_kind(base: &Map<String, Value>, changes: &Map<String, Value>) -> bool {
    match (base.get("name"), changes.get("name")) {
        (Some(old), Some(new)) => old == new,
        _ => true,
    }
}

fn unknown(place: String, key: &str, base: &Map<String, Value>) -> RunError {
    let known: Vec<String> = base.keys().cloned().collect();
    let likeness = |name: &String| strsim::jaro_winkler(name, key);
    let nearest = known
        .iter()
        .filter(|name| likeness(name) >= LIKENESS)
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .cloned();
    RunError::UnknownKey {
        key: place,
        nearest,
        known,
    }
}

fn join(path: &str, key: &str) -> String {
    match path.is_empty() {
        true => key.to_owned(),
        false => format!("{path}.{key}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_keep_their_defaults_and_kinds_are_replaced_whole() {
        let mut base = json!({"a": {"x": 1, "y": 2}, "kind": {"name": "sgd", "momentum": 0.9}});
        let changes = json!({"a": {"y": 3}, "kind": {"name": "adam", "beta": 1}});
        overlay(&mut base, changes, "").unwrap();
        assert_eq!(
            base,
            json!({"a": {"x": 1, "y": 3}, "kind": {"name": "adam", "beta": 1}})
        );
    }

    #[test]
    fn misspelt_settings_get_a_hint() {
        let mut base = json!({"train": {"epochs": 1, "batch_size": 2}});
        let error = overlay(&mut base, json!({"train": {"epoch": 3}}), "").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no setting `train.epoch`; did you mean `epochs`?"
        );
        let error = overlay(&mut base, json!({"train": {"zzz": 3}}), "").unwrap_err();
        assert!(error.to_string().contains("there are batch_size, epochs"));
    }
}
