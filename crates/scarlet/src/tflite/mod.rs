//! Writing a network in TensorFlow Lite's format, for LiteRT and the phones that it runs on.
//!
//! The file holds the network as it runs: batch normalisation and stabilizers are folded into the
//! convolutions, and channels come last. Zeros around a map that TensorFlow's "same" does not add are
//! added by an operation of their own. TensorFlow is not needed to write it.
//!
//! ```
//! # #[cfg(feature = "flex")] {
//! use scarlet::tflite::TfliteOptions;
//! use scarlet::{MobileNetV3Small, burn::tensor::Device};
//!
//! let folder = tempfile::tempdir()?;
//! let network = MobileNetV3Small::new().with_classes(10).init(&Device::flex());
//! network.save_tflite(folder.path().join("network.tflite"), &TfliteOptions::new())?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | | |
//! |---|---|
//! | input `images` | f32 `[batch, height, width, channels]`, normalised |
//! | output `logits` | f32 `[batch, classes]` |
//! | metadata `TFLITE_METADATA` | normalisation of bytes from 0 to 255 and the colours, as the Task Library of LiteRT reads them |
//! | `labels.txt` | the classes' names, in the archive after the network (`unzip -p FILE labels.txt`), if they are known |
//! | metadata `scarlet.architecture`, `scarlet.card` | the network and its [card](crate::ModelCard) as JSON |
//!
//! The input and the output are in floats even where the network computes in bytes
//! ([`Int8`]): images of ImageNet's normalisation have another step in each colour, which bytes of one
//! step do not have, and apps need not know how a file was rounded.
//!
//! # Rounding
//!
//! What a file of bytes says is exact; what is rounded here are weights, to the nearest multiple of
//! their output channel's step, and biases, to the nearest multiple of the product of the steps of the
//! input and the weights, halves away from zero. The step of a 1×1 convolution's weights and of its
//! input are those of [our own kernels](scarlet_kernels::Quantisation), and so is what its bias makes up
//! for: what rounded weights lose for the inputs that calibration saw, on average. Where our kernels keep
//! floats, in depthwise convolutions and that of the image, biases do so too, and some weights go the
//! other way, so that each kernel's sum is right to half a step.
//!
//! While it runs, a sum in 32 bits times the steps of its input and weights over that of the output is
//! rounded to the nearest: by LiteRT's usual kernels (XNNPACK) halves to even, by its plain ones
//! upwards or away from zero.

mod flat;
mod graph;
mod layout;
mod metadata;
mod read;
mod schema;
mod tensors;
use std::io;
use std::path::{Path, PathBuf};

use scarlet_arch::{ArchitectureError, Cost};
use thiserror::Error;

use self::graph::Nodes;
pub(crate) use self::read::contents;
pub use self::read::{Described, describe};
use self::schema::Model;
use crate::elementary::{Elementary, Int8, Int8Error};
pub use crate::onnx::Batch;
use crate::{InputError, NotFinite, Scarlet};
use scarlet_engine::metadata::{ARCHITECTURE_KEY, CARD_KEY};
use scarlet_io::atomic_file;

/// The input's name, of `[batch, height, width, channels]`.
const INPUT: &str = "images";
/// The output's name, of `[batch, classes]`.
const OUTPUT: &str = "logits";

/// The most bytes that a flat buffer may have.
const LARGEST: u64 = i32::MAX as u64;

/// How a network is written in TensorFlow Lite's format.
#[derive(Debug, Clone)]
pub struct TfliteOptions {
    batch: Batch,
    size: Option<(usize, usize)>,
    labels: Option<Vec<String>>,
    int8: Option<Int8>,
}

impl Default for TfliteOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl TfliteOptions {
    /// One image of the architecture's resolution, in floats, with the labels that the network's
    /// card names.
    pub fn new() -> Self {
        Self {
            batch: Batch::Fixed(1),
            size: None,
            labels: None,
            int8: None,
        }
    }

    /// Images of one call.
    pub fn with_batch(mut self, batch: Batch) -> Self {
        self.batch = batch;
        self
    }

    /// Height and width of the images, in pixels.
    pub fn with_size(mut self, height: usize, width: usize) -> Self {
        self.size = Some((height, width));
        self
    }

    /// Names of the classes, in the network's order, instead of those that its card names.
    pub fn with_labels(mut self, labels: Vec<String>) -> Self {
        self.labels = Some(labels);
        self
    }

    /// In integers of eight bits, as were found to suit some images.
    pub fn with_int8(mut self, int8: Int8) -> Self {
        self.int8 = Some(int8);
        self
    }
}

