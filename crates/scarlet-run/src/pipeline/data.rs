//! Which images a run works on, and how they are divided.

use std::path::Path;
use std::sync::Arc;

use scarlet_arch::Preprocessing;
use scarlet_data::ClassOrder;
use scarlet_data::dataset::{
    DatasetError, Extent, FolderNotices, ImageSet, ImageSize, Location, PartReader,
    PhotographCache, PhotographList, PhotographParts, Stored, TrainTest, Unreadable, check_classes,
};
use serde::{Deserialize, Serialize};

use crate::RunError;

/// Share of the images that is put aside for the test where a data set has no test part.
const DEFAULT_TEST: f64 = 0.1;
/// Sides of a photograph that random crops are taken from, relative to the networks' input.
const SHRINK: usize = 2;

/// Which images, and how they are split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSettings {
    /// `fashion-sample`, or a folder: see [`Location`]. Where a folder of photographs has a
    /// validation part next to its test part, candidates are judged by it.
    pub source: String,
    /// In which order the classes of a folder of photographs come: `natural` or `bytes`.
    pub class_order: ClassOrder,
    /// Height and width of the networks' input, in pixels: photographs are resized and cropped to
    /// it, images of a data set padded with black, or shrunk where they are larger. By default the
    /// data set's own size, rounded up to what the search space can take; for photographs
    /// [`RunConfig::for_source`](super::RunConfig::for_source) says how large they should be seen,
    /// and where this is left out the space has its own size for them.
    pub resolution: Option<usize>,
    /// Read images in grey.
    pub grey: bool,
    /// Share of the training images that candidates are judged by, where the data has no part for
    /// this; the supernet is not trained on them.
    pub holdout: f64,
    /// Share of the training images that the finished network is tested on, instead of the data
    /// set's own test images, which are then not looked at: for trying settings. By default the
    /// data set's own, or a tenth where it has none.
    pub test: Option<f64>,
    /// Seed of the division.
    pub seed: u64,
    /// Fail if any photograph cannot be read.
    pub strict: bool,
    /// Memory for decoded photographs, in millions of bytes. What does not fit is read from
    /// `cache_folder`, or decoded again, whenever it is needed, to the same result. By default
    /// 4,000, enough for 26,000 photographs of 224×224 pixels, or 6,000 that random crops of that
    /// size are taken from; it is used only as far as there are photographs.
    pub cache_megabytes: u64,
    /// Folder for decoded photographs, which later runs find there: see [`PhotographCache`].
    pub cache_folder: Option<String>,
}

impl Default for DataSettings {
    fn default() -> Self {
        Self {
            source: "fashion-sample".to_owned(),
            class_order: ClassOrder::Natural,
            resolution: None,
            grey: false,
            holdout: 0.1,
            test: None,
            seed: 0,
            strict: false,
            cache_megabytes: 4_000,
            cache_folder: None,
        }
    }
}

/// The images of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunData {
    /// What the supernet is trained on.
    pub train: ImageSet,
    /// What candidates are judged by.
    pub holdout: ImageSet,
    /// Both: what the chosen network is trained on.
    pub all: ImageSet,
    /// What the finished network is tested on, once.
    pub test: ImageSet,
    /// What networks see of them.
    pub input: Input,
    /// How many photographs there are and how large; none for images of one size.
    pub photographs: Option<Extent>,
    /// How large images of one size are, before networks see them; none for photographs.
    pub image_size: Option<ImageSize>,
    /// Photographs that could not be read and were left out, each with the reason.
    pub unreadable: Unreadable,
    /// What people should know of a folder of photographs.
    pub notices: FolderNotices,
    /// Where decoded photographs are kept on disk.
    pub cache: Option<Arc<PhotographCache>>,
}

/// What networks are to read, and to distinguish.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Channels of an image.
    pub channels: usize,
    /// Its height and width.
    pub side: usize,
    /// The shorter side of what is to be seen in it: less where images of a data set have black
    /// around them.
    pub shown: usize,
    /// Share of the shorter side of photographs that is seen; none for images of one size.
    pub crop_ratio: Option<f64>,
    /// Number of classes.
    pub classes: usize,
    /// Mean and standard deviation of each channel's values, from 0 to 1: the images' own, or
    /// those of ImageNet for photographs.
    pub statistics: Vec<(f64, f64)>,
}

/// What the rest of a run wants of its images.
pub(super) struct Needs {
    /// What sides are multiples of.
    pub(super) stride: usize,
    /// Sides of photographs unless the settings say otherwise.
    pub(super) photograph: usize,
    /// Whether training takes random crops of photographs.
    pub(super) crops: bool,
    /// How networks see photographs in evaluation, but for the resolution.
    pub(super) seen: Preprocessing,
}

impl DataSettings {
    /// Reads the images. `progress` is told of every photograph and how many there are.
    ///
    /// # Errors
    ///
    /// When there is no such data set, or it cannot be read or divided.
    pub(super) fn read(
        &self,
        needs: &Needs,
        progress: impl Fn(usize) + Sync,
    ) -> Result<RunData, RunError> {
        match Location::find(&self.source)?.images()? {
            Some(images) => self.images(images, needs),
            None => self.photographs(Path::new(&self.source), needs, progress),
        }
    }

