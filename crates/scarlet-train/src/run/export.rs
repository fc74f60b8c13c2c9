//! The last stage: the network is measured on the test images and written for use.

use scarlet::onnx::OnnxOptions;
use scarlet::weights::Precision;
use scarlet::{DeployOptions, Scarlet};
use scarlet_arch::Cost;
use scarlet_data::class_list;
use scarlet_search::SearchState;
use serde::{Deserialize, Serialize};

use super::stages::Run;
use super::timing::time_of;
use super::{Choice, RunError, Stage};
use crate::dataset::Source;
use crate::measure::judge;
use crate::report::card;
use crate::trust::{Evidence, TEST_IMAGES as TEST};
use crate::{Measurement, RunFolder, TrainError};

/// The finished network, in the folder [`NETWORK`](super::folder::NETWORK).
const WEIGHTS: &str = "network/network.safetensors";
const ONNX: &str = "network/network.onnx";
const DEPLOYED: &str = "network/network.scarlet";
const ARCHITECTURE: &str = "network/architecture.json";
const CLASSES: &str = "network/classes.txt";
/// What the run came to.
const RESULT: &str = "result.json";

/// What is written for use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportSettings {
    /// Write the weights in half precision: half the size, almost the same outputs.
    pub half: bool,
    /// Write the network as ONNX too.
    pub onnx: bool,
    /// Write the deployed form too, which starts in milliseconds on the CPU.
    pub deployed: bool,
}

impl Default for ExportSettings {
    fn default() -> Self {
        Self {
            half: false,
            onnx: true,
            deployed: true,
        }
    }
}

/// What a run came to; `result.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Exported {
    /// The finished network's accuracy on the test images, from 0 to 1.
    pub test_accuracy: f64,
    /// 95 % confidence interval of this accuracy.
    #[serde(default)]
    pub test_interval: Option<[f64; 2]>,
    /// The measurement behind it.
    pub test: Measurement,
    /// The network.
    pub network: Choice,
    /// What it is a part of, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<WholeResult>,
    /// How long the stages took, in seconds, interruptions not counted.
    pub seconds: StageSeconds,
}

/// The network whose parts were searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WholeResult {
    /// How it does on the test images.
    pub test: Measurement,
    /// Its mult-adds.
    pub mult_adds: u64,
    /// Its trained numbers.
    pub parameters: u64,
}

/// How long the stages took, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StageSeconds {
    /// Training of the network that the others are parts of, where they are.
    #[serde(default)]
    pub whole: f64,
    /// Training of the supernet.
    pub supernet: f64,
    /// Search.
    pub search: f64,
    /// Training of the chosen network.
    pub train: f64,
}

impl Run {
    /// Measures the finished network on the test images and writes it: `network/` gets
    /// `network.safetensors`, `network.onnx`, `network.scarlet` (the deployed form),
    /// `architecture.json` and `classes.txt`. `whole` is the
    /// [whole network](Self::train_whole), where it is a part of one, which is measured beside it.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn export(
        &self,
        folder: &RunFolder,
        choice: &Choice,
        network: &Scarlet,
        found: &SearchState,
        whole: Option<&Scarlet>,
    ) -> Result<Exported, RunError> {
        self.stage(folder, Stage::Export, || {
            let (test, tested) = self.judge(network)?;
            let whole = whole.map(|whole| self.whole_result(whole)).transpose()?;
            let source = &self.config.data.source;
            let images = test.images as u64;
            let mut card =
                card(source, &self.data.all).with_accuracy(TEST, test.correct as u64, images);
            // The network was trained on all others. No class is changed by it, so that the accuracy
            // stays one of images that nothing was fitted on.
            if let Some(temperature) = tested.temperature() {
                card = card.with_temperature(temperature, TEST, images);
            }
            let network = &network.clone().with_card(card).map_err(TrainError::from)?;
            let precision = match self.config.export.half {
                true => Precision::F16,
                false => Precision::F32,
            };
            let wrote = |name: &str| self.wrote(Stage::Export, folder, name);
            network.save(folder.file(WEIGHTS), precision)?;
            wrote(WEIGHTS)?;
            if self.config.export.onnx {
                network.save_onnx(folder.file(ONNX), &OnnxOptions::new())?;
                wrote(ONNX)?;
            }
            if self.config.export.deployed {
                let deployed = network.deploy(&DeployOptions::new())?;
                deployed.save(folder.file(DEPLOYED))?;
                wrote(DEPLOYED)?;
            }
            let architecture = network.architecture().to_json();
            folder.write(ARCHITECTURE, architecture.as_bytes())?;
            wrote(ARCHITECTURE)?;
            let classes = class_list::to_text(self.data.all.classes());
            folder.write(CLASSES, classes.as_bytes())?;
            wrote(CLASSES)?;
            let seconds =
                |stage| -> Result<f64, RunError> { Ok(time_of(folder, stage)?.as_secs_f64()) };
            let exported = Exported {
                test_accuracy: test.accuracy(),
                test_interval: Some(test.interval()),
                test,
                network: choice.clone(),
                whole,
                seconds: StageSeconds {
                    whole: seconds(Stage::Whole)?,
                    supernet: seconds(Stage::Supernet)?,
                    search: seconds(Stage::Search)?,
                    train: seconds(Stage::Train)?,
                },
            };
            folder.write_json(RESULT, &exported)?;
            wrote(RESULT)?;
            self.write_report(Stage::Export, folder, found, Some((network, &exported)))?;
            Ok(exported)
        })
    }

    /// A network on the test images, at its own resolution.
    fn judge(&self, network: &Scarlet) -> Result<(Measurement, Evidence), RunError> {
        let side = network.architecture().preprocessing.resolution;
        let mut room = None;
        let images = Source::from(&self.data.test).fitted(side, &mut room);
        Ok(judge(network, images, self.config.search.batch_size)?)
    }

    fn whole_result(&self, whole: &Scarlet) -> Result<WholeResult, RunError> {
        let architecture = whole.architecture();
        let cost = Cost::of(architecture, architecture.preprocessing.resolution)?;
        Ok(WholeResult {
            test: self.judge(whole)?.0,
            mult_adds: cost.mult_adds,
            parameters: cost.parameters,
        })
    }
}
