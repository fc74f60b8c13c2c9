//! Weights and inputs that a formula gives: for tests, benchmarks and comparisons with other
//! programs, wherever real weights are not at hand. See [`scarlet_engine::formula`] for the formula.

use scarlet_arch::Architecture;

pub use scarlet_engine::formula::{entry, signal, unit};

use super::{Entry, StateDict, reference_entries};

/// All weights of a network, computed when they are read.
pub fn state_dict(architecture: &Architecture) -> StateDict {
    StateDict::from_entries(
        reference_entries(architecture)
            .into_iter()
            .map(|(name, shape)| {
                Entry::from_f32(name.clone(), shape.clone(), move || entry(&name, &shape))
            }),
    )
}
