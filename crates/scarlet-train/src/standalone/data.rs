//! The images of a run, divided.

use std::path::Path;
use std::sync::Arc;

use scarlet_arch::Architecture;

use super::StandaloneConfig;
use crate::TrainError;
use crate::dataset::{
    ImageSet, Images, Location, PartReader, PhotographCache, PhotographList, PhotographParts, Stored,
    TrainTest, Unreadable, check_classes,
};

/// Sides of a photograph that random crops are taken from, relative to the network's input.
const SHRINK: usize = 2;

#[derive(Debug)]
pub(super) struct StandaloneData {
    pub(super) train: ImageSet,
    /// What epochs are judged by.
    pub(super) validation: ImageSet,
    /// What the finished network is judged by.
    pub(super) test: Option<ImageSet>,
    pub(super) unreadable: Unreadable,
    /// Where decoded photographs are kept on disk.
    pub(super) cache: Option<Arc<PhotographCache>>,
}

/// How much of an architecture may follow the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adapt {
    /// Channels, size and normalisation.
    Freely,
    /// The size: weights decide on the rest.
    ToWeights,
}

/// The architecture for the images: of their size, unless the settings say otherwise.
pub(super) fn adapt(
    mut architecture: Architecture,
    config: &StandaloneConfig,
    adapt: Adapt,
) -> Result<Architecture, TrainError> {
    let images = Location::find(&config.data.source)?.images()?;
    if let Some(images) = &images {
        let [channels, height, width] = images.train.shape();
        let side = height.max(width);
        architecture.preprocessing.resolution =
            side.next_multiple_of(architecture.total_stride().max(1));
        if adapt == Adapt::Freely {
            architecture.input_channels = channels;
            let statistics = images.train.channel_statistics();
            let preprocessing = &mut architecture.preprocessing;
            for channel in 0..preprocessing.mean.len() {
                let (mean, deviation) = statistics[channel.min(channels - 1)];
                preprocessing.mean[channel] = mean as f32;
                // Images of one value everywhere have none.
                preprocessing.std[channel] = deviation.max(1e-3) as f32;
            }
        }
    }
    if let Some(resolution) = config.network.resolution {
        architecture.check_resolution(resolution)?;
        architecture.preprocessing.resolution = resolution;
    }
    if let Some(images) = &images {
        let [_, height, width] = images.train.shape();
        let preprocessing = &mut architecture.preprocessing;
        // Photographs that the network is shown later look as the images do.
        *preprocessing = preprocessing.with_side(height.min(width));
    }
    architecture.validate()?;
    Ok(architecture)
}

impl StandaloneData {
    pub(super) fn read(
        config: &StandaloneConfig,
        architecture: &Architecture,
        progress: impl Fn(usize) + Sync,
    ) -> Result<Self, TrainError> {
        match Location::find(&config.data.source)?.images()? {
            Some(images) => Self::images(config, architecture, images),
            None => {
                let folder = Path::new(&config.data.source);
                Self::photographs(config, architecture, folder, progress)
            }
        }
    }

    pub(super) fn classes(&self) -> &[String] {
        self.train.classes()
    }

    fn images(
        config: &StandaloneConfig,
        architecture: &Architecture,
        images: TrainTest,
    ) -> Result<Self, TrainError> {
        check_classes(
            images.train.labels(),
            images.train.classes(),
            &config.data.source,
        )?;
        let fit = |images: Images| images.for_network(architecture);
        let (train, validation) = images.train.split(config.data.holdout, config.data.seed)?;
        // Labels that the test images happen not to have do not make their classes fewer.
        let test = images.test.among(train.classes())?;
        Ok(Self {
            train: ImageSet::Images(fit(train)?),
            validation: ImageSet::Images(fit(validation)?),
            test: Some(ImageSet::Images(fit(test)?)),
            unreadable: Unreadable::new(),
            cache: None,
        })
    }

    fn photographs(
        config: &StandaloneConfig,
        architecture: &Architecture,
        folder: &Path,
        progress: impl Fn(usize) + Sync,
    ) -> Result<Self, TrainError> {
        let parts = PhotographParts::for_training(folder)?;
        let (train, validation) = match parts.validation {
            Some(validation) => (parts.train, validation),
            None => parts.train.split(config.data.holdout, config.data.seed)?,
        };
        let test = parts.test;
        let total = train.len() + validation.len() + test.as_ref().map_or(0, PhotographList::len);
        let preprocessing = architecture.preprocessing;
        let evaluation = Stored::Evaluation(preprocessing);
        let cropped = match config.data.shrink {
            Some(0) => Stored::Whole,
            Some(side) => Stored::Shrunk(side),
            None => Stored::Shrunk(SHRINK * preprocessing.resolution),
        };
        let stored = match config.train.augment.resized_crop {
            Some(_) => cropped,
            None => evaluation,
        };
        let data = &config.data;
        let mut parts = PartReader::new(
            total,
            data.cache_megabytes,
            data.cache_folder.as_deref(),
            data.strict,
            progress,
        )?;
        let train = parts.open(train, stored, true)?;
        let validation = parts.open(validation, evaluation, false)?;
        let test = test.map(|test| parts.open(test, evaluation, false));
        let test = test.transpose()?;
        let (unreadable, cache) = parts.finish();
        Ok(Self {
            train: train.into(),
            validation: validation.into(),
            test: test.map(ImageSet::from),
            unreadable,
            cache,
        })
    }
}
