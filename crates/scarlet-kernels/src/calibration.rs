//! [`Calibration`]: from images to a [`Quantisation`].

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    engine::{Engine, EngineSettings},
    error::EngineError,
    network::Operation,
    packed::PackedNetwork,
    quantisation::{Quantisation, ValueRange},
};

/// Runs a network in floats and looks at what reaches its convolutions and fully connected layers.
///
/// ```
/// use scarlet_kernels::{Activation, Calibration, Engine, EngineSettings, Network, Operation};
/// use scarlet_kernels::{PackedNetwork, Pointwise};
///
/// let network = PackedNetwork::pack(&Network {
///     input_channels: 1,
///     operations: vec![Operation::Pointwise(Pointwise {
///         input: 1,
///         output: 2,
///         stride: 1,
///         weight: vec![2.0, -1.0],
///         bias: vec![0.5, 0.0],
///         activation: Activation::Relu,
///     })],
/// })?;
/// let settings = EngineSettings::new(2);
/// let mut calibration = Calibration::new(network.clone(), settings.clone())?;
/// calibration.observe(&[1.0, 2.0, 3.0, -4.0])?;
/// let rounded = network.quantise(&calibration.finish()?)?;
/// let mut engine = Engine::with_packed(rounded, settings)?;
/// let output = engine.run(&[1.0, 2.0, 3.0, -4.0])?;
/// for (found, expected) in output.iter().zip([2.5, 4.5, 6.5, 0.0, 0.0, 0.0, 0.0, 4.0]) {
///     assert!((found - expected).abs() < 0.05);
/// }
/// # Ok::<(), scarlet_kernels::EngineError>(())
/// ```
#[derive(Debug)]
pub struct Calibration {
    engine: Engine,
    observations: Arc<Observations>,
}

impl Calibration {
    /// Makes a network ready to be observed. The settings change nothing of what is found.
    ///
    /// # Errors
    ///
    /// As [`Engine::new`], and when the network is rounded already.
    pub fn new(network: PackedNetwork, settings: EngineSettings) -> Result<Self, EngineError> {
        network.numbers().check_unrounded()?;
        let operations = &network.network().operations;
        let observations = Arc::new(Observations {
            operations: operations
                .iter()
                .map(|operation| Quantisation::takes_means(operation).then(Mutex::default))
                .collect(),
        });
        let engine = Engine::observed(network, settings, Arc::clone(&observations))?;
        Ok(Self {
            engine,
            observations,
        })
    }

    /// Runs images `[images, channels, height, width]`, as many as the settings' batch or fewer,
    /// and remembers what values there were.
    ///
    /// # Errors
    ///
    /// As [`Engine::run`], and when a value is not finite: an activation may hide it from what
    /// comes behind.
    pub fn observe(&mut self, images: &[f32]) -> Result<(), EngineError> {
        if let Some(place) = images.iter().position(|value| !value.is_finite()) {
            return Err(EngineError::ImageNotFinite { place });
        }
        let ran = self.engine.run(images).map(|_| ());
        if ran.is_ok() {
            self.observe_images(images);
        }
        self.observations.settle();
        ran
    }

    /// Remembers the images themselves, which a dense convolution reads.
    fn observe_images(&self, images: &[f32]) {
        let network = self.engine.network().network();
        if !(matches!(network.operations[0], Operation::Convolution(_))
            && self.observations.wants(0))
        {
            return;
        }
        let settings = self.engine.settings();
        let plane = settings.height * settings.width;
        let image = network.input_channels * plane;
        for (place, image) in images.chunks(image).enumerate() {
            let channels = image.chunks(plane).map(|plane| plane.iter().copied());
            self.observations.add(0, place, channels);
        }
    }

