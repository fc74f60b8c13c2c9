//! Photographs as tensors (feature `images`).

use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use scarlet_data::{DataError, DecodeOptions, load_image};

use crate::Scarlet;

impl Scarlet {
    /// Reads a photograph the way this network wants its input, as `[1, 3, s, s]` on the
    /// network's device, where s is the architecture's resolution.
    ///
    /// For many photographs, [`scarlet_data::Loader`] decodes on several threads while the
    /// network computes.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is not a whole JPEG or PNG image.
    pub fn read_photograph(&self, path: impl AsRef<Path>) -> Result<Tensor<4>, DataError> {
        let preprocessing = &self.architecture().preprocessing;
        let values = load_image(path, preprocessing, &DecodeOptions::default())?;
        let side = preprocessing.resolution;
        let data = TensorData::new(values, [1, 3, side, side]);
        Ok(Tensor::from_data(data, &self.device()))
    }
}
