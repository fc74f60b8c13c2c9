//! Writing a network as ONNX, for runtimes that are not ours.
//!
//! The file holds the network as it runs: batch normalisation and stabilizers are folded into the
//! convolutions, and padding is explicit. It is written here, because burn-onnx's exporter has no
//! form for clamping and h-sigmoid and has to trace the network in a build of its own.
//!
//! ```
//! # #[cfg(feature = "flex")] {
//! use scarlet::onnx::{Batch, OnnxOptions};
//! use scarlet::{ScarletC, burn::tensor::Device};
//!
//! let folder = tempfile::tempdir()?;
//! let network = ScarletC::new().with_classes(10).init(&Device::flex());
//! let options = OnnxOptions::new().with_batch(Batch::Dynamic);
//! network.save_onnx(folder.path().join("network.onnx"), &options)?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | | |
//! |---|---|
//! | input `images` | f32 `[batch, channels, height, width]`, normalised |
//! | output `logits` | f32 `[batch, classes]` |
//! | metadata | `classes` (their number), `layers` (text form), `scarlet.architecture` (JSON), and the preprocessing of photographs: `resolution`, `crop_ratio`, `resize_filter`, `mean`, `std`; of a network with a [card](crate::ModelCard) also `class_names` (a JSON list) and `scarlet.card` (JSON); of one in integers `scarlet.int8` |
//!
//! With [`OnnxOptions::with_int8`] every value is rounded to unsigned bytes and every weight to signed
//! ones, a step for each output channel, by `QuantizeLinear` and `DequantizeLinear`: with these types
//! ONNX Runtime computes every convolution in integers. Weights are rounded to the nearest, halves away
//! from zero; values, while the network runs, to the nearest, halves to even.

mod graph;
mod integers;
mod proto;
mod read;
use std::io;
use std::path::{Path, PathBuf};

use prost::Message;
use scarlet_arch::{ArchitectureError, Cost, ResizeFilter};
use scarlet_engine::metadata::{ARCHITECTURE_KEY, CARD_KEY};
use scarlet_io::atomic_file;
use thiserror::Error;

use self::graph::{INPUT, Nodes, OUTPUT};
use self::proto::{
    Dimension, FLOAT, Graph, Model, OperatorSet, Property, Shape, Size, TensorType, Type, ValueInfo,
};
use crate::elementary::{Elementary, Int8, Int8Error};
use crate::{InputError, NotFinite, Scarlet};

/// The oldest operators that have h-swish, and the newest whose definitions of what is used here
/// are known to be the same.
const OPSETS: std::ops::RangeInclusive<u32> = 14..=22;

/// Key of the metadata entry of a network in integers.
const INT8_KEY: &str = "scarlet.int8";

/// The most bytes that a protocol buffer may have.
const LARGEST: u64 = i32::MAX as u64;

/// Images of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// This many.
    Fixed(usize),
    /// Any number.
    Dynamic,
}

/// How a network is written as ONNX.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxOptions {
    batch: Batch,
    size: Option<(usize, usize)>,
    opset: u32,
    int8: Option<Int8>,
}

