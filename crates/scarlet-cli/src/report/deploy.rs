//! What `scarlet deploy` prints.

use serde::Serialize;

use super::number::megabytes;
use super::{Setting, numbers};

/// A file that was written.
#[derive(Debug, Serialize)]
pub(crate) struct DeployReport {
    #[serde(flatten)]
    pub(crate) setting: Setting,
    pub(crate) file: String,
    /// Not known of what went into a pipe or a device.
    pub(crate) bytes: Option<u64>,
    /// How many photographs said how to round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) calibrated_on: Option<usize>,
}

impl DeployReport {
    pub(crate) fn text(&self) -> String {
        let Setting {
            model,
            weights,
            resolution,
            ..
        } = &self.setting;
        let numbers = match self.calibrated_on {
            Some(1) => ", int8 as calibrated on 1 photograph".to_owned(),
            Some(seen) => format!(", int8 as calibrated on {seen} photographs"),
            None => numbers(self.setting.int8, self.setting.bf16).to_owned(),
        };
        let size = self.bytes.map(|bytes| format!(", {}", megabytes(bytes)));
        format!(
            "{}: {model}, {resolution}×{resolution}{}{numbers}, weights: {weights}",
            self.file,
            size.unwrap_or_default()
        )
    }
}
