//! The images of a run, divided.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use scarlet_arch::Architecture;
use scarlet_data::dataset::{
    Extent, FolderNotices, ImageSet, ImageSize, Images, Labels, Location, PartReader,
    PhotographCache, PhotographList, PhotographParts, Photographs, Source, Stored, TrainTest,
    Unreadable, check_classes, normalised_by,
};
use scarlet_train::TrainError;

use super::StandaloneConfig;
use crate::RunError;

/// Sides of a photograph that random crops are taken from, relative to the network's input.
const SHRINK: usize = 2;

#[derive(Debug)]
pub(super) struct StandaloneData {
    pub(super) train: ImageSet,
    /// The training images as a network is judged by them, where a cross-validation needs them so and
    /// they are stored otherwise to train on.
    as_judged: Option<ImageSet>,
    /// What epochs are judged by; none where a cross-validation leaves nothing to hold out.
    pub(super) validation: Option<ImageSet>,
    /// What the finished network is judged by.
    pub(super) test: Option<ImageSet>,
    /// How many photographs there are and how large; none for images of one size.
    pub(super) photographs: Option<Extent>,
    /// How large images of one size are; none for photographs.
    pub(super) images: Option<ImageSize>,
    pub(super) unreadable: Unreadable,
    /// What people should know of the folder.
    pub(super) notices: FolderNotices,
    /// Where decoded photographs are kept on disk.
    pub(super) cache: Option<Arc<PhotographCache>>,
}

/// How much of an architecture may follow the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adapt {
    /// Channels, size and normalisation.
    Freely,
    /// The size, and whether it is in grey: weights decide on the rest.
    ToWeights,
}

/// The architecture for the images: of their size, or of one that suits photographs, unless the
/// settings say otherwise.
pub(super) fn adapt(
    mut architecture: Architecture,
    config: &StandaloneConfig,
    adapt: Adapt,
) -> Result<Architecture, RunError> {
    let location = Location::find(&config.data.source)?;
    let mut images = match &location {
        Location::Table(_) => None,
        location => location.images()?,
    };
    if config.data.grey {
        images = images.map(|images| images.in_grey());
        if architecture.input_channels == 3 {
            architecture.input_channels = 1;
            architecture.preprocessing = architecture.preprocessing.in_grey();
        }
    }
    if let Some(images) = &images {
        let [channels, height, width] = images.train.shape();
        let side = height.max(width);
        architecture.preprocessing.resolution =
            side.next_multiple_of(architecture.total_stride().max(1));
        if adapt == Adapt::Freely {
            architecture.input_channels = channels;
            let statistics = images.train.channel_statistics();
            architecture.preprocessing = normalised_by(architecture.preprocessing, &statistics);
        }
    }
    let resolution = config.network.resolution.or_else(|| {
        let extent = location.extent()?;
        let own = architecture.preprocessing.resolution;
        let side = match adapt {
            Adapt::Freely => extent.resolution_from_scratch().min(own),
            Adapt::ToWeights => extent.resolution_from_weights(own),
        };
        let stride = architecture.total_stride().max(1);
        let factor = config.network.resolution_factor;
        Some(match factor == 1.0 {
            true => side.next_multiple_of(stride),
            // The nearest, for the time goes with it; never none.
            false => ((side as f64 * factor / stride as f64).round() as usize).max(1) * stride,
        })
    });
    if let Some(resolution) = resolution {
        architecture.preprocessing.resolution = resolution;
    }
    if let Some(images) = &images {
        let preprocessing = &mut architecture.preprocessing;
        // Photographs that the network is shown later are to look as the images do.
        let shown = images.train.shorter_side_within(preprocessing.resolution);
        *preprocessing = preprocessing.with_side(shown);
    }
    architecture.validate()?;
    Ok(architecture)
}

impl StandaloneData {
    pub(super) fn read(
        config: &StandaloneConfig,
        architecture: &Architecture,
        progress: impl Fn(usize) + Sync,
    ) -> Result<Self, RunError> {
        let source = Path::new(&config.data.source);
        let order = config.data.class_order;
        let location = Location::find(source)?;
        let parts = match &location {
            Location::Table(path) => PhotographParts::of_table(path, order)?,
            _ => match location.images()? {
                Some(images) => return Self::images(config, architecture, images),
                None => PhotographParts::for_training(source, order)?,
            },
        };
        Self::photographs(config, architecture, parts, progress)
    }

    /// Whether images have any number of labels each.
    pub(super) fn has_several_labels(&self) -> bool {
        matches!(Source::from(&self.train).labels(), Labels::Several(_))
    }

    /// The training images, stored for judging a network by them.
    pub(super) fn training_as_judged(&self) -> &ImageSet {
        self.as_judged.as_ref().unwrap_or(&self.train)
    }

    pub(super) fn classes(&self) -> &[String] {
        self.train.classes()
    }

