//! Which images a run works on, and how they are divided.

use std::path::{Path, PathBuf};

use scarlet_arch::Preprocessing;
use scarlet_data::DataError;
use serde::{Deserialize, Serialize};

use super::RunError;
use crate::dataset::{Images, TrainTest, cifar, fashion_sample, folder, idx};

/// The embedded sample's name.
const SAMPLE: &str = "fashion-sample";
/// Names that a folder's test part goes by, and what they are tried in.
const TEST_FOLDERS: [&str; 3] = ["test", "val", "valid"];
/// Share of the images that is put aside for the test where a data set has no test part.
const DEFAULT_TEST: f64 = 0.1;

/// Which images, and how they are divided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSettings {
    /// `fashion-sample`, the embedded images, or a folder: with MNIST's files, with CIFAR's binary
    /// files, with one folder of photographs per class, or with `train` and `test`, each with one
    /// folder per class.
    pub source: String,
    /// Height and width of the network's input, in pixels: photographs are resized and cropped to
    /// it, images of a data set padded with black. By default the data set's own size, rounded up
    /// to what the search space can take, and the space's own for photographs.
    pub resolution: Option<usize>,
    /// Read photographs in grey.
    pub grey: bool,
    /// Share of the training images that candidates are judged by; the supernet is not trained
    /// on them.
    pub holdout: f64,
    /// Share of the training images that the finished network is tested on, instead of the data
    /// set's own test images, which are then not looked at: for trying settings. By default the
    /// data set's own, or a tenth where it has none.
    pub test: Option<f64>,
    /// Seed of the division.
    pub seed: u64,
}

impl Default for DataSettings {
    fn default() -> Self {
        Self {
            source: SAMPLE.to_owned(),
            resolution: None,
            grey: false,
            holdout: 0.1,
            test: None,
            seed: 0,
        }
    }
}

/// The images of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunData {
    /// What the supernet is trained on.
    pub train: Images,
    /// What candidates are judged by.
    pub holdout: Images,
    /// Both: what the chosen network is trained on.
    pub all: Images,
    /// What the finished network is tested on, once.
    pub test: Images,
    /// Photographs that could not be read and were left out, each with the reason.
    pub unreadable: Vec<(PathBuf, DataError)>,
}

impl DataSettings {
    /// Reads the images. Their sides come out as multiples of `stride`; photographs have
    /// `photograph` pixels unless the settings say otherwise.
    ///
    /// # Errors
    ///
    /// When there is no such data set, or it cannot be read or divided.
    pub(super) fn read(&self, stride: usize, photograph: usize) -> Result<RunData, RunError> {
        let mut unreadable = Vec::new();
        let (train, test) = match Kind::of(&self.source)? {
            Kind::Sample => parts(fashion_sample()?),
            Kind::Idx(folder) => parts(idx::open_folder(folder)?),
            Kind::Cifar(folder) => parts(cifar::open_folder(folder)?),
            Kind::Photographs { train, test } => {
                let side = self.resolution.unwrap_or(photograph);
                let mut read = |folder: &Path| self.photographs(folder, side, &mut unreadable);
                let train = read(&train)?;
                // Not even looked at where the test images are to be training images.
                let test = test.filter(|_| self.test.is_none());
                (train, test.map(|folder| read(&folder)).transpose()?)
            }
        };
        let (all, test) = match (test, self.test) {
            (Some(test), None) => (train, test),
            (_, share) => train.split(share.unwrap_or(DEFAULT_TEST), self.seed)?,
        };
        if all.classes() != test.classes() {
            return Err(RunError::Classes {
                train: all.classes().join(", "),
                test: test.classes().join(", "),
            });
        }
        let [_, height, width] = all.shape();
        let side = self
            .resolution
            .unwrap_or(height.max(width).next_multiple_of(stride));
        let (all, test) = (all.padded(side)?, test.padded(side)?);
        let (train, holdout) = all.split(self.holdout, self.seed)?;
        Ok(RunData {
            train,
            holdout,
            all,
            test,
            unreadable,
        })
    }

