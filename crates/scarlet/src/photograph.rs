//! Photographs as tensors (feature `images`).

use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use scarlet_data::{DataError, DecodeOptions, load_image};

use crate::Scarlet;

impl Scarlet {
    /// Reads a photograph the way this network wants its input, as `[1, channels, s, s]` on the
    /// network's device, where s is the architecture's resolution: in colour (3 channels) or in
    /// grey (1).
    ///
    /// For many photographs, [`scarlet_data::Loader`] decodes on several threads while the
    /// network computes.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is not a whole image of a format that is read, or the network
    /// takes neither 3 channels nor 1.
    pub fn read_photograph(&self, path: impl AsRef<Path>) -> Result<Tensor<4>, DataError> {
        let architecture = self.architecture();
        let (channels, preprocessing) = (architecture.input_channels, &architecture.preprocessing);
        let values = load_image(path, preprocessing, channels, &DecodeOptions::default())?;
        let side = preprocessing.resolution;
        let data = TensorData::new(values, [1, channels, side, side]);
        Ok(Tensor::from_data(data, &self.device()))
    }
}
