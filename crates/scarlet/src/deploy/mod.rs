//! [`Deployed`]: the form of a network that only runs.

mod calibration;
mod file;
pub(crate) mod lower;
mod parts;
mod profile;

pub use calibration::Calibration;
pub use lower::NotFinite;
pub use parts::PartTime;
pub use profile::PartProfile;

use std::io;
use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use scarlet_arch::Architecture;
use scarlet_arch::graph::Graph;
use scarlet_kernels::{
    Engine, EngineError, EngineSettings, InstructionSet, PackedFileError, PackedNetwork,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use self::lower::lower;
use crate::{InputError, ModelCard, Scarlet};

/// What a network is deployed for.
#[derive(Debug, Clone, Copy)]
pub struct DeployOptions {
    batch: usize,
    size: Option<(usize, usize)>,
    threads: usize,
    instruction_set: Option<InstructionSet>,
}

impl Default for DeployOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl DeployOptions {
    /// One image at a time, of the architecture's resolution, on as many threads as the machine
    /// runs at once.
    pub fn new() -> Self {
        Self {
            batch: 1,
            size: None,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            instruction_set: None,
        }
    }

    /// The most images of one call.
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Height and width of the images, in pixels.
    pub fn with_size(mut self, height: usize, width: usize) -> Self {
        self.size = Some((height, width));
        self
    }

    /// Threads that share the work on the CPU; they change no bit of the result.
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The instructions to use on the CPU, rather than the best of this processor: to compare them,
    /// or to see what a plainer processor would do.
    pub fn with_instruction_set(mut self, instruction_set: InstructionSet) -> Self {
        self.instruction_set = Some(instruction_set);
        self
    }
}

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
    architecture: Architecture,
    card: Option<ModelCard>,
    batch: usize,
    size: (usize, usize),
}

#[derive(Debug)]
enum Form {
    Kernels {
        engine: Box<Engine>,
        parts: Vec<Part>,
    },
    Graph {
        network: Box<Scarlet>,
        logits: Vec<f32>,
    },
}

impl Form {
    fn kernels(
        packed: PackedNetwork,
        parts: Vec<Part>,
        settings: EngineSettings,
    ) -> Result<Self, DeployError> {
        let engine = Box::new(Engine::with_packed(packed, settings)?);
        Ok(Self::Kernels { engine, parts })
    }
}

/// A part of a network, as people speak of it, among the operations: from its first one on, up to
/// the next part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    name: String,
    /// Files of earlier versions have none; see [`file`].
    #[serde(default)]
    label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layer: Option<usize>,
    first_operation: usize,
}

impl Part {
    /// Those of a graph that do something. An operation is a node.
    fn all_of(graph: &Graph) -> Vec<Self> {
        let parts = graph.parts().iter().filter(|part| !part.nodes.is_empty());
        parts
            .map(|part| Self {
                name: part.name.clone(),
                label: part.label.clone(),
                layer: part.layer,
                first_operation: part.nodes.start,
            })
            .collect()
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
        let form = |settings| {
            let network = self.fold_for_running();
            if scarlet_ops::is_cpu(&self.device()) {
                let (lowered, parts) = lower(&network)?;
                return Form::kernels(PackedNetwork::pack(&lowered)?, parts, settings);
            }
            Ok(Form::Graph {
                network: Box::new(network),
                logits: Vec::new(),
            })
        };
        let deployed = Deployed::with_form(self.architecture().clone(), options, form)?;
        Ok(Deployed {
            card: self.card().cloned(),
            ..deployed
        })
    }
}

impl Deployed {
    /// What `options` ask for, in the form that `form` makes for an engine's settings.
    fn with_form(
        mut architecture: Architecture,
        options: &DeployOptions,
        form: impl FnOnce(EngineSettings) -> Result<Form, DeployError>,
    ) -> Result<Self, DeployError> {
        let resolution = architecture.preprocessing.resolution;
        let size @ (height, width) = options.size.unwrap_or((resolution, resolution));
        let channels = architecture.input_channels;
        InputError::check(&architecture, [1, channels, height, width])?;
        if height == width {
            architecture.preprocessing.resolution = height;
        }
        let settings = EngineSettings {
            batch: options.batch,
            height,
            width,
            threads: options.threads,
            instruction_set: options.instruction_set,
        };
        // Also for a graph, which has no engine.
        settings.check()?;
        Ok(Self {
            form: form(settings)?,
            architecture,
            card: None,
            batch: options.batch,
            size,
        })
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
        let most = self.most();
        match &mut self.form {
            Form::Kernels { engine, .. } => Ok(engine.run(images)?),
            Form::Graph { network, logits } => {
                let input = tensor(images, most, &network.device())?;
                *logits = network
                    .try_forward(input)?
                    .try_into_vec_as()
                    .map_err(|error| DeployError::Compute(error.to_string()))?;
                Ok(logits)
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
        InputError::check(&self.architecture, images.dims())?;
        if (height, width) != self.size {
            return Err(DeployError::Size {
                found: (height, width),
                expected: self.size,
            });
        }
        if let Form::Graph { network, .. } = &self.form {
            count_images(images.shape().num_elements(), self.most())?;
            // On its own device, without a turn through the host.
            return Ok(network.try_forward(images.to_device(&network.device()))?);
        }
        let device = images.device();
        let values: Vec<f32> = images.into_data().iter().collect();
        let logits = self.run(&values)?.to_vec();
        let data = TensorData::new(logits, [count, self.architecture.classes]);
        Ok(Tensor::from_data(data, &device))
    }

    /// The network as data, before folding; its resolution is that of the images, where they are
    /// square.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// What is to be known of the network, if it has a card.
    pub fn card(&self) -> Option<&ModelCard> {
        self.card.as_ref()
    }

    /// The most images of one call.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The instructions it uses; `None` on other devices than the CPU.
    pub fn instruction_set(&self) -> Option<InstructionSet> {
        match &self.form {
            Form::Kernels { engine, .. } => Some(engine.instruction_set()),
            Form::Graph { .. } => None,
        }
    }

    /// The shape of as many images as one call may have.
    fn most(&self) -> [usize; 4] {
        let (height, width) = self.size;
        [self.batch, self.architecture.input_channels, height, width]
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