    fn images(
        config: &StandaloneConfig,
        architecture: &Architecture,
        images: TrainTest,
    ) -> Result<Self, RunError> {
        check_classes(
            images.train.labels(),
            images.train.classes(),
            &config.data.source,
        )?;
        let size = ImageSize::of(&images.train, architecture.total_stride());
        let fit = |images: Images| images.for_network(architecture);
        let (train, validation) = match config.data.folds {
            Some(_) => (images.train, None),
            None => {
                let (train, aside) = images.train.split(config.data.holdout, config.data.seed)?;
                (train, Some(aside))
            }
        };
        // Labels that the test images happen not to have do not make their classes fewer.
        let test = images.test.among(train.classes())?;
        Ok(Self {
            train: ImageSet::Images(fit(train)),
            as_judged: None,
            validation: validation.map(|images| ImageSet::Images(fit(images))),
            test: Some(ImageSet::Images(fit(test))),
            photographs: None,
            images: Some(size),
            unreadable: Unreadable::new(),
            notices: FolderNotices::default(),
            cache: None,
        })
    }

    fn photographs(
        config: &StandaloneConfig,
        architecture: &Architecture,
        parts: PhotographParts,
        progress: impl Fn(usize) + Sync,
    ) -> Result<Self, RunError> {
        let folder = Path::new(&config.data.source);
        let extent = Extent::of(&parts.train);
        let (train, validation) = match parts.validation {
            Some(validation) => (parts.train, Some(validation)),
            None if config.data.folds.is_some() => (parts.train, None),
            None => {
                let (train, aside) = (parts.train).split(config.data.holdout, config.data.seed)?;
                (train, Some(aside))
            }
        };
        let (test, notices) = (parts.test, parts.notices);
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
        let again = (data.folds.is_some() && stored != evaluation).then(|| train.clone());
        let count = |list: &Option<PhotographList>| list.as_ref().map_or(0, PhotographList::len);
        let total = train.len() + count(&again) + count(&validation) + count(&test);
        let mut parts = PartReader::new(
            total,
            data.cache_megabytes,
            data.cache_folder.as_deref(),
            data.strict,
            progress,
        )?;
        let train = parts.open(train, stored, true)?;
        let mut judged = |list: Option<PhotographList>| {
            let opened = list.map(|list| parts.open(list, evaluation, false));
            opened.transpose().map(|set| set.map(ImageSet::from))
        };
        let (validation, test) = (judged(validation)?, judged(test)?);
        let as_judged = judged(again)?;
        let (mut unreadable, cache) = parts.finish();
        if let Some(ImageSet::Photographs(again)) = &as_judged {
            check_same(&train, again, folder)?;
            // Each was tried twice.
            let mut seen = HashSet::new();
            unreadable.retain(|(path, _)| seen.insert(path.clone()));
        }
        Ok(Self {
            train: train.into(),
            as_judged,
            validation,
            test,
            photographs: extent,
            images: None,
            unreadable,
            notices,
            cache,
        })
    }
}

/// Refuses photographs of which others could be read the second time.
fn check_same(first: &Photographs, second: &Photographs, folder: &Path) -> Result<(), RunError> {
    let same = first.len() == second.len()
        && (0..first.len()).all(|image| first.path(image) == second.path(image));
    match same {
        true => Ok(()),
        false => Err(TrainError::ImagesChanged {
            path: folder.to_owned(),
            purpose: "judge by",
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standalone::Recipe;

    fn adapted(source: &str, grey: bool, how: Adapt) -> Architecture {
        let mut config = StandaloneConfig::defaults(Recipe::Scratch, source).unwrap();
        config.data.grey = grey;
        let network: Architecture = "E3K3@8/2 E3K3@8/2".parse().unwrap();
        adapt(network, &config, how).unwrap()
    }

    #[test]
    fn networks_follow_the_images_and_what_is_asked_of_them() {
        let photographs = tempfile::tempdir().unwrap();
        let photographs = photographs.path().to_str().unwrap();
        for how in [Adapt::Freely, Adapt::ToWeights] {
            let colour = adapted(photographs, false, how);
            assert_eq!(colour.input_channels, 3);
            assert_eq!(colour.preprocessing.mean, [0.485, 0.456, 0.406]);
            let grey = adapted(photographs, true, how);
            assert_eq!(grey.input_channels, 1);
            assert_eq!(grey.preprocessing.mean, [0.456; 3]);
            assert_eq!(grey.preprocessing.std, [0.224; 3]);
            assert_eq!(grey.preprocessing.crop_ratio, 0.875);
        }
        // As large as suits them, in multiples of the stride of 8.
        let small = tempfile::tempdir().unwrap();
        std::fs::create_dir(small.path().join("a")).unwrap();
        image::RgbImage::new(60, 40)
            .save(small.path().join("a/1.png"))
            .unwrap();
        let small = small.path().to_str().unwrap();
        for (how, side) in [(Adapt::Freely, 64), (Adapt::ToWeights, 64)] {
            assert_eq!(adapted(small, false, how).preprocessing.resolution, side);
        }
        let sample = adapted("fashion-sample", false, Adapt::Freely);
        assert_eq!(sample.input_channels, 1);
        assert_eq!(sample, adapted("fashion-sample", true, Adapt::Freely));
        // Padded to the stride of 8, which photographs will be too.
        let preprocessing = sample.preprocessing;
        assert_eq!(
            (preprocessing.resolution, preprocessing.resized_side()),
            (32, 28)
        );
        let weights = adapted("fashion-sample", false, Adapt::ToWeights);
        assert_eq!(weights.input_channels, 3);
    }
}
