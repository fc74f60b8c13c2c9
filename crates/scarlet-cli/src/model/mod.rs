//! [`Model`]: a network with weights, ready to run, from what the command line says.

pub(crate) mod loaded;
pub(crate) mod named;
pub(crate) mod weights_file;

use std::path::{Path, PathBuf};

use scarlet::arch::{Architecture, Preprocessing};
use scarlet::burn::tensor::{Device, Tensor, TensorData};
use scarlet::weights::Source;
use scarlet::{
    CardTemperature, DeployOptions, Deployed, ModelCard, PartProfile, Prediction, Scarlet,
    ScarletConfig, SeveralLabels, device_by_name, top_k,
};

use self::loaded::Loaded;
use self::named::{adapt, architecture};
use self::weights_file::get;
use crate::class_names::ClassNames;
use crate::cli::{ComputeArgs, ModelArgs, NamesArgs, SubjectArgs};
use crate::error::CliError;
use crate::terminal::Terminal;
use crate::threads;

/// The network that `bench` and `profile` measure unless told otherwise.
const MEASURED_MODEL: &str = "scarlet-a";

/// A network in its deployed form on a device.
#[derive(Debug)]
pub(crate) struct Model {
    network: Deployed,
    /// The same as it trains, where that is wanted and there.
    trained: Option<Box<Scarlet>>,
    /// Where the weights are from, for reports.
    weights: String,
    /// The folder of the weights' file, where it is one of the user's.
    home: Option<PathBuf>,
    device: Device,
    device_name: String,
}

impl Model {
    /// The network that `args` asks for, its weights downloaded if need be, for up to `batch`
    /// images at a time.
    pub(crate) fn open(
        args: &ModelArgs,
        compute: &ComputeArgs,
        batch: usize,
        terminal: &Terminal,
    ) -> Result<Self, CliError> {
        let mut model = Self::open_with_network(args, compute, batch, terminal)?;
        model.trained = None;
        Ok(model)
    }

    /// The same, which keeps its [network](Self::network).
    pub(crate) fn open_with_network(
        args: &ModelArgs,
        compute: &ComputeArgs,
        batch: usize,
        terminal: &Terminal,
    ) -> Result<Self, CliError> {
        let device = open_device(compute)?;
        let (network, trained, weights, home) = match deployed_file(args, terminal)? {
            Some(path) => (
                open_deployed(&path, args, compute, batch)?,
                None,
                args.weights.clone().unwrap_or_default(),
                path.parent().map(Path::to_owned),
            ),
            None => {
                let loaded = Loaded::open(args, &device, terminal)?;
                let resolution = loaded.architecture.preprocessing.resolution;
                let network = deploy(&loaded.network, resolution, batch)?;
                let trained = Some(Box::new(loaded.network));
                (network, trained, loaded.weights, loaded.home)
            }
        };
        let channels = network.architecture().input_channels;
        if !matches!(channels, 1 | 3) {
            return Err(CliError::NoColours(channels));
        }
        Ok(Self {
            network,
            trained,
            weights,
            home,
            device,
            device_name: compute.device.clone(),
        })
    }

    /// A network to be measured, of random weights unless there are others.
    pub(crate) fn measured(
        subject: &SubjectArgs,
        compute: &ComputeArgs,
        terminal: &Terminal,
    ) -> Result<Self, CliError> {
        let args = ModelArgs {
            model: subject.model.clone(),
            weights: subject.weights.clone(),
            random_init: false,
            seed: 0,
            num_classes: None,
            resolution: subject.resolution,
            names: NamesArgs::default(),
        };
        if args.weights.is_some() {
            return Self::open(&args, compute, subject.batch, terminal);
        }
        let model = args.model.as_deref().unwrap_or(MEASURED_MODEL);
        let architecture = adapt(architecture(model)?, &args)?;
        let resolution = architecture.preprocessing.resolution;
        let device = open_device(compute)?;
        let network = ScarletConfig::from(architecture).try_init_seeded(args.seed, &device)?;
        Ok(Self {
            network: deploy(&network, resolution, subject.batch)?,
            trained: None,
            weights: "random".to_owned(),
            home: None,
            device,
            device_name: compute.device.clone(),
        })
    }