    /// Ranges that hold all that was observed. An input that was 0 throughout stays in floats.
    ///
    /// Cutting off rare values for the sake of a finer step did not bring the logits of trained
    /// networks nearer to those in floats: what the weights lose is more.
    ///
    /// # Errors
    ///
    /// When nothing was observed, or something that reached a convolution was not finite.
    pub fn finish(self) -> Result<Quantisation, EngineError> {
        let operations = &self.engine.network().network().operations;
        let mut inputs = Vec::new();
        let mut means = Vec::new();
        for (operation, seen) in self.observations.operations.iter().enumerate() {
            let Some(seen) = seen else {
                inputs.push(None);
                means.push(Vec::new());
                continue;
            };
            let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let extremes = seen.extremes;
            if !extremes.is_finite {
                return Err(EngineError::NotFinite { operation });
            }
            if extremes.low > extremes.high {
                return Err(EngineError::NothingObserved);
            }
            let range = ValueRange::new(extremes.low, extremes.high);
            let is_rounded = Quantisation::suits(&operations[operation]);
            inputs.push(range.filter(|_| is_rounded));
            let pixels = seen.pixels.max(1) as f64;
            means.push(seen.sums.iter().map(|sum| (sum / pixels) as f32).collect());
        }
        Ok(Quantisation::new(inputs).with_means(means))
    }
}

/// The least and the largest of some values, and whether all were finite. It depends neither on
/// the order of the values nor on the threads that saw them.
#[derive(Debug, Clone, Copy)]
struct Extremes {
    low: f32,
    high: f32,
    is_finite: bool,
}

impl Default for Extremes {
    fn default() -> Self {
        Self {
            low: f32::INFINITY,
            high: f32::NEG_INFINITY,
            is_finite: true,
        }
    }
}

impl Extremes {
    fn add(&mut self, value: f32) {
        self.merge(Self {
            low: value,
            high: value,
            is_finite: value.is_finite(),
        });
    }

    fn merge(&mut self, other: Self) {
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
        self.is_finite &= other.is_finite;
    }
}

/// What reached an operation. Like the extremes, the sums depend neither on the threads nor on the order
/// in which they saw the images.
#[derive(Debug, Default)]
struct Seen {
    extremes: Extremes,
    /// The sum of each channel's values, and how many each was of.
    sums: Vec<f64>,
    pixels: usize,
    /// The sums of the images of this run, by the place of each.
    images: Vec<(usize, Vec<f64>)>,
}

impl Seen {
    /// Adds the images of a run in their own order, as sums of floats depend on it.
    fn settle(&mut self) {
        self.images.sort_unstable_by_key(|(place, _)| *place);
        for (_, sums) in self.images.drain(..) {
            self.sums.resize(sums.len(), 0.0);
            for (all, sum) in self.sums.iter_mut().zip(sums) {
                *all += sum;
            }
        }
    }
}

/// What reached each operation.
#[derive(Debug)]
pub(crate) struct Observations {
    operations: Vec<Option<Mutex<Seen>>>,
}

impl Observations {
    /// Whether an operation is to be observed.
    pub(crate) fn wants(&self, operation: usize) -> bool {
        matches!(self.operations.get(operation), Some(Some(_)))
    }

    /// Adds the values of each channel of an image, by its place in the run, that reached an operation.
    pub(crate) fn add<C: Iterator<Item = f32>>(
        &self,
        operation: usize,
        place: usize,
        channels: impl Iterator<Item = C>,
    ) {
        let Some(Some(all)) = self.operations.get(operation) else {
            return;
        };
        let mut extremes = Extremes::default();
        let mut pixels = 0;
        let sums = channels.map(|values| {
            pixels = 0;
            values.fold(0.0, |sum, value| {
                extremes.add(value);
                pixels += 1;
                sum + f64::from(value)
            })
        });
        let sums = sums.collect();
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        all.extremes.merge(extremes);
        all.pixels += pixels;
        all.images.push((place, sums));
    }

    /// Takes in what a run showed.
    fn settle(&self) {
        for seen in self.operations.iter().flatten() {
            seen.lock().unwrap_or_else(PoisonError::into_inner).settle();
        }
    }
}
