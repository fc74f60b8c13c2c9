//! Networks as JSON.
//!
//! Format 2, which is written, has the blocks and the head as words. Format 1, which says no
//! `format`, had SCARLET's stem and head as numbers around the layers.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::presets::{Outline, scarlet_like};
use crate::style::Style;
use crate::text::read_words;
use crate::{
    Activation, Architecture, ArchitectureError, BatchNormSpec, Block, Operation, Padding,
    Preprocessing,
};

/// The most bytes that the JSON of a network can take, with room to spare.
const LONGEST: u64 = 4 << 20;
/// What is written.
const FORMAT: u64 = 2;

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
    if text.len() as u64 > LONGEST {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it has more than {LONGEST} bytes, and no network takes so many"),
        ));
    }
    Ok(text)
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

/// What is written.
#[derive(Serialize)]
struct Written<'a> {
    format: u64,
    name: &'a str,
    input_channels: usize,
    blocks: Vec<String>,
    classes: usize,
    padding: Padding,
    batch_norm: BatchNormSpec,
    preprocessing: Preprocessing,
}

impl Serialize for Architecture {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let blocks = self.blocks.iter().map(Block::word);
        let written = Written {
            format: FORMAT,
            name: &self.name,
            input_channels: self.input_channels,
            blocks: blocks.chain(self.head.text(&Style::SCARLET)).collect(),
            classes: self.classes,
            padding: self.padding,
            batch_norm: self.batch_norm,
            preprocessing: self.preprocessing,
        };
        written.serialize(serializer)
    }
}

/// What is read, of either format.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Description {
    #[serde(default)]
    format: Option<u64>,
    name: String,
    input_channels: usize,
    #[serde(default)]
    blocks: Option<Vec<String>>,
    classes: usize,
    padding: Padding,
    batch_norm: BatchNormSpec,
    preprocessing: Preprocessing,
    // Of format 1.
    #[serde(default)]
    stem: Option<usize>,
    #[serde(default)]
    separable: Option<usize>,
    #[serde(default)]
    layers: Option<Vec<Layer1>>,
    #[serde(default)]
    head: Option<usize>,
    #[serde(default)]
    activation: Option<Activation>,
}

/// A layer of format 1, whose activation is the network's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layer1 {
    operation: Operation,
    channels: usize,
    stride: usize,
}

impl<'de> Deserialize<'de> for Architecture {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Description::deserialize(deserializer)?;
        read.into_architecture()
            .map(|(network, _)| network)
            .map_err(serde::de::Error::custom)
    }
}

impl Description {
    /// The network, and of format 1 the activation of its layers.
    pub(crate) fn into_architecture(
        mut self,
    ) -> Result<(Architecture, Option<Activation>), String> {
        match self.format {
            Some(FORMAT) => Ok((self.of_format_2()?, None)),
            None | Some(1) if self.blocks.is_none() => {
                let activation = self.activation.ok_or("missing field `activation`")?;
                Ok((self.of_format_1(activation)?, Some(activation)))
            }
            None => Err(format!(
                "missing field `format`: with `blocks` it is {FORMAT}"
            )),
            Some(format) if format < FORMAT => Err(format!(
                "format {format} has no `blocks`; that of these is {FORMAT}"
            )),
            Some(format) => Err(format!(
                "its format is {format}, which a later version of this program wrote; this one \
                 knows formats up to {FORMAT}"
            )),
        }
    }

    fn of_format_2(self) -> Result<Architecture, String> {
        let of_format_1 = [
            ("stem", self.stem.is_some()),
            ("separable", self.separable.is_some()),
            ("layers", self.layers.is_some()),
            ("head", self.head.is_some()),
            ("activation", self.activation.is_some()),
        ];
        if let Some((field, _)) = of_format_1.into_iter().find(|(_, is_there)| *is_there) {
            return Err(format!(
                "unknown field `{field}` in format {FORMAT}, whose `blocks` say all of it"
            ));
        }
        let words = self.blocks.ok_or("missing field `blocks`")?;
        let (blocks, head) = read_words(&words).map_err(|error| format!("blocks: {error}"))?;
        Ok(Architecture {
            name: self.name,
            input_channels: self.input_channels,
            blocks,
            head,
            classes: self.classes,
            padding: self.padding,
            batch_norm: self.batch_norm,
            preprocessing: self.preprocessing,
        })
    }

    fn of_format_1(&mut self, activation: Activation) -> Result<Architecture, String> {
        let layers = self.layers.take().ok_or("missing field `layers`")?;
        let layers = layers.into_iter().map(|layer| Block {
            operation: layer.operation.with_activation(activation),
            channels: layer.channels,
            stride: layer.stride,
        });
        let outline = Outline {
            stem: self.stem.ok_or("missing field `stem`")?,
            separable: self.separable.ok_or("missing field `separable`")?,
            head: self.head.ok_or("missing field `head`")?,
        };
        Ok(Architecture {
            name: std::mem::take(&mut self.name),
            input_channels: self.input_channels,
            classes: self.classes,
            padding: self.padding,
            batch_norm: self.batch_norm,
            preprocessing: self.preprocessing,
            ..scarlet_like("", outline, layers)
        })
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
