//! The algorithms to beat.

mod random;
mod regularized_evolution;

pub use random::RandomSearch;
pub use regularized_evolution::RegularizedEvolution;
