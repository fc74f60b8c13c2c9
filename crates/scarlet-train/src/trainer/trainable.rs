//! [`Trainable`]: what the training loop can train.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use scarlet::{Architecture, Scarlet};
use scarlet_data::dataset::ImageSet;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{PathSampler, Sampling, Supernet, TrainError, recalibrate};

/// What [`Trainer`](super::Trainer) can train: a network, or a supernet that a network is drawn
/// from for every pass.
pub trait Trainable: Module {
    /// What decides on the networks of each step; a run's checkpoints hold it.
    type Sampler: Serialize + DeserializeOwned;

    /// Number of networks per step.
    fn passes(sampler: &Self::Sampler) -> usize;

    /// Whether every step changes every weight.
    fn changes_all(sampler: &Self::Sampler) -> bool;

    /// The networks of the next step. Their weights and running statistics are this module's own.
    ///
    /// # Errors
    ///
    /// When the sampler is another supernet's.
    fn draw(&self, sampler: &mut Self::Sampler) -> Result<Vec<Scarlet>, TrainError>;

    /// What all of its networks have in common: input, classes, preprocessing.
    fn template(&self) -> &Architecture;

    /// The network, where there is only one.
    fn as_network(&self) -> Option<&Scarlet>;

    /// The gradients of a network that was [drawn](Self::draw) as those of the weights that are
    /// trained, which may be larger.
    fn whole_gradients(&self, gradients: GradientsParams) -> GradientsParams {
        gradients
    }

    /// The same in inference, with [running statistics measured anew](recalibrate) on these images,
    /// `batch_size` at a time. A supernet keeps its own: each path is measured when it is judged.
    ///
    /// # Errors
    ///
    /// As [`recalibrate`].
    fn recalibrated(&self, images: &ImageSet, batch_size: usize) -> Result<Self, TrainError>;

    /// The device that the weights live on.
    fn device(&self) -> Device;
}

impl Trainable for Scarlet {
    type Sampler = ();

    fn passes((): &()) -> usize {
        1
    }

    fn changes_all((): &()) -> bool {
        true
    }

    fn draw(&self, (): &mut ()) -> Result<Vec<Scarlet>, TrainError> {
        Ok(vec![self.clone()])
    }

    fn template(&self) -> &Architecture {
        self.architecture()
    }

    fn as_network(&self) -> Option<&Scarlet> {
        Some(self)
    }

    fn recalibrated(&self, images: &ImageSet, batch_size: usize) -> Result<Self, TrainError> {
        recalibrate(self, images, batch_size)
    }

    fn device(&self) -> Device {
        Scarlet::device(self)
    }
}

impl Trainable for Supernet {
    type Sampler = PathSampler;

    fn passes(sampler: &PathSampler) -> usize {
        sampler.paths_per_step()
    }

    fn changes_all(sampler: &PathSampler) -> bool {
        sampler.sampling() != Sampling::Uniform
    }

    fn draw(&self, sampler: &mut PathSampler) -> Result<Vec<Scarlet>, TrainError> {
        let paths = sampler.next_paths()?;
        paths.iter().map(|genome| self.path(genome)).collect()
    }

    fn template(&self) -> &Architecture {
        self.space().template()
    }

    fn as_network(&self) -> Option<&Scarlet> {
        None
    }

    fn whole_gradients(&self, gradients: GradientsParams) -> GradientsParams {
        Supernet::whole_gradients(self, gradients)
    }

    fn recalibrated(&self, _: &ImageSet, _: usize) -> Result<Self, TrainError> {
        Ok(self.valid())
    }

    fn device(&self) -> Device {
        self.device()
    }
}
