//! [`Location`]: what a name or a folder holds.

use std::path::{Path, PathBuf};

use scarlet_data::ImageFolder;

use super::{DatasetError, PhotographList, TrainTest, cifar, fashion_sample, idx};

/// The embedded sample's name.
const SAMPLE: &str = "fashion-sample";
/// Names of the parts of a folder of photographs.
const TRAIN: &str = "train";
const VALIDATION: [&str; 3] = ["val", "valid", "validation"];
const TEST: &str = "test";

/// Where images are, and in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// The embedded sample of Fashion-MNIST: `fashion-sample`.
    FashionSample,
    /// A folder with MNIST's four files.
    Idx(PathBuf),
    /// A folder with CIFAR's binary files.
    Cifar(PathBuf),
    /// A folder of photographs: one folder per class, or `train` beside `val` (or `valid`,
    /// `validation`) or `test` or both, each with one folder per class.
    Photographs(PathBuf),
}

impl Location {
    /// Finds out what a name or a folder stands for, by the names of the files in it.
    ///
    /// # Errors
    ///
    /// [`DatasetError::UnknownSource`] when there is no such folder.
    pub fn find(source: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let folder = source.as_ref().to_owned();
        if folder == Path::new(SAMPLE) {
            return Ok(Self::FashionSample);
        }
        if !folder.is_dir() {
            return Err(DatasetError::UnknownSource {
                found: folder.display().to_string(),
            });
        }
        let has = |names: &[&str]| names.iter().any(|name| folder.join(name).is_file());
        Ok(
            if has(&["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"]) {
                Self::Idx(folder)
            } else if has(&["batches.meta.txt", "fine_label_names.txt"]) {
                Self::Cifar(folder)
            } else {
                Self::Photographs(folder)
            },
        )
    }

    /// The images, where they are of one size; `None` for photographs.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub fn images(&self) -> Result<Option<TrainTest>, DatasetError> {
        Ok(match self {
            Self::FashionSample => Some(fashion_sample()?),
            Self::Idx(folder) => Some(idx::open_folder(folder)?),
            Self::Cifar(folder) => Some(cifar::open_folder(folder)?),
            Self::Photographs(_) => None,
        })
    }
}

/// The photographs of a folder, by its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PhotographParts {
    /// To train on.
    pub train: PhotographList,
    /// To judge by while training, if there is such a folder.
    pub validation: Option<PhotographList>,
    /// To judge the finished network by, if there is such a folder.
    pub test: Option<PhotographList>,
}

impl PhotographParts {
    /// Lists a folder's photographs. Classes are those of the training part.
    ///
    /// # Errors
    ///
    /// When a folder cannot be listed or holds no classes, or when a part has a class that no
    /// training image has.
    pub fn list(folder: &Path) -> Result<Self, DatasetError> {
        let part = |name: &str| Some(folder.join(name)).filter(|path| path.is_dir());
        let validation = VALIDATION.into_iter().find_map(part);
        let (train, validation, test) = match (part(TRAIN), validation, part(TEST)) {
            // A class may be called `train`, but hardly beside one called `test`.
            (None, ..) | (Some(_), None, None) => (folder.to_owned(), None, None),
            (Some(train), validation, test) => (train, validation, test),
        };
        let train = PhotographList::from(ImageFolder::open(train)?);
        let other = |path: Option<PathBuf>| -> Result<Option<PhotographList>, DatasetError> {
            path.map(|path| PhotographList::from(ImageFolder::open(path)?).among(train.classes()))
                .transpose()
        };
        let (validation, test) = (other(validation)?, other(test)?);
        Ok(Self {
            train,
            validation,
            test,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn save(root: &Path, name: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "never opened").unwrap();
    }

    fn lengths(root: &Path) -> (usize, Option<usize>, Option<usize>) {
        let parts = PhotographParts::list(root).unwrap();
        let length = |part: Option<PhotographList>| part.map(|part| part.len());
        (
            parts.train.len(),
            length(parts.validation),
            length(parts.test),
        )
    }

    #[test]
    fn sources_are_told_apart_by_their_files() {
        assert_eq!(
            Location::find("fashion-sample").unwrap(),
            Location::FashionSample
        );
        let root = tempfile::tempdir().unwrap();
        let find = || Location::find(root.path().to_str().unwrap()).unwrap();
        let path = root.path().to_owned();
        assert_eq!(find(), Location::Photographs(path.clone()));
        save(root.path(), "batches.meta.txt");
        assert_eq!(find(), Location::Cifar(path.clone()));
        save(root.path(), "train-images-idx3-ubyte.gz");
        assert_eq!(find(), Location::Idx(path));
        let error = Location::find("no/such/folder").unwrap_err().to_string();
        assert!(
            error.contains("`no/such/folder` is neither a folder nor `fashion-sample`"),
            "{error}"
        );
    }

    #[test]
    fn folders_may_have_parts() {
        let root = tempfile::tempdir().unwrap();
        for name in ["train/a/1.png", "train/b/1.png", "train/b/2.png"] {
            save(root.path(), name);
        }
        // A class of its own, as long as nothing says otherwise.
        assert_eq!(lengths(root.path()), (3, None, None));
        assert_eq!(
            PhotographParts::list(root.path()).unwrap().train.classes(),
            ["train"]
        );
        save(root.path(), "valid/b/3.png");
        assert_eq!(lengths(root.path()), (3, Some(1), None));
        save(root.path(), "test/a/4.png");
        assert_eq!(lengths(root.path()), (3, Some(1), Some(1)));
        save(root.path(), "test/c/5.png");
        let error = PhotographParts::list(root.path()).unwrap_err().to_string();
        assert!(error.contains("class `c`"), "{error}");
    }
}
