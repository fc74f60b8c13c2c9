//! A short name for weights, images and settings.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use scarlet_data::DataError;
use scarlet_data::dataset::{Labels, Source};
use sha2::{Digest, Sha256};

use crate::TrainError;

/// A hash of weights, images and settings: the same result can be expected where it is the same.
#[derive(Default)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// With a text, such as settings as JSON.
    pub fn text(mut self, text: &str) -> Self {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
        self
    }

    /// With every pixel and label of images.
    ///
    /// # Errors
    ///
    /// When a photograph cannot be read.
    pub fn images(mut self, images: Source<'_>) -> Result<Self, DataError> {
        if let Source::Images(images) = images {
            for part in images.shape() {
                self.0.update((part as u64).to_le_bytes());
            }
        }
        self.0.update((images.len() as u64).to_le_bytes());
        for index in 0..images.len() {
            match images {
                Source::Images(images) => self.0.update(images.image(index)),
                Source::Photographs(photographs) => {
                    let image = photographs.read(index)?;
                    let (width, height) = image.dimensions();
                    self.0.update(width.to_le_bytes());
                    self.0.update(height.to_le_bytes());
                    self.0.update(image.as_raw());
                }
            }
            match images.labels() {
                Labels::One(labels) => self.0.update(u64::from(labels[index]).to_le_bytes()),
                Labels::Several(sets) => self.set(sets.of(index)),
            }
        }
        Ok(self)
    }

    /// Which images they are, without decoding any: as [`images`](Self::images), but photographs by
    /// the size of their file and its path within the folder that all have in common.
    pub fn files(mut self, images: Source<'_>) -> Result<Self, TrainError> {
        let Source::Photographs(photographs) = images else {
            return Ok(self.images(images)?);
        };
        let paths = || (0..photographs.len()).map(|index| photographs.path(index));
        let common = paths().map(Path::parent).reduce(|common, folder| {
            let mut ancestors = common?.ancestors();
            ancestors.find(|ancestor| folder.is_some_and(|it| it.starts_with(ancestor)))
        });
        let common = common.flatten().unwrap_or(Path::new(""));
        for (index, path) in paths().enumerate() {
            let size = fs::metadata(path).map_err(TrainError::read(path))?.len();
            let inner = path.strip_prefix(common).unwrap_or(path);
            self = self.text(&inner.to_string_lossy());
            self.0.update(size.to_le_bytes());
            match photographs.labels() {
                Labels::One(labels) => self.0.update(labels[index].to_le_bytes()),
                Labels::Several(sets) => self.set(sets.of(index)),
            }
        }
        Ok(self)
    }

    /// Any number of labels.
    fn set(&mut self, labels: &[u32]) {
        self.0.update((labels.len() as u64).to_le_bytes());
        for label in labels {
            self.0.update(label.to_le_bytes());
        }
    }

    /// With every value of a module, running statistics included.
    pub fn weights(mut self, module: &impl Module) -> Self {
        // `valid` brings the last training step into the running statistics.
        module.valid().visit(&mut self);
        self
    }

    /// With numbers, to the last bit.
    pub fn values(mut self, values: &[f32]) -> Self {
        self.0.update((values.len() as u64).to_le_bytes());
        for value in values {
            self.0.update(value.to_le_bytes());
        }
        self
    }

    /// The hash: 24 hexadecimal digits.
    pub fn finish(self) -> String {
        let hash = self.0.finalize();
        hash.iter().take(12).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl ModuleVisitor for Fingerprint {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().to_data();
        for &side in data.shape().as_slice() {
            self.0.update((side as u64).to_le_bytes());
        }
        self.0.update(data.as_bytes());
    }
}
