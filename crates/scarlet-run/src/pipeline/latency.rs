//! The latency of candidates: by a table, or measured on the run's own device.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use scarlet::Architecture;
use scarlet_arch::Genome;
use scarlet_train::deployment::kernels_device;
use scarlet_train::evaluator::caught;
use scarlet_train::latency::{
    LATENCY_METRIC, LatencyError, LatencyTable, MeasuredTimes, is_times, network_latency,
};
use scarlet_train::{CandidateEvaluator, Control, ScoreCache, TrainError};
use serde::{Deserialize, Serialize};

use super::stages::Run;
use super::{RunEvent, SearchSettings};
use crate::RunError;
use crate::RunFolder;
use crate::files;

/// A candidate's latency as it was measured. No later measurement gives the same, so what was
/// measured once is kept, and a search that continues finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// Whole, so that it is the same after reading.
    nanoseconds: u64,
}

impl Measured {
    fn of(time: Duration) -> Self {
        Self {
            nanoseconds: u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    fn milliseconds(self) -> f64 {
        self.nanoseconds as f64 / 1e6
    }
}

impl SearchSettings {
    /// Whether candidates have a latency.
    pub(super) fn has_latency(&self) -> bool {
        self.latency_table.is_some() || self.names(LATENCY_METRIC)
    }

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

impl Run {
    /// Whether the latency of every candidate is measured.
    pub(super) fn measures_latency(&self) -> bool {
        self.latency_table.is_none() && self.config.search.has_latency()
    }

    /// Has the evaluator say the latency of candidates, if anything is wanted of it.
    pub(super) fn with_latency(
        &self,
        evaluator: CandidateEvaluator,
        folder: &RunFolder,
    ) -> Result<CandidateEvaluator, RunError> {
        if let Some(table) = self.latency_table.clone() {
            return Ok(evaluator.with_metric(LATENCY_METRIC, move |genome, _| {
                Ok(table.latency_ms(genome)?)
            }));
        }
        if !self.measures_latency() {
            return Ok(evaluator);
        }
        let mut known: ScoreCache<Measured> = ScoreCache::open(folder.file(files::LATENCIES))?;
        let threads = self.config.search.latency_threads;
        let deploy = self.config.search.deploy;
        let device = kernels_device(&self.device, deploy);
        let observer = Arc::clone(&self.observer);
        // A run may continue on another device, whose latencies are others.
        let mut what = format!("latency on {device:?}, batch 1, threads {threads}");
        if !deploy.is_float32() {
            what.push_str(&format!(", in {deploy}"));
        }
        let metric = move |genome: &Genome, network: &Architecture| {
            if let Some(known) = known.get(&what, genome) {
                return Ok(known.milliseconds());
            }
            let time = caught(&device, || {
                Ok(network_latency(network, &device, 1, threads, deploy)?)
            })?;
            let measured = Measured::of(time);
            known.insert(&what, genome.clone(), measured)?;
            match observer.event(&RunEvent::Latency(time)) {
                Control::Continue => Ok(measured.milliseconds()),
                Control::Stop => Err(TrainError::Stopped),
            }
        };
        Ok(evaluator.with_metric(LATENCY_METRIC, metric))
    }
}
