//! Settings laid over their defaults.

use scarlet_train::TrainError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::nearest::nearest;
use super::wrong::explained;
use crate::RunError;

/// `base` with some of its settings changed. `path` is where it stands among all settings.
///
/// # Errors
///
/// [`TrainError::Settings`] for a setting that does not exist or is of the wrong kind.
pub(crate) fn changed<T: Serialize + DeserializeOwned>(
    base: &T,
    changes: Value,
    path: &str,
) -> Result<T, RunError> {
    let settings = |problem: String| RunError::from(TrainError::Settings { problem });
    let base = serde_json::to_value(base).map_err(|error| settings(error.to_string()))?;
    let mut tree = base.clone();
    overlay(&mut tree, changes.clone(), path).map_err(|error| settings(error.to_string()))?;
    let understood = |tree: Value| serde_json::from_value::<T>(tree);
    understood(tree).map_err(|error| {
        settings(explained(
            &base,
            &changes,
            path,
            error.to_string(),
            &|tree| {
                understood(tree)
                    .map(drop)
                    .map_err(|error| error.to_string())
            },
        ))
    })
}

/// Puts `changes` into `base`, which holds every setting there is.
///
/// An object with another `name`, such as that of another optimizer, takes the place of the old one
/// as a whole.
///
/// # Errors
///
/// [`RunError::UnknownKey`] for a setting that `base` does not have, [`RunError::NotSettings`] for
/// something else in the place of settings.
pub(crate) fn overlay(base: &mut Value, changes: Value, path: &str) -> Result<(), RunError> {
    check_kinds(base, &changes, path)?;
    lay(base, changes, "").map_err(|unknown| {
        let section = base.pointer(&pointer(&unknown.section));
        let known = section.and_then(Value::as_object);
        let under_path = |place: String| join(path, &place);
        RunError::UnknownKey {
            nearest: nearest(base, &unknown.section, &unknown.key)
                .into_iter()
                .map(under_path)
                .collect(),
            known: known.map_or_else(Vec::new, |known| known.keys().cloned().collect()),
            key: under_path(join(&unknown.section, &unknown.key)),
        }
    })
}

/// Refuses anything but settings in the place of a section, in which a list would be taken for its
/// settings in their order.
fn check_kinds(base: &Value, changes: &Value, path: &str) -> Result<(), RunError> {
    let refused = |place: String, found: &Value| {
        Err(RunError::NotSettings {
            place,
            found: kind(found),
        })
    };
    let fits = |base: &Value, changes: &Value| {
        !base.is_object() || changes.is_object() || changes.is_null()
    };
    if !fits(base, changes) {
        return refused("the whole".to_owned(), changes);
    }
    for (key, value) in changes.as_object().into_iter().flatten() {
        if !fits(&base[key], value) {
            return refused(format!("`{}`", join(path, key)), value);
        }
        check_lists(&base[key], value, &join(path, key))?;
    }
    Ok(())
}

/// The same of lists deeper down, where other mistakes are found when settings are understood.
fn check_lists(base: &Value, changes: &Value, path: &str) -> Result<(), RunError> {
    if base.is_object() && changes.is_array() {
        return Err(RunError::NotSettings {
            place: format!("`{path}`"),
            found: kind(changes),
        });
    }
    let (Some(base), Some(changes)) = (base.as_object(), changes.as_object()) else {
        return Ok(());
    };
    changes
        .iter()
        .try_for_each(|(key, value)| match base.get(key) {
            Some(base) => check_lists(base, value, &join(path, key)),
            None => Ok(()),
        })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a section",
    }
}

/// A setting that is not there, and the section that it was looked for in.
struct Unknown {
    section: String,
    key: String,
}

fn lay(base: &mut Value, changes: Value, section: &str) -> Result<(), Unknown> {
    match (base, changes) {
        (Value::Object(base), Value::Object(changes)) if is_same_kind(base, &changes) => {
            for (key, value) in changes {
                let Some(old) = base.get_mut(&key) else {
                    let section = section.to_owned();
                    return Err(Unknown { section, key });
                };
                lay(old, value, &join(section, &key))?;
            }
        }
        (base, changes) => *base = changes,
    }
    Ok(())
}

/// A section as serde_json names places.
fn pointer(section: &str) -> String {
    match section.is_empty() {
        true => String::new(),
        false => format!("/{}", section.replace('.', "/")),
    }
}

fn is_same_kind(base: &Map<String, Value>, changes: &Map<String, Value>) -> bool {
    match (base.get("name"), changes.get("name")) {
        (Some(old), Some(new)) => old == new,
        _ => true,
    }
}

pub(super) fn join(path: &str, key: &str) -> String {
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
    fn only_settings_take_the_place_of_settings() {
        let base = json!({"a": {"x": 1}, "b": "text"});
        let message = |changes| {
            let error = overlay(&mut base.clone(), changes, "").unwrap_err();
            error.to_string()
        };
        assert_eq!(
            message(json!([])),
            "the whole should be a section of settings, but is a list"
        );
        assert!(message(json!(7)).contains("is a number"));
        assert!(message(json!({"a": [2]})).contains("`a` should be a section"));
        assert!(message(json!({"a": "x"})).contains("is a text"));
        let base = json!({"a": {"b": {"x": 1}}});
        let deep = overlay(&mut base.clone(), json!({"a": {"b": []}}), "").unwrap_err();
        assert_eq!(
            deep.to_string(),
            "`a.b` should be a section of settings, but is a list"
        );
    }

    #[test]
    fn misspelt_settings_get_a_hint() {
        let mut base = json!({"train": {"epochs": 1, "batch_size": 2}});
        let error = overlay(&mut base, json!({"train": {"epoch": 3}}), "").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no setting `train.epoch`; did you mean `train.epochs`?"
        );
        let error = overlay(&mut base, json!({"train": {"zzz": 3}}), "").unwrap_err();
        assert!(error.to_string().contains("there are batch_size, epochs"));
        // The settings may stand in a section themselves.
        let error = overlay(&mut base["train"], json!({"lr": 3}), "train").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("there is no setting `train.lr`")
        );
        let error = overlay(&mut base["train"], json!({"bs": 3}), "train").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("did you mean `train.batch_size`?")
        );
    }
}
