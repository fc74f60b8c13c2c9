//! [`Calibration`]: a deployed network of eight bits, by the images that it is to see.

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
pub struct Calibration<'a> {
    network: &'a Deployed,
    kernels: scarlet_kernels::Calibration,
}

impl Deployed {
    /// Begins to look for how this network is rounded to eight bits.
    ///
    /// # Errors
    ///
    /// When the network is of eight bits already, or does not run on the CPU's kernels; when there
    /// is no memory or thread.
    pub fn calibrate(&self) -> Result<Calibration<'_>, DeployError> {
        let Form::Kernels { engine, .. } = &self.form else {
            return Err(DeployError::NoKernels);
        };
        let (network, settings) = (engine.network().clone(), engine.settings().clone());
        Ok(Calibration {
            network: self,
            kernels: scarlet_kernels::Calibration::new(network, settings)?,
        })
    }

    /// Whether the network was rounded to eight bits.
    pub fn is_int8(&self) -> bool {
        match &self.form {
            Form::Kernels { engine, .. } => engine.network().quantisation().is_some(),
            Form::Graph { .. } => false,
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
        Ok(self.kernels.observe(images)?)
    }

    /// The network of eight bits, deployed for what the one in floats is; see
    /// [`Quantisation`](scarlet_kernels::Quantisation) for what is rounded, and how.
    ///
    /// # Errors
    ///
    /// When there were no images, or they lead to values that are not finite; when there is no
    /// memory or thread.
    pub fn finish(self) -> Result<Deployed, DeployError> {
        let Deployed {
            form,
            architecture,
            card,
            batch,
            size,
        } = self.network;
        let Form::Kernels { engine, parts } = form else {
            return Err(DeployError::NoKernels);
        };
        let packed = engine.network().quantise(&self.kernels.finish()?)?;
        Ok(Deployed {
            form: Form::kernels(packed, parts.clone(), engine.settings().clone())?,
            architecture: architecture.clone(),
            card: card.clone(),
            batch: *batch,
            size: *size,
        })
    }
}
