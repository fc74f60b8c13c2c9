//! Arguments of `scarlet study`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::run::{ChoicesArg, PlanArg};
use super::{ComputeArgs, at_least_one, finite, seed_count};

/// Study the effect of stabilizers, fair sampling and the search
///
/// Every answer is a table (CSV) and a picture (SVG) in FOLDER. All results are kept there, so that
/// nothing is done twice: after an interruption, run the same command again; another question uses
/// the same supernets.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet study similarity runs/study
  scarlet study spread runs/study
  scarlet study ranking runs/ranking --seeds 3 --networks 30 --by-depth
  scarlet study ranking runs/paper --data cifar-10/ --space small --choices plain --dry-run
  scarlet study ranking runs/ranking --config study.toml --set supernet.learning_rate=0.05
  scarlet study search flowers-run --seeds 5")]
pub(crate) struct StudyArgs {
    #[command(subcommand)]
    pub(crate) question: StudyQuestion,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StudyQuestion {
    /// How similar are the outputs of a layer's choices?
    Similarity(SupernetStudyArgs),
    /// How widely do the accuracies of random networks vary, with a supernet's weights?
    Spread(SupernetStudyArgs),
    /// Does a supernet rank networks as stand-alone training does?
    Ranking(SupernetStudyArgs),
    /// Does NSGA-II find better networks than random search and regularized evolution?
    Search(SearchStudyArgs),
}

/// Supernets with and without stabilizers, and networks trained on their own.
#[derive(Debug, Args)]
pub(crate) struct SupernetStudyArgs {
    /// Folder of the study, created if needed
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,

    /// TOML file of settings: source, images, seeds, networks, by_depth, networks_seed, layer,
    /// paths, stabilizer, and sections space, supernet, standalone, evaluator
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// Set any setting, such as standalone.epochs=20
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// Images of one size: fashion-sample, or a folder with MNIST's or CIFAR's files
    /// [default: fashion-sample]
    #[arg(long, value_name = "SOURCE", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<String>,

    /// Train on this many of its training images, the same share of every class [default: all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) images: Option<usize>,

    /// Channels and strides of the layers [default: tiny]
    #[arg(long, value_enum)]
    pub(crate) space: Option<PlanArg>,

    /// What a layer may do [default: few]
    #[arg(long, value_enum)]
    pub(crate) choices: Option<ChoicesArg>,

    /// Factor by which the plan's channels are multiplied [default: 1]
    #[arg(long, value_name = "FACTOR", value_parser = finite)]
    pub(crate) width: Option<f64>,

    /// Supernets of each kind, with seeds from 0 [default: 1]
    #[arg(long, value_name = "N", value_parser = seed_count)]
    pub(crate) seeds: Option<u16>,

    /// Random networks to compare [default: 20]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) networks: Option<usize>,

    /// Compare as many networks of every depth, rather than of any
    #[arg(long)]
    pub(crate) by_depth: bool,

    /// Layer, from 1, whose choices' outputs are compared [default: 4]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) layer: Option<usize>,

    /// Epochs of every supernet [default: 8]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) supernet_epochs: Option<usize>,

    /// Epochs of every network that is trained on its own [default: 8]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) network_epochs: Option<usize>,

    /// Show what would be trained, what the networks cost and how long it would take
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON object, with accuracies from 0 to 1
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

/// The algorithms get the same supernet, objectives, budget and number of candidates, those of the
/// run. The results are compared by hypervolume: the fraction of all conceivable combinations of
/// the objectives that is no better than some network found.
#[derive(Debug, Args)]
pub(crate) struct SearchStudyArgs {
    /// Folder of a run of `scarlet search`; its supernet is trained first where it is not
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,

    /// TOML file of settings: seeds, evaluations
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// Set any setting, such as seeds=[3,4]
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// Searches of each algorithm, with seeds from 0 [default: 5]
    #[arg(long, value_name = "N", value_parser = seed_count)]
    pub(crate) seeds: Option<u16>,

    /// Candidates that each search may measure [default: as many as in the run]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) evaluations: Option<usize>,

    /// Show what would be searched and how long it would take
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}
