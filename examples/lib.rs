//! Runnable examples of scarlet, in the order a newcomer may want them:
//!
//! - `classify`: what is in a photograph;
//! - `backbone`: features of four strides, for detection and segmentation heads;
//! - `custom_architecture`: a network of your own as text, its cost, a training step;
//! - `load_and_fold`: a checkpoint in, a plain f16 file out.
//!
//! `cargo run --release --example classify` runs the first. The photographs are described in
//! `photographs.md`.

/// The READMEs' code must compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../crates/scarlet/README.md")]
pub struct Readme;
