//! [`Location`]: what a name or a folder holds.

use std::path::{Path, PathBuf};

use scarlet_data::ImageFolder;

use super::split::check_classes;
use super::{DatasetError, PhotographList, TrainTest, cifar, fashion_sample, idx};

/// The embedded sample's name.
const SAMPLE: &str = "fashion-sample";
/// Names of the parts of a folder of photographs, in any case.
const TRAIN: [&str; 2] = ["train", "training"];
const VALIDATION: [&str; 4] = ["val", "valid", "validation", "dev"];
const TEST: [&str; 2] = ["test", "testing"];

/// Where images are, and in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// The embedded sample of Fashion-MNIST: `fashion-sample`.
    FashionSample,
    /// A folder with MNIST's four files.
    Idx(PathBuf),
    /// A folder with CIFAR's binary files.
    Cifar(PathBuf),
    /// A folder of photographs: see [`PhotographParts`].
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

    /// Whether images stay what they are when they are mirrored. Letters and digits do not, and
    /// MNIST's files hold little else: only known pictures of things do.
    pub fn may_be_mirrored(&self) -> bool {
        !matches!(self, Self::Idx(_))
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

/// The photographs of a folder, by its parts: one folder per class, or `train` (or `training`),
/// alone or beside `val` (or `valid`, `validation`, `dev`) or `test` (or `testing`) or both, each
/// with one folder per class.
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
    /// When a folder cannot be listed or holds no classes, when there are other parts but none to
    /// train on, or when a part has a class that no training image has.
    pub fn list(folder: &Path) -> Result<Self, DatasetError> {
        let paths = PartPaths::find(folder)?;
        let train = PhotographList::from(ImageFolder::open(paths.train)?);
        let other = |path: Option<PathBuf>| -> Result<Option<PhotographList>, DatasetError> {
            path.map(|path| PhotographList::from(ImageFolder::open(path)?).among(train.classes()))
                .transpose()
        };
        let (validation, test) = (other(paths.validation)?, other(paths.test)?);
        Ok(Self {
            train,
            validation,
            test,
        })
    }

    /// As [`list`](Self::list), for photographs that are to be trained on: refuses what would train
    /// a network to no use.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list), and when there is but one class, a class has a single photograph, or
    /// a class folder holds nothing but folders and so is hardly a class.
    pub fn for_training(folder: &Path) -> Result<Self, DatasetError> {
        let parts = Self::list(folder)?;
        let root = PartPaths::find(folder)?.train;
        for class in parts.train.classes() {
            let path = root.join(class);
            if holds_only_folders(&path)? {
                return Err(DatasetError::OnlyFolders { path });
            }
        }
        check_classes(parts.train.labels(), parts.train.classes(), folder)?;
        Ok(parts)
    }
}

/// Where the parts of a folder of photographs are.
struct PartPaths {
    train: PathBuf,
    validation: Option<PathBuf>,
    test: Option<PathBuf>,
}

