//! [`Model`]: a network with weights, ready to run, from what the command line says.

use std::path::{Path, PathBuf};

use scarlet::arch::{self, Architecture, Preprocessing};
use scarlet::burn::tensor::{Device, Tensor, TensorData};
use scarlet::exported::{is_exported, open_exported};
use scarlet::weights::{
    FetchError, Fetcher, OpenOptions, Source, StateDict, WeightsError, recognise,
};
use scarlet::zoo;
use scarlet::{
    CardTemperature, DeployOptions, Deployed, ModelCard, PartProfile, Prediction, Scarlet,
    ScarletConfig, device_by_name, top_k,
};

use crate::class_names::ClassNames;
use crate::cli::{ComputeArgs, DEFAULT_MODEL, ModelArgs, NamesArgs, SubjectArgs};
use crate::error::CliError;
use crate::terminal::Terminal;
use crate::threads;

/// The network that `bench` and `profile` measure unless told otherwise.
const MEASURED_MODEL: &str = "scarlet-a";

/// What a run calls the description of its network, beside the weights.
const ARCHITECTURE: &str = "architecture.json";

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
    /// that a run wrote beside them.
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

    /// Where the time of so many forward passes goes.
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

/// A network with weights, as it trains.
pub(crate) struct Loaded {
    pub(crate) network: Scarlet,
    /// What it is to be run as: with the resolution that was asked for.
    pub(crate) architecture: Architecture,
    /// Where the weights are from, for reports.
    pub(crate) weights: String,
    /// The folder of the weights' file, where it is one of the user's.
    home: Option<PathBuf>,
}

impl Loaded {
    /// The network that `args` asks for, its weights downloaded if need be.
    pub(crate) fn open(
        args: &ModelArgs,
        device: &Device,
        terminal: &Terminal,
    ) -> Result<Self, CliError> {
        let named = |model: &str| adapt(architecture(model)?, args);
        let model = args.model.as_deref();
        let (network, weights, home) = match &args.weights {
            _ if args.random_init => {
                let architecture = named(model.unwrap_or(DEFAULT_MODEL))?;
                let config = ScarletConfig::from(architecture);
                let network = config.try_init_seeded(args.seed, device)?;
                (network, format!("random, seed {}", args.seed), None)
            }
            Some(source) => {
                let architecture = model.map(named).transpose()?;
                let source: Source = source.parse()?;
                let path = get(terminal, |fetcher| fetcher.fetch(&source))?;
                if Deployed::is_file(&path) {
                    return Err(CliError::DeployedWeights(path));
                }
                let home = path.parent().filter(|_| source.is_path());
                let options = args.names.options().with_origin_of(&source);
                // What was written for other programs is run, but not trained further.
                let weights = match is_exported(&path) {
                    true => open_exported(&path)?,
                    false => open_weights(&path, &options, terminal)?,
                };
                let network = load(&weights, architecture, home, device, terminal)?;
                let network = with_names_beside(network, home)?;
                (network, source.to_string(), home.map(Path::to_owned))
            }
            None => {
                let model = model.unwrap_or(DEFAULT_MODEL);
                let architecture = named(model)?;
                // By what was asked for, where that is a name: it may be that of certain weights.
                let known = zoo::find(model).map_or(architecture.name.as_str(), |_| model);
                let path = get(terminal, |fetcher| fetcher.fetch_known(known))?;
                let weights = path.display().to_string();
                let stored = open_weights(&path, &args.names.options(), terminal)?;
                let network = load(&stored, Some(architecture), None, device, terminal)?;
                // Public weights are ImageNet's.
                let network = with_names(network, &ClassNames::ImageNet)?;
                (network, weights, None)
            }
        };
        let found = network.architecture().classes;
        if let Some(asked) = args.num_classes.filter(|&asked| asked != found) {
            return Err(CliError::WeightsClassCount { found, asked });
        }
        let architecture = adapt(network.architecture().clone(), args)?;
        Ok(Self {
            network,
            architecture,
            weights,
            home,
        })
    }

