//! Networks as JSON.

use crate::{Architecture, ArchitectureError};

impl Architecture {
    /// Reads a network from JSON and validates it.
    ///
    /// # Errors
    ///
    /// [`ArchitectureError::Json`] with line and column where the text is not a network, and
    /// every error of [`validate`](Self::validate).
    pub fn from_json(json: &str) -> Result<Self, ArchitectureError> {
        let architecture: Self =
            serde_json::from_str(json).map_err(|error| ArchitectureError::Json {
                line: error.line(),
                column: error.column(),
                message: without_position(&error),
            })?;
        architecture.validate()?;
        Ok(architecture)
    }

    /// The network as indented JSON, which [`from_json`](Self::from_json) reads back to an equal
    /// network.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self)
            .expect("plain data with text keys always has a JSON form")
    }
}

/// serde_json ends its messages with the position, which our error states itself.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}