    fn images(&self, mut images: TrainTest, needs: &Needs) -> Result<RunData, RunError> {
        if self.grey {
            images = images.in_grey();
        }
        check_classes(images.train.labels(), images.train.classes(), &self.source)?;
        let (all, test) = match self.test {
            Some(share) => images.train.split(share, self.seed)?,
            // Labels that the test images happen not to have do not make their classes fewer.
            None => {
                let test = images.test.among(images.train.classes())?;
                (images.train, test)
            }
        };
        let [channels, height, width] = all.shape();
        let side = self
            .resolution
            .unwrap_or(height.max(width).next_multiple_of(needs.stride.max(1)));
        let shown = all.shorter_side_within(side);
        let size = ImageSize::of(&all, needs.stride);
        let (all, test) = (all.fitted(side), test.fitted(side));
        let input = Input {
            channels,
            side,
            shown,
            crop_ratio: None,
            classes: all.classes().len(),
            statistics: all.channel_statistics(),
        };
        let (train, holdout) = all.split(self.holdout, self.seed)?;
        Ok(RunData {
            train: train.into(),
            holdout: holdout.into(),
            all: all.into(),
            test: test.into(),
            input,
            photographs: None,
            image_size: Some(size),
            unreadable: Unreadable::new(),
            notices: FolderNotices::default(),
            cache: None,
        })
    }

    fn photographs(
        &self,
        folder: &Path,
        needs: &Needs,
        progress: impl Fn(usize) + Sync,
    ) -> Result<RunData, RunError> {
        let parts = PhotographParts::for_training(folder, self.class_order)?;
        let notices = parts.notices;
        let photographs = Extent::of(&parts.train);
        let (all, holdout, test) = match (parts.validation, parts.test, self.test) {
            (validation, Some(test), None) => (parts.train, validation, test),
            (Some(validation), None, None) => (parts.train, None, validation),
            (_, _, share) => {
                let share = share.unwrap_or(DEFAULT_TEST);
                let (all, test) = parts.train.split(share, self.seed)?;
                (all, None, test)
            }
        };
        let side = self.resolution.unwrap_or(needs.photograph);
        let (channels, statistics) = photograph_statistics(self.grey);
        let input = Input {
            channels,
            side,
            shown: side,
            crop_ratio: Some(needs.seen.crop_ratio),
            classes: all.classes().len(),
            statistics,
        };
        let evaluation = Stored::Evaluation(Preprocessing {
            resolution: side,
            ..needs.seen
        });
        let crops = match needs.crops {
            true => Stored::Shrunk(SHRINK * side),
            false => evaluation,
        };
        let total = all.len() + holdout.as_ref().map_or(0, PhotographList::len) + test.len();
        let mut parts = PartReader::new(
            total,
            self.cache_megabytes,
            self.cache_folder.as_deref(),
            self.strict,
            progress,
        )?;
        let all = parts.open(all, crops, true)?;
        let (all, train, holdout) = match holdout {
            Some(holdout) => {
                let holdout = parts.open(holdout, crops, false)?;
                (all.joined(&holdout), all, holdout)
            }
            None => {
                let (train, holdout) = all.split(self.holdout, self.seed)?;
                (all, train, holdout)
            }
        };
        let test = parts.open(test, evaluation, false)?;
        let (unreadable, cache) = parts.finish();
        Ok(RunData {
            train: train.into(),
            holdout: holdout.into(),
            all: all.into(),
            test: test.into(),
            input,
            photographs,
            image_size: None,
            unreadable,
            notices,
            cache,
        })
    }

    /// Whether both give the same images, wherever decoded ones are kept.
    pub(super) fn same_images(&self, other: &Self) -> bool {
        let kept = Self {
            cache_megabytes: other.cache_megabytes,
            cache_folder: other.cache_folder.clone(),
            ..self.clone()
        };
        kept == *other
    }
}

impl RunData {
    /// Why decoded photographs could not be kept on disk, where they were to be.
    pub fn cache_failure(&self) -> Option<&DatasetError> {
        self.cache.as_ref().and_then(|cache| cache.failure())
    }
}

