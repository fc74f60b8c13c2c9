//! Network architectures as plain data: their text form, presets, scaling, search spaces and cost.
//!
//! An [`Architecture`] describes a mobile network completely: one of SCARLET's (Chu et al.,
//! *SCARLET-NAS: Bridging the Gap between Stability and Scalability in Weight-sharing Neural
//! Architecture Search*, arXiv 1908.06022) or of its relatives, from MobileNetV1 to EfficientNet:
//! blocks, head, padding, normalisation and what a photograph goes through before it. People write
//! it, search produces it, [`Cost`] prices it; this crate builds nothing and needs no tensor
//! library.
//!
//! ```
//! use scarlet_arch::{Architecture, Cost, scarlet_c};
//!
//! // A published network, and what it costs for a photograph of 224 × 224 pixels.
//! let network = scarlet_c();
//! let cost = Cost::of(&network, 224)?;
//! assert_eq!(cost.mult_adds, 280_082_912);
//! assert_eq!(cost.parameters, 6_073_684);
//!
//! // Its layers as text, with one exchanged for a cheaper one.
//! let text = network.to_string();
//! assert!(text.starts_with("E3K5s E3K3s E3K5s - - E3K3 E6K7s"));
//! let cheaper: Architecture = text.replacen("E6K7s", "E3K3", 1).parse()?;
//! assert!(Cost::of(&cheaper, 224)?.mult_adds < cost.mult_adds);
//!
//! // A typo is pointed at.
//! let error = text.replacen("E6K7s", "E6X7s", 1).parse::<Architecture>().unwrap_err();
//! assert!(error.to_string().contains("did you mean \"E6K7s\"?"));
//!
//! // Everything about a network as JSON.
//! assert_eq!(Architecture::from_json(&network.to_json())?, network);
//! # Ok::<(), scarlet_arch::ArchitectureError>(())
//! ```
//!
//! # Networks as text
//!
//! A block is written as its [`Operation`], whose words are listed there, and its place:
//!
//! | text | means |
//! |---|---|
//! | `E6K3` | an inverted residual |
//! | `E6K3@24/2` | 24 output channels and stride 2 |
//! | `E6K3:relu` | ReLU instead of the text's activation |
//! | `P1280` | head: 1×1 convolution before the mean |
//! | `F1280`, `F1280n` | head: fully connected layer after the mean; without bias |
//!
//! Blocks are separated by white space or `|`. A text that begins with a convolution is that of a
//! whole network, any other that of the layers between SCARLET's stem and head; nineteen of those
//! have SCARLET's plan of channels and strides. `[swish, se swish sigmoid]` at the beginning says
//! the activation of all blocks, and activation and gate of all squeeze-excites, that do not say
//! otherwise; without it they are SCARLET's, h-swish, and ReLU and h-sigmoid. See
//! [`Architecture::from_str`](std::str::FromStr::from_str).
//!
//! # Where to find what
//!
//! - [`Architecture`], [`Block`], [`Operation`], [`InvertedResidual`], [`Head`]: the data;
//!   [`validate`](Architecture::validate) within the [`limits`].
//! - [`scarlet_a`], [`scarlet_b`], [`scarlet_c`] and their scaled relatives; [`scarlet_like`] for
//!   others of their kind.
//! - [`graph`]: the operations of a network and the parts that they make up, with shapes and the
//!   names of their weights. Costs and all else that depends on a network's layers are read off it.
//! - [`CompoundScaling`]: larger and smaller relatives.
//! - [`Cost`]: mult-adds, parameters, weight and activation bytes, part by part, with the
//!   conventions of counting.
//! - [`Architecture::without_stabilizers`]: what is left of a path through a supernet.
//! - [`SearchSpace`] and [`Genome`]: all networks a search may choose from, and one of them;
//!   [`OnceForAll`]'s published spaces.
//! - [`TimingPlan`], [`TimedPart`]: what of networks is timed on another device, and what it is called.
//! - [`ArchitectureError`], [`TextError`]: what is wrong with a description, where, and what would
//!   be right.
//!
//! [`Architecture::from_json`], the text form and [`SearchSpace`] give valid networks only. One
//! that was put together by hand, or by serde alone, has to be
//! [validated](Architecture::validate).
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![deny(missing_docs)]

mod activation;
mod architecture;
mod blocks;
mod cost;
mod cost_metric;
mod elastic;
mod entries;
mod error;
mod genome;
pub mod graph;
mod json;
pub mod limits;
mod ofa;
mod preprocessing;
mod presets;
mod scaling;
mod space;
mod stabilizers;
mod style;
mod text;
mod timing;
mod validate;

pub use activation::{Activation, Gate, UnknownFunction};
pub use architecture::*;
pub use blocks::*;
pub use cost::{Cost, PartCost};
pub use cost_metric::CostMetric;
pub use elastic::{Elasticity, shares_of};
pub use error::{ArchitectureError, TextError};
pub use genome::Genome;
pub use json::read_json_file;
pub use ofa::OnceForAll;
pub use preprocessing::*;
pub use presets::*;
pub use scaling::CompoundScaling;
pub use space::{SearchSpace, Skip};
pub use stabilizers::{KeptReason, Removal, StreamBound};
pub use timing::{PlannedNetwork, TimedPart, TimingPlan};

/// The README's code must compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
