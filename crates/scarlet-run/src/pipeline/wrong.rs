//! Which setting is of the wrong kind, and what it may be, in plain words.

use scarlet_io::printable::shortened;
use serde_json::{Map, Value};

use super::overlay::{join, overlay};

/// Most characters of a value that a message repeats.
const LONGEST: usize = 60;

/// Why `base` with `changes` is not what `understood` takes, though all of these settings exist: the
/// setting that is wrong, and what it may be. `error` is what is said of all together, and `path`
/// where they stand among all settings.
///
/// The setting is found by changing one at a time, since serde knows no place within an enum.
pub(super) fn explained(
    base: &Value,
    changes: &Value,
    path: &str,
    error: String,
    understood: &dyn Fn(Value) -> Result<(), String>,
) -> String {
    let attempt = |changes: Value| {
        let mut tree = base.clone();
        match overlay(&mut tree, changes, path) {
            Ok(()) => understood(tree),
            // Spoken of elsewhere.
            Err(_) => Ok(()),
        }
    };
    let wrong = find(changes, path, &|inner| inner, &attempt);
    let wrong = wrong.unwrap_or_else(|| Wrong {
        path: path.to_owned(),
        value: Value::Null,
        error,
    });
    let place = wrong.path.strip_prefix(path).unwrap_or(&wrong.path);
    let place = place.trim_start_matches('.').replace('.', "/");
    wrong.message(base.pointer(&format!("/{place}")))
}

/// A setting that cannot be.
struct Wrong {
    path: String,
    value: Value,
    error: String,
}

/// The innermost of `changes` that fails on its own; `whole` puts something in their place.
fn find(
    changes: &Value,
    path: &str,
    whole: &dyn Fn(Value) -> Value,
    attempt: &dyn Fn(Value) -> Result<(), String>,
) -> Option<Wrong> {
    let error = attempt(whole(changes.clone())).err()?;
    for (key, value) in changes.as_object().into_iter().flatten() {
        // What else there may be depends on it.
        let name = changes.get("name").filter(|_| key != "name");
        let with = |inner: Value| {
            let mut section = Map::new();
            if let Some(name) = name {
                section.insert("name".to_owned(), name.clone());
            }
            section.insert(key.clone(), inner);
            whole(Value::Object(section))
        };
        let found = find(value, &join(path, key), &with, attempt);
        let own = |found: &Wrong| {
            let is_the_names = name.is_some_and(|name| {
                let section = Map::from_iter([("name".to_owned(), name.clone())]);
                attempt(whole(Value::Object(section))).is_err_and(|error| error == found.error)
            });
            // That others are missing next to it is no fault of a single setting.
            let is_alone = found.error.starts_with("missing field") && !found.value.is_object();
            !is_alone && !is_the_names
        };
        if let Some(found) = found.filter(own) {
            return Some(found);
        }
    }
    Some(Wrong {
        path: path.to_owned(),
        value: changes.clone(),
        error,
    })
}

impl Wrong {
    /// `default` is what stands in its place otherwise.
    fn message(&self, default: Option<&Value>) -> String {
        let place = match self.path.is_empty() {
            true => String::new(),
            false => format!("`{}`", self.path),
        };
        let value = shown(&self.value);
        if let Some(field) = self.error.strip_prefix("missing field ") {
            return format!("{place} is {value}, which lacks {field}");
        }
        if self.error.contains("untagged") {
            return format!("{place} is {value}, which is not allowed: see scarlet config");
        }
        match expected(&self.error, &self.value, default) {
            Some(expected) if !place.is_empty() => {
                format!("{place} is {value}, but must be {expected}")
            }
            _ if place.is_empty() => self.error.clone(),
            _ => format!("{place}: {}", self.error),
        }
    }
}

