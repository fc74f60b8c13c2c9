//! [`Deployed`]: the form of a network that only runs.

mod calibration;
mod file;
mod parts;

pub use calibration::Calibration;
pub use parts::PartTime;

use std::io;
use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use scarlet_arch::Architecture;
use scarlet_engine::{
    Classifier, ClassifierError, DeployOptions, InputError, Model, ModelCard, NetworkWeights,
    NotFinite, PartProfile,
};
use scarlet_kernels::{EngineError, InstructionSet, PackedFileError};
use thiserror::Error;

use crate::Scarlet;

/// A network that only runs: folded, planned for one size of images, its weights packed.
///
/// On the CPU it runs on kernels of our own and allocates nothing per call; on any other device
/// it is the folded network as Burn runs it.
///
/// ```
/// # #[cfg(feature = "flex")] {
/// use scarlet::{DeployOptions, ScarletC, burn::tensor::Device};
///
/// let network = ScarletC::new().with_resolution(64).init(&Device::flex());
/// let mut deployed = network.deploy(&DeployOptions::new())?;
/// let logits = deployed.run(&[0.0; 3 * 64 * 64])?;
/// assert_eq!(logits.len(), 1000);
/// # }
/// # Ok::<(), scarlet::DeployError>(())
/// ```
#[derive(Debug)]
pub struct Deployed {
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// On the CPU.
    Classifier(Box<Classifier>),
    /// On any other device.
    Graph(Box<OnDevice>),
}

/// A folded network as Burn runs it.
#[derive(Debug)]
struct OnDevice {
    network: Scarlet,
    logits: Vec<f32>,
    /// Before folding.
    architecture: Architecture,
    card: Option<ModelCard>,
    /// The most images of one call, and their height and width.
    batch: usize,
    size: (usize, usize),
}

impl OnDevice {
    fn new(network: &Scarlet, options: &DeployOptions) -> Result<Self, DeployError> {
        let mut architecture = network.architecture().clone();
        let settings = options.settings_for(&mut architecture)?;
        settings.check()?;
        Ok(Self {
            network: network.fold_for_running(),
            logits: Vec::new(),
            architecture,
            card: network.card().cloned(),
            batch: settings.batch,
            size: (settings.height, settings.width),
        })
    }

    /// The shape of as many images as one call may have.
    fn most(&self) -> [usize; 4] {
        let (height, width) = self.size;
        [self.batch, self.architecture.input_channels, height, width]
    }
}

impl Scarlet {
    /// The form of this network that only runs. A stabilizer that cannot be folded accurately
    /// stays, as the 1×1 convolution that it is.
    ///
    /// # Errors
    ///
    /// When the images' size does not fit, a number in `options` is zero, or this processor lacks
    /// the instruction set in `options`.
    pub fn deploy(&self, options: &DeployOptions) -> Result<Deployed, DeployError> {
        if !scarlet_ops::is_cpu(&self.device()) {
            let form = Form::Graph(Box::new(OnDevice::new(self, options)?));
            return Ok(Deployed { form });
        }
        // What is asked for is checked before the weights are looked at.
        options
            .settings_for(&mut self.architecture().clone())?
            .check()?;
        let classifier = Classifier::new(model(self.weights(), self.card())?, options)?;
        Ok(classifier.into())
    }
}

/// A network folded and packed, with its card.
fn model(weights: NetworkWeights, card: Option<&ModelCard>) -> Result<Model, DeployError> {
    // The card was checked when the network got it.
    let model = Model::of(weights)?;
    let with_card = model.clone().with_card(card.cloned());
    Ok(with_card.unwrap_or(model))
}

impl From<Classifier> for Deployed {
    fn from(classifier: Classifier) -> Self {
        Self {
            form: Form::Classifier(Box::new(classifier)),
        }
    }
}

impl Deployed {
    /// Logits `[images, classes]` of images `[images, channels, height, width]`, both row-major;
    /// as many images as the batch it was deployed for, or fewer.
    ///
    /// # Errors
    ///
    /// When the values are not a whole number of images, none, or too many.
    pub fn run(&mut self, images: &[f32]) -> Result<&[f32], DeployError> {
        match &mut self.form {
            Form::Classifier(classifier) => Ok(classifier.run(images)?),
            Form::Graph(graph) => {
                let input = tensor(images, graph.most(), &graph.network.device())?;
                graph.logits = graph
                    .network
                    .try_forward(input)?
                    .try_into_vec_as()
                    .map_err(|error| DeployError::Compute(error.to_string()))?;
                Ok(&graph.logits)
            }
        }
    }

    /// As [`run`](Self::run), for tensors: `[images, channels, height, width]` to
    /// `[images, classes]`.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and when the images are of another size.
    pub fn forward(&mut self, images: Tensor<4>) -> Result<Tensor<2>, DeployError> {
        let [count, _, height, width] = images.dims();
        InputError::check(self.architecture(), images.dims())?;
        let expected = match &self.form {
            Form::Classifier(classifier) => classifier.size(),
            Form::Graph(graph) => graph.size,
        };
        if (height, width) != expected {
            return Err(DeployError::Size {
                found: (height, width),
                expected,
            });
        }
        if let Form::Graph(graph) = &self.form {
            count_images(images.shape().num_elements(), graph.most())?;
            // On its own device, without a turn through the host.
            let network = &graph.network;
            return Ok(network.try_forward(images.to_device(&network.device()))?);
        }
        let device = images.device();
        let values: Vec<f32> = images.into_data().iter().collect();
        let logits = self.run(&values)?.to_vec();
        let data = TensorData::new(logits, [count, self.architecture().classes]);
        Ok(Tensor::from_data(data, &device))
    }

