//! The commands of the road from images to a network.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use scarlet::Precision;
use scarlet_search::Constraint;

use super::after::AfterArgs;
use super::{ComputeArgs, finite, numbers, whole};

/// Find, train and export a network for your images and budget
///
/// Trains all networks of a search space at once, searches them for the best within the
/// budget, trains the chosen one on its own, and tests and exports it. Without options
/// it does so for 7,000 embedded images of Fashion-MNIST. Ctrl-C saves and stops; --resume
/// continues to the same network.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet search
  scarlet search --data flowers/ --from efficientnet-lite0 --budget \"latency_ms <= 3\"
  scarlet search --data flowers/ --space small --budget \"mult_adds <= 20M\" --out flowers-run
  scarlet search --data flowers/ --budget \"mult_adds <= 20M\" --budget \"parameters <= 300K\"
  scarlet search --objectives \"maximize accuracy\" \"minimize latency_ms\" \\
      --budget \"latency_ms <= 0.5\"
  scarlet search --deploy int8 --objectives \"maximize accuracy\" \"minimize latency_ms\" \\
      --budget \"latency_ms <= 0.3\"
  scarlet search --supernet flowers-run --budget \"mult_adds <= 5M\" --out flowers-5m
  scarlet search --config fashion.toml --dry-run
  scarlet search --resume flowers-run
  scarlet search --until search --out flowers-run
  scarlet search --set train.learning_rate=0.1 --set search.calibration_images=512")]
pub(crate) struct SearchArgs {
    #[command(flatten)]
    pub(crate) settings: RunSettingsArgs,

    #[command(flatten)]
    pub(crate) search: SearchSettingsArgs,

    #[command(flatten)]
    pub(crate) after: AfterArgs,

    #[command(flatten)]
    pub(crate) folder: RunFolderArgs,

    /// Search among the parts of a network that has weights: the name of one with public weights
    /// (scarlet info --public), or a file, such as what scarlet finetune wrote. It is trained on the
    /// images first, and teaches its parts. ofa-mbv3, ofa-mbv3-w1.2, ofa-proxyless or their files are
    /// Once-for-All's supernets, whose parts are searched as published. `scratch` searches networks
    /// trained from random weights [default: efficientnet-lite0 for fewer than 10,000 photographs
    /// in colour, if its weights are available; else scratch]
    #[arg(
        long,
        value_name = "NETWORK",
        conflicts_with_all = ["resume", "supernet"],
        help_heading = "Settings"
    )]
    pub(crate) from: Option<String>,

    /// Reuse the supernet of this run in a new one, with its settings except those given:
    /// trained once, it can be searched for any budget
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with = "resume",
        value_hint = ValueHint::DirPath,
        help_heading = "Run"
    )]
    pub(crate) supernet: Option<PathBuf>,

    /// Stop after this stage; --resume continues, also with another --until
    #[arg(
        long,
        value_enum,
        value_name = "STAGE",
        conflicts_with_all = ["dry_run", "export"],
        help_heading = "Run"
    )]
    pub(crate) until: Option<UntilArg>,

    /// Devices to measure candidates on, side by side, such as cpu ws://gpu:3000 [default: that
    /// of --device]
    #[arg(long, value_name = "DEVICE", num_args = 1.., help_heading = "Computation")]
    pub(crate) evaluate_on: Vec<String>,

    /// Show what would be done, what the networks cost and how long it would take
    #[arg(long, conflicts_with = "resume")]
    pub(crate) dry_run: bool,

    /// Print one JSON object, with accuracies from 0 to 1
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

/// Train all networks of a search space at once
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet supernet train --data flowers/ --out flowers-run
  scarlet supernet train --resume flowers-run
  scarlet search --supernet flowers-run --budget \"mult_adds <= 5M\" --out flowers-5m")]
pub(crate) struct SupernetArgs {
    #[command(subcommand)]
    pub(crate) command: SupernetCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SupernetCommand {
    Train(SupernetTrainArgs),
}

/// Train a supernet, as the first part of a search
#[derive(Debug, Args)]
pub(crate) struct SupernetTrainArgs {
    #[command(flatten)]
    pub(crate) settings: RunSettingsArgs,

    #[command(flatten)]
    pub(crate) folder: RunFolderArgs,

    /// Show what would be done, what the networks cost and how long it would take
    #[arg(long, conflicts_with = "resume")]
    pub(crate) dry_run: bool,

    /// Print what --dry-run says as one JSON object
    #[arg(long, requires = "dry_run")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

/// Take a network out of a trained supernet
///
/// The network inherits the supernet's weights; its stabilizers are folded away, which changes no
/// output. Its batch normalisation is measured on some of the run's training images, as for every
/// candidate of the search, so that the file is as accurate as the candidate was.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet extract flowers-run knee.safetensors --choose knee
  scarlet extract flowers-run small.safetensors --budget \"parameters <= 200K\"
  scarlet extract flowers-run named.safetensors --choose 0142130 --dry-run
  scarlet finetune --data flowers/ --weights knee.safetensors")]
pub(crate) struct ExtractArgs {
    /// Folder of a run
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// File to write
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,

    /// TOML file of settings over the run's own: sections choose, export
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// `best`, `knee`, or a genome [default: as the run's settings have it]
    #[arg(long, value_name = "NETWORK")]
    pub(crate) choose: Option<String>,

    /// What the best must keep to besides the search's own budget, such as "mult_adds <= 3M"
    #[arg(long, value_name = "BUDGET", conflicts_with = "choose")]
    pub(crate) budget: Vec<Constraint>,

