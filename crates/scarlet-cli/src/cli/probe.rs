//! `scarlet probe`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ComputeArgs, whole};

/// Find the public network that suits your images, in seconds
///
/// Only a linear classifier on top of each network's features is trained (a linear probe). It is
/// evaluated on the folder's test images, or on a tenth of the others.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet probe --data flowers/
  scarlet probe --data flowers/ --model efficientnet-lite0 mobilenetv3-large --resolution 128
  scarlet probe --data flowers/ --learning-curve --report probe.html
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

    /// One network of your own: file, https://… URL, hf:owner/repo/file or
    /// pip:package==version/file, optionally with #sha256=…
    #[arg(long, value_name = "SOURCE", value_hint = ValueHint::FilePath)]
    pub(crate) weights: Option<String>,

    /// Height and width of the networks' input, in pixels [default: as for finetune]
    #[arg(long, visible_alias = "size", value_name = "PIXELS", value_parser = whole::<usize>)]
    pub(crate) resolution: Option<usize>,

    /// Write the network's features of each image: .csv, with part, class and path, or .npy, with
    /// the classes next to it in .labels.npy. For one network only
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) embed: Option<PathBuf>,

    /// Also say what more images would bring: fit classifiers to shares of the images, from an eighth
    /// to all, on the features of the most accurate network, and continue the curve to twice and four
    /// times the images, with intervals. Takes a minute or so for a thousand images
    #[arg(long)]
    pub(crate) learning_curve: bool,

    /// Write an HTML page with the networks and the learning curve
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) report: Option<PathBuf>,

    /// Print one JSON object, with accuracies from 0 to 1
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}
