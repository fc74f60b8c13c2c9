//! Benchmarks of scarlet, one file each: `cargo bench --bench forward`, `loading`,
//! `preprocessing`, `train_step`.
//!
//! Weights are the formula's (`scarlet::weights::formula`): speed does not depend on their values.
