//! [`Classifier`]: a network made ready to run.

use std::path::Path;

use scarlet_arch::Architecture;
use scarlet_kernels::{Engine, EngineSettings, InstructionSet, Precision};
#[cfg(feature = "photographs")]
use scarlet_photo::DecodeOptions;
use scarlet_photo::RgbImage;

use crate::profile::{PartProfile, by_part};
use crate::{ClassifierError, DeployOptions, Model, ModelCard};

/// A network made ready to run on the CPU: planned for one size of images, its threads waiting. It
/// allocates nothing while it runs.
///
/// ```no_run
/// use scarlet_engine::{Classifier, DeployOptions, predictions};
///
/// let mut classifier = Classifier::open("flowers.scarlet", &DeployOptions::new())?;
/// let logits = classifier.classify_file("photo.jpg")?.to_vec();
/// let temperature = classifier.temperature();
/// for best in predictions(&logits, temperature, 3) {
///     let name = classifier.class_name(best.class).unwrap_or("?");
///     println!("{:5.1} %  {name}", 100.0 * best.probability);
/// }
/// # Ok::<(), scarlet_engine::ClassifierError>(())
/// ```
#[derive(Debug)]
pub struct Classifier {
    engine: Engine,
    model: Model,
}

impl Classifier {
    /// Opens a file, a deployed network's or of weights (see [`Model::open`]), and makes its network
    /// ready.
    ///
    /// Images are of the size that the network was deployed or trained for, unless `options` say otherwise.
    ///
    /// # Errors
    ///
    /// As [`Model::open`] and [`new`](Self::new).
    pub fn open(path: impl AsRef<Path>, options: &DeployOptions) -> Result<Self, ClassifierError> {
        Self::new(Model::open(path)?, options)
    }

    /// As [`open`](Self::open), for a file's bytes, which are copied. Errors call them `name`.
    ///
    /// # Errors
    ///
    /// As [`Model::from_bytes`] and [`new`](Self::new).
    pub fn from_bytes(
        bytes: &[u8],
        name: impl AsRef<Path>,
        options: &DeployOptions,
    ) -> Result<Self, ClassifierError> {
        Self::new(Model::from_bytes(bytes, name)?, options)
    }

    /// Makes a network ready.
    ///
    /// # Errors
    ///
    /// When the images' size does not fit, a number in `options` is zero, this processor lacks the
    /// instruction set in `options`, or there is no memory.
    pub fn new(mut model: Model, options: &DeployOptions) -> Result<Self, ClassifierError> {
        let settings = options.settings_for(&mut model.architecture)?;
        Self::with_settings(model, settings)
    }

    fn with_settings(model: Model, settings: EngineSettings) -> Result<Self, ClassifierError> {
        Ok(Self {
            engine: Engine::with_packed(model.packed.clone(), settings)?,
            model,
        })
    }

    /// Another network of the same architecture, ready for the same.
    pub(crate) fn with(&self, model: Model) -> Result<Self, ClassifierError> {
        Self::with_settings(model, self.engine.settings().clone())
    }

    /// Logits `[images, classes]` of images `[images, channels, height, width]`, both row-major;
    /// as many images as the batch it was made ready for, or fewer.
    ///
    /// # Errors
    ///
    /// When the values are not a whole number of images, none, or too many.
    pub fn run(&mut self, images: &[f32]) -> Result<&[f32], ClassifierError> {
        Ok(self.engine.run(images)?)
    }

    /// Logits of an image of any size, after the network's own preprocessing; as torchvision does it.
    ///
    /// # Errors
    ///
    /// When the image has no pixels, the network looks at neither colour (3 channels) nor grey (1), or was
    /// made ready for images that are not square.
    pub fn classify(&mut self, image: &RgbImage) -> Result<&[f32], ClassifierError> {
        self.check_square()?;
        let architecture = &self.model.architecture;
        let preprocessing = &architecture.preprocessing;
        let input = scarlet_photo::input_of(image, preprocessing, architecture.input_channels)?;
        self.run(&input)
    }

