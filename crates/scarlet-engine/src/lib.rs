//! Opens and runs the image classifiers that scarlet makes: networks of the kind of SCARLET, MobileNet and
//! EfficientNet, on the CPU, in floats, bfloat16 or eight bits, as their file says. No tensor library.
//!
//! - [`Classifier`] opens a file and answers images: values, pixels or photographs' files, which it
//!   prepares as the network wants them.
//! - [`Model`] is a network as a file has it; [`ModelCard`] what the file says of it: the classes' names,
//!   what it was trained on, how accurate it was.
//! - [`predictions`] ranks the classes.
//! - [`Calibration`] and [`Model::to_bf16`] round a network, so that it is smaller and faster.
//! - [`NetworkWeights`] is a network in plain numbers: batch normalisation and stabilizers are folded
//!   there, and it is lowered to the operations of the kernels.
//!
//! Cargo features, all on by default: `photographs` reads photographs' files; `safetensors` opens weights
//! beside deployed networks.

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod calibration;
mod card;
mod classifier;
mod error;
mod file;
mod fold;
pub mod formula;
mod interval;
mod lower;
pub mod metadata;
mod model;
mod options;
mod part;
mod prediction;
mod profile;
mod several;
mod temperature;
mod weights;

pub use calibration::Calibration;
pub use card::{CardAccuracy, CardError, CardTemperature, ModelCard};
pub use classifier::Classifier;
pub use error::{ClassifierError, InputError};
pub use fold::{FoldError, FoldOptions, FoldReport, Outcome, StabilizerFold};
pub use interval::accuracy_interval;
pub use lower::{NotFinite, kernels_activation, kernels_gate};
pub use model::Model;
pub use options::DeployOptions;
pub use prediction::{Prediction, most_probable, predictions};
pub use profile::PartProfile;
pub use scarlet_arch::{self as arch, Architecture};
pub use scarlet_kernels as kernels;
pub use scarlet_photo as photo;
pub use several::{Activation, CardPrecision, SeveralLabels, Threshold, ThresholdError, sigmoid};
pub use temperature::{Temperature, TemperatureError, largest};
#[cfg(feature = "safetensors")]
pub use weights::safetensors::WeightsFileError;
pub use weights::{NetworkWeights, Number};