    /// The names of its classes: those in `file`, or else those that the weights say themselves, or
    /// that a run wrote beside them.
    pub(crate) fn class_names(
        &self,
        file: Option<&Path>,
        terminal: &Terminal,
    ) -> Result<ClassNames, CliError> {
        ClassNames::of(
            self.architecture.classes,
            file,
            self.network.card(),
            self.home.as_deref(),
            terminal,
        )
    }
}

/// The network that `text` names or describes: a preset, a JSON file, a deployed file, or layers.
pub(crate) fn architecture(text: &str) -> Result<Architecture, CliError> {
    let path = Path::new(text);
    if is_description(path) {
        return read_architecture(path);
    }
    if Deployed::is_file(path) {
        return Ok(Deployed::read_architecture(path)?);
    }
    match zoo::by_name(text) {
        Ok(architecture) => Ok(architecture),
        Err(_) if looks_like_layers(text) => Ok(text.parse()?),
        Err(_) if path.is_file() => Err(CliError::NotAModelFile(path.to_owned())),
        Err(unknown) => Err(unknown.into()),
    }
}

fn read_architecture(path: &Path) -> Result<Architecture, CliError> {
    let json = arch::read_json_file(path).map_err(|source| CliError::ReadFile {
        path: path.to_owned(),
        source,
    })?;
    Architecture::from_json(&json).map_err(|source| CliError::ModelFile {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

/// Whether `text` names a network by a file.
pub(crate) fn is_model_file(text: &str) -> bool {
    is_description(Path::new(text)) || Deployed::is_file(text)
}

fn is_description(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
}

/// Whether someone who wrote `text` meant layers and no name, be there a typo or not.
fn looks_like_layers(text: &str) -> bool {
    text.starts_with('[')
        || text.contains(['@', '|'])
        || text.split_whitespace().any(|token| {
            let mut characters = token.chars();
            match characters.next() {
                Some('E' | 'e' | 'H' | 'h' | 'C') => {
                    characters.next().is_some_and(|next| next.is_ascii_digit())
                }
                _ => matches!(token, "-" | "L"),
            }
        })
}

/// With the number of classes and the resolution that `args` ask for.
fn adapt(mut architecture: Architecture, args: &ModelArgs) -> Result<Architecture, CliError> {
    if let Some(classes) = args.num_classes {
        architecture.classes = classes;
    }
    if let Some(resolution) = args.resolution {
        architecture.preprocessing.resolution = resolution;
    }
    architecture.validate()?;
    Ok(architecture)
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

/// The file that `fetch` gets, with its progress shown.
pub(crate) fn get(
    terminal: &Terminal,
    fetch: impl FnOnce(&mut Fetcher) -> Result<PathBuf, FetchError>,
) -> Result<PathBuf, CliError> {
    let (_shown, report) = terminal.download();
    let path = fetch(&mut Fetcher::new().on_progress(report))?;
    tracing::info!("the weights are in {}", path.display());
    Ok(path)
}

/// The weights in a file, and what was decided about them, aloud.
pub(crate) fn open_weights(
    path: &Path,
    options: &OpenOptions,
    terminal: &Terminal,
) -> Result<StateDict, CliError> {
    if is_exported(path) {
        return Err(CliError::ExportedWeights(path.to_owned()));
    }
    let weights = StateDict::open_with(path, options)?;
    for note in weights.notes() {
        terminal.note(format_args!("note: {note}"));
    }
    Ok(weights)
}

/// Says it where what a file says of its network cannot be read, and so is left out.
fn warn_of_card(weights: &StateDict, terminal: &Terminal) {
    if let Err(error) = weights.card() {
        let path = weights.path().display();
        terminal.warn(format_args!("{path}: {error}; it is left out"));
    }
}

/// The network that a file holds, with a warning where that had to be assumed in part.
pub(crate) fn architecture_of(
    weights: &StateDict,
    terminal: &Terminal,
) -> Result<Architecture, CliError> {
    let architecture = weights.architecture().map_err(unknown_network)?;
    if let Some(assumed) = recognise(weights).and_then(|found| found.assumed) {
        terminal.warn(assumed);
    }
    Ok(architecture)
}

/// The error with what to do about it here, where no network fits a file.
pub(crate) fn unknown_network(error: WeightsError) -> CliError {
    match error {
        WeightsError::UnknownNetwork(_) => CliError::UnknownNetwork(Box::new(error)),
        error => error.into(),
    }
}

/// `given` with the weights, or else the network that the file describes, or else the one that a
/// run described in the file's folder.
fn load(
    weights: &StateDict,
    given: Option<Architecture>,
    home: Option<&Path>,
    device: &Device,
    terminal: &Terminal,
) -> Result<Scarlet, CliError> {
    warn_of_card(weights, terminal);
    let described = home.map(|home| home.join(ARCHITECTURE));
    let described = described.filter(|file| file.is_file());
    let architecture = match given {
        Some(architecture) => {
            warn_of_difference(&architecture, weights, terminal);
            architecture
        }
        None => match (architecture_of(weights, terminal), described) {
            (Err(CliError::UnknownNetwork(_)), Some(file)) => read_architecture(&file)?,
            (found, _) => found?,
        },
    };
    let network = ScarletConfig::from(architecture).try_init(device)?;
    network.load(weights).map_err(|error| match error {
        WeightsError::OtherClassCount { found, asked, .. } => {
            CliError::WeightsClassCount { found, asked }
        }
        error => error.into(),
    })
}

/// Says where the network that was named differs from what the weights say of themselves, in what
/// their shapes do not show.
pub(crate) fn warn_of_difference(named: &Architecture, weights: &StateDict, terminal: &Terminal) {
    if let Some(difference) = recognise(weights).and_then(|found| found.difference(named)) {
        terminal.warn(difference);
    }
}

/// The network with the names of its classes that lie beside its weights, where these say none, so
/// that whatever is written of it says them.
fn with_names_beside(network: Scarlet, home: Option<&Path>) -> Result<Scarlet, CliError> {
    if network.card().is_some() {
        return Ok(network);
    }
    // A file that does not fit is spoken of where the names are needed.
    match ClassNames::beside(network.architecture().classes, home) {
        Ok(names) => with_names(network, &names),
        Err(_) => Ok(network),
    }
}

fn with_names(network: Scarlet, names: &ClassNames) -> Result<Scarlet, CliError> {
    match names.all() {
        Some(names) if names.len() == network.architecture().classes => {
            let mut card = ModelCard::new(names);
            // Nobody knows what trained it.
            card.program = None;
            Ok(network.with_card(card)?)
        }
        _ => Ok(network),
    }
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_and_layers_are_told_apart() {
        for text in [
            "E3K7 E6K5",
            "E9",
            "e3k7",
            "- - -",
            "L",
            "K3@24",
            "h12K3 | x",
        ] {
            assert!(looks_like_layers(text), "{text}");
        }
        for text in [
            "scarlet-a",
            "scarlett a",
            "efficientnet",
            "High",
            "",
            "hrnet",
        ] {
            assert!(!looks_like_layers(text), "{text}");
        }
    }

    #[test]
    fn a_model_is_a_name_or_layers_or_a_json_file() {
        assert_eq!(architecture("ScarletB").unwrap().name, "scarlet-b");
        let custom = architecture("E3K3@24/2 - E6K5s@24").unwrap();
        assert_eq!(custom.layers().len(), 3);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.json");
        fs::write(&path, custom.to_json()).unwrap();
        assert_eq!(architecture(path.to_str().unwrap()).unwrap(), custom);

        fs::write(&path, "{\n").unwrap();
        let error = architecture(path.to_str().unwrap()).unwrap_err().report();
        assert!(
            error.contains("net.json cannot be built: line 2"),
            "{error}"
        );
    }

    #[test]
    fn weights_in_the_place_of_a_model_are_pointed_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.pth.tar");
        fs::write(&path, "").unwrap();
        let error = architecture(path.to_str().unwrap()).unwrap_err();
        assert!(error.to_string().contains("--weights"), "{error}");
    }
}
