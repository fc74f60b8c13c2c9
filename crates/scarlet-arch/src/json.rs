//! Networks as JSON.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::{Architecture, ArchitectureError};

/// The most bytes that the JSON of a network can take, with room to spare.
const LONGEST: u64 = 4 << 20;

/// The text of a file that should hold a network as JSON, for [`Architecture::from_json`].
///
/// # Errors
///
/// When the file cannot be read, is no text, or is far longer than any network.
pub fn read_json_file(path: impl AsRef<Path>) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(LONGEST + 1)
        .read_to_string(&mut text)?;
    match text.len() as u64 > LONGEST {
        true => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it has more than {LONGEST} bytes, and no network takes so many"),
        )),
        false => Ok(text),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_far_as_a_network_can_reach() {
        let path = std::env::temp_dir().join(format!("scarlet-json-{}", std::process::id()));
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(read_json_file(&path).unwrap(), "{}");
        std::fs::write(&path, " ".repeat(LONGEST as usize + 1)).unwrap();
        let error = read_json_file(&path).unwrap_err().to_string();
        assert!(error.contains("more than 4194304 bytes"), "{error}");
        std::fs::remove_file(&path).unwrap();
    }
}
