//! What commands print: values for JSON, and the same for people.

pub(crate) mod against;
pub(crate) mod augmented;
pub(crate) mod bench;
pub(crate) mod check_data;
pub(crate) mod deploy;
pub(crate) mod eval;
pub(crate) mod info;
pub(crate) mod latency;
pub(crate) mod learning_curve;
pub(crate) mod learning_rate;
pub(crate) mod name;
pub(crate) mod number;
pub(crate) mod predict;
pub(crate) mod probe;
pub(crate) mod profile;
pub(crate) mod search;
pub(crate) mod seen;
pub(crate) mod several;
pub(crate) mod study;
mod table;
pub(crate) mod training;
use std::fs;
use std::path::Path;

use scarlet_io::atomic_file;
use serde::Serialize;

use crate::error::CliError;
use crate::model::Model;
use crate::terminal::Terminal;

/// Which network computed, where, and with what.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Setting {
    pub(crate) model: String,
    /// Whether it computes with eight bits.
    pub(crate) int8: bool,
    /// Whether it computes with bfloat16; not said of others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) bf16: bool,
    /// Where the weights are from.
    pub(crate) weights: String,
    pub(crate) device: String,
    pub(crate) resolution: usize,
}

impl Setting {
    pub(crate) fn of(model: &Model) -> Self {
        Self {
            model: model.architecture().name.clone(),
            int8: model.is_int8(),
            bf16: model.is_bf16(),
            weights: model.weights().to_owned(),
            device: model.device_name().to_owned(),
            resolution: model.preprocessing().resolution,
        }
    }

    /// The network's name, and what numbers it computes with if these are no floats of 32 bits.
    pub(crate) fn network(&self) -> String {
        format!("{}{}", self.model, numbers(self.int8, self.bf16))
    }
}

/// What is said after a network's name of the numbers that it computes with.
pub(crate) fn numbers(int8: bool, bf16: bool) -> &'static str {
    match (int8, bf16) {
        (true, _) => ", int8",
        (_, true) => ", bf16",
        _ => "",
    }
}

/// A file that could not be read.
#[derive(Debug, Serialize)]
pub(crate) struct Unreadable {
    pub(crate) path: String,
    pub(crate) error: String,
}

/// The size in bytes of a file that was written; none of a pipe or a device, which keeps nothing.
pub(crate) fn file_size(path: &Path) -> Result<Option<u64>, CliError> {
    if atomic_file::is_standard_output(path) {
        return Ok(None);
    }
    let metadata = fs::metadata(path).map_err(|source| CliError::ReadFile {
        path: path.to_owned(),
        source,
    })?;
    Ok(metadata.is_file().then_some(metadata.len()))
}

/// Prints a report as one JSON object.
pub(crate) fn print_json(terminal: &Terminal, report: &impl Serialize) -> Result<(), CliError> {
    let json = serde_json::to_string_pretty(report).map_err(std::io::Error::from)?;
    terminal.print_json(&json)
}
