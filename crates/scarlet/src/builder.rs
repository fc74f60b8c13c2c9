//! Builders: from a name or an architecture to a network.

use burn::tensor::Device;
use scarlet_arch::Architecture;

use crate::random::FirstWeights;
use crate::{ConfigError, Scarlet};

/// Configuration of a [`Scarlet`] network: an architecture, and how it is to be trained.
///
/// ```
/// # #[cfg(feature = "flex")] {
/// use scarlet::{Architecture, ScarletConfig};
///
/// let text = "E3K3@24/2 E6K5s@24 - E6K3@40/2 E3K7s@40";
/// let architecture: Architecture = text.parse()?;
/// let network = ScarletConfig::from(architecture)
///     .with_classes(10)
///     .try_init(&burn::tensor::Device::flex())?;
/// assert_eq!(network.architecture().classes, 10);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ScarletConfig {
    architecture: Architecture,
    dropout: f64,
    drop_path: f64,
}

impl From<Architecture> for ScarletConfig {
    fn from(architecture: Architecture) -> Self {
        Self {
            architecture,
            dropout: 0.0,
            drop_path: 0.0,
        }
    }
}

impl ScarletConfig {
    /// Another number of classes than the architecture's.
    pub fn with_classes(mut self, classes: usize) -> Self {
        self.architecture.classes = classes;
        self
    }

    /// Images of another size than the architecture's, in pixels; it guides preprocessing and
    /// changes no weight.
    pub fn with_resolution(mut self, resolution: usize) -> Self {
        self.architecture.preprocessing.resolution = resolution;
        self
    }

    /// Probability of dropping a feature in front of the classifier, in training. Default: 0.
    pub fn with_dropout(mut self, probability: f64) -> Self {
        self.dropout = probability;
        self
    }

    /// How often residual branches are left out in training: the layer of index i, from 0, of n
    /// layers' with probability `rate` · i / n, so never the first layer's and with
    /// `rate` · (n − 1) / n the last's. Default: 0.
    pub fn with_drop_path(mut self, rate: f64) -> Self {
        self.drop_path = rate;
        self
    }

    /// The network as data.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Dropout in front of the classifier.
    pub fn dropout(&self) -> f64 {
        self.dropout
    }

    /// Drop path, as it was set.
    pub fn drop_path(&self) -> f64 {
        self.drop_path
    }

    /// Builds the network with random weights, the released code's initialisation, from Burn's
    /// generator of the device. Weights are drawn when they are first used, so loading a
    /// checkpoint does not pay for them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the architecture cannot be built or a probability is out of range.
    pub fn try_init(&self, device: &Device) -> Result<Scarlet, ConfigError> {
        self.try_init_with(FirstWeights::Device, device)
    }

    /// As [`try_init`](Self::try_init), but every weight is drawn from a random stream of its own,
    /// named by `seed`: the same seed gives the same weights on every device, in whatever order
    /// they are first used, and whatever else draws from the device's generator.
    ///
    /// # Errors
    ///
    /// As [`try_init`](Self::try_init).
    pub fn try_init_seeded(&self, seed: u64, device: &Device) -> Result<Scarlet, ConfigError> {
        self.try_init_with(FirstWeights::seeded(seed), device)
    }

    fn try_init_with(
        &self,
        weights: FirstWeights,
        device: &Device,
    ) -> Result<Scarlet, ConfigError> {
        self.architecture.validate()?;
        for (name, value) in [("dropout", self.dropout), ("drop_path", self.drop_path)] {
            if !(0.0..1.0).contains(&value) {
                return Err(ConfigError::Probability { name, value });
            }
        }
        Ok(Scarlet::build(self, weights, device))
    }

    /// Builds the network with random weights, for configurations that are constants.
    ///
    /// # Panics
    ///
    /// Where [`try_init`](Self::try_init) returns an error.
    pub fn init(&self, device: &Device) -> Scarlet {
        self.try_init(device)
            .unwrap_or_else(|error| panic!("{error}"))
    }
}
