//! Networks that are rounded to eight bits, by the images that they are to see.

use crate::{Classifier, ClassifierError};

/// Finds how a network is rounded to eight bits: what values reach its convolutions with images like
/// those that it will be run on. Some tens of them are enough; labels are not needed.
///
/// ```
/// # use scarlet_engine::{Classifier, DeployOptions, Model, NetworkWeights};
/// # let network = scarlet_arch::scarlet_c().with_classes(4).with_resolution(32);
/// # let weights = NetworkWeights::try_collect(network, |_, shape| {
/// #     Ok::<_, std::convert::Infallible>(vec![0.01; shape.iter().product()])
/// # })?;
/// # let classifier = Classifier::new(Model::of(weights)?, &DeployOptions::new())?;
/// let mut calibration = classifier.calibrate()?;
/// calibration.observe(&[0.5; 3 * 32 * 32])?;
/// let mut int8 = calibration.finish()?;
/// assert_eq!(int8.run(&[0.5; 3 * 32 * 32])?.len(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Calibration<'a> {
    network: &'a Classifier,
    kernels: scarlet_kernels::Calibration,
}

impl Classifier {
    /// Begins to look for how this network is rounded to eight bits.
    ///
    /// # Errors
    ///
    /// When the network is rounded already; when there is no memory or thread.
    pub fn calibrate(&self) -> Result<Calibration<'_>, ClassifierError> {
        let (network, settings) = (self.model().packed.clone(), self.settings().clone());
        Ok(Calibration {
            network: self,
            kernels: scarlet_kernels::Calibration::new(network, settings)?,
        })
    }
}

impl Calibration<'_> {
    /// Looks at images `[images, channels, height, width]`, as many as the batch that the network
    /// was opened for, or fewer.
    ///
    /// # Errors
    ///
    /// When the values are not a whole number of images, none, or too many, or not finite.
    pub fn observe(&mut self, images: &[f32]) -> Result<(), ClassifierError> {
        Ok(self.kernels.observe(images)?)
    }

    /// The network of eight bits, ready for what the one in floats is; see
    /// [`Quantisation`](scarlet_kernels::Quantisation) for what is rounded, and how.
    ///
    /// # Errors
    ///
    /// When there were no images, or they lead to values that are not finite; when there is no
    /// memory or thread.
    pub fn finish(self) -> Result<Classifier, ClassifierError> {
        let quantisation = self.kernels.finish()?;
        let model = self.network.model();
        let rounded = model.rounded(|network| network.quantise(&quantisation))?;
        self.network.with(rounded)
    }
}
