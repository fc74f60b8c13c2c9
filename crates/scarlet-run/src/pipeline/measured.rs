//! The metrics that are measured on every candidate where a search names them, [`MEASURED`]: each on the
//! run's own device, one image at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use scarlet::{Architecture, Precision};
use scarlet_arch::Genome;
use scarlet_train::deployment::kernels_device;
use scarlet_train::energy::{ENERGY_METRIC, EnergyCounters, network_energy};
use scarlet_train::evaluator::caught;
use scarlet_train::latency::{LATENCY_METRIC, network_latency};
use scarlet_train::supernet::plain_architecture;
use scarlet_train::{CandidateEvaluator, Control, ScoreCache, TrainError};
use serde::{Deserialize, Serialize};

use super::RunEvent;
use super::stages::Run;
use crate::RunError;
use crate::RunFolder;
use crate::files;

/// A metric that has to be measured.
#[derive(Debug)]
pub(super) struct MeasuredMetric {
    /// As objectives and budgets name it.
    pub(super) name: &'static str,
    /// Its values, for messages.
    pub(super) values: &'static str,
    /// Where the run's folder keeps what was measured.
    file: &'static str,
    /// What is measured, for what is kept.
    what: &'static str,
    /// Refuses a machine that cannot measure it.
    check: fn() -> Result<(), TrainError>,
    /// Of a network on a device, with so many threads, in these numbers.
    measure: fn(&Architecture, &Device, usize, Precision) -> Result<Measured, TrainError>,
}

/// All of them.
pub(super) static MEASURED: [MeasuredMetric; 2] = [
    MeasuredMetric {
        name: LATENCY_METRIC,
        values: "latencies",
        file: files::LATENCIES,
        what: "latency",
        check: || Ok(()),
        measure: |network, device, threads, precision| {
            let time = network_latency(network, device, 1, threads, precision)?;
            let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            Ok(Measured::Nanoseconds(nanoseconds))
        },
    },
    MeasuredMetric {
        name: ENERGY_METRIC,
        values: "energies",
        file: files::ENERGIES,
        what: "energy",
        check: || Ok(EnergyCounters::open().map(drop)?),
        measure: |network, device, threads, precision| {
            let energy = network_energy(network, device, threads, precision)?;
            Ok(Measured::Nanojoules(energy))
        },
    },
];

/// What was measured. No later measurement comes to the same, so what was measured once is kept, and
/// a search that goes on finds it. Whole, so that it is the same after reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Measured {
    Nanoseconds(u64),
    Nanojoules(u64),
}

impl Measured {
    /// In the metric's unit, milliseconds or millijoules.
    fn value(self) -> f64 {
        let (Self::Nanoseconds(amount) | Self::Nanojoules(amount)) = self;
        amount as f64 / 1e6
    }
}

impl MeasuredMetric {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        MEASURED.iter().find(|metric| metric.name == name)
    }
}

impl Run {
    /// The metrics that are measured of every candidate: those that are named, but for a latency that a
    /// table says.
    fn measured(&self) -> impl Iterator<Item = &'static MeasuredMetric> {
        let by_table = self.latency_table.is_some();
        MEASURED
            .iter()
            .filter(|metric| self.config.search.names(metric.name))
            .filter(move |metric| !(by_table && metric.name == LATENCY_METRIC))
    }

    /// Refuses to want what this machine cannot measure.
    pub(super) fn check_measured(&self) -> Result<(), RunError> {
        for metric in self.measured() {
            (metric.check)()?;
        }
        Ok(())
    }

    /// Has the evaluator say what of candidates has to be measured, or looked up in a table, as far as
    /// anything is wanted of it.
    pub(super) fn with_measured(
        &self,
        mut evaluator: CandidateEvaluator,
        folder: &RunFolder,
    ) -> Result<CandidateEvaluator, RunError> {
        if let Some(table) = self.latency_table.clone() {
            evaluator = evaluator.with_metric(LATENCY_METRIC, move |genome, _| {
                Ok(table.latency_ms(genome)?)
            });
        }
        for metric in self.measured() {
            evaluator = self.with_one_measured(metric, evaluator, folder)?;
        }
        Ok(evaluator)
    }

    fn with_one_measured(
        &self,
        metric: &'static MeasuredMetric,
        evaluator: CandidateEvaluator,
        folder: &RunFolder,
    ) -> Result<CandidateEvaluator, RunError> {
        let mut known: ScoreCache<Measured> = ScoreCache::open(folder.file(metric.file))?;
        let threads = self.config.search.latency_threads;
        let deploy = self.config.search.deploy;
        let device = kernels_device(&self.device, deploy);
        let observer = Arc::clone(&self.observer);
        // A run may go on on another device, which measures something else.
        let mut what = format!("{} on {device:?}, batch 1, threads {threads}", metric.what);
        if !deploy.is_float32() {
            what.push_str(&format!(", in {deploy}"));
        }
        let measure = move |genome: &Genome, network: &Architecture| {
            if let Some(known) = known.get(&what, genome) {
                return Ok(known.value());
            }
            let measured = caught(&device, || {
                (metric.measure)(network, &device, threads, deploy)
            })?;
            known.insert(&what, genome.clone(), measured)?;
            let event = RunEvent::Measured {
                metric: metric.name,
                value: measured.value(),
            };
            match observer.event(&event) {
                Control::Continue => Ok(measured.value()),
                Control::Stop => Err(TrainError::Stopped),
            }
        };
        Ok(evaluator.with_metric(metric.name, measure))
    }

    /// How long it takes to measure what of a candidate has to be measured.
    pub(super) fn time_measuring(&self, genome: &Genome) -> Result<Duration, RunError> {
        let network = plain_architecture(&self.space, genome)?;
        let settings = &self.config.search;
        let device = kernels_device(&self.device, settings.deploy);
        let begin = Instant::now();
        for metric in self.measured() {
            (metric.measure)(&network, &device, settings.latency_threads, settings.deploy)?;
        }
        Ok(begin.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_kept_as_before() {
        let latency = Measured::Nanoseconds(1_250_000);
        assert_eq!(
            serde_json::to_string(&latency).unwrap(),
            r#"{"nanoseconds":1250000}"#
        );
        assert_eq!(latency.value(), 1.25);
        let energy: Measured = serde_json::from_str(r#"{"nanojoules":500000}"#).unwrap();
        assert_eq!(
            (energy, energy.value()),
            (Measured::Nanojoules(500_000), 0.5)
        );
    }

    #[test]
    fn no_two_metrics_are_named_or_kept_alike() {
        for (index, metric) in MEASURED.iter().enumerate() {
            for other in &MEASURED[..index] {
                assert!(metric.name != other.name && metric.file != other.file);
            }
            assert!(scarlet_arch::CostMetric::named(metric.name).is_none());
        }
    }
}
