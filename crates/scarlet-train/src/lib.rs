//! From images and a budget to a network: SCARLET-NAS's supernet with stabilizers, its fair
//! training, the evaluator for [`scarlet_search`], and training of single networks.
//!
//! | step | where |
//! |---|---|
//! | images | [`scarlet_data::dataset`] |
//! | all networks of a search space, sharing weights | [`SupernetConfig`], [`Supernet`] |
//! | which of them a step trains | [`PathSampler`] |
//! | training, of a supernet or of a single network | [`Trainer`], [`TrainConfig`] |
//! | how good a candidate is | [`CandidateEvaluator`], [`recalibrate`], [`measure()`] |
//! | how long a network takes, measured or by a table | [`latency`] |
//! | how much energy it takes | [`energy`] |
//! | whether a network can be trusted | [`trust`] |
//! | from a genome to a plain network | [`Supernet::extract`] |
//! | what happened in a training, on disk | [`EventLog`] |
//!
//! What the paper (Chu et al., arXiv 1908.06022) leaves open is decided here as follows: every
//! choice of a layer has weights of its own; a stabilizer at a layer that downsamples or changes
//! channels takes the layer's stride and channels; gradients of a step's paths are added, not
//! averaged; batch normalisation is measured anew for each candidate unless told otherwise.

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod ancestor;
pub mod batch;
pub mod deployment;
pub mod energy;
pub mod error;
pub mod evaluator;
mod event_log;
mod extract;
pub mod fingerprint;
pub mod folds;
pub mod latency;
pub mod limits;
mod loss;
pub mod measure;
mod mix;
pub mod probe;
mod published;
mod resized;
mod sampler;
pub mod several;
pub mod supernet;
pub mod trainer;
pub mod trust;

pub use ancestor::Ancestor;
pub use error::TrainError;
pub use evaluator::{CandidateEvaluator, EvaluatorConfig, Score, ScoreCache};
pub use event_log::EventLog;
pub use extract::Extracted;
pub use measure::{Measurement, measure, recalibrate};
pub use mix::Mix;
pub use published::PublishedSupernet;
pub use sampler::{PathSampler, Sampling};
pub use scarlet_data::{Augment, ColorJitter, RandAugment, ResizedCrop};
pub use supernet::{ChoiceLayer, Orders, StabilizerInit, Supernet, SupernetConfig};
pub use trainer::{
    Balance, Checkpoints, Control, Distillation, EpochRecord, Event, Observer, Optimizer, Teacher,
    TrainConfig, Trainable, Trained, Trainer, Warning, load_checkpoint,
};