/// What a setting may be, by what serde says of one that it cannot, of the kind `found`; none where
/// the settings say it themselves.
fn expected(error: &str, found: &Value, default: Option<&Value>) -> Option<String> {
    let (problem, expected) = error.rsplit_once(", expected ")?;
    if problem.starts_with("unknown variant") {
        let names: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        return Some(match names.as_slice() {
            [] => expected.to_owned(),
            [name] => format!("\"{name}\""),
            [names @ .., last] => format!("\"{}\" or \"{last}\"", names.join("\", \"")),
        });
    }
    let kinds = ["invalid type", "invalid value", "invalid length"];
    if !kinds.iter().any(|kind| problem.starts_with(kind)) {
        return None;
    }
    // Of a list, one of its values may be what is wrong.
    let inside = found.is_array() && !problem.starts_with("invalid type: sequence");
    if let Some(one) = of_one_value(expected) {
        return Some(match inside {
            true => format!("a list in which each is {one}"),
            false => one,
        });
    }
    let length = ["an array of length ", "a tuple of size "];
    let length = length.iter().find_map(|it| expected.strip_prefix(it));
    if let Some(length) = length {
        let of_lists = found.get(0).is_some_and(Value::is_array);
        return Some(match of_lists {
            true => format!("a list of lists of {length} values each"),
            false => format!("a list of {length} values"),
        });
    }
    Some(match default {
        Some(list @ Value::Array(values)) => {
            format!("a list of {} values, such as {}", values.len(), shown(list))
        }
        Some(section @ Value::Object(_)) => format!("a section, such as {}", shown(section)),
        _ if expected.contains("elements") => "a list of fewer values".to_owned(),
        _ => "a section of settings".to_owned(),
    })
}

fn of_one_value(expected: &str) -> Option<String> {
    let most: u64 = match expected {
        "usize" | "u64" => return Some("a whole number from 0".to_owned()),
        "isize" | "i64" | "i32" | "i16" | "i8" => return Some("a whole number".to_owned()),
        "f64" | "f32" => return Some("a number".to_owned()),
        "a boolean" => return Some("true or false".to_owned()),
        "a string" => return Some("a text".to_owned()),
        "variant identifier" => return Some("a name".to_owned()),
        "a sequence" => return Some("a list".to_owned()),
        "u32" => u32::MAX.into(),
        "u16" => u16::MAX.into(),
        "u8" => u8::MAX.into(),
        _ => return None,
    };
    Some(format!("a whole number from 0 to {most}"))
}

/// A value as a file of settings has it.
fn shown(value: &Value) -> String {
    shortened(&toml(value), LONGEST).into_owned()
}

