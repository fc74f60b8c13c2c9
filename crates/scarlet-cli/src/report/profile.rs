//! What `scarlet profile` prints.

use scarlet::PartProfile;
use scarlet_kernels::{Peak, StepProfile};
use scarlet_report::{Roofline, RooflinePoint};
use serde::Serialize;

use super::number::millions;
use super::table::{Column, table};
use super::{Setting, numbers};

/// How everything is measured.
const CONVENTION: &str = "\
Times are the fastest of all runs, part by part, each until the last of all threads is done, on one
clock for all of them. Bytes are the weights and tensors that a part reads and writes, each counted
once, wherever it comes from: the roof is what the machine could do with them at best, its
arithmetic's peak or its memory's, whichever is lower. A part whose bytes come from a cache can be
above it.";

/// Where the time of a forward pass goes.
#[derive(Debug, Serialize)]
pub(crate) struct ProfileReport {
    #[serde(flatten)]
    pub(crate) setting: Setting,
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    pub(crate) runs: usize,
    /// What the machine can do at best on these threads.
    pub(crate) peak: PeakReport,
    pub(crate) total: Work,
    pub(crate) parts: Vec<PartReport>,
}

/// Billions in a second.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct PeakReport {
    /// Of multiply-adds of the numbers that most of the network's products are of.
    pub(crate) gflops: f64,
    pub(crate) memory_gbytes: f64,
    pub(crate) cache_gbytes: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct PartReport {
    /// Its name, as in a checkpoint.
    pub(crate) part: String,
    /// What it does.
    pub(crate) label: String,
    #[serde(flatten)]
    pub(crate) work: Work,
    pub(crate) steps: Vec<StepReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct StepReport {
    pub(crate) kind: &'static str,
    #[serde(flatten)]
    pub(crate) work: Work,
}

/// What was done, for the whole batch, and how fast.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Work {
    pub(crate) ms: f64,
    pub(crate) mult_adds: u64,
    pub(crate) bytes: u64,
    /// A mult-add counts as two operations.
    pub(crate) gflops: f64,
    pub(crate) gbytes_per_second: f64,
    /// Of what the machine could do at best with this many operations and bytes.
    pub(crate) part_of_roof: f64,
}

impl Work {
    fn new(seconds: f64, mult_adds: u64, bytes: u64, peak: &Peak) -> Self {
        let flops = 2.0 * mult_adds as f64;
        let roof_seconds = (flops / peak.flops).max(bytes as f64 / peak.memory);
        // A step of no time at all has no speed.
        let per_second = |amount: f64| if seconds > 0.0 { amount / seconds } else { 0.0 };
        Self {
            ms: seconds * 1e3,
            mult_adds,
            bytes,
            gflops: per_second(flops) / 1e9,
            gbytes_per_second: per_second(bytes as f64) / 1e9,
            part_of_roof: per_second(roof_seconds),
        }
    }

    fn of_step(step: &StepProfile, peak: &Peak) -> Self {
        Self::new(step.time.as_secs_f64(), step.mult_adds, step.bytes, peak)
    }

    fn cells(&self, name: &str, label: &str, total: &Self) -> Vec<String> {
        let intensity = 2.0 * self.mult_adds as f64 / self.bytes.max(1) as f64;
        vec![
            name.to_owned(),
            label.to_owned(),
            format!("{:.3}", self.ms),
            format!("{:.1}", 100.0 * self.ms / total.ms),
            millions(self.mult_adds),
            format!("{:.1}", self.gflops),
            format!("{:.2}", self.bytes as f64 / 1e6),
            format!("{:.1}", self.gbytes_per_second),
            format!("{intensity:.1}"),
            format!("{:.0} %", 100.0 * self.part_of_roof),
        ]
    }
}

