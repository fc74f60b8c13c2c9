//! [`PublishedSupernet`]: a supernet that its authors trained, on other images.

use burn::tensor::Device;
use scarlet::weights::OfaSupernet;
use scarlet::{Architecture, Scarlet};
use scarlet_arch::{Genome, SearchSpace};
use scarlet_data::dataset::{ImageSet, Source};

use crate::fingerprint::Fingerprint;
use crate::probe::{Features, LinearClassifier};
use crate::supernet::path_architecture;
use crate::{TrainError, recalibrate};

/// A supernet that was trained on other images than a search's, with the networks that the search chooses
/// from: what each of them sees of the images tells how well it suits them, without training any.
#[derive(Debug, Clone)]
pub struct PublishedSupernet {
    weights: OfaSupernet,
    space: SearchSpace,
    device: Device,
}

impl PublishedSupernet {
    /// The networks of `space`, which must be [its own](OfaSupernet::space), of any classes and
    /// resolutions, and in colour or grey.
    ///
    /// # Errors
    ///
    /// When the largest or the least of them is none of the supernet's.
    pub fn new(
        weights: OfaSupernet,
        space: SearchSpace,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let supernet = Self {
            weights,
            space,
            device: device.clone(),
        };
        for genome in supernet.corners()? {
            let network = supernet.architecture(&genome)?;
            supernet.weights.check(&supernet.as_published(&network))?;
        }
        Ok(supernet)
    }

    /// The networks to choose from.
    pub fn space(&self) -> &SearchSpace {
        &self.space
    }

    /// What its authors call it.
    pub fn name(&self) -> &'static str {
        self.weights.published().name()
    }

    /// The device that networks are made on.
    pub fn device(&self) -> Device {
        self.device.clone()
    }

    /// The same, whose networks are made on another device.
    pub(crate) fn on(mut self, device: &Device) -> Self {
        self.device = device.clone();
        self
    }

    /// The network of a genome with its weights, in inference. Its classifier knows nothing yet, and its
    /// batch normalisation is the largest network's.
    pub(crate) fn network(&self, genome: &Genome) -> Result<Scarlet, TrainError> {
        let network = self.architecture(genome)?;
        let built = (self.weights).network(&self.as_published(&network), &self.device)?;
        let built = match network.input_channels {
            1 => built.in_grey(),
            _ => built,
        };
        let layers = built.layers().to_vec();
        let built = built.reset_classifier(network.classes);
        Ok(built.with_layers(layers, network))
    }

    /// The same with running statistics [measured](recalibrate) on `images`, `batch_size` at a time, and
    /// a linear classifier that is fitted to what it sees of them: the network that candidates of a
    /// search are judged as. Images that are larger than the network sees them are shrunk.
    ///
    /// # Errors
    ///
    /// When there are no images, they do not fit the supernet or cannot be read, or the genome is not of
    /// the space.
    pub fn fitted(
        &self,
        genome: &Genome,
        images: Option<&ImageSet>,
        batch_size: usize,
    ) -> Result<Scarlet, TrainError> {
        let Some(images) = images else {
            return Err(TrainError::Setting {
                setting: "search.calibration_images",
                value: 0.to_string(),
                expected: "at least 1 where networks are taken out of a published supernet, whose \
                           classifiers are fitted to these images",
            });
        };
        let network = self.network(genome)?;
        let classes = network.architecture().classes;
        let side = network.architecture().preprocessing.resolution;
        let mut room = None;
        let images = Source::from(images).fitted(side, &mut room);
        let network = recalibrate(&network, images, batch_size)?;
        let features = Features::of(&network, images, batch_size, |_| {})?;
        Ok(LinearClassifier::fit(&features, classes).on(network))
    }

    /// What scores depend on: all weights, and how classifiers are fitted.
    pub fn fingerprint(&self, fingerprint: Fingerprint) -> Fingerprint {
        let tensors = self.weights.tensors().into_iter();
        let weights = tensors.fold(fingerprint, |fingerprint, (name, values)| {
            fingerprint.text(name).values(values)
        });
        weights.text("linear classifier, version 1")
    }

    /// The largest and the least network.
    fn corners(&self) -> Result<[Genome; 2], TrainError> {
        let last = (self.space.genes().into_iter()).map(|values| values as u8 - 1);
        Ok([self.space.first(), Genome::new(last.collect::<Vec<_>>())?])
    }

    fn architecture(&self, genome: &Genome) -> Result<Architecture, TrainError> {
        Ok(path_architecture(&self.space, genome)?)
    }

    /// The same network as the supernet has it: for its classes, in colour.
    fn as_published(&self, network: &Architecture) -> Architecture {
        let mut network = network.clone();
        network.classes = self.weights.largest().classes;
        network.input_channels = 3;
        network
    }
}