fn toml(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Object(section) => {
            let settings = section.iter().filter(|(_, value)| !value.is_null());
            let settings = settings.map(|(key, value)| format!("{key} = {}", toml(value)));
            format!("{{{}}}", settings.collect::<Vec<_>>().join(", "))
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(toml).collect();
            format!("[{}]", values.join(", "))
        }
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::pipeline::RunConfig;
    use crate::standalone::{Recipe, StandaloneConfig};

    use super::*;

    /// What is said of settings of a training.
    fn of_training(changes: Value) -> String {
        let config = StandaloneConfig::defaults(Recipe::Scratch, "fashion-sample").unwrap();
        config.with(changes).unwrap_err().to_string()
    }

    fn of_search(changes: Value) -> String {
        RunConfig::default().with(changes).unwrap_err().to_string()
    }

    #[test]
    fn the_wrong_setting_is_named_with_what_it_may_be() {
        for (changes, expected) in [
            (
                json!({"data": {"holdout": 0.2}, "train": {"batch_size": 8, "epochs": "many"}}),
                "`train.epochs` is \"many\", but must be a whole number from 0",
            ),
            (
                json!({"train": {"epochs": -3}}),
                "`train.epochs` is -3, but must be a whole number from 0",
            ),
            (
                json!({"train": {"patience": 1.5}}),
                "`train.patience` is 1.5, but must be a whole number from 0",
            ),
            (
                json!({"train": {"learning_rate": true}}),
                "`train.learning_rate` is true, but must be a number",
            ),
            (
                json!({"data": {"strict": 1}}),
                "`data.strict` is 1, but must be true or false",
            ),
            (
                json!({"network": {"model": 7}}),
                "`network.model` is 7, but must be a text",
            ),
            (
                json!({"data": {"class_order": "names"}}),
                "`data.class_order` is \"names\", but must be \"natural\" or \"bytes\"",
            ),
            (
                json!({"train": {"optimizer": "adam"}}),
                "`train.optimizer` is \"adam\", but must be a section, such as {",
            ),
            (
                json!({"train": {"optimizer": {"name": "adam"}}}),
                "`train.optimizer.name` is \"adam\", but must be \"sgd\" or \"adam-w\"",
            ),
            (
                json!({"train": {"optimizer": {"name": "adam-w", "beta_1": 0.8, "epsilon": "x"}}}),
                "`train.optimizer.epsilon` is \"x\", but must be a number",
            ),
            (
                json!({"train": {"optimizer": {"momentum": "x"}}}),
                "`train.optimizer.momentum` is \"x\", but must be a number",
            ),
            (
                json!({"train": {"augment": {"resized_crop": {"scale": [0.1]}}}}),
                "`train.augment.resized_crop.scale` is [0.1], but must be a list of 2 values",
            ),
            (
                json!({"train": {"augment": {"resized_crop": {"scale": [0.1, 0.5, 1]}}}}),
                "`train.augment.resized_crop.scale` is [0.1, 0.5, 1], but must be a list of fewer values",
            ),
            (
                json!({"train": {"epochs": []}}),
                "`train.epochs` is [], but must be a whole number from 0",
            ),
            (
                json!({"train": {"optimizer": {"name": 7}}}),
                "`train.optimizer.name` is 7, but must be a name",
            ),
            (
                json!({"train": {"augment": 1}}),
                "`train.augment` is 1, but must be a section, such as {",
            ),
            (
                json!({"network": {"rename": ["a=b", 3]}}),
                "`network.rename` is [\"a=b\", 3], but must be a list in which each is a text",
            ),
            (
                json!({"network": {"rename": "a=b"}}),
                "`network.rename` is \"a=b\", but must be a list",
            ),
        ] {
            let message = of_training(changes);
            assert!(message.contains(expected), "{message}");
            for rust in ["usize", "f64", "struct", "enum", "invalid type"] {
                assert!(!message.contains(rust), "{message}");
            }
        }
    }

    #[test]
    fn sections_of_a_search_too() {
        for (changes, expected) in [
            (
                json!({"space": {"plan": "huge"}}),
                "`space.plan` is \"huge\", but must be \"tiny\", \"small\" or \"scarlet\"",
            ),
            (
                json!({"search": {"algorithm": {"name": "magic"}}}),
                "`search.algorithm.name` is \"magic\", but must be \"nsga2\", ",
            ),
            (
                json!({"search": {"budget": ["mult_adds < 5M"]}}),
                "`search.budget`: cannot read the constraint",
            ),
            (
                json!({"supernet": {"optimizer": "sgd"}}),
                "`supernet.optimizer` is \"sgd\", but must be a section, such as {",
            ),
            (
                json!({"space": {"choices": ["Q"]}}),
                "`space.choices` is [\"Q\"], which is not allowed: see scarlet config",
            ),
            (
                json!({"space": {"layers": [[8, 2], [8]]}}),
                "`space.layers` is [[8, 2], [8]], but must be a list of lists of 2 values each",
            ),
            (
                json!({"search": {"stall": {"tolerance": 0.1}}}),
                "`search.stall` is {tolerance = 0.1}, which lacks `generations`",
            ),
        ] {
            let message = of_search(changes);
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn long_values_are_cut() {
        let message = of_training(json!({"train": {"epochs": "x".repeat(1 << 20)}}));
        assert!(message.len() < 300, "{}", message.len());
    }
}