    /// As [`classify`](Self::classify), for the bytes of an image in red, green and blue, row by row from
    /// the top.
    ///
    /// # Errors
    ///
    /// As [`classify`](Self::classify), and when there are not three bytes for each pixel.
    pub fn classify_rgb(
        &mut self,
        pixels: &[u8],
        [width, height]: [usize; 2],
    ) -> Result<&[f32], ClassifierError> {
        let expected = (width as u64)
            .saturating_mul(height as u64)
            .saturating_mul(3);
        let wrong = || ClassifierError::Pixels {
            width,
            height,
            expected,
            found: pixels.len(),
        };
        if expected != pixels.len() as u64 {
            return Err(wrong());
        }
        let sides = u32::try_from(width).ok().zip(u32::try_from(height).ok());
        let (width, height) = sides.ok_or_else(wrong)?;
        let image = RgbImage::from_raw(width, height, pixels.to_vec()).ok_or_else(wrong)?;
        self.classify(&image)
    }

    /// As [`classify`](Self::classify), for a photograph's file: JPEG, PNG, WebP, BMP, GIF or TIFF, turned
    /// as its orientation says.
    ///
    /// # Errors
    ///
    /// As [`classify`](Self::classify), and when the file cannot be read or is not a whole image of a format
    /// that is read.
    #[cfg(feature = "photographs")]
    pub fn classify_file(&mut self, path: impl AsRef<Path>) -> Result<&[f32], ClassifierError> {
        self.check_square()?;
        let architecture = &self.model.architecture;
        let (channels, preprocessing) = (architecture.input_channels, &architecture.preprocessing);
        let options = DecodeOptions::default();
        let input = scarlet_photo::load_image(path, preprocessing, channels, &options)?;
        self.run(&input)
    }

    fn check_square(&self) -> Result<(), ClassifierError> {
        let (height, width) = self.size();
        match height == width {
            true => Ok(()),
            false => Err(ClassifierError::NotSquare { height, width }),
        }
    }

    /// Runs the network `runs` times on images `[images, channels, height, width]`, measures each step,
    /// and returns the parts in the order of execution.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn profile(
        &mut self,
        images: &[f32],
        runs: usize,
    ) -> Result<Vec<PartProfile>, ClassifierError> {
        let steps = self.engine.profile(images, runs)?;
        Ok(by_part(&self.model.parts, steps))
    }

    /// This network in bfloat16, ready for the same; see [`Model::to_bf16`].
    ///
    /// # Errors
    ///
    /// When the network is rounded already; when there is no memory or thread.
    pub fn to_bf16(&self) -> Result<Self, ClassifierError> {
        self.with(self.model.to_bf16()?)
    }

    /// The network that is run; its architecture's resolution is that of the images, where they are square.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The network as data, before folding; its resolution is that of the images, where they are
    /// square.
    pub fn architecture(&self) -> &Architecture {
        &self.model.architecture
    }

    /// What is to be known of the network, if it has a card.
    pub fn card(&self) -> Option<&ModelCard> {
        self.model.card.as_ref()
    }

    /// How many classes it tells apart.
    pub fn classes(&self) -> usize {
        self.model.architecture.classes
    }

    /// What a class is called, where the network's card says it.
    pub fn class_name(&self, class: usize) -> Option<&str> {
        Some(self.card()?.classes.get(class)?.as_str())
    }

    /// The probabilities of the classes, from an image's logits: see [`ModelCard::probabilities`].
    pub fn probabilities(&self, logits: &[f32]) -> Vec<f32> {
        match self.card() {
            Some(card) => card.probabilities(logits),
            None => crate::Temperature::default().probabilities(logits),
        }
    }

    /// What its logits are to be divided by, where the network's card says it.
    pub fn temperature(&self) -> Option<crate::Temperature> {
        Some(self.card()?.temperature.as_ref()?.value)
    }

    /// The numbers that most of its weights are, and that it computes with.
    pub fn precision(&self) -> Precision {
        self.model.precision()
    }

    /// The most images of one call.
    pub fn batch(&self) -> usize {
        self.engine.settings().batch
    }

    /// Height and width of the images.
    pub fn size(&self) -> (usize, usize) {
        let settings = self.engine.settings();
        (settings.height, settings.width)
    }

    /// The instructions it uses.
    pub fn instruction_set(&self) -> InstructionSet {
        self.engine.instruction_set()
    }

    pub(crate) fn settings(&self) -> &EngineSettings {
        self.engine.settings()
    }
}