impl ProfileReport {
    pub(crate) fn new(
        setting: Setting,
        (batch, threads, runs): (usize, usize, usize),
        mut peak: Peak,
        parts: &[PartProfile],
    ) -> Self {
        if setting.int8 {
            peak.flops = peak.byte_ops;
        } else if setting.bf16 {
            peak.flops = peak.bf16_ops;
        }
        let part_report = |part: &PartProfile| PartReport {
            part: part.part.clone(),
            label: part.label.clone(),
            work: Work::new(
                part.time().as_secs_f64(),
                part.mult_adds(),
                part.bytes(),
                &peak,
            ),
            steps: part
                .steps
                .iter()
                .map(|step| StepReport {
                    kind: step.kind,
                    work: Work::of_step(step, &peak),
                })
                .collect(),
        };
        let seconds: f64 = parts.iter().map(|part| part.time().as_secs_f64()).sum();
        Self {
            setting,
            batch,
            threads,
            runs,
            peak: PeakReport {
                gflops: peak.flops / 1e9,
                memory_gbytes: peak.memory / 1e9,
                cache_gbytes: peak.cache / 1e9,
            },
            total: Work::new(
                seconds,
                parts.iter().map(PartProfile::mult_adds).sum(),
                parts.iter().map(PartProfile::bytes).sum(),
                &peak,
            ),
            parts: parts.iter().map(part_report).collect(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let columns = [
            Column::Left("part"),
            Column::Left("layer"),
            Column::Right("ms"),
            Column::Right("%"),
            Column::Right("mult-adds"),
            Column::Right("GFLOP/s"),
            Column::Right("MB"),
            Column::Right("GB/s"),
            Column::Right("FLOP/byte"),
            Column::Right("of roof"),
        ];
        let parts = self.parts.iter();
        let parts = parts.map(|part| part.work.cells(&part.part, &part.label, &self.total));
        let total = self.total.cells("total", "", &self.total);
        let PeakReport {
            gflops,
            memory_gbytes,
            cache_gbytes,
        } = self.peak;
        format!(
            "{}\n\n{}\n\nPeak here: {gflops:.1} GFLOP/s of multiply-adds{numbers}, {memory_gbytes:.1} GB/s \
             from memory, {cache_gbytes:.0} GB/s from the\nsecond-level caches.\n{CONVENTION}",
            self.heading(),
            table(&columns, parts.chain([total])),
            numbers = numbers(self.setting.int8, self.setting.bf16),
        )
    }

    fn heading(&self) -> String {
        let network = self.setting.network();
        let resolution = self.setting.resolution;
        let threads = match self.threads {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads"),
        };
        format!(
            "{network}, {resolution}×{resolution}, batch {}, on {threads}: {:.2} ms",
            self.batch, self.total.ms
        )
    }

    /// Every step as a point.
    pub(crate) fn roofline(&self) -> Roofline {
        let steps = self.parts.iter().flat_map(|part| {
            part.steps.iter().map(|step| RooflinePoint {
                name: format!("{} {}", part.part, part.label),
                kind: step.kind.to_owned(),
                intensity: 2.0 * step.work.mult_adds as f64 / step.work.bytes as f64,
                gflops: step.work.gflops,
                share: step.work.ms / self.total.ms,
            })
        });
        Roofline {
            title: self.heading(),
            gflops: self.peak.gflops,
            bandwidths: vec![
                ("from memory".to_owned(), self.peak.memory_gbytes),
                (
                    "from the second-level caches".to_owned(),
                    self.peak.cache_gbytes,
                ),
            ],
            points: steps.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_part_is_compared_with_the_lower_of_both_roofs() {
        let peak = Peak {
            flops: 100e9,
            byte_ops: 400e9,
            bf16_ops: 200e9,
            memory: 10e9,
            cache: 50e9,
        };
        // Bound by arithmetic: 2 ms at best.
        let arithmetic = Work::new(4e-3, 100_000_000, 1_000_000, &peak);
        assert!((arithmetic.part_of_roof - 0.5).abs() < 1e-12);
        assert!((arithmetic.gflops - 50.0).abs() < 1e-9);
        // Bound by memory: 1 ms at best.
        let memory = Work::new(4e-3, 1_000_000, 10_000_000, &peak);
        assert!((memory.part_of_roof - 0.25).abs() < 1e-12);
        assert!((memory.gbytes_per_second - 2.5).abs() < 1e-9);
        let nothing = Work::new(0.0, 0, 0, &peak);
        assert_eq!(nothing.gflops, 0.0);
    }

    #[test]
    fn parts_add_up_to_the_total() {
        let step = |mult_adds, micros| StepProfile {
            kind: "pointwise",
            operations: 0..1,
            mult_adds,
            bytes: 1000,
            time: Duration::from_micros(micros),
        };
        let parts = [
            ("stem", "3×3 conv", None),
            ("mb_module.0", "E3K7s", Some(0)),
        ];
        let parts = parts.map(|(part, label, layer)| PartProfile {
            part: part.to_owned(),
            label: label.to_owned(),
            layer,
            steps: vec![step(2_000_000, 30), step(1_000_000, 20)],
        });
        let setting = Setting {
            model: "net".to_owned(),
            int8: false,
            bf16: false,
            weights: "random".to_owned(),
            device: "cpu".to_owned(),
            resolution: 32,
        };
        let peak = Peak {
            flops: 100e9,
            byte_ops: 400e9,
            bf16_ops: 200e9,
            memory: 10e9,
            cache: 50e9,
        };
        let report = ProfileReport::new(setting.clone(), (1, 2, 9), peak, &parts);
        assert_eq!(report.total.mult_adds, 6_000_000);
        assert_eq!(report.total.bytes, 4000);
        assert!((report.total.ms - 0.1).abs() < 1e-12);
        let text = report.text();
        for part in [
            "net, 32×32, batch 1, on 2 threads: 0.10 ms",
            "stem         3×3 conv",
            "mb_module.0  E3K7s",
            "100.0 GFLOP/s",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let of_bytes = Setting {
            int8: true,
            ..setting.clone()
        };
        let of_bytes = ProfileReport::new(of_bytes, (1, 2, 9), peak, &parts).text();
        assert!(
            of_bytes.contains("400.0 GFLOP/s of multiply-adds, int8,"),
            "{of_bytes}"
        );
        let in_bf16 = Setting {
            bf16: true,
            ..setting
        };
        let in_bf16 = ProfileReport::new(in_bf16, (1, 2, 9), peak, &parts).text();
        assert!(
            in_bf16.contains("200.0 GFLOP/s of multiply-adds, bf16,"),
            "{in_bf16}"
        );
        let points = report.roofline().points;
        assert_eq!(points.len(), 4);
        assert!((points.iter().map(|point| point.share).sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
