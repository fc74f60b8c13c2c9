//! [`CliError`]: what ends a command, how it reads, and the exit code it gives.

mod exit_code;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::HumanDuration;
use scarlet::arch::ArchitectureError;
use scarlet::exported::ExportedError;
use scarlet::onnx::OnnxError;
use scarlet::tflite::TfliteError;
use scarlet::weights::{FetchError, WeightsError};
use scarlet::{CardError, ConfigError, DeployError, DeviceError, Int8Error};
use scarlet_data::DataError;
use scarlet_data::dataset::DatasetError;
use scarlet_data::names::escaped;
use scarlet_report::ReportError;
use scarlet_run::RunError;
use scarlet_train::TrainError;
use thiserror::Error;

use crate::engine_package::EnginePackageError;
use crate::toml_settings::SettingsError;
use crate::verify::RuntimeError;

#[derive(Debug, Error)]
pub(crate) enum CliError {
    /// A network named or described on the command line.
    #[error(transparent)]
    Architecture(#[from] ArchitectureError),
    #[error("{0}. scarlet info lists them")]
    UnknownModel(#[from] scarlet::zoo::UnknownNetwork),
    #[error("the zoo has no family {0:?}; it has {families}", families = scarlet::zoo::families().join(", "))]
    UnknownFamily(String),
    #[error("a budget of the list cannot be on {name:?}; it can be on {known}")]
    UnknownMetric { name: String, known: String },
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Card(#[from] CardError),
    #[error(transparent)]
    Deploy(#[from] DeployError),
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    #[error(transparent)]
    Tflite(Box<TfliteError>),
    #[error(transparent)]
    Int8(Box<Int8Error>),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    #[error(transparent)]
    Run(Box<RunError>),

    /// Weights of a network that nobody named.
    #[error(
        "{0}. That is --model NAME, such as --model efficientnet-lite0; where tensors have other \
         names than the network's, --rename OLD=NEW renames them, as in --rename \
         _fc=classifier. scarlet-weights inspect FILE lists them"
    )]
    UnknownNetwork(Box<WeightsError>),
    /// A network of the zoo that a search cannot start from.
    #[error(
        "the weights of {0} are not public: scarlet info --public lists networks whose weights are, \
         and --from also takes a file of weights"
    )]
    NoPublicWeights(&'static str),
    #[error("no images to train on: give them with --data")]
    NoData,
    /// Crops of images that show no more than one crop.
    #[error(
        "there are no crops to take: the network sees {side}×{side} pixels of images that are {resized} \
         pixels high or wide at least, and that must be 4 pixels more, of photographs. Use --augment flip, \
         or leave it out"
    )]
    NoBorder { side: usize, resized: usize },
    #[error(
        "`recipe` is not a setting, since the command decides it: `scarlet train` or `scarlet finetune`"
    )]
    Recipe,
    #[error("a run resumes with its own settings: leave out --{option}. {instead}")]
    Resumed { option: String, instead: String },
    #[error("presets are of `scarlet train` and `scarlet finetune`: leave out --preset")]
    NoPresets,
    #[error("`{0}` is not a setting: write KEY=VALUE, such as train.epochs=20")]
    NotASetting(String),
    #[error(transparent)]
    EnginePackage(#[from] EnginePackageError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("the settings in {} cannot be read: {problem}", path.display())]
    ConfigFile { path: PathBuf, problem: String },
    #[error("cannot read {}: {source}", path.display())]
    ReadFile { path: PathBuf, source: io::Error },
    #[error("the network described in {} cannot be built: {source}", path.display())]
    ModelFile {
        path: PathBuf,
        source: Box<ArchitectureError>,
    },
    #[error(
        "{} is a file, but networks are described by .json files; weights are given with --weights",
        .0.display()
    )]
    NotAModelFile(PathBuf),
    /// A file that is no kind of network.
    #[error(
        "{0}. What can be shown: a network's name (scarlet info lists them), its layers, a .json file that \
         describes it, its weights, and what scarlet deploy or scarlet export wrote"
    )]
    NoNetworkIn(Box<WeightsError>),
    #[error(
        "{} is what a run resumes from (--resume with its folder); its networks are in \
         best.safetensors and last.safetensors, or network/network.safetensors of a search",
        .0.display()
    )]
    CheckpointOfRun(PathBuf),
    #[error(
        "{} is a network in another program's format that scarlet did not write, and holds no description \
         that can be shown: give the weights that it was made from",
        .0.display()
    )]
    ForeignExport(PathBuf),
    #[error(
        "{} is a folder, and networks are files{}",
        path.display(),
        match network {
            Some(file) => format!(": give one of this run's, {}", file.display()),
            None => String::new(),
        }
    )]
    FolderAsModel {
        path: PathBuf,
        network: Option<PathBuf>,
    },
    #[error(
        "{} describes no network: it belongs to a run, whose network is {}",
        path.display(),
        network.display()
    )]
    FileOfRun { path: PathBuf, network: PathBuf },
    #[error(
        "these weights are of a network with {found} classes, not {asked}: give --num-classes {found}"
    )]
    WeightsClassCount { found: usize, asked: usize },
    #[error(
        "{} names {found} classes, one per line, but the network has {expected}",
        path.display()
    )]
    NameCount {
        path: PathBuf,
        found: usize,
        expected: usize,
    },
    #[error("{0}")]
    EvaluatedClasses(String),
    #[error(
        "this network gives an image any number of labels, but {0} takes one class per image{hint}",
        hint = if *.0 == "a folder of classes" {
            ": give the CSV file that lists the labels of the images"
        } else {
            ": leave it out, or use a network of one class per image"
        }
    )]
    OfSeveralLabels(&'static str),
    #[error(
        "{} lists any number of labels per image, but this network gives exactly one class: train one \
         with scarlet finetune --data {}",
        .0.display(), .0.display()
    )]
    OfOneLabel(PathBuf),
    #[error("{} is a deployed network, which already defines the model: leave out --model", .0.display())]
    DeployedModel(PathBuf),
    #[error(
        "{} is a deployed network, whose weights are packed for running only: give those that it \
         was made from", .0.display()
    )]
    DeployedWeights(PathBuf),
    #[error(
        "{} is a deployed network, which runs on the CPU only, not on {device}: give the weights \
         that it was made from",
        path.display()
    )]
    DeployedDevice { path: PathBuf, device: String },
    #[error("cannot serve a device at {address}: {reason}")]
    Serve { address: SocketAddr, reason: String },
    #[error(
        "port {} of {} is already in use, by another program or another scarlet demo: choose another with \
         --port, or let the system choose one with --port 0",
        .0.port(),
        .0.ip()
    )]
    PortTaken(SocketAddr),
    #[error("this machine has no address {}: give --listen one that it has, or omit it", .0.ip())]
    NoSuchAddress(SocketAddr),
    #[error("cannot serve a page at {address}: {reason}")]
    Page { address: SocketAddr, reason: String },
    #[error(
        "the network takes images of {0} channels, but images are read in colour (3) or in grey (1)"
    )]
    NoColours(usize),

    #[error(
        "the network's output is not finite: its weights are damaged, or too large for the \
         device's number type"
    )]
    NotFinite,
    #[error(
        "{} must end in .onnx, .tflite or .safetensors, which decides what to write", .0.display()
    )]
    ExportFormat(PathBuf),
    #[error(
        "--verify is for files, and {} is not a file: a runtime could not read it", .0.display()
    )]
    VerifiesNoFile(PathBuf),
    #[error(
        "`{}` holds a network as it runs, without the batch normalisation that training needs: give the \
         weights that it was made from", .0.display()
    )]
    ExportedWeights(PathBuf),
    #[error(transparent)]
    Exported(Box<ExportedError>),
    #[error(
        "`{0}` is not a folder of photographs, which --int8 and --verify need: leave them out, and pass \
         the photographs to scarlet export later"
    )]
    NoPhotographs(String),
    #[error("none of the photographs in {} can be read, so nothing was verified", .0.display())]
    NothingToVerify(PathBuf),
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(
        "{} gives other results in {runtime} than the network does here: logits differ by {error:.1e} of \
         the largest",
        file.display()
    )]
    Disagrees {
        file: PathBuf,
        runtime: &'static str,
        error: f64,
    },
    /// What was found is printed before.
    #[error("--strict: {0}")]
    SpoiledData(String),
    #[error("features are written as .csv or .npy, not as {}", .0.display())]
    Embedding(PathBuf),
    #[error(
        "features are written for one network only, but {0} are to be compared: name one with --model"
    )]
    EmbedOne(usize),
    #[error("--{option} does not apply to {}: it is for files ending in {ending}", path.display())]
    ExportOption {
        option: &'static str,
        ending: &'static str,
        path: PathBuf,
    },
    #[error(
        "`{}` holds the weights themselves, which would be lost: choose another name for the output",
        .0.display()
    )]
    OverwritesWeights(PathBuf),
    #[error(
        "cannot use {threads} threads: {reason}. Give fewer with --threads, or raise the system's limit \
         (ulimit -u, or a container's pids)"
    )]
    Threads { threads: usize, reason: String },
    #[error(
        "cannot wait for Ctrl-C: {0}. Where the system allows no more threads, raise its limit (ulimit \
         -u, or a container's pids)"
    )]
    Signal(#[from] ctrlc::Error),

    /// Each was reported by itself.
    #[error("{failed} of {total} photographs could not be read")]
    Unreadable { failed: usize, total: usize },
    #[error(
        "no image of {} can be read, so these figures leave {} out: put readable images there, or \
         remove the folder{}",
        listed(.0),
        if .0.len() == 1 { "it" } else { "them" },
        if .0.len() == 1 { "" } else { "s" }
    )]
    UnreadableClasses(Vec<String>),
    #[error("cannot write {}: {source}", path.display())]
    WriteFile { path: PathBuf, source: io::Error },
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
    #[error(
        "{} are too short: to read the images, time some steps and train for one epoch takes about {}; \
         give more time, a smaller --resolution or fewer images",
        HumanDuration(*given), HumanDuration(*least)
    )]
    TooLittleTime { given: Duration, least: Duration },
    /// A learning rate range test that says nothing; what it saw is printed before.
    #[error("no learning rate can be suggested: {0}")]
    NoLearningRate(String),
    #[error("interrupted")]
    Interrupted,
}

