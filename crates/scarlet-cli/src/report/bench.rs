//! What `scarlet bench` prints.

use std::time::Duration;

use serde::Serialize;

use super::Setting;

/// How long forward passes took.
#[derive(Debug, Serialize)]
pub(crate) struct BenchReport {
    #[serde(flatten)]
    pub(crate) setting: Setting,
    pub(crate) threads: usize,
    pub(crate) batch: usize,
    pub(crate) runs: usize,
    pub(crate) warmup: u32,
    /// Where weights were given: how long it takes to begin, in milliseconds.
    pub(crate) start_ms: Option<Start>,
    /// Per forward pass, in milliseconds.
    pub(crate) latency_ms: Latency,
    /// At the median latency.
    pub(crate) images_per_second: f64,
    /// Mult-adds of one image.
    pub(crate) mult_adds: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Start {
    /// Until the network is ready.
    pub(crate) open: f64,
    /// From then on to the first logits.
    pub(crate) first_run: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Latency {
    /// Of at least one duration. Percentiles are the smallest duration that this many do not
    /// exceed.
    pub(crate) fn of(durations: &[Duration]) -> Self {
        let mut sorted: Vec<f64> = durations
            .iter()
            .map(|duration| duration.as_secs_f64() * 1e3)
            .collect();
        sorted.sort_by(f64::total_cmp);
        let at = |percentile: usize| {
            let rank = (sorted.len() * percentile).div_ceil(100).max(1);
            sorted.get(rank - 1).copied().unwrap_or_default()
        };
        Self {
            min: at(0),
            median: at(50),
            p95: at(95),
            p99: at(99),
            max: at(100),
        }
    }
}

impl BenchReport {
    pub(crate) fn text(&self) -> String {
        let Latency {
            min,
            median,
            p95,
            p99,
            ..
        } = self.latency_ms;
        let threads = match self.threads {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads"),
        };
        let mult_adds = self.mult_adds as f64 * self.images_per_second / 1e9;
        let start = match self.start_ms {
            Some(Start { open, first_run }) => format!(
                "\n  first result {:.1} ms after opening {} ({open:.1} + {first_run:.1} ms)",
                open + first_run,
                self.setting.weights
            ),
            None => String::new(),
        };
        format!(
            "{}, {}×{}, batch {}, on {} with {threads}, {} runs\n  \
             median  {median:9.2} ms\n  \
             p95     {p95:9.2} ms\n  \
             p99     {p99:9.2} ms\n  \
             fastest {min:9.2} ms\n  \
             {:.1} images/s, {mult_adds:.1} G mult-adds/s{start}",
            self.setting.network(),
            self.setting.resolution,
            self.setting.resolution,
            self.batch,
            self.setting.device,
            self.runs,
            self.images_per_second,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(milliseconds: impl IntoIterator<Item = u64>) -> Latency {
        let durations: Vec<_> = milliseconds
            .into_iter()
            .map(Duration::from_millis)
            .collect();
        Latency::of(&durations)
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let of_hundred = latency((1..=100).rev());
        assert_eq!(
            of_hundred,
            Latency {
                min: 1.0,
                median: 50.0,
                p95: 95.0,
                p99: 99.0,
                max: 100.0
            }
        );
        assert_eq!(latency([3, 1, 2]).median, 2.0);
        assert_eq!(latency([7]).p95, 7.0);
    }
}
