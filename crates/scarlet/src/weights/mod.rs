//! Reading and writing weights, PyTorch's checkpoints included.
//!
//! ```no_run
//! # #[cfg(feature = "flex")] {
//! use burn::tensor::Device;
//! use scarlet::ScarletC;
//! use scarlet::weights::{Precision, StateDict};
//!
//! let network = ScarletC::new().init(&Device::flex());
//! let network = network.load(&StateDict::open("ScarletC.pth.tar")?)?;
//! network.save("scarlet-c.safetensors", Precision::F16)?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`StateDict`] is a file's tensors by name, read when they are asked for: every container
//!   that PyTorch has written, and safetensors. A pickle is only ever parsed, never run.
//! - [`Scarlet::load`](crate::Scarlet::load) puts them into a network and reports by name what
//!   does not fit; [`Scarlet::save`](crate::Scarlet::save) writes safetensors under the names of
//!   the released checkpoints; [`Scarlet::open`](crate::Scarlet::open) builds the network that a
//!   file describes.
//! - [`recognise`] says which network a file holds, from the shapes in it.
//! - [`OfaSupernet`] is one of Once-for-All's published supernets, and gives any network that is a part
//!   of it, with its weights.
//! - [`Source`] names a file by path, URL, hub or Python package, and [`Fetcher`] gets it
//!   (feature `fetch`).

mod container;
mod entry;
mod error;
mod foreign;
pub mod formula;
mod kinds;
mod load;
mod names;
mod natural_order;
mod ofa;
mod open_options;
mod origin;
mod pytorch;
mod recognise;
mod report;
mod safetensors;
mod save;
mod source;
mod state_dict;
mod wrappers;

use scarlet_arch::Architecture;
use scarlet_arch::graph::Graph;

pub use container::Container;
pub use entry::Entry;
pub use error::WeightsError;
pub use load::LoadOptions;
pub use names::Naming;
pub use ofa::{OfaSupernet, PartError};
pub use open_options::{OpenOptions, Renaming, RenamingError};
pub use recognise::{Recognised, recognise, recognise_without_classifier};
pub use report::{LoadReport, Misfit};
pub use safetensors::Precision;
pub use source::{FetchError, Fetcher, Progress, Source};
pub use state_dict::StateDict;

/// Names and shapes of the entries in a checkpoint of `architecture`, under the names of the
/// released checkpoints, in the order of computation. Step counters are not among them.
pub fn reference_entries(architecture: &Architecture) -> Vec<(String, Vec<usize>)> {
    Graph::of(architecture).entries()
}
