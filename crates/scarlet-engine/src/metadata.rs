//! What files say of the networks in them, beside their weights.

use std::collections::BTreeMap;

/// Key of the metadata entry with the architecture as JSON, in safetensors and ONNX.
pub const ARCHITECTURE_KEY: &str = "scarlet.architecture";
/// Key of the metadata entry with the [card](crate::ModelCard) as JSON, in safetensors and ONNX.
pub const CARD_KEY: &str = "scarlet.card";
/// Key of the metadata entry with the version of what else the metadata of safetensors holds.
pub const FORMAT_KEY: &str = "scarlet.format";

/// Raised when a file is written that earlier versions would misread, or that must be checked for
/// something new.
pub const FORMAT: u32 = 2;
/// The first whose files have a checksum.
const WITH_CHECKSUM: u32 = 2;

/// Whether this metadata is of a format whose files all have a checksum.
pub fn must_have_checksum(metadata: &BTreeMap<String, String>) -> bool {
    let format = metadata.get(FORMAT_KEY).and_then(|it| it.parse().ok());
    format.is_some_and(|format: u32| format >= WITH_CHECKSUM)
}

/// The format that this metadata is of, if it is a later one.
pub fn later_format(metadata: &BTreeMap<String, String>) -> Option<&str> {
    let found = metadata.get(FORMAT_KEY)?;
    match found.parse::<u32>() {
        Ok(version) if version <= FORMAT => None,
        _ => Some(found),
    }
}
