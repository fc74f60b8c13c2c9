//! [`Choices`]: what the layers of a space may do.

use serde::{Deserialize, Serialize};

use super::skip::is_skip;
use crate::limits::MAX_CHOICES;
use crate::validate::{out_of_range, range};
use crate::{ArchitectureError, Operation};

/// What the layers may do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Choices {
    /// All of them the same.
    Same(Vec<Operation>),
    /// Each something of its own.
    ByLayer(Vec<Vec<Operation>>),
}

impl Choices {
    pub(super) fn of(&self, layer: usize) -> &[Operation] {
        match self {
            Self::Same(choices) => choices,
            Self::ByLayer(layers) => &layers[layer],
        }
    }

    /// The lists that differ.
    pub(super) fn lists_mut(&mut self) -> Vec<&mut Vec<Operation>> {
        match self {
            Self::Same(choices) => vec![choices],
            Self::ByLayer(layers) => layers.iter_mut().collect(),
        }
    }

    pub(super) fn lists(&self) -> Vec<&[Operation]> {
        match self {
            Self::Same(choices) => vec![choices],
            Self::ByLayer(layers) => layers.iter().map(Vec::as_slice).collect(),
        }
    }
}

/// Choices as they are written, by the kind of the first: errors of a single list keep their words.
impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;

        let written = Vec::<serde_json::Value>::deserialize(deserializer)?;
        let is_by_layer = written.first().is_some_and(serde_json::Value::is_array);
        let written = serde_json::Value::Array(written);
        let choices = match is_by_layer {
            true => serde_json::from_value(written).map(Self::ByLayer),
            false => serde_json::from_value(written).map(Self::Same),
        };
        choices.map_err(D::Error::custom)
    }
}

/// As many choices as a gene has digits for, no two of them the same.
pub(super) fn check_choices(choices: &[Operation]) -> Result<(), ArchitectureError> {
    range(
        "search space",
        "number of choices",
        choices.len(),
        1,
        MAX_CHOICES,
    )?;
    for (index, choice) in choices.iter().enumerate() {
        let same = |other: &Operation| choice == other || is_skip(choice) && is_skip(other);
        if choices[..index].iter().any(same) {
            let choice = format!("choice {index} ({choice})");
            return Err(out_of_range(
                "search space",
                "choices",
                choice,
                "different from every other, with one kind of skip",
            ));
        }
    }
    Ok(())
}