/// Channels of photographs, and ImageNet's statistics of each.
fn photograph_statistics(grey: bool) -> (usize, Vec<(f64, f64)>) {
    let preprocessing = match grey {
        true => Preprocessing::IMAGENET.in_grey(),
        false => Preprocessing::IMAGENET,
    };
    let channels = preprocessing.mean.into_iter().zip(preprocessing.std);
    let statistics = channels.map(|(mean, deviation)| (f64::from(mean), f64::from(deviation)));
    let count = if grey { 1 } else { 3 };
    (count, statistics.take(count).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn save(folder: &Path, name: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::from_pixel(8, 8, image::Rgb([9, 9, 9]))
            .save(path)
            .unwrap();
    }

    fn settings(source: &Path) -> DataSettings {
        DataSettings {
            source: source.display().to_string(),
            holdout: 0.5,
            ..DataSettings::default()
        }
    }

    fn read(
        settings: &DataSettings,
        stride: usize,
        photograph: usize,
    ) -> Result<RunData, RunError> {
        let needs = Needs {
            stride,
            photograph,
            crops: false,
            seen: Preprocessing::IMAGENET,
        };
        settings.read(&needs, |_| {})
    }

    #[test]
    fn the_sample_is_divided_and_padded_to_the_stride() {
        let data = read(&DataSettings::default(), 8, 64).unwrap();
        assert_eq!(data.train.len(), 5_400);
        assert_eq!(data.holdout.len(), 600);
        assert_eq!((data.all.len(), data.test.len()), (6_000, 1_000));
        assert_eq!((data.input.channels, data.input.side), (1, 32));
        let tuning = DataSettings {
            test: Some(0.2),
            ..DataSettings::default()
        };
        let tuning = read(&tuning, 4, 64).unwrap();
        assert_eq!((tuning.all.len(), tuning.test.len()), (4_800, 1_200));
        assert_eq!(tuning.input.side, 28);
    }

    #[test]
    fn images_of_a_data_set_are_padded_or_shrunk() {
        let sized = |resolution| {
            let settings = DataSettings {
                resolution: Some(resolution),
                ..DataSettings::default()
            };
            let data = read(&settings, 4, 64).unwrap();
            let ImageSet::Images(images) = data.all else {
                panic!("no images");
            };
            (images, data.input)
        };
        let (padded, input) = sized(40);
        assert_eq!((padded.shape(), input.shown), ([1, 40, 40], 28));
        assert_eq!(padded.image(0)[..40 * 6], [0; 40 * 6]);
        let (shrunk, input) = sized(16);
        assert_eq!((shrunk.shape(), input.shown), ([1, 16, 16], 16));
        // The mean hardly changes.
        let mean = |images: &scarlet_data::dataset::Images| images.channel_statistics()[0].0;
        let whole = scarlet_data::dataset::fashion_sample().unwrap().train;
        assert!((mean(&shrunk) - mean(&whole)).abs() < 0.005);
    }

    #[test]
    fn folders_of_photographs_may_have_parts() {
        let root = tempfile::tempdir().unwrap();
        for class in ["cat", "dog"] {
            for index in 0..10 {
                save(root.path(), &format!("train/{class}/{index}.png"));
            }
            save(root.path(), &format!("val/{class}/x.png"));
        }
        let lengths = |settings: &DataSettings| {
            let data = read(settings, 4, 16).unwrap();
            let parts = [&data.train, &data.holdout, &data.all, &data.test];
            parts.map(ImageSet::len)
        };
        let mut settings = settings(root.path());
        // The only other part is the test's; with one for the test, it is what candidates are
        // judged by.
        assert_eq!(lengths(&settings), [10, 10, 20, 2]);
        save(root.path(), "test/cat/y.png");
        assert_eq!(lengths(&settings), [20, 2, 22, 1]);
        settings.test = Some(0.2);
        assert_eq!(lengths(&settings), [8, 8, 16, 4]);
        settings.test = None;
        settings.source += "/train";
        assert_eq!(lengths(&settings), [8, 10, 18, 2]);
        let data = read(&settings, 4, 16).unwrap();
        assert_eq!(data.all.classes(), ["cat", "dog"]);
        assert_eq!((data.input.channels, data.input.side), (3, 16));
        settings.grey = true;
        let grey = read(&settings, 4, 16).unwrap().input;
        assert_eq!((grey.channels, grey.statistics.len()), (1, 1));
    }

    #[test]
    fn what_is_no_data_set_is_named() {
        let message = |source: &Path| read(&settings(source), 4, 16).unwrap_err().to_string();
        let error = message(Path::new("no-such-folder"));
        assert!(
            error.contains("`no-such-folder` is neither a folder nor `fashion-sample`"),
            "{error}"
        );
        let root = tempfile::tempdir().unwrap();
        for name in ["cat/1.png", "cat/2.png", "cat/3.png", "dog/1.png"] {
            save(root.path(), name);
        }
        assert!(message(root.path()).contains("class `dog` has only 1 image"));
        save(root.path(), "train/cat/1.png");
        save(root.path(), "test/emu/1.png");
        assert!(message(root.path()).contains("is of class `emu`, which no training image has"));
    }

    #[test]
    fn unreadable_photographs_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        for index in 0..10 {
            save(root.path(), &format!("cat/{index}.png"));
            save(root.path(), &format!("dog/{index}.png"));
        }
        fs::write(root.path().join("cat/x.png"), "not a picture").unwrap();
        let mut settings = settings(root.path());
        let data = read(&settings, 4, 16).unwrap();
        assert_eq!(data.unreadable.len(), 1);
        assert!(data.unreadable[0].0.ends_with("cat/x.png"));
        settings.strict = true;
        let error = read(&settings, 4, 16).unwrap_err().to_string();
        assert!(error.contains("x.png is not an image"), "{error}");
    }
}
