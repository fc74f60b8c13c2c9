//! From images and a budget to a network in a folder, with a report next to it.
//!
//! | what | where |
//! |---|---|
//! | all of it: supernet, search, choice, training, export | [`pipeline`] |
//! | a single network on one's own images | [`standalone`] |
//! | what stabilizers and fair sampling change | [`study`] |
//! | where a run keeps what it does | [`RunFolder`] |
//! | what a page shows of whether a network can be trusted | [`trust`] |
//!
//! Training, evaluation and latency themselves are [`scarlet_train`]'s, images [`scarlet_data`]'s.

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod class_order;
mod error;
mod files;
pub mod pipeline;
mod report;
mod run_folder;
pub mod standalone;
pub mod study;
pub mod trust;

pub use error::RunError;
pub use run_folder::RunFolder;