impl PartPaths {
    fn find(folder: &Path) -> Result<Self, DatasetError> {
        let (folders, _) = list(folder)?;
        let part = |names: &[&str]| {
            let is_part = |path: &&PathBuf| names.contains(&name(path).to_lowercase().as_str());
            folders.iter().find(is_part).cloned()
        };
        let (train, validation, test) = (part(&TRAIN), part(&VALIDATION), part(&TEST));
        let parts = [&train, &validation, &test].into_iter().flatten().count();
        // A class may be called `train` or `test`, but hardly beside the other, nor alone.
        match train {
            Some(train) if parts > 1 || folders.len() == 1 => Ok(Self {
                train,
                validation,
                test,
            }),
            None if parts > 0 && parts == folders.len() => Err(DatasetError::NothingToTrainOn {
                folder: folder.to_owned(),
                found: folders.iter().map(|path| name(path)).collect(),
            }),
            _ => Ok(Self {
                train: folder.to_owned(),
                validation: None,
                test: None,
            }),
        }
    }
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn holds_only_folders(path: &Path) -> Result<bool, DatasetError> {
    // A name that is no text does not lead back to its folder.
    if !path.is_dir() {
        return Ok(false);
    }
    let (folders, others) = list(path)?;
    Ok(!folders.is_empty() && others == 0)
}

/// The folders in a folder, by their names, and how much else it holds; hidden entries aside.
fn list(folder: &Path) -> Result<(Vec<PathBuf>, usize), DatasetError> {
    let (mut folders, mut others) = (Vec::new(), 0);
    for entry in folder.read_dir().map_err(DatasetError::read(folder))? {
        let path = entry.map_err(DatasetError::read(folder))?.path();
        match path.is_dir() {
            _ if name(&path).starts_with('.') => {}
            true => folders.push(path),
            false => others += 1,
        }
    }
    folders.sort();
    Ok((folders, others))
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
        // Alone too.
        assert_eq!(lengths(root.path()), (3, None, None));
        assert_eq!(
            PhotographParts::list(root.path()).unwrap().train.classes(),
            ["a", "b"]
        );
        save(root.path(), "valid/b/3.png");
        assert_eq!(lengths(root.path()), (3, Some(1), None));
        save(root.path(), "test/a/4.png");
        assert_eq!(lengths(root.path()), (3, Some(1), Some(1)));
        save(root.path(), "test/c/5.png");
        let error = PhotographParts::list(root.path()).unwrap_err().to_string();
        assert!(error.contains("class `c`"), "{error}");
    }

    #[test]
    fn parts_go_by_several_names_and_classes_by_any() {
        for (train, validation, test) in [
            ("training", "dev", "testing"),
            ("Train", "Validation", "TEST"),
        ] {
            let root = tempfile::tempdir().unwrap();
            save(root.path(), &format!("{train}/a/1.png"));
            save(root.path(), &format!("{train}/a/2.png"));
            save(root.path(), &format!("{validation}/a/1.png"));
            save(root.path(), &format!("{test}/a/1.png"));
            assert_eq!(lengths(root.path()), (2, Some(1), Some(1)));
        }
        let root = tempfile::tempdir().unwrap();
        for class in ["car", "plane", "train"] {
            save(root.path(), &format!("{class}/1.png"));
            save(root.path(), &format!("{class}/2.png"));
        }
        let parts = PhotographParts::for_training(root.path()).unwrap();
        assert_eq!(parts.train.classes(), ["car", "plane", "train"]);
        assert_eq!(parts.test, None);
    }

    #[test]
    fn what_would_train_nonsense_is_refused() {
        let message = |files: &[&str]| {
            let root = tempfile::tempdir().unwrap();
            for file in files {
                save(root.path(), file);
            }
            let error = PhotographParts::for_training(root.path()).unwrap_err();
            error.to_string()
        };
        const LAYOUTS: &str = "one folder per class, or such folders in `train`";
        let single = message(&["a/1.png", "a/2.png"]);
        assert!(
            single.contains("has images of one class only, `a`"),
            "{single}"
        );
        assert!(single.contains(LAYOUTS), "{single}");
        // A class without images is none.
        fn with_empty(root: &Path) -> String {
            fs::create_dir(root.join("b")).unwrap();
            save(root, "a/1.png");
            save(root, "a/2.png");
            PhotographParts::for_training(root).unwrap_err().to_string()
        }
        let empty = with_empty(tempfile::tempdir().unwrap().path());
        assert!(empty.contains("one class only, `a`"), "{empty}");
        let nested = message(&["old/a/1.png", "old/b/1.png", "new/a/1.png"]);
        assert!(nested.contains("/new` holds only folders"), "{nested}");
        assert!(nested.contains(LAYOUTS), "{nested}");
        let nothing = message(&["val/a/1.png", "test/a/1.png"]);
        assert!(
            nothing.contains("holds `test`, `val`, but no `train`"),
            "{nothing}"
        );
        let lonely = message(&[
            "train/a/1.png",
            "train/b/1.png",
            "train/b/2.png",
            "val/a/1.png",
        ]);
        assert!(lonely.contains("class `a` has only 1 image(s)"), "{lonely}");
    }
}
