//! Runs scarlet's image classifiers from C, and from whatever calls C functions: the header is
//! `include/scarlet.h`, the library `libscarlet_c.a` or `libscarlet_c.so`. Compiled for WebAssembly, the same
//! functions are what JavaScript calls.
//!
//! Nothing that is passed in makes a function panic or end the process: bad input gives a null pointer or
//! a status other than [`ScarletStatus::Ok`], and a message. A panic all the same, which would be a bug of
//! ours, is caught where unwinding is possible, and the classifier answers nothing from then on; in
//! WebAssembly it is a trap.

// Raw pointers cannot be had without.
#![allow(unsafe_code)]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod classifier;
#[cfg(target_family = "wasm")]
mod memory;
mod open;
mod pointers;

pub use classifier::*;
#[cfg(target_family = "wasm")]
pub use memory::*;
pub use open::*;
