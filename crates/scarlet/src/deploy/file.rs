//! Deployed networks as files.

use std::io;
use std::path::Path;

use scarlet_arch::Architecture;
use scarlet_arch::graph::Graph;
use scarlet_io::atomic_file;
use scarlet_kernels::{PackedNetwork, Shape};
use serde::{Deserialize, Serialize};

use super::lower::lower;
use super::{DeployError, DeployOptions, Deployed, Form, Part};
use crate::ModelCard;

/// What a file says about its network.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// Before folding.
    architecture: Architecture,
    parts: Vec<Part>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card: Option<ModelCard>,
}

impl Deployed {
    /// Writes the network as a file that [`open`](Self::open) maps into memory: folded, its
    /// weights as the kernels read them. The same file serves every instruction set, size of
    /// images, batch and number of threads.
    ///
    /// The file appears whole or not at all, and whoever still runs an earlier one keeps it.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or there is not enough memory to pack the weights, which
    /// a network on another device than the CPU still has to do.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), DeployError> {
        let path = path.as_ref();
        let (packed, parts) = match &self.form {
            Form::Kernels { engine, parts } => (engine.network().clone(), parts.clone()),
            Form::Graph { network, .. } => {
                let (lowered, parts) = lower(network)?;
                (PackedNetwork::pack(&lowered)?, parts)
            }
        };
        let description = Description {
            architecture: self.architecture.clone(),
            parts,
            card: self.card.clone(),
        };
        let write = |file: &mut dyn io::Write| {
            let description = serde_json::to_string(&description)?;
            packed.write(&description, file)
        };
        atomic_file::write(path, write).map_err(|source| DeployError::Write {
            path: path.to_owned(),
            source,
        })
    }

    /// Opens a file that [`save`](Self::save) wrote, in a few milliseconds: it is checked, but
    /// neither read into memory nor converted. The network runs on the CPU.
    ///
    /// Images are of the size that the network was deployed for, unless `options` say otherwise.
    /// The file must not be changed in place as long as the network lives.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no deployed network, of another version, cut short or
    /// damaged; when the images' size does not fit, a number in `options` is zero, or this processor
    /// lacks the instruction set in `options`.
    pub fn open(path: impl AsRef<Path>, options: &DeployOptions) -> Result<Self, DeployError> {
        let (packed, description) = read(path.as_ref())?;
        let form = |settings| Form::kernels(packed, description.parts, settings);
        let deployed = Self::with_form(description.architecture, options, form)?;
        Ok(Self {
            card: description.card,
            ..deployed
        })
    }

    /// The architecture that a file describes, before folding.
    ///
    /// # Errors
    ///
    /// When [`open`](Self::open) would refuse the file.
    pub fn read_architecture(path: impl AsRef<Path>) -> Result<Architecture, DeployError> {
        read(path.as_ref()).map(|(_, description)| description.architecture)
    }

    /// Whether a file is a deployed network, by how it begins.
    pub fn is_file(path: impl AsRef<Path>) -> bool {
        PackedNetwork::is_packed_file(path.as_ref())
    }
}

fn read(path: &Path) -> Result<(PackedNetwork, Description), DeployError> {
    let (packed, description) = PackedNetwork::open(path)?;
    let other = |reason: String| DeployError::Description {
        path: path.to_owned(),
        reason,
    };
    let mut description: Description =
        serde_json::from_str(&description).map_err(|error| other(error.to_string()))?;
    let architecture = &description.architecture;
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
    if let Some(card) = &description.card {
        card.check(architecture.classes)
            .map_err(|error| other(error.to_string()))?;
    }
    let graph = Graph::of(&description.architecture);
    for part in &mut description.parts {
        if part.label.is_empty() {
            rename(part, &graph);
        }
    }
    Ok((packed, description))
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