/// Why a network cannot be written in TensorFlow Lite's format.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TfliteError {
    /// The images' size does not fit the network.
    #[error(transparent)]
    Input(#[from] InputError),
    /// What the network costs cannot be counted.
    #[error(transparent)]
    Architecture(#[from] ArchitectureError),
    /// A weight is not finite.
    #[error(transparent)]
    NotFinite(#[from] NotFinite),
    /// The integers are those of another network or size.
    #[error(transparent)]
    Int8(#[from] Int8Error),
    /// No images at all.
    #[error("a file for batches of 0 images is of no use: give at least 1, or any")]
    NoImages,
    /// More images in one call than can be counted.
    #[error(
        "{values} values in a tensor are more than the format counts: give a smaller batch or resolution"
    )]
    LargeTensor {
        /// Values of the largest tensor.
        values: u64,
    },
    /// Labels of other classes than the network's.
    #[error("{found} labels do not fit a network of {expected} classes: name each class once")]
    Labels {
        /// Labels that were given.
        found: usize,
        /// Classes of the network.
        expected: usize,
    },
    /// The weights are more than one file may hold.
    #[error(
        "the network has {bytes} bytes of weights, but a TensorFlow Lite file holds less than 2 GB: \
         make it narrower, or save it as safetensors"
    )]
    TooLarge {
        /// Bytes of the network's weights.
        bytes: u64,
    },
    /// The archive of the labels could not be made.
    #[error("cannot append the labels to the network: {0}")]
    Archive(#[from] zip::result::ZipError),
    /// The file could not be written; nothing was left in its place.
    #[error(
        "cannot write `{}`: {source}; what was there before, if anything, is unchanged",
        .path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

impl Scarlet {
    /// Writes the network in TensorFlow Lite's format; see [`tflite`](crate::tflite) for what the
    /// file holds. The file appears whole or not at all.
    ///
    /// # Errors
    ///
    /// As [`to_tflite`](Self::to_tflite), and when the file cannot be written.
    pub fn save_tflite(
        &self,
        path: impl AsRef<Path>,
        options: &TfliteOptions,
    ) -> Result<(), TfliteError> {
        let bytes = self.to_tflite(options)?;
        let path = path.as_ref();
        let written = atomic_file::write(path, |file| file.write_all(&bytes));
        written.map_err(|source| TfliteError::Write {
            path: path.to_owned(),
            source,
        })
    }

    /// The bytes of the network as a TensorFlow Lite file.
    ///
    /// # Errors
    ///
    /// When the images' size, their number, the labels or the integers do not fit the network, or
    /// it has 2 GB of weights or more.
    pub fn to_tflite(&self, options: &TfliteOptions) -> Result<Vec<u8>, TfliteError> {
        let architecture = self.architecture();
        let resolution = architecture.preprocessing.resolution;
        let size @ (height, width) = options.size.unwrap_or((resolution, resolution));
        InputError::check(
            architecture,
            [1, architecture.input_channels, height, width],
        )?;
        let batch = match options.batch {
            Batch::Fixed(0) => return Err(TfliteError::NoImages),
            Batch::Fixed(images) => Some(images),
            Batch::Dynamic => None,
        };
        let labels = options.labels.as_ref();
        let labels = labels.or(self.card().map(|card| &card.classes));
        if let Some(labels) = labels.filter(|labels| labels.len() != architecture.classes) {
            return Err(TfliteError::Labels {
                found: labels.len(),
                expected: architecture.classes,
            });
        }
        // Before anything is copied: names and structure are kilobytes, a card a few megabytes at
        // most.
        let bytes = Cost::of(architecture, resolution)?.weight_bytes;
        if bytes + (16 << 20) > LARGEST {
            return Err(TfliteError::TooLarge { bytes });
        }

        let folded = self.fold_for_running();
        let network = Elementary::of_folded(&folded, size)?;
        let sizes = network.values.iter();
        let values = sizes.map(|it| {
            [it.channels, it.height, it.width]
                .map(|n| n as u64)
                .iter()
                .product::<u64>()
        });
        let values = values.max().unwrap_or_default();
        let values = values.saturating_mul(batch.unwrap_or(1) as u64);
        if values > LARGEST {
            return Err(TfliteError::LargeTensor { values });
        }
        let rounding = options.int8.as_ref().map(|int8| int8.rounding(&network));
        let nodes = Nodes::of(&network, rounding.transpose()?, batch);
        let Nodes {
            mut buffers, ends, ..
        } = nodes;
        let mut said = vec![
            (
                metadata::NAME,
                metadata::encode(architecture, size, labels.is_some()),
            ),
            (
                ARCHITECTURE_KEY,
                folded.architecture().to_json().into_bytes(),
            ),
        ];
        if let Some(card) = self.card() {
            said.push((CARD_KEY, card.to_json().into_bytes()));
        }
        let metadata = said.into_iter().map(|(name, bytes)| {
            buffers.push(bytes);
            (name.to_owned(), buffers.len() as u32 - 1)
        });
        let metadata = metadata.collect();
        let model = Model {
            codes: nodes.codes,
            subgraph: schema::subgraph(nodes.tensors, ends, nodes.operators, &architecture.name),
            buffers,
            metadata,
            ends: ends.map(|index| index as u32),
        };
        let file = model.table().encode(schema::IDENTIFIER);
        match labels {
            Some(labels) => Ok(metadata::append_labels(file, labels)?),
            None => Ok(file),
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests;