    /// The network as data, before folding; its resolution is that of the images, where they are
    /// square.
    pub fn architecture(&self) -> &Architecture {
        match &self.form {
            Form::Classifier(classifier) => classifier.architecture(),
            Form::Graph(graph) => &graph.architecture,
        }
    }

    /// What is to be known of the network, if it has a card.
    pub fn card(&self) -> Option<&ModelCard> {
        match &self.form {
            Form::Classifier(classifier) => classifier.card(),
            Form::Graph(graph) => graph.card.as_ref(),
        }
    }

    /// The most images of one call.
    pub fn batch(&self) -> usize {
        match &self.form {
            Form::Classifier(classifier) => classifier.batch(),
            Form::Graph(graph) => graph.batch,
        }
    }

    /// The instructions it uses; `None` on other devices than the CPU.
    pub fn instruction_set(&self) -> Option<InstructionSet> {
        let classifier = self.classifier().ok()?;
        Some(classifier.instruction_set())
    }

    /// Runs the network `runs` times on `images` `[images, channels, height, width]`, measures
    /// each step, and returns the parts in the order of execution.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and when the network does not run on the CPU's kernels.
    pub fn profile(
        &mut self,
        images: &[f32],
        runs: usize,
    ) -> Result<Vec<PartProfile>, DeployError> {
        match &mut self.form {
            Form::Classifier(classifier) => Ok(classifier.profile(images, runs)?),
            Form::Graph(_) => Err(DeployError::NoKernels),
        }
    }

    /// What runs it on the CPU.
    fn classifier(&self) -> Result<&Classifier, DeployError> {
        match &self.form {
            Form::Classifier(classifier) => Ok(classifier),
            Form::Graph(_) => Err(DeployError::NoKernels),
        }
    }
}

/// How many images so many values are; at `most` those of this shape.
fn count_images(values: usize, most: [usize; 4]) -> Result<usize, DeployError> {
    let per_image = most[1..].iter().product();
    let count = values / per_image;
    match (1..=most[0]).contains(&count) && values.is_multiple_of(per_image) {
        true => Ok(count),
        false => Err(DeployError::Values {
            found: values,
            per_image,
            batch: most[0],
        }),
    }
}

/// Images as a tensor of a graph's device; at `most` those of this shape.
fn tensor(
    images: &[f32],
    most @ [_, channels, height, width]: [usize; 4],
    device: &Device,
) -> Result<Tensor<4>, DeployError> {
    let count = count_images(images.len(), most)?;
    let data = TensorData::new(images.to_vec(), [count, channels, height, width]);
    Ok(Tensor::from_data(data, device))
}

/// A network that cannot be deployed, or images that it cannot take.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeployError {
    /// The images' size does not fit the network.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A weight is not finite.
    #[error(transparent)]
    NotFinite(#[from] NotFinite),
    /// The device failed while it computed.
    #[error("the device failed: {0}")]
    Compute(String),
    /// The kernels refuse the network, the settings or the images.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A file cannot be opened as a deployed network.
    #[error(transparent)]
    File(#[from] PackedFileError),
    /// A deployed network's file says nothing sensible about its network.
    #[error(
        "{} holds a packed network, but not one of this program's: {reason}",
        path.display()
    )]
    Description {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A deployed network's file cannot be written.
    #[error(
        "cannot write {}: {source}; what was there before, if anything, is unchanged",
        path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Another reason of the [engine](scarlet_engine)'s.
    #[error(transparent)]
    Classifier(ClassifierError),
    /// Only the CPU's kernels can be profiled, and compute with other numbers than floats.
    #[error(
        "only networks on the CPU can be profiled, or rounded to int8 or bf16: deploy this one from a \
         CPU device"
    )]
    NoKernels,
    /// The values are not a whole number of images, none, or too many.
    #[error(
        "{found} values are not between 1 and {batch} images of {per_image} values: give whole \
         images, or deploy the network for a larger batch"
    )]
    Values {
        /// Values given.
        found: usize,
        /// Values of one image.
        per_image: usize,
        /// The most images of one call.
        batch: usize,
    },
    /// Images of another size than the network was deployed for.
    #[error(
        "the images measure {}×{} pixels, but the network was deployed for {}×{}: deploy it for \
         that size too",
        found.0, found.1, expected.0, expected.1
    )]
    Size {
        /// Height and width of the images.
        found: (usize, usize),
        /// Height and width that the network was deployed for.
        expected: (usize, usize),
    },
}

impl From<ClassifierError> for DeployError {
    fn from(error: ClassifierError) -> Self {
        match error {
            ClassifierError::Input(error) => Self::Input(error),
            ClassifierError::NotFinite(error) => Self::NotFinite(error),
            ClassifierError::Engine(error) => Self::Engine(error),
            ClassifierError::File(error) => Self::File(error),
            ClassifierError::Description { path, reason } => Self::Description { path, reason },
            error => Self::Classifier(error),
        }
    }
}