    fn photographs(
        &self,
        root: &Path,
        resolution: usize,
        unreadable: &mut Vec<(PathBuf, DataError)>,
    ) -> Result<Images, RunError> {
        let preprocessing = Preprocessing {
            resolution,
            crop_ratio: 1.0,
            ..Preprocessing::IMAGENET
        };
        let read = folder::open(root, &preprocessing, if self.grey { 1 } else { 3 })?;
        unreadable.extend(read.failures);
        Ok(read.images)
    }
}

fn parts(both: TrainTest) -> (Images, Option<Images>) {
    (both.train, Some(both.test))
}

/// What a source turns out to be.
#[derive(Debug, PartialEq)]
enum Kind {
    Sample,
    Idx(PathBuf),
    Cifar(PathBuf),
    Photographs {
        train: PathBuf,
        test: Option<PathBuf>,
    },
}

impl Kind {
    fn of(source: &str) -> Result<Self, RunError> {
        if source == SAMPLE {
            return Ok(Self::Sample);
        }
        let folder = PathBuf::from(source);
        let has = |names: &[&str]| names.iter().any(|name| folder.join(name).exists());
        let sub_folder = |name: &str| Some(folder.join(name)).filter(|path| path.is_dir());
        if !folder.is_dir() {
            return Err(RunError::UnknownData {
                path: source.to_owned(),
            });
        }
        if has(&["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"]) {
            return Ok(Self::Idx(folder));
        }
        if has(&["data_batch_1.bin", "fine_label_names.txt"]) {
            return Ok(Self::Cifar(folder));
        }
        let test = TEST_FOLDERS.into_iter().find_map(sub_folder);
        // A class may be called `train`, but hardly beside one called `test`.
        Ok(match (sub_folder("train"), test) {
            (Some(train), Some(test)) => Self::Photographs {
                train,
                test: Some(test),
            },
            _ => Self::Photographs {
                train: folder,
                test: None,
            },
        })
    }
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

    #[test]
    fn the_sample_is_divided_and_padded_to_the_stride() {
        let data = DataSettings::default().read(8, 64).unwrap();
        assert_eq!(data.train.len(), 5_400);
        assert_eq!(data.holdout.len(), 600);
        assert_eq!((data.all.len(), data.test.len()), (6_000, 1_000));
        assert_eq!(data.test.shape(), [1, 32, 32]);
        let tuning = DataSettings {
            test: Some(0.2),
            ..DataSettings::default()
        };
        let tuning = tuning.read(4, 64).unwrap();
        assert_eq!((tuning.all.len(), tuning.test.len()), (4_800, 1_200));
        assert_eq!(tuning.test.shape(), [1, 28, 28]);
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
        let data = settings(root.path()).read(4, 16).unwrap();
        assert_eq!((data.all.len(), data.test.len()), (20, 2));
        assert_eq!(data.all.shape(), [3, 16, 16]);
        let whole = settings(&root.path().join("train")).read(4, 16).unwrap();
        assert_eq!((whole.all.len(), whole.test.len()), (18, 2));
        fs::remove_dir_all(root.path().join("val/dog")).unwrap();
        let error = settings(root.path()).read(4, 16).unwrap_err().to_string();
        assert!(
            error.contains("the classes cat, dog, but the test images cat"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_data_set_is_named() {
        let message = |source: &Path| settings(source).read(4, 16).unwrap_err().to_string();
        let error = message(Path::new("no-such-folder"));
        assert!(error.starts_with("`no-such-folder` is no data set: give `fashion-sample`"));
        let root = tempfile::tempdir().unwrap();
        for name in ["cat/1.png", "cat/2.png", "cat/3.png", "dog/1.png"] {
            save(root.path(), name);
        }
        assert!(message(root.path()).contains("class `dog` has only 1 image(s)"));
    }

    #[test]
    fn unreadable_photographs_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        for index in 0..10 {
            save(root.path(), &format!("cat/{index}.png"));
        }
        fs::write(root.path().join("cat/x.png"), "not a picture").unwrap();
        let data = settings(root.path()).read(4, 16).unwrap();
        assert_eq!(data.unreadable.len(), 1);
        assert!(data.unreadable[0].0.ends_with("cat/x.png"));
    }
}
