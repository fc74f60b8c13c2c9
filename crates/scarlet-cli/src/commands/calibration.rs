//! Photographs that a network of eight bits is to suit.

use std::path::Path;

use scarlet::arch::Preprocessing;
use scarlet_data::{Loader, LoaderOptions, list_images};

use crate::error::CliError;
use crate::terminal::Terminal;

/// Photographs that a calibration looks at in one forward pass.
pub(super) const BATCH: usize = 8;

/// The most photographs that a calibration looks at: the ranges that it finds hardly change after
/// the first few.
const CALIBRATED: usize = 512;

/// Images of a pass each, or why there are none.
type Batches<'a> = dyn Iterator<Item = Result<Vec<f32>, CliError>> + 'a;

/// Gives `look` the photographs, and returns how many there were. Those that cannot be read are
/// reported and left out; a batch may be empty for that.
pub(super) fn calibrate(
    photographs: &Path,
    preprocessing: Preprocessing,
    channels: usize,
    terminal: &Terminal,
    look: impl FnOnce(&mut Batches<'_>) -> Result<(), CliError>,
) -> Result<usize, CliError> {
    let tree = list_images(photographs)?;
    if !tree.passed_over.is_empty() {
        terminal.warn(&tree.passed_over);
    }
    let paths = tree.images;
    let step = paths.len().div_ceil(CALIBRATED).max(1);
    // From all of a folder, whose parts may be its classes.
    let paths: Vec<_> = paths.into_iter().step_by(step).collect();
    let total = paths.len();
    let options = LoaderOptions {
        batch_size: BATCH,
        channels,
        ..LoaderOptions::default()
    };
    let loader = Loader::new(paths, preprocessing, options);
    let mut seen = 0;
    let mut progress = terminal.progress("photographs", total);
    let mut batches = loader.batches()?.map(|batch| {
        let batch = batch?;
        for failure in &batch.failures {
            terminal.warn(&failure.error);
        }
        seen += batch.len();
        progress.advance(batch.len() + batch.failures.len());
        Ok(batch.images)
    });
    look(&mut batches)?;
    drop(batches);
    drop(progress);
    Ok(seen)
}
