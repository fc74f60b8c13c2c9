//! Commands about the deployed form of a network.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ComputeArgs, ModelArgs, batch_size, run_count, warmup_count, whole};

/// Write a network as a file that starts in milliseconds
///
/// The file holds the network folded, its weights in the order in which the CPU's kernels read
/// them. Give it as --weights to predict, eval, bench and profile: it is mapped into memory, and
/// serves every resolution, batch, instruction set and number of threads.
///
/// With --int8 it is less than a third of the size and takes a third to two thirds of the time,
/// depending on the processor; its answers differ slightly: compare both with `scarlet eval`.
///
/// With --bf16 it is half the size and, where the processor has AVX-512 with BF16, takes about two
/// thirds of the time; elsewhere it is somewhat slower. Its answers hardly differ, and it needs no
/// photographs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet deploy lite0.scarlet
  scarlet deploy lite0-int8.scarlet --int8 examples/photos
  scarlet deploy lite0-bf16.scarlet --bf16
  scarlet deploy scarlet-a.scarlet --weights scarlet-a.pth.tar
  scarlet deploy try.scarlet --model scarlet-c --random-init")]
pub(crate) struct DeployArgs {
    /// File to write; conventionally ends in .scarlet
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,

    /// Quantise to eight bits, calibrated on these photographs: a file or a folder, of which
    /// up to 512 are used
    #[arg(long, value_name = "PHOTOGRAPHS", value_hint = ValueHint::AnyPath)]
    pub(crate) int8: Option<PathBuf>,

    /// Round to bfloat16: most weights, and the inputs of 1×1 convolutions
    #[arg(long, conflicts_with = "int8")]
    pub(crate) bf16: bool,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) model: ModelArgs,
}

/// Measure a network's latency on this machine
///
/// Times whole forward passes of the deployed network, from a batch in memory to logits in memory,
/// after a few warm-up passes. With --weights, also times from opening them to the first
/// result; without, weights are random, which does not change the speed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet bench
  scarlet bench --model scarlet-c --batch 8 --threads 1
  scarlet bench --weights lite0.scarlet
  scarlet bench --model \"E3K3@24/2 E6K5s@24\" --resolution 64 --runs 20 --json")]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    pub(crate) subject: SubjectArgs,

    /// Forward passes to time
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = run_count)]
    pub(crate) runs: usize,

    /// Warm-up passes before these, which are not timed
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = warmup_count)]
    pub(crate) warmup: u32,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

/// Show where a network's time goes, layer by layer
///
/// Times every layer of the deployed network, and compares its arithmetic and memory traffic with
/// the peaks of this machine, which are measured too. Layers far below the roof in the picture are
/// those that could still become faster.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet profile
  scarlet profile --model scarlet-c --batch 8 --threads 1
  scarlet profile --weights lite0.scarlet --svg roofline.svg
  scarlet profile --json")]
pub(crate) struct ProfileArgs {
    #[command(flatten)]
    pub(crate) subject: SubjectArgs,

    /// Forward passes; each layer's fastest counts
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = run_count)]
    pub(crate) runs: usize,

    /// Draw the roofline as an SVG picture
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) svg: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct SubjectArgs {
    /// Name, layers in text form, or JSON file of a network [default: what --weights holds, or
    /// scarlet-a]
    #[arg(long, value_name = "MODEL", allow_hyphen_values = true)]
    pub(crate) model: Option<String>,

    /// Weights, as for predict [default: random]
    #[arg(long, value_name = "SOURCE", value_hint = ValueHint::FilePath)]
    pub(crate) weights: Option<String>,

    /// Images per forward pass
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = batch_size)]
    pub(crate) batch: usize,

    /// Height and width of the images, in pixels [default: the network's own]
    #[arg(long, visible_alias = "size", value_name = "PIXELS", value_parser = whole::<usize>)]
    pub(crate) resolution: Option<usize>,
}
