//! The table that says candidates' latencies, where there is one.

use std::path::Path;

use scarlet_train::latency::{LatencyError, LatencyTable, MeasuredTimes, is_times};

use super::SearchSettings;
use crate::RunError;
use crate::RunFolder;
use crate::files;

impl SearchSettings {
    /// Copies the table into the folder of a new run, which then needs no other.
    pub(super) fn keep_latency_table(&self, folder: &RunFolder) -> Result<(), RunError> {
        let Some(table) = self.latency_table.as_ref().map(Path::new) else {
            return Ok(());
        };
        if !is_times(table) {
            return Ok(LatencyTable::open(table)?.save(folder.file(files::LATENCY_TABLE))?);
        }
        MeasuredTimes::read(table)?;
        let bytes = std::fs::read(table).map_err(|source| LatencyError::Read {
            path: table.to_owned(),
            source,
        })?;
        folder.write(files::LATENCY_TIMES, &bytes)
    }

    /// Takes the copy in a run's folder for the table, if it has one.
    pub(super) fn take_latency_table(&mut self, folder: &Path) {
        let Some(table) = &mut self.latency_table else {
            return;
        };
        let copies = [files::LATENCY_TABLE, files::LATENCY_TIMES].map(|name| folder.join(name));
        if let Some(copy) = copies.iter().find(|copy| copy.is_file()) {
            *table = copy.display().to_string();
        }
    }
}
