//! The exit code that an error gives: 2 for wrong usage, 1 for a failure.

use scarlet::onnx::OnnxError;
use scarlet::tflite::TfliteError;
use scarlet::weights::{FetchError, WeightsError};
use scarlet::{DeployError, DeviceError, Int8Error};
use scarlet_data::DataError;
use scarlet_data::dataset::DatasetError;
use scarlet_run::RunError;
use scarlet_search::SearchError;
use scarlet_train::TrainError;
use scarlet_train::latency::LatencyError;

use super::CliError;

const FAILURE: u8 = 1;
const USAGE: u8 = 2;
/// 128 and the number of the interrupt signal, as shells report it.
const INTERRUPTED: u8 = 130;

impl CliError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            // Named rightly, but not to be reached.
            Self::Device(DeviceError::Unreachable { .. } | DeviceError::Unauthorized { .. }) => {
                FAILURE
            }
            Self::Architecture(_)
            | Self::Weights(WeightsError::UnknownOrigin(_))
            | Self::UnknownModel(_)
            | Self::UnknownFamily(_)
            | Self::UnknownMetric { .. }
            | Self::Device(_)
            | Self::Config(_)
            | Self::Deploy(scarlet::DeployError::Input(_))
            | Self::NotAModelFile(_)
            | Self::FolderAsModel { .. }
            | Self::DeployedModel(_)
            | Self::DeployedWeights(_)
            | Self::DeployedDevice { .. }
            | Self::NoData
            | Self::OfSeveralLabels(_)
            | Self::OfOneLabel(_)
            | Self::NoBorder { .. }
            | Self::TooLittleTime { .. }
            | Self::Embedding(_)
            | Self::EmbedOne(_)
            | Self::Recipe
            | Self::NoPresets
            | Self::Resumed { .. }
            | Self::ExportFormat(_)
            | Self::VerifiesNoFile(_)
            | Self::NoPhotographs(_)
            | Self::OverwritesWeights(_)
            | Self::ExportOption { .. }
            | Self::Onnx(OnnxError::Input(_) | OnnxError::Setting { .. })
            | Self::NotASetting(_)
            | Self::Settings(_)
            | Self::ConfigFile { .. }
            | Self::Fetch(FetchError::BadSource { .. }) => USAGE,
            Self::Tflite(error)
                if matches!(**error, TfliteError::Input(_) | TfliteError::Labels { .. }) =>
            {
                USAGE
            }
            Self::Int8(error) if matches!(**error, Int8Error::Input(_)) => USAGE,
            Self::Run(error) => run_exit_code(error),
            Self::Train(error) => train_exit_code(error),
            Self::Dataset(error) => dataset_exit_code(error),
            Self::Interrupted => INTERRUPTED,
            _ => FAILURE,
        }
    }
}

fn run_exit_code(error: &RunError) -> u8 {
    match error {
        RunError::Interrupted { .. } => INTERRUPTED,
        RunError::UnknownKey { .. }
        | RunError::OtherLabelCount { .. }
        | RunError::NotSettings { .. }
        | RunError::Setting { .. }
        | RunError::UnknownChoice { .. }
        | RunError::ImpossibleBudget { .. }
        | RunError::ImpossibleBudgets { .. }
        | RunError::OtherSupernet { .. }
        | RunError::KeptClassifier { .. }
        | RunError::OtherClassOrder { .. }
        | RunError::NotARun { .. }
        | RunError::OtherRun { .. }
        | RunError::Architecture(_) => USAGE,
        RunError::Search(error) => match **error {
            SearchError::Evaluator(_) | SearchError::Io { .. } | SearchError::Json { .. } => {
                FAILURE
            }
            _ => USAGE,
        },
        RunError::Dataset(error) => dataset_exit_code(error),
        RunError::Train(error) => train_exit_code(error),
        _ => FAILURE,
    }
}

fn train_exit_code(error: &TrainError) -> u8 {
    match error {
        TrainError::Architecture(_)
        | TrainError::Network(_)
        | TrainError::Setting { .. }
        | TrainError::Settings { .. }
        | TrainError::BatchTooLarge { .. }
        | TrainError::SettingsChanged { .. }
        | TrainError::EpochsDone { .. }
        | TrainError::TooManyFolds { .. }
        | TrainError::TooFewForCurve { .. }
        | TrainError::ImagesChanged { .. }
        | TrainError::Exists { .. }
        | TrainError::OtherTeacher { .. } => USAGE,
        TrainError::Latency(error) => match **error {
            LatencyError::OtherSpace { .. } | LatencyError::OtherNumbers { .. } => USAGE,
            LatencyError::Deploy(ref error) if matches!(**error, DeployError::NoKernels) => USAGE,
            _ => FAILURE,
        },
        TrainError::Dataset(error) => dataset_exit_code(error),
        TrainError::Data(DataError::InvalidOption { .. }) => USAGE,
        _ => FAILURE,
    }
}

fn dataset_exit_code(error: &DatasetError) -> u8 {
    match error {
        DatasetError::UnknownSource { .. }
        | DatasetError::SizesDiffer { .. }
        | DatasetError::SeveralLabels
        | DatasetError::NoTable { .. }
        | DatasetError::CacheFolder { .. }
        | DatasetError::Share { .. }
        | DatasetError::TooLarge { .. } => USAGE,
        _ => FAILURE,
    }
}