    pub(crate) fn architecture(&self) -> &Architecture {
        self.network.architecture()
    }

    pub(crate) fn preprocessing(&self) -> Preprocessing {
        self.architecture().preprocessing
    }

    /// Channels of its input: 3 for colour, 1 for grey.
    pub(crate) fn channels(&self) -> usize {
        self.architecture().input_channels
    }

    /// The names of its classes: those in `file`, or else those that the weights say themselves, or
    /// that a run wrote next to them.
    pub(crate) fn class_names(
        &self,
        file: Option<&Path>,
        terminal: &Terminal,
    ) -> Result<ClassNames, CliError> {
        ClassNames::of(
            self.architecture().classes,
            file,
            self.network.card(),
            self.home.as_deref(),
            terminal,
        )
    }

    /// The network as it trains, where it was [kept](Self::open_with_network); a deployed file holds
    /// none.
    pub(crate) fn network(&self) -> Option<&Scarlet> {
        self.trained.as_deref()
    }

    /// What the weights say of the network.
    pub(crate) fn card(&self) -> Option<&ModelCard> {
        self.network.card()
    }

    pub(crate) fn weights(&self) -> &str {
        &self.weights
    }

    pub(crate) fn device_name(&self) -> &str {
        &self.device_name
    }

    /// Logits `[images, classes]` of images `[images, channels, resolution, resolution]`.
    pub(crate) fn logits(&mut self, images: &[f32]) -> Result<&[f32], CliError> {
        Ok(self.network.run(images)?)
    }

    /// Where the time of this many forward passes goes.
    pub(crate) fn profile(
        &mut self,
        images: &[f32],
        runs: usize,
    ) -> Result<Vec<PartProfile>, CliError> {
        Ok(self.network.profile(images, runs)?)
    }

    /// Rounds the network to eight bits, as suits the images.
    pub(crate) fn quantise(
        &mut self,
        batches: impl Iterator<Item = Result<Vec<f32>, CliError>>,
    ) -> Result<(), CliError> {
        let mut calibration = self.network.calibrate()?;
        for images in batches {
            let images = images?;
            // Of a batch of files that cannot be read there are none.
            if !images.is_empty() {
                calibration.observe(&images)?;
            }
        }
        self.network = calibration.finish()?;
        Ok(())
    }

    /// Rounds the network to bfloat16.
    pub(crate) fn round_to_bf16(&mut self) -> Result<(), CliError> {
        self.network = self.network.to_bf16()?;
        Ok(())
    }

    /// Whether it computes with bfloat16.
    pub(crate) fn is_bf16(&self) -> bool {
        self.network.is_bf16()
    }

    /// Whether it computes with eight bits.
    pub(crate) fn is_int8(&self) -> bool {
        self.network.is_int8()
    }

    /// Writes the network as a file that can be given as weights.
    pub(crate) fn save(&self, path: &Path) -> Result<(), CliError> {
        Ok(self.network.save(path)?)
    }

    /// A batch of images that are neither zero nor denormal, which some processors treat
    /// differently, for measuring.
    pub(crate) fn any_images(&self, batch: usize) -> Vec<f32> {
        let side = self.preprocessing().resolution;
        let values = batch * self.architecture().input_channels * side * side;
        (0..values)
            .map(|i| (i % 255) as f32 / 127.0 - 1.0)
            .collect()
    }

    /// What its logits are divided by before they become probabilities, if its weights say it.
    pub(crate) fn temperature(&self) -> Option<&CardTemperature> {
        self.card()?.temperature.as_ref()
    }

    /// What its weights say of a network that gives an image any number of labels; nothing of others.
    pub(crate) fn several_labels(&self) -> Option<&SeveralLabels> {
        self.card()?.several_labels.as_ref()
    }