    /// Write the weights in half precision
    #[arg(long)]
    pub(crate) half: bool,

    /// Keep the supernet's batch normalisation, a mixture of all its networks': needs no images,
    /// but the network has to be trained on before it is of use
    #[arg(long)]
    pub(crate) uncalibrated: bool,

    /// Say which network it would be and what it costs, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

/// Where a run is kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct RunFolderArgs {
    /// Folder of a new run [default: scarlet-run, or scarlet-run-2 and so on if it already holds
    /// a run]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,

    /// Resume the run in this folder, with its own settings
    #[arg(
        long,
        value_name = "RUN",
        value_hint = ValueHint::DirPath
    )]
    pub(crate) resume: Option<PathBuf>,

    /// Seconds between checkpoints within an epoch, in addition to one after every epoch; does not
    /// change the result [default: 300]
    #[arg(long, value_name = "SECONDS", value_parser = whole::<u64>)]
    pub(crate) checkpoint_every: Option<u64>,
}

/// Settings of a run; they override those of a file, which override the defaults.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct RunSettingsArgs {
    /// TOML file of settings: sections data, space, whole, supernet, search, choose, train, export
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// Set any setting, such as train.epochs=20
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// Images: fashion-sample, or a folder with one folder per class, with train and test, or with
    /// MNIST's or CIFAR's files
    #[arg(long, value_name = "SOURCE", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<String>,

    /// Height and width of the networks' input, in pixels; MNIST's and CIFAR's images are padded or
    /// shrunk to it
    #[arg(long, visible_alias = "size", aliases = ["imgsz", "image-size"], value_name = "PIXELS", value_parser = whole::<usize>)]
    pub(crate) resolution: Option<usize>,

    /// Read images in grey
    #[arg(long)]
    pub(crate) grey: bool,

    /// Folder to keep decoded photographs in, for this and later runs; without it, those that do
    /// not fit into memory (data.cache_megabytes, by default 4,000) are decoded again every time
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) cache_folder: Option<String>,

    /// Channels and strides of the layers
    #[arg(long, value_enum)]
    pub(crate) space: Option<PlanArg>,

    /// What a layer may do
    #[arg(long, value_enum)]
    pub(crate) choices: Option<ChoicesArg>,

    /// What a skipped layer does while the supernet trains
    #[arg(long, value_enum)]
    pub(crate) skip: Option<SkipArg>,

    /// Factor by which the plan's channels are multiplied
    #[arg(long, value_name = "FACTOR", value_parser = finite)]
    pub(crate) width: Option<f64>,

    /// Epochs of the supernet's training
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    pub(crate) supernet_epochs: Option<usize>,

    /// Seed of every random decision
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    pub(crate) seed: Option<u64>,
}

/// Settings of what comes after the supernet.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SearchSettingsArgs {
    /// Bound on the network, such as "mult_adds <= 5M"; also accuracy, parameters,
    /// weight_bytes, peak_activation_bytes, moved_bytes, latency_ms, energy_mj (where Linux shows it)
    #[arg(long, value_name = "BUDGET")]
    pub(crate) budget: Vec<String>,

    /// What to maximize or minimize, such as "maximize accuracy" or "minimize latency_ms"
    #[arg(long, visible_alias = "objective", value_name = "OBJECTIVE", num_args = 1..)]
    pub(crate) objectives: Vec<String>,

    /// Table from scarlet latency-table that predicts latency_ms; without it, latency is measured
    /// on the device for every candidate, with one thread unless search.latency_threads is set
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) latency_table: Option<String>,

    /// Numeric type in which the network will run: f32, bf16 or int8. Candidates are evaluated and
    /// timed in it, on the CPU whatever the device, since only the CPU's kernels compute in bf16
    /// and int8; the finished network is also tested and written in it (network.scarlet). int8 is
    /// calibrated on search.calibration_images of the training images [default: f32]
    #[arg(long, value_name = "NUMBERS", value_parser = numbers(), hide_possible_values = true)]
    pub(crate) deploy: Option<Precision>,

    /// Candidates to measure
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    pub(crate) evaluations: Option<usize>,

    /// Network to choose: best, knee, or a genome
    #[arg(long, value_name = "NETWORK")]
    pub(crate) choose: Option<String>,

    /// Weights of a network of the same classes to distil the chosen one from; how strongly is
    /// set by train.distillation.weight and .temperature
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) teacher: Option<PathBuf>,

    /// Epochs of the chosen network's training
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    pub(crate) epochs: Option<usize>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum UntilArg {
    /// With --from: the network is trained on the images
    Whole,
    /// All networks are trained at once
    Supernet,
    /// Candidates are measured
    Search,
    /// One of them is chosen
    Choose,
    /// It is trained on its own
    Train,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PlanArg {
    /// 7 layers of 16 to 64 channels, total stride 4
    Tiny,
    /// 9 layers of 24 to 80 channels, total stride 8
    Small,
    /// SCARLET's 19 layers of 32 to 320 channels, total stride 32
    Scarlet,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ChoicesArg {
    /// SCARLET's 13: kernels 3, 5, 7, expansions 3, 6, squeeze-excite or not, skip
    Scarlet,
    /// 7: no squeeze-excite, ReLU6
    Plain,
    /// 5: kernels 3, 5, expansions 3, 6, skip
    Few,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SkipArg {
    /// A linear 1×1 convolution that is folded away afterwards
    Stabilizer,
    /// Nothing: the ablation
    Identity,
    /// No layer can be skipped
    None,
}
