//! [`Calibration`]: from images to a [`Quantisation`].

use std::sync::{Arc, Mutex, PoisonError};

use crate::{Engine, EngineError, EngineSettings, PackedNetwork, Quantisation, ValueRange};

/// Runs a network in floats and looks at what reaches its pointwise convolutions.
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
    /// As [`Engine::new`], and when the network is quantised already.
    pub fn new(network: PackedNetwork, settings: EngineSettings) -> Result<Self, EngineError> {
        if network.quantisation().is_some() {
            return Err(EngineError::QuantisedBefore);
        }
        let operations = &network.network().operations;
        let nothing = |suits: bool| suits.then(|| Mutex::new(Extremes::default()));
        let observations = Arc::new(Observations {
            operations: operations
                .iter()
                .map(|operation| nothing(Quantisation::suits(operation)))
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
        self.engine.run(images).map(|_| ())
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
        let mut inputs = Vec::new();
        for (operation, extremes) in self.observations.operations.iter().enumerate() {
            let Some(extremes) = extremes else {
                inputs.push(None);
                continue;
            };
            let extremes = *extremes.lock().unwrap_or_else(PoisonError::into_inner);
            if !extremes.is_finite {
                return Err(EngineError::NotFinite { operation });
            }
            if extremes.low > extremes.high {
                return Err(EngineError::NothingObserved);
            }
            inputs.push(ValueRange::new(extremes.low, extremes.high));
        }
        Ok(Quantisation::new(inputs))
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

/// What reached each operation.
#[derive(Debug)]
pub(crate) struct Observations {
    operations: Vec<Option<Mutex<Extremes>>>,
}

impl Observations {
    /// Whether an operation is to be observed.
    pub(crate) fn wants(&self, operation: usize) -> bool {
        matches!(self.operations.get(operation), Some(Some(_)))
    }

    /// Adds values that reached an operation.
    pub(crate) fn add(&self, operation: usize, values: impl Iterator<Item = f32>) {
        let Some(Some(all)) = self.operations.get(operation) else {
            return;
        };
        let mut extremes = Extremes::default();
        values.for_each(|value| extremes.add(value));
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        all.merge(extremes);
    }
}
