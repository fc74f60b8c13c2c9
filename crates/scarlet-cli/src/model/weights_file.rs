//! Files of weights: how they are obtained and opened, and what is reported about them.

use std::path::{Path, PathBuf};

use scarlet::arch::Architecture;
use scarlet::exported::is_exported;
use scarlet::weights::{
    FetchError, Fetcher, OpenOptions, StateDict, WeightsError, recognise,
    recognise_without_classifier,
};

use crate::error::CliError;
use crate::terminal::Terminal;

/// The file that `fetch` gets, with its progress shown.
pub(crate) fn get(
    terminal: &Terminal,
    fetch: impl FnOnce(&mut Fetcher) -> Result<PathBuf, FetchError>,
) -> Result<PathBuf, CliError> {
    let (_shown, report) = terminal.download();
    let path = fetch(&mut Fetcher::new().on_progress(report))?;
    tracing::info!("the weights are in {}", path.display());
    Ok(path)
}

/// The weights in a file, and a report of what was decided about them.
pub(crate) fn open_weights(
    path: &Path,
    options: &OpenOptions,
    terminal: &Terminal,
) -> Result<StateDict, CliError> {
    if is_exported(path) {
        return Err(CliError::ExportedWeights(path.to_owned()));
    }
    let weights = StateDict::open_with(path, options)?;
    for note in weights.notes() {
        terminal.note(format_args!("note: {note}"));
    }
    Ok(weights)
}

/// Says it where what a file says of its network cannot be read, and so is left out.
pub(super) fn warn_of_card(weights: &StateDict, terminal: &Terminal) {
    if let Err(error) = weights.card() {
        let path = weights.path().display();
        terminal.warn(format_args!("{path}: {error}; it is skipped"));
    }
}

/// The network that a file holds, with a warning where that had to be assumed in part.
pub(crate) fn architecture_of(
    weights: &StateDict,
    terminal: &Terminal,
) -> Result<Architecture, CliError> {
    let architecture = weights.architecture().map_err(unknown_network)?;
    if let Some(assumed) = recognise(weights).and_then(|found| found.assumed) {
        terminal.warn(assumed);
    }
    Ok(architecture)
}

/// The same for training on other classes, where the classifier may be missing or any other.
pub(crate) fn architecture_but_for_classifier(
    weights: &StateDict,
    terminal: &Terminal,
) -> Result<Architecture, CliError> {
    match (
        weights.architecture(),
        recognise_without_classifier(weights),
    ) {
        (Err(_), Some(found)) => {
            terminal.note(format_args!(
                "note: the weights are those of {} but for the classifier, and get a new one",
                found.architecture.name
            ));
            if let Some(assumed) = found.assumed {
                terminal.warn(assumed);
            }
            Ok(found.architecture)
        }
        _ => architecture_of(weights, terminal),
    }
}

/// The error with what to do about it here, where no network fits a file.
pub(crate) fn unknown_network(error: WeightsError) -> CliError {
    match error {
        WeightsError::UnknownNetwork(_) => CliError::UnknownNetwork(Box::new(error)),
        error => error.into(),
    }
}

/// Says where the network that was named differs from what the weights say of themselves, in what
/// their shapes do not show.
pub(crate) fn warn_of_difference(named: &Architecture, weights: &StateDict, terminal: &Terminal) {
    if let Some(difference) = recognise(weights).and_then(|found| found.difference(named)) {
        terminal.warn(difference);
    }
}
