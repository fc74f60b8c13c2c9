//! Deployed networks as files.

use std::io;
use std::path::Path;

use scarlet_arch::Architecture;
use scarlet_kernels::{PackedNetwork, Shape};
use serde::{Deserialize, Serialize};

use super::lower::lower;
use super::{DeployError, DeployOptions, Deployed, Form, Part};
use crate::{ModelCard, atomic_file};

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
    /// damaged; when the images' size does not fit, or a number in `options` is zero.
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
    let description: Description =
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
    Ok((packed, description))
}
