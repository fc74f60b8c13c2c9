//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use scarlet::weights::{OpenOptions, Renaming};

/// Inspect, convert, compare and check weight files.
///
/// FILE is a file of PyTorch (.pth, .pth.tar, .pt) or safetensors, a URL, hf:owner/repo/file, or
/// pip:package==version/path. Nothing in a file is ever run.
///
/// Exit status: 0 if all is well, 1 if files differ, a check fails or something goes wrong, 2 if
/// the command line is wrong. A reader of the output may stop early, as head does: that is no
/// failure.
#[derive(Debug, Parser)]
#[command(name = "scarlet-weights", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Inspect(InspectArgs),
    Convert(ConvertArgs),
    Diff(DiffArgs),
    Check(CheckArgs),
}

/// Show what a file holds: tensors, shapes, types, totals, and which network it fits.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  scarlet-weights inspect ScarletC.pth.tar")]
pub(crate) struct InspectArgs {
    /// The file.
    pub(crate) file: String,

    #[command(flatten)]
    pub(crate) names: NamesArgs,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Write a file's weights as safetensors, under the names of the released SCARLET checkpoints.
///
/// Where the network is known, it is written into the file as well, which then loads without
/// being told what it is.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  scarlet-weights convert ScarletC.pth.tar c.safetensors --f16 --fold"
)]
pub(crate) struct ConvertArgs {
    /// The file to read.
    pub(crate) input: String,

    /// The file to write, ending in .safetensors.
    pub(crate) output: PathBuf,

    /// Write kernels and matrices in half precision; normalisation and biases stay as they are.
    #[arg(long)]
    pub(crate) f16: bool,

    /// Remove batch normalisation and stabilizers, without changing what the network computes.
    #[arg(long)]
    pub(crate) fold: bool,

    #[command(flatten)]
    pub(crate) names: NamesArgs,

    /// The network in the file, if the file does not say: a preset's name, layers such as
    /// "E3K5s - E6K7", or a JSON file.
    #[arg(long, value_name = "NETWORK", allow_hyphen_values = true)]
    pub(crate) model: Option<String>,
}

/// Compare two files tensor by tensor.
///
/// Names of different origin are matched first; step counters are ignored. Exits with 1
/// if a name, a shape or a value differs. To compare two networks of one file, give it twice, with
/// --key or --strip-prefix for the first.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  scarlet-weights diff ScarletC.pth.tar c.safetensors --tolerance 1e-3"
)]
pub(crate) struct DiffArgs {
    /// One file.
    pub(crate) a: String,

    /// The other file.
    pub(crate) b: String,

    /// Largest difference that counts as equal, relative to the largest value of the tensor.
    #[arg(long, default_value_t = 0.0, value_parser = tolerance)]
    pub(crate) tolerance: f64,

    /// List the tensors that agree, too.
    #[arg(long)]
    pub(crate) all: bool,

    #[command(flatten, next_help_heading = "Of the first file")]
    pub(crate) names: NamesArgs,
}

/// Check that a network with these weights computes the logits of a case.
///
/// A case is a safetensors file with `input`, [batch, 3, height, width], and `logits`, [batch,
/// classes], which another program computed; python/make_case.py makes one with PyTorch. Prints
/// the largest error over all logits, relative to the largest logit, and exits with 1 if it is
/// above the tolerance.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  scarlet-weights check --model scarlet-c --weights ScarletC.pth.tar \
                  --case case.safetensors"
)]
pub(crate) struct CheckArgs {
    /// The network: a preset's name, layers such as "E3K5s - E6K7", or a JSON file [default: what
    /// the weights hold].
    #[arg(long, value_name = "NETWORK", allow_hyphen_values = true)]
    pub(crate) model: Option<String>,

    /// The weights.
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: String,

    #[command(flatten)]
    pub(crate) names: NamesArgs,

    /// The case.
    #[arg(long, value_name = "FILE")]
    pub(crate) case: PathBuf,

    /// The device: cpu, wgpu, cuda:1, …
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,

    /// Largest error that passes.
    #[arg(long, default_value_t = 1e-4, value_parser = tolerance)]
    pub(crate) tolerance: f64,
}

/// Which tensors of a file are taken, and under which names.
#[derive(Debug, Args)]
pub(crate) struct NamesArgs {
    /// Take the tensors under this key of the checkpoint, such as state_dict_ema.
    #[arg(long)]
    pub(crate) key: Option<String>,

    /// Take the tensors below this prefix, such as backbone, and remove the prefix.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) strip_prefix: Option<String>,

    /// Rename tensors: a whole name, or a prefix that ends at a dot. May be repeated.
    #[arg(long, value_name = "OLD=NEW")]
    pub(crate) rename: Vec<Renaming>,

    /// Where the weights come from, which resolves what shapes leave ambiguous.
    #[arg(long, value_name = "NAME")]
    pub(crate) origin: Option<String>,
}

impl NamesArgs {
    pub(crate) fn options(&self) -> OpenOptions {
        OpenOptions {
            key: self.key.clone(),
            prefix: self.strip_prefix.clone(),
            renamings: self.rename.clone(),
            origin: self.origin.clone(),
        }
    }
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value >= 0.0 && value.is_finite() => Ok(value),
        _ => Err("expected a number that is not negative, such as 1e-4".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_network_may_begin_with_a_skip() {
        const SKIP: &str = "- E3K5@16 E6K5@32/2";
        let convert = [
            "convert",
            "a.pth",
            "--model",
            SKIP,
            "b.safetensors",
            "--f16",
        ];
        let check = ["check", "--weights", "w", "--model", SKIP, "--case", "c"];
        for line in [&convert[..], &check[..]] {
            let line = ["scarlet-weights"].iter().chain(line);
            let model = match Cli::try_parse_from(line).unwrap().command {
                Command::Convert(args) => args.model.unwrap(),
                Command::Check(args) => args.model.unwrap(),
                other => panic!("{other:?}"),
            };
            assert_eq!(model, SKIP);
        }
    }
}
