//! [`Deployment`]: how a network is deployed to be judged or used.

use burn::module::Module;
use burn::tensor::Device;
use scarlet::Precision;
use scarlet::{DeployOptions, Deployed, Scarlet, is_cpu};
use scarlet_data::dataset::Source;

use crate::TrainError;
use crate::batch::Batcher;

/// How a network is deployed.
#[derive(Clone, Copy)]
pub struct Deployment<'a> {
    /// The numbers that it computes with.
    pub precision: Precision,
    /// Images like those that it will see, which say how it is rounded to int8.
    pub calibration: Option<Source<'a>>,
    /// Threads of the CPU, which change no bit of what it computes.
    pub threads: usize,
}

impl Deployment<'_> {
    /// In floats, as networks are trained.
    pub fn in_floats() -> Self {
        Self {
            precision: Precision::Float32,
            calibration: None,
            threads: rayon::current_num_threads(),
        }
    }

    /// Where a network that lives on a device is deployed; see [`kernels_device`].
    pub fn device(&self, device: &Device) -> Device {
        kernels_device(device, self.precision)
    }

    /// Deploys a network, as it is in inference, for at most `batch` images at a time.
    ///
    /// # Errors
    ///
    /// When the network cannot be deployed or rounded, int8 has no images, or they cannot be read or do
    /// not fit the network.
    pub fn deploy(&self, network: &Scarlet, batch: usize) -> Result<Deployed, TrainError> {
        let options = &DeployOptions::new()
            .with_batch(batch)
            .with_threads(self.threads);
        let device = network.device();
        let there = self.device(&device);
        let floats = match there == device {
            true => network.deploy(options)?,
            // `valid` first: a clone that is moved takes the running statistics of the others along.
            false => network.valid().to_device(&there).deploy(options)?,
        };
        match self.precision {
            Precision::Float32 => Ok(floats),
            Precision::Bfloat16 => Ok(floats.to_bf16()?),
            Precision::Int8 => self.calibrated(&floats, &there),
        }
    }

    /// The network in int8.
    fn calibrated(&self, floats: &Deployed, device: &Device) -> Result<Deployed, TrainError> {
        let mut calibration = floats.calibrate()?;
        if let Some(images) = self.calibration {
            let side = floats.architecture().preprocessing.resolution;
            let mut room = None;
            let images = images.fitted(side, &mut room);
            let batcher = Batcher::new(images, floats.architecture(), device)?;
            let indices: Vec<usize> = (0..images.len()).collect();
            for indices in indices.chunks(floats.batch()) {
                let batch = batcher.plain(indices)?.images;
                let values: Vec<f32> = batch.into_data().iter().collect();
                calibration.observe(&values)?;
            }
        }
        // Without images it says so.
        Ok(calibration.finish()?)
    }
}

/// Where networks run that are deployed in these numbers from a device: floats there, all others on the
/// CPU, since its kernels alone compute with them.
pub fn kernels_device(device: &Device, precision: Precision) -> Device {
    match precision.is_float32() || is_cpu(device) {
        true => device.clone(),
        false => Device::flex(),
    }
}
