//! Deployed networks as files.

use std::path::Path;

use scarlet_arch::Architecture;
use scarlet_engine::{Classifier, DeployOptions, Model};
use scarlet_io::atomic_file;

use super::{DeployError, Deployed, Form, model};

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
        let packed;
        let model = match &self.form {
            Form::Classifier(classifier) => classifier.model(),
            Form::Graph(graph) => {
                let of_folded = model(graph.network.weights(), graph.card.as_ref())?;
                packed = of_folded.with_architecture(graph.architecture.clone());
                &packed
            }
        };
        atomic_file::write(path, |file| model.write(file)).map_err(|source| DeployError::Write {
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
        Ok(Classifier::new(Model::open_deployed(path)?, options)?.into())
    }

    /// The architecture that a file describes, before folding.
    ///
    /// # Errors
    ///
    /// When [`open`](Self::open) would refuse the file.
    pub fn read_architecture(path: impl AsRef<Path>) -> Result<Architecture, DeployError> {
        Ok(Model::open_deployed(path)?.architecture().clone())
    }

    /// Whether a file is a deployed network, by how it begins.
    pub fn is_file(path: impl AsRef<Path>) -> bool {
        Model::is_deployed(path)
    }
}
