//! The last stage: the network is measured on the test images and written for use.

use scarlet::Precision;
use scarlet::onnx::OnnxOptions;
use scarlet::{Scarlet, weights};
use scarlet_arch::Cost;
use scarlet_data::class_list;
use scarlet_data::dataset::Source;
use scarlet_search::SearchState;
use scarlet_train::Measurement;
use scarlet_train::deployment::Deployment;
use scarlet_train::measure::judge_deployed;
use scarlet_train::trust::{Evidence, TEST_IMAGES as TEST};
use serde::{Deserialize, Serialize};

use super::stages::Run;
use super::timing::time_of;
use super::{Choice, Stage};
use crate::RunError;
use crate::RunFolder;
use crate::files;
use crate::report::card;

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

/// The result of a run; `result.json`.
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
    /// The network as it is deployed, where that is in other numbers than floats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed: Option<DeployedResult>,
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

/// The finished network in the numbers in which it will run: what `network.scarlet` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeployedResult {
    /// These numbers.
    pub numbers: Precision,
    /// How it does on the test images.
    pub test: Measurement,
    /// 95 % confidence interval of its accuracy.
    pub test_interval: [f64; 2],
    /// Training images that said how it is rounded to int8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration_images: Option<usize>,
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
    /// `network.safetensors`, `network.onnx`, `network.scarlet` (the deployed form, in the numbers of
    /// [`SearchSettings::deploy`](super::SearchSettings), in which it is measured too),
    /// `architecture.json` and `classes.txt`. `whole` is the
    /// [whole network](Self::train_whole), where it is a part of one, which is measured too.
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
            let (test, network) = &self.tested(network, Deployment::in_floats())?;
            let whole = whole.map(|whole| self.whole_result(whole)).transpose()?;
            let precision = match self.config.export.half {
                true => weights::Precision::F16,
                false => weights::Precision::F32,
            };
            let wrote = |name: &str| self.wrote(Stage::Export, folder, name);
            network.save(folder.file(files::WEIGHTS), precision)?;
            wrote(files::WEIGHTS)?;
            if self.config.export.onnx {
                network.save_onnx(folder.file(files::ONNX), &OnnxOptions::new())?;
                wrote(files::ONNX)?;
            }
            let deployed = self.deploy(folder, network)?;
            let architecture = network.architecture().to_json();
            folder.write(files::ARCHITECTURE, architecture.as_bytes())?;
            wrote(files::ARCHITECTURE)?;
            let classes = class_list::to_text(self.data.all.classes());
            folder.write(files::CLASSES, classes.as_bytes())?;
            wrote(files::CLASSES)?;
            let seconds =
                |stage| -> Result<f64, RunError> { Ok(time_of(folder, stage)?.as_secs_f64()) };
            let exported = Exported {
                test_accuracy: test.accuracy(),
                test_interval: Some(test.interval()),
                test: *test,
                deployed,
                network: choice.clone(),
                whole,
                seconds: StageSeconds {
                    whole: seconds(Stage::Whole)?,
                    supernet: seconds(Stage::Supernet)?,
                    search: seconds(Stage::Search)?,
                    train: seconds(Stage::Train)?,
                },
            };
            folder.write_json(files::RESULT, &exported)?;
            wrote(files::RESULT)?;
            self.write_report(Stage::Export, folder, found, Some((network, &exported)))?;
            Ok(exported)
        })
    }

    /// Writes the network in its deployed form, and measures it where that is in other numbers than
    /// floats.
    fn deploy(
        &self,
        folder: &RunFolder,
        network: &Scarlet,
    ) -> Result<Option<DeployedResult>, RunError> {
        let precision = self.config.search.deploy;
        let images = match precision {
            Precision::Int8 => {
                let training = Source::from(&self.data.train);
                self.evaluator_config().calibration(training)
            }
            _ => None,
        };
        let deployment = Deployment {
            precision,
            calibration: images.as_ref().map(Source::from),
            ..Deployment::in_floats()
        };
        let (measured, network) = match precision {
            Precision::Float32 => (None, network.clone()),
            _ => {
                let (test, network) = self.tested(network, deployment)?;
                (Some(test), network)
            }
        };
        if self.config.export.deployed {
            let deployed = deployment.deploy(&network, 1)?;
            deployed.save(folder.file(files::DEPLOYED))?;
            self.wrote(Stage::Export, folder, files::DEPLOYED)?;
        }
        Ok(measured.map(|test| DeployedResult {
            numbers: precision,
            test_interval: test.interval(),
            test,
            calibration_images: images.map(|images| images.len()),
        }))
    }

    /// A network on the test images, deployed in this way, and the network with a card that says so.
    fn tested(
        &self,
        network: &Scarlet,
        deployment: Deployment<'_>,
    ) -> Result<(Measurement, Scarlet), RunError> {
        let (test, tested) = self.judge(network, deployment)?;
        let source = &self.config.data.source;
        let images = test.images as u64;
        let mut card =
            card(source, &self.data.all).with_accuracy(TEST, test.correct as u64, images);
        // The network was trained on all others. No class is changed by it, so that the accuracy
        // stays one of images that nothing was fitted on.
        if let Some(temperature) = tested.temperature() {
            card = card.with_temperature(temperature, TEST, images);
        }
        let network = network.clone().with_card(card)?;
        Ok((test, network))
    }

    /// A network on the test images, at its own resolution, deployed in this way.
    fn judge(
        &self,
        network: &Scarlet,
        deployment: Deployment<'_>,
    ) -> Result<(Measurement, Evidence), RunError> {
        let side = network.architecture().preprocessing.resolution;
        let mut room = None;
        let images = Source::from(&self.data.test).fitted(side, &mut room);
        let batch_size = self.config.search.batch_size;
        Ok(judge_deployed(deployment, network, images, batch_size)?)
    }

    fn whole_result(&self, whole: &Scarlet) -> Result<WholeResult, RunError> {
        let architecture = whole.architecture();
        let cost = Cost::of(architecture, architecture.preprocessing.resolution)?;
        Ok(WholeResult {
            test: self.judge(whole, Deployment::in_floats())?.0,
            mult_adds: cost.mult_adds,
            parameters: cost.parameters,
        })
    }
}
