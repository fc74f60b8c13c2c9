//! The command that measures a latency table.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use scarlet::Precision;
use scarlet_train::latency::LARGEST_ERROR;

use super::run::RunSettingsArgs;
use super::{ComputeArgs, at_least_one, batch_size, numbers, run_count};

/// Measure how long every layer of a search space takes on a device
///
/// Measures each choice of each layer, and the parts that all networks have; the latency of a
/// network is then the sum of its parts. Times the deployed form, on the CPU by running whole
/// networks, on other devices part by part, in rounds in which all networks take turns; each time
/// is the median of the rounds, stored with half their interquartile range. A few random networks
/// are also measured whole: if the table's predictions for them are off by more than --max-error on
/// average, the machine was busy, and the table is not written.
///
/// scarlet search then uses the table for objectives and budgets on latency_ms. The settings of the
/// space must be the same (data, resolution, space, choices, width), and so must the numeric type
/// in which networks run (--deploy).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet latency-table --threads 1 --out table.json
  scarlet latency-table --data flowers/ --space small --device wgpu --out gpu.json
  scarlet latency-table --threads 1 --deploy int8 --out int8.json
  scarlet latency-table --data flowers/ --plan plan.json      # for another device
  scarlet latency-table --data flowers/ --from pixel.csv --out pixel.json
  scarlet search --latency-table table.json --budget \"latency_ms <= 0.5\" \\
      --objectives \"maximize accuracy\" \"minimize latency_ms\"")]
pub(crate) struct LatencyTableArgs {
    /// File to write
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "plan",
        value_hint = ValueHint::FilePath
    )]
    pub(crate) out: Option<PathBuf>,

    /// Use times from another device: a CSV of `operation`, `shape` and `milliseconds`, as
    /// `scarlet-latency` writes it there; --threads and --batch are then what it was measured with
    #[arg(long, value_name = "CSV", conflicts_with_all = ["plan", "rounds", "networks"], value_hint = ValueHint::FilePath)]
    pub(crate) from: Option<PathBuf>,

    /// Use what LiteRT's benchmark_model printed with --enable_op_profiling=true for a .tflite file
    /// that scarlet exported; for enough networks to cover all parts, and more to check the table
    /// with
    #[arg(long, value_names = ["OUTPUT", "NETWORK"], num_args = 2, conflicts_with_all = ["plan", "rounds", "networks"], value_hint = ValueHint::FilePath)]
    pub(crate) profile: Vec<PathBuf>,

    /// Measure nothing: write the networks that another device has to time, for `scarlet-latency`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "rounds", "max_error", "json", "batch"], value_hint = ValueHint::FilePath)]
    pub(crate) plan: Option<PathBuf>,

    /// Images per call
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = batch_size)]
    pub(crate) batch: usize,

    /// Rounds; every time is the median over them
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = run_count)]
    pub(crate) rounds: usize,

    /// Random networks to check the table with
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one)]
    pub(crate) networks: usize,

    /// Largest error of the table on these networks: the mean of |predicted − measured| / measured;
    /// a search uses a table worse than 0.1 only with --set search.latency_error=…
    #[arg(long, value_name = "SHARE", default_value_t = LARGEST_ERROR)]
    pub(crate) max_error: f64,

    /// Numeric type in which the networks run: f32, bf16 or int8, as for scarlet search --deploy.
    /// Only the CPU computes in bf16 and int8; with --from and --profile, the type in which the
    /// times were taken
    #[arg(
        long,
        value_name = "NUMBERS",
        default_value = "f32",
        value_parser = numbers(),
        hide_possible_values = true,
        conflicts_with = "plan"
    )]
    pub(crate) deploy: Precision,

    /// Print the table as JSON too
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) settings: RunSettingsArgs,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}