impl CliError {
    /// Whether the reader of standard output went away.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Print(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The message, and every cause that it does not state itself.
    pub(crate) fn report(&self) -> String {
        let mut report = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let message = error.to_string();
            if !report.contains(&message) {
                report.push_str("\n  caused by: ");
                report.push_str(&message);
            }
            cause = error.source();
        }
        report
    }
}

fn listed(classes: &[String]) -> String {
    const MOST: usize = 20;
    let shown: Vec<String> = classes
        .iter()
        .take(MOST)
        .map(|it| format!("`{}`", escaped(it)))
        .collect();
    let more = match classes.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what = if classes.len() == 1 {
        "class"
    } else {
        "classes"
    };
    format!("{what} {}{more}", shown.join(", "))
}

impl From<ExportedError> for CliError {
    fn from(error: ExportedError) -> Self {
        Self::Exported(Box::new(error))
    }
}

impl From<TfliteError> for CliError {
    fn from(error: TfliteError) -> Self {
        Self::Tflite(Box::new(error))
    }
}

impl From<Int8Error> for CliError {
    fn from(error: Int8Error) -> Self {
        Self::Int8(Box::new(error))
    }
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        Self::Run(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let error = CliError::ReadFile {
            path: "names.txt".into(),
            source: io::Error::other("the disk is on fire"),
        };
        assert_eq!(error.report(), "cannot read names.txt: the disk is on fire");
    }

    #[test]
    fn wrong_usage_and_failure_have_their_own_codes() {
        let unknown = scarlet::device_by_name("tpu").unwrap_err();
        assert_eq!(CliError::from(unknown).exit_code(), 2);
        assert_eq!(CliError::NotFinite.exit_code(), 1);
        assert_eq!(CliError::Interrupted.exit_code(), 130);
    }

    #[test]
    fn only_a_closed_standard_output_is_a_broken_pipe() {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(CliError::Print(broken()).is_broken_pipe());
        let file = CliError::WriteFile {
            path: "x".into(),
            source: broken(),
        };
        assert!(!file.is_broken_pipe());
    }
}
