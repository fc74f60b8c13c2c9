//! Networks as files, and as the bytes of files.

use std::io;
use std::path::Path;

use scarlet_arch::Architecture;
use scarlet_arch::graph::Graph;
use scarlet_kernels::{PackedFileError, PackedNetwork, Shape};
use serde::{Deserialize, Serialize};

use crate::part::Part;
#[cfg(feature = "safetensors")]
use crate::weights::safetensors;
use crate::{ClassifierError, Model, ModelCard};

/// What a deployed network's file says about its network.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// Before folding.
    architecture: Architecture,
    parts: Vec<Part>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card: Option<ModelCard>,
}

impl Model {
    /// Opens a file: a deployed network (`.scarlet`), which is mapped into memory and checked, but neither
    /// read nor converted; or weights with their architecture (`.safetensors`), as scarlet writes them,
    /// which are folded and packed. What it is is told by its content, not by its ending.
    ///
    /// A deployed network's file must not be changed in place as long as the network lives.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is neither, of another version, cut short or damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ClassifierError> {
        let path = path.as_ref();
        #[cfg(feature = "safetensors")]
        if safetensors::is_weights_file(path) {
            return safetensors::open(path);
        }
        match PackedNetwork::open(path) {
            Err(PackedFileError::OtherFormat { .. }) => Err(ClassifierError::OtherFormat {
                path: path.to_owned(),
            }),
            opened => described(opened?, path),
        }
    }

    /// Opens a deployed network's file and no other.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_deployed(path: impl AsRef<Path>) -> Result<Self, ClassifierError> {
        let path = path.as_ref();
        described(PackedNetwork::open(path)?, path)
    }

    /// As [`open`](Self::open), for a file's bytes, wherever they come from; they are copied. Errors call
    /// them `name`.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), without those of the file system.
    pub fn from_bytes(bytes: &[u8], name: impl AsRef<Path>) -> Result<Self, ClassifierError> {
        let name = name.as_ref();
        if PackedNetwork::is_packed(bytes) {
            return described(
                PackedNetwork::from_bytes(bytes, &name.to_string_lossy())?,
                name,
            );
        }
        #[cfg(feature = "safetensors")]
        if safetensors::is_weights(bytes) {
            return safetensors::read(bytes, name);
        }
        Err(ClassifierError::OtherFormat {
            path: name.to_owned(),
        })
    }

    /// Whether a file is a deployed network, by how it begins.
    pub fn is_deployed(path: impl AsRef<Path>) -> bool {
        PackedNetwork::is_packed_file(path.as_ref())
    }

    /// Writes the network as a deployed network's file. The same file serves every instruction set, size of
    /// images, batch and number of threads.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub fn write(&self, to: &mut dyn io::Write) -> io::Result<()> {
        let description = Description {
            architecture: self.architecture.clone(),
            parts: self.parts.clone(),
            card: self.card.clone(),
        };
        self.packed.write(&serde_json::to_string(&description)?, to)
    }
}

/// A packed network with what its file says about it.
fn described(
    (packed, description): (PackedNetwork, String),
    path: &Path,
) -> Result<Model, ClassifierError> {
    let other = |reason: String| ClassifierError::Description {
        path: path.to_owned(),
        reason,
    };
    let description: Description =
        serde_json::from_str(&description).map_err(|error| other(error.to_string()))?;
    let Description {
        architecture,
        mut parts,
        card,
    } = description;
    architecture
        .validate()
        .map_err(|error| other(error.to_string()))?;
    let side = architecture.preprocessing.resolution;
    let shapes = packed.shapes(side, side)?;
    let classes = Shape::Vector {
        channels: architecture.classes,
    };
    if packed.input_channels() != architecture.input_channels || shapes.last() != Some(&classes) {
        return Err(other("its weights are of another network".to_owned()));
    }
    if let Some(card) = &card {
        card.check(architecture.classes)
            .map_err(|error| other(error.to_string()))?;
    }
    let graph = Graph::of(&architecture);
    for part in &mut parts {
        if part.label.is_empty() {
            rename(part, &graph);
        }
    }
    Ok(Model {
        packed,
        architecture,
        parts,
        card,
    })
}

/// Gives a part of a file from before parts had labels the name and label that it has today. Then
/// it was called `separable`, `head`, or a layer's number from 1 and label, such as `3 E3K7s`; and
/// the mean was the head's.
fn rename(part: &mut Part, graph: &Graph) {
    let numbered = part.name.split_once(' ').and_then(|(number, label)| {
        let number: usize = number.parse().ok()?;
        Some((number.checked_sub(1)?, label.to_owned()))
    });
    let name = match part.name.as_str() {
        "separable" => "separable_conv",
        "head" => "conv_before_pooling",
        name => name,
    };
    let layer = numbered.as_ref().map(|(layer, _)| *layer);
    let found = graph.parts().iter().find(|it| match layer {
        Some(_) => it.layer == layer,
        None => it.name == name,
    });
    let Some(found) = found else {
        return;
    };
    if found.name == "classifier" {
        part.first_operation = part.first_operation.saturating_sub(1);
    }
    (part.name, part.layer) = (found.name.clone(), layer);
    // Folding may have changed what the layer does.
    part.label = numbered.map_or_else(|| found.label.clone(), |(_, label)| label);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_without_labels_become_those_of_today() {
        let architecture: Architecture = "E3K3@24/2 - E6K5s@24".parse().unwrap();
        let graph = Graph::of(&architecture);
        let expected = Part::all_of(&graph);
        let json = r#"[
            {"name": "stem", "first_operation": 0},
            {"name": "separable", "first_operation": 1},
            {"name": "1 E3K3", "first_operation": 3},
            {"name": "3 E6K5s", "first_operation": 6},
            {"name": "head", "first_operation": 11},
            {"name": "classifier", "first_operation": 13}
        ]"#;
        let mut parts: Vec<Part> = serde_json::from_str(json).unwrap();
        for part in &mut parts {
            rename(part, &graph);
        }
        assert_eq!(parts, expected);
        // Whatever else a file may say stays.
        for name in ["0 E3K3", "4 E3K3", "18446744073709551616 -", "tail", ""] {
            let json = format!(r#"{{"name": "{name}", "first_operation": 0}}"#);
            let mut part: Part = serde_json::from_str(&json).unwrap();
            let before = part.clone();
            rename(&mut part, &graph);
            assert_eq!(part, before);
        }
    }
}