impl Default for OnnxOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl OnnxOptions {
    /// Any number of images of the architecture's resolution, in opset 17.
    pub fn new() -> Self {
        Self {
            batch: Batch::Dynamic,
            size: None,
            opset: 17,
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

    /// In integers of eight bits, as were found to suit some images.
    pub fn with_int8(mut self, int8: Int8) -> Self {
        self.int8 = Some(int8);
        self
    }

    /// Version of ONNX's operators, from 14 to 22.
    pub fn with_opset(mut self, opset: u32) -> Self {
        self.opset = opset;
        self
    }
}

pub(crate) use self::read::contents;

/// Why a network cannot be written as ONNX.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OnnxError {
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
    /// A setting out of its range.
    #[error("`{setting}` is {value}, but must be {expected}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The weights are more than one file may hold.
    #[error(
        "the network has {bytes} bytes of weights, but an ONNX file holds less than 2 GB: make it \
         narrower, or save it as safetensors"
    )]
    TooLarge {
        /// Bytes of the network's weights.
        bytes: u64,
    },
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
    /// Writes the network as ONNX; see [`onnx`](crate::onnx) for what the file holds. The file
    /// appears whole or not at all.
    ///
    /// # Errors
    ///
    /// As [`to_onnx`](Self::to_onnx), and when the file cannot be written.
    pub fn save_onnx(
        &self,
        path: impl AsRef<Path>,
        options: &OnnxOptions,
    ) -> Result<(), OnnxError> {
        let bytes = self.to_onnx(options)?;
        let path = path.as_ref();
        let written = atomic_file::write(path, |file| file.write_all(&bytes));
        written.map_err(|source| OnnxError::Write {
            path: path.to_owned(),
            source,
        })
    }

    /// The bytes of the network as an ONNX file.
    ///
    /// # Errors
    ///
    /// When the images' size does not fit the network, an option is out of its range, or the
    /// network has 2 GB of weights or more.
    pub fn to_onnx(&self, options: &OnnxOptions) -> Result<Vec<u8>, OnnxError> {
        let architecture = self.architecture();
        let resolution = architecture.preprocessing.resolution;
        let (height, width) = options.size.unwrap_or((resolution, resolution));
        let channels = architecture.input_channels;
        InputError::check(architecture, [1, channels, height, width])?;
        check_setting(
            options.batch != Batch::Fixed(0),
            "batch",
            0,
            "at least 1, or dynamic",
        )?;
        check_setting(
            OPSETS.contains(&options.opset),
            "opset",
            options.opset,
            "from 14 to 22",
        )?;
        // Before anything is copied: names and structure are kilobytes, a card a few megabytes at
        // most.
        let bytes = Cost::of(architecture, resolution)?.weight_bytes;
        if bytes + (16 << 20) > LARGEST {
            return Err(OnnxError::TooLarge { bytes });
        }

        let network = self.fold_for_running();
        let nodes = match &options.int8 {
            Some(int8) => {
                let network = Elementary::of_folded(&network, (height, width))?;
                Nodes::of_integers(&network, int8.rounding(&network)?)
            }
            None => {
                let described = scarlet_arch::graph::Graph::of(network.architecture());
                Nodes::of(network.weights().lower()?, &described, (height, width))
            }
        };
        let model = Model {
            ir_version: Some(ir_version(options.opset)),
            producer_name: Some("scarlet".to_owned()),
            producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            graph: Some(Graph {
                node: nodes.nodes,
                name: Some(architecture.name.clone()),
                initializer: nodes.constants,
                input: vec![value(INPUT, options.batch, &[channels, height, width])],
                output: vec![value(OUTPUT, options.batch, &[architecture.classes])],
            }),
            opset_import: vec![OperatorSet {
                domain: Some(String::new()),
                version: Some(i64::from(options.opset)),
            }],
            metadata_props: metadata(&network, options.int8.is_some()),
        };
        Ok(model.encode_to_vec())
    }
}

fn check_setting(
    holds: bool,
    setting: &'static str,
    value: impl ToString,
    expected: &'static str,
) -> Result<(), OnnxError> {
    match holds {
        true => Ok(()),
        false => Err(OnnxError::Setting {
            setting,
            value: value.to_string(),
            expected,
        }),
    }
}

/// The version of the file format that came with an opset.
fn ir_version(opset: u32) -> i64 {
    match opset {
        ..=14 => 7,
        15..=18 => 8,
        19..=20 => 9,
        _ => 10,
    }
}

/// A tensor of f32, with `dims` for every image.
fn value(name: &str, batch: Batch, dims: &[usize]) -> ValueInfo {
    let batch = match batch {
        Batch::Fixed(images) => Size::Value(images as i64),
        Batch::Dynamic => Size::Param("batch".to_owned()),
    };
    let dims = dims.iter().map(|&size| Size::Value(size as i64));
    let dim = std::iter::once(batch).chain(dims);
    ValueInfo {
        name: Some(name.to_owned()),
        r#type: Some(Type {
            tensor_type: Some(TensorType {
                elem_type: Some(FLOAT),
                shape: Some(Shape {
                    dim: dim.map(|size| Dimension { size: Some(size) }).collect(),
                }),
            }),
        }),
    }
}

fn metadata(network: &Scarlet, is_int8: bool) -> Vec<Property> {
    let architecture = network.architecture();
    let preprocessing = &architecture.preprocessing;
    let per_channel = |values: &[f32; 3]| {
        let used = values.iter().take(architecture.input_channels.min(3));
        used.map(f32::to_string).collect::<Vec<_>>().join(",")
    };
    let filter = match preprocessing.filter {
        ResizeFilter::Bilinear => "bilinear",
        ResizeFilter::Bicubic => "bicubic",
    };
    let properties = [
        (ARCHITECTURE_KEY, architecture.to_json()),
        ("layers", architecture.layers_text()),
        ("classes", architecture.classes.to_string()),
        ("resolution", preprocessing.resolution.to_string()),
        ("crop_ratio", preprocessing.crop_ratio.to_string()),
        ("resize_filter", filter.to_owned()),
        ("mean", per_channel(&preprocessing.mean)),
        ("std", per_channel(&preprocessing.std)),
    ];
    let card = network.card().into_iter().flat_map(|card| {
        let names = serde_json::json!(card.classes).to_string();
        [("class_names", names), (CARD_KEY, card.to_json())]
    });
    let property = |(key, value): (&str, String)| Property {
        key: Some(key.to_owned()),
        value: Some(value),
    };
    // For those who only look whether it is there.
    let int8 = is_int8.then(|| (INT8_KEY, "true".to_owned()));
    let properties = properties.into_iter().chain(int8).chain(card);
    properties.map(property).collect()
}

#[cfg(test)]
mod tests;
