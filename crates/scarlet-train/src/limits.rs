//! The largest settings that are tried: larger ones would end for want of memory, hours later.

use scarlet_arch::{Architecture, Cost};

use crate::TrainError;
use crate::error::require;

/// Epochs of a training.
const MAX_EPOCHS: usize = 1_000_000;
/// Images of a forward pass.
const MAX_BATCH: usize = 65_536;
/// Bytes that the widest layer of a forward pass may take for its input and output.
const MAX_BATCH_BYTES: u64 = 1 << 36;
/// Candidates of a search. Each is kept in memory.
const MAX_EVALUATIONS: usize = 1_000_000;
/// Threads of the CPU.
const MAX_THREADS: usize = 1024;

/// A setting that is at least 1.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// Epochs of a training.
    Epochs,
    /// Images of a forward pass.
    Batch,
    /// Candidates of a search.
    Evaluations,
    /// Threads of the CPU.
    Threads,
}

impl Limit {
    /// Refuses a value that is 0 or beyond the limit.
    pub fn check(self, setting: &'static str, value: usize) -> Result<(), TrainError> {
        let (most, expected) = match self {
            Self::Epochs => (MAX_EPOCHS, "at most 1000000"),
            Self::Batch => (MAX_BATCH, "at most 65536"),
            Self::Evaluations => (MAX_EVALUATIONS, "at most 1000000"),
            Self::Threads => (MAX_THREADS, "at most 1024"),
        };
        require(value > 0, setting, value, "at least 1")?;
        require(value <= most, setting, value, expected)
    }
}

/// Refuses a batch of which one layer alone would take more memory than there is, if that many of
/// the images exist.
pub fn check_batch_memory(
    setting: &'static str,
    batch_size: usize,
    images: usize,
    network: &Architecture,
) -> Result<(), TrainError> {
    let resolution = network.preprocessing.resolution;
    let per_image = Cost::of(network, resolution)?.peak_activation_bytes.max(1);
    let batch = batch_size.min(images) as u64;
    match batch.saturating_mul(per_image) > MAX_BATCH_BYTES {
        false => Ok(()),
        true => Err(TrainError::BatchTooLarge {
            setting,
            batch_size,
            resolution,
            most: MAX_BATCH_BYTES / per_image,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_limits() {
        Limit::Batch.check("batch_size", 65_536).unwrap();
        let message = |limit: Limit, value| limit.check("setting", value).unwrap_err().to_string();
        for (limit, most) in [
            (Limit::Epochs, 1_000_000),
            (Limit::Batch, 65_536),
            (Limit::Evaluations, 1_000_000),
            (Limit::Threads, 1024),
        ] {
            limit.check("setting", most).unwrap();
            let error = message(limit, most + 1);
            assert!(
                error.ends_with(&format!("must be at most {most}")),
                "{error}"
            );
            assert!(message(limit, 0).ends_with("must be at least 1"));
        }
    }

    #[test]
    fn a_batch_must_fit_into_memory() {
        let network = scarlet_arch::scarlet_a();
        let check = |batch, images| check_batch_memory("train.batch_size", batch, images, &network);
        check(256, 1_000_000).unwrap();
        // Of few images it never becomes so large.
        check(65_536, 2_000).unwrap();
        let error = check(65_536, 1_000_000).unwrap_err().to_string();
        // 64 GiB over (32 + 192 + 192) · 56 · 56 floats.
        let expected =
            "`train.batch_size` is 65536, but of images of 224 × 224 pixels at most 13168";
        assert!(error.starts_with(expected), "{error}");
    }
}
