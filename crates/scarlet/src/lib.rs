//! **scarlet**: small, accurate image networks in pure Rust, on [Burn](https://burn.dev).
//!
//! The networks of SCARLET-NAS (Chu et al., arXiv 1908.06022) and any relative that an
//! [`Architecture`] can describe, built for any device Burn has:
//!
//! ```
//! # #[cfg(feature = "flex")] {
//! use burn::tensor::{Device, Tensor};
//! use scarlet::ScarletA;
//!
//! let device = Device::flex();
//! let network = ScarletA::new().with_classes(10).init(&device);
//! let images = Tensor::zeros([2, 3, 64, 64], &device);
//! assert_eq!(network.forward(images).dims(), [2, 10]);
//! # }
//! ```
//!
//! - [`Scarlet`] is the network; [`ScarletA`], [`MobileNetV3Large`], … and [`ScarletConfig`] build it.
//! - [`zoo`] knows all networks by name, with what was published and where their weights are.
//! - [`blocks`] holds the modules it is made of, for networks of your own.
//! - [`weights`] reads and writes checkpoints, PyTorch's included.
//! - [`Deployed`], by [`Scarlet::deploy`], is the form that only runs, on kernels of our own; as a
//!   file it starts in milliseconds.
//! - [`ModelCard`] is what a file says of its network: the classes' names, what it was trained on.
//! - [`onnx`] and [`tflite`] write the network for other runtimes.
//! - [`Scarlet::grad_cam`] shows where on an image a network saw what it says.
//! - [`trust`] says whether a classifier can be trusted: calibration, coverage, precision and recall.
//! - [`fold`] removes batch normalisation and stabilizers exactly.
//!
//! Cargo features choose Burn's devices (`flex`, `ndarray`, `wgpu`, `cuda`, …; none by default);
//! `remote` reaches those of other machines, `images` reads photographs and `fetch` downloads
//! weights.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod accuracy;
pub mod blocks;
mod builder;
mod card;
mod deploy;
mod device;
mod display;
mod elementary;
mod error;
pub mod exported;
mod feature_maps;
pub mod fold;
mod grad_cam;
mod narrow;
mod network;
pub mod onnx;
mod parameters;
#[cfg(feature = "images")]
mod photograph;
mod prediction;
pub mod prelude;
mod random;
pub mod tflite;
mod token;
pub mod trust;
mod walk;
pub mod weights;
pub mod zoo;

pub use accuracy::{Accuracy, Score, accuracy_difference_interval};
pub use blocks::BlockModule;
pub use builder::ScarletConfig;
pub use burn;
pub use deploy::{Calibration, DeployError, Deployed, PartTime};
pub use device::{DeviceError, available_devices, device_by_name};
pub use elementary::{Int8, Int8Calibration, Int8Error};
pub use error::ConfigError;
pub use feature_maps::FeatureMapInfo;
pub use grad_cam::{GradCamError, unit_maps};
pub use narrow::{ChannelOrder, Importance, NotAnOrder};
pub use network::Scarlet;
pub use parameters::UnknownPrefix;
pub use prediction::top_k;
pub use scarlet_arch::{self as arch, Architecture};
#[cfg(feature = "images")]
pub use scarlet_data as data;
pub use scarlet_engine::{
    Activation, CardAccuracy, CardError, CardPrecision, CardTemperature, DeployOptions, InputError,
    ModelCard, NotFinite, PartProfile, Prediction, SeveralLabels, Threshold, ThresholdError,
    accuracy_interval, sigmoid,
};
pub use scarlet_kernels::{InstructionSet, Precision};
pub use scarlet_ops::is_cpu;
pub use token::Token;
pub use zoo::builders::*;
