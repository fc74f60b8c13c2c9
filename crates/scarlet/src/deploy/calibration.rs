//! Deployed networks whose numbers are rounded: to eight bits by a [`Calibration`], by the images that they
//! are to see, or to bfloat16.

use scarlet_kernels::Precision;

use super::{DeployError, Deployed, Form};

/// Finds how a deployed network is rounded to eight bits: what values reach its convolutions
/// with images like those that it will be run on. Some tens of them are enough; labels are not
/// needed.
///
/// ```
/// # #[cfg(feature = "flex")] {
/// use scarlet::{DeployOptions, ScarletC, burn::tensor::Device};
///
/// let network = ScarletC::new().with_resolution(64).init(&Device::flex());
/// let deployed = network.deploy(&DeployOptions::new())?;
/// let mut calibration = deployed.calibrate()?;
/// calibration.observe(&[0.5; 3 * 64 * 64])?;
/// let mut int8 = calibration.finish()?;
/// assert_eq!(int8.run(&[0.5; 3 * 64 * 64])?.len(), 1000);
/// # }
/// # Ok::<(), scarlet::DeployError>(())
/// ```
#[derive(Debug)]
pub struct Calibration<'a>(scarlet_engine::Calibration<'a>);

impl Deployed {
    /// Begins to look for how this network is rounded to eight bits.
    ///
    /// # Errors
    ///
    /// When the network is rounded already, or does not run on the CPU's kernels; when there
    /// is no memory or thread.
    pub fn calibrate(&self) -> Result<Calibration<'_>, DeployError> {
        Ok(Calibration(self.classifier()?.calibrate()?))
    }

    /// This network in bfloat16, deployed for the same; see [`PackedNetwork::to_bf16`](scarlet_kernels::PackedNetwork::to_bf16) for what is rounded,
    /// and how. It takes no images.
    ///
    /// ```
    /// # #[cfg(feature = "flex")] {
    /// use scarlet::{DeployOptions, ScarletC, burn::tensor::Device};
    ///
    /// let network = ScarletC::new().with_resolution(64).init(&Device::flex());
    /// let mut bf16 = network.deploy(&DeployOptions::new())?.to_bf16()?;
    /// assert_eq!(bf16.run(&[0.5; 3 * 64 * 64])?.len(), 1000);
    /// # }
    /// # Ok::<(), scarlet::DeployError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the network is rounded already, or does not run on the CPU's kernels; when there is no memory
    /// or thread.
    pub fn to_bf16(&self) -> Result<Self, DeployError> {
        Ok(self.classifier()?.to_bf16()?.into())
    }

    /// Whether the network was rounded to eight bits.
    pub fn is_int8(&self) -> bool {
        self.precision() == Precision::Int8
    }

    /// Whether the network was rounded to bfloat16.
    pub fn is_bf16(&self) -> bool {
        self.precision() == Precision::Bfloat16
    }

    /// The numbers that most of its weights are, and that it computes with.
    pub fn precision(&self) -> Precision {
        match &self.form {
            Form::Classifier(classifier) => classifier.precision(),
            Form::Graph(_) => Precision::Float32,
        }
    }
}

impl Calibration<'_> {
    /// Looks at images `[images, channels, height, width]`, as many as the batch that the network
    /// was deployed for, or fewer.
    ///
    /// # Errors
    ///
    /// When the values are not a whole number of images, none, or too many, or not finite.
    pub fn observe(&mut self, images: &[f32]) -> Result<(), DeployError> {
        Ok(self.0.observe(images)?)
    }

    /// The network of eight bits, deployed for what the one in floats is; see
    /// [`Quantisation`](scarlet_kernels::Quantisation) for what is rounded, and how.
    ///
    /// # Errors
    ///
    /// When there were no images, or they lead to values that are not finite; when there is no
    /// memory or thread.
    pub fn finish(self) -> Result<Deployed, DeployError> {
        Ok(self.0.finish()?.into())
    }
}
