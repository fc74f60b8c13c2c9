//! How scarlet reads and writes files, and what it shows of them.
//!
//! - `atomic_file`, with the default feature `write`: files that appear whole or not at all, where their path says;
//! - [`checksum`]: checksums that files carry in themselves;
//! - [`limited`]: files that are read whole, unless they are larger than makes sense;
//! - [`printable`]: text from files that is safe to show in a terminal.

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "write")]
pub mod atomic_file;
pub mod checksum;
pub mod limited;
pub mod printable;
