//! What `scarlet deploy` prints.

use serde::Serialize;

use super::Setting;
use super::number::megabytes;

/// A file that was written.
#[derive(Debug, Serialize)]
pub(crate) struct DeployReport {
    #[serde(flatten)]
    pub(crate) setting: Setting,
    pub(crate) file: String,
    pub(crate) bytes: u64,
}

impl DeployReport {
    pub(crate) fn text(&self) -> String {
        let Setting {
            model,
            weights,
            resolution,
            ..
        } = &self.setting;
        format!(
            "{}: {model}, {resolution}×{resolution}, {}, weights: {weights}",
            self.file,
            megabytes(self.bytes)
        )
    }
}