    /// Refuses a network that gives an image any number of labels, for `what` takes one class.
    pub(crate) fn require_one_label(&self, what: &'static str) -> Result<(), CliError> {
        match self.several_labels() {
            None => Ok(()),
            Some(_) => Err(CliError::OfSeveralLabels(what)),
        }
    }

    /// The `k` most probable classes of each image.
    pub(crate) fn predict(
        &mut self,
        images: &[f32],
        k: usize,
    ) -> Result<Vec<Vec<Prediction>>, CliError> {
        let logits = self.logits(images)?.to_vec();
        self.predictions(&logits, k)
    }

    /// The `k` most probable classes by the logits `[images, classes]`.
    pub(crate) fn predictions(
        &self,
        logits: &[f32],
        k: usize,
    ) -> Result<Vec<Vec<Prediction>>, CliError> {
        let classes = self.architecture().classes;
        let shape = [logits.len() / classes, classes];
        let data = TensorData::new(logits.to_vec(), shape);
        let mut predictions = top_k(Tensor::from_data(data, &self.device), k);
        if let Some(temperature) = self.temperature() {
            // The classes stay those of the logits themselves.
            for (row, predictions) in logits.chunks_exact(classes).zip(&mut predictions) {
                let probabilities = temperature.value.probabilities(row);
                for prediction in predictions {
                    prediction.probability = probabilities[prediction.class];
                }
            }
        }
        let finite = predictions
            .iter()
            .flatten()
            .all(|prediction| prediction.probability.is_finite());
        if finite {
            Ok(predictions)
        } else {
            Err(CliError::NotFinite)
        }
    }
}

/// Refuses output that would take the place of the weights that it is made of.
pub(crate) fn refuse_overwriting(out: &Path, weights: Option<&str>) -> Result<(), CliError> {
    let same = weights.is_some_and(|weights| {
        let [out, weights] = [out, Path::new(weights)].map(Path::canonicalize);
        matches!((out, weights), (Ok(out), Ok(weights)) if out == weights)
    });
    match same {
        true => Err(CliError::OverwritesWeights(out.to_owned())),
        false => Ok(()),
    }
}

/// The device that `compute` names, with as many threads as it says.
pub(crate) fn open_device(compute: &ComputeArgs) -> Result<Device, CliError> {
    let device = device_by_name(&compute.device)?;
    threads::start(compute.threads)?;
    Ok(device)
}

/// The form that only runs, for square images.
fn deploy(network: &Scarlet, resolution: usize, batch: usize) -> Result<Deployed, CliError> {
    let options = deploy_options(batch).with_size(resolution, resolution);
    Ok(network.deploy(&options)?)
}

fn deploy_options(batch: usize) -> DeployOptions {
    DeployOptions::new()
        .with_batch(batch)
        .with_threads(rayon::current_num_threads())
}

/// Where the weights are, if `scarlet deploy` wrote them.
fn deployed_file(args: &ModelArgs, terminal: &Terminal) -> Result<Option<PathBuf>, CliError> {
    let Some(source) = &args.weights else {
        return Ok(None);
    };
    let source: Source = source.parse()?;
    let path = get(terminal, |fetcher| fetcher.fetch(&source))?;
    Ok(Deployed::is_file(&path).then_some(path))
}

/// The network in a file that `scarlet deploy` wrote.
fn open_deployed(
    path: &Path,
    args: &ModelArgs,
    compute: &ComputeArgs,
    batch: usize,
) -> Result<Deployed, CliError> {
    if !matches!(compute.device.as_str(), "cpu" | "flex" | "ndarray") {
        return Err(CliError::DeployedDevice {
            path: path.to_owned(),
            device: compute.device.clone(),
        });
    }
    if args.model.is_some() {
        return Err(CliError::DeployedModel(path.to_owned()));
    }
    let mut options = deploy_options(batch);
    if let Some(side) = args.resolution {
        options = options.with_size(side, side);
    }
    let network = Deployed::open(path, &options)?;
    let found = network.architecture().classes;
    match args.num_classes.filter(|&asked| asked != found) {
        Some(asked) => Err(CliError::WeightsClassCount { found, asked }),
        None => Ok(network),
    }
}
