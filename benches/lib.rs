//! Benchmarks of scarlet, one file each: `cargo bench --bench forward`, `loading`,
//! `preprocessing`.
//!
//! Weights are the formula's (`scarlet::weights::formula`): speed does not depend on their values.
