//! [`Location`]: what a name or a folder holds.

use std::path::{Path, PathBuf};

use super::split::check_classes;
use super::{
    DatasetError, Extent, FolderNotices, PhotographList, TrainTest, cifar, fashion_sample, idx,
};
use crate::{ClassOrder, ImageFolder, list_folder, list_images};

/// The embedded sample's name.
const SAMPLE: &str = "fashion-sample";
/// Names of the parts of a folder of photographs, in any case.
pub(super) const TRAIN: [&str; 2] = ["train", "training"];
pub(super) const VALIDATION: [&str; 4] = ["val", "valid", "validation", "dev"];
pub(super) const TEST: [&str; 2] = ["test", "testing"];

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
    /// A CSV file that lists photographs, each with any number of classes.
    Table(PathBuf),
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
        let is_csv = |path: &Path| {
            path.extension()
                .is_some_and(|it| it.eq_ignore_ascii_case("csv"))
        };
        if is_csv(&folder) && !folder.is_dir() {
            return match folder.is_file() {
                true => Ok(Self::Table(folder)),
                false => Err(DatasetError::NoTable { path: folder }),
            };
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

    /// How many photographs there are to train on and how large; `None` for images of one size, and
    /// where no photograph can be read.
    pub fn extent(&self) -> Option<Extent> {
        match self {
            Self::Photographs(folder) => {
                let parts = PhotographParts::list(folder, ClassOrder::Natural).ok()?;
                Extent::of(&parts.train)
            }
            Self::Table(path) => {
                let parts = PhotographParts::of_table(path, ClassOrder::Natural).ok()?;
                Extent::of(&parts.train)
            }
            _ => None,
        }
    }

    /// The images, where they are of one size; `None` for photographs.
    ///
    /// # Errors
    ///
    /// When they cannot be read, and [`DatasetError::SeveralLabels`] for a CSV file: whatever reads
    /// images without knowing of several labels refuses them here.
    pub fn images(&self) -> Result<Option<TrainTest>, DatasetError> {
        Ok(match self {
            Self::FashionSample => Some(fashion_sample()?),
            Self::Idx(folder) => Some(idx::open_folder(folder)?),
            Self::Cifar(folder) => Some(cifar::open_folder(folder)?),
            Self::Photographs(_) => None,
            Self::Table(_) => return Err(DatasetError::SeveralLabels),
        })
    }
}

/// The photographs of a folder, by its parts: one folder per class, or `train` (or `training`),
/// alone or next to `val` (or `valid`, `validation`, `dev`) or `test` (or `testing`) or both, each
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
    /// What people should know of the folder.
    pub notices: FolderNotices,
}

impl PhotographParts {
    /// Lists a folder's photographs. Classes are those of the training part, in this order; those
    /// of other parts may be written otherwise, as far as [`NameMatcher`](crate::names) finds
    /// them.
    ///
    /// # Errors
    ///
    /// When a folder cannot be listed or holds no classes, when there are other parts but none to
    /// train on, two folders for the same part, or when a part has a class that no training image
    /// has.
    pub fn list(folder: &Path, order: ClassOrder) -> Result<Self, DatasetError> {
        let paths = PartPaths::find(folder)?;
        let train = ImageFolder::open_ordered(&paths.train, order)?;
        Self::beside(train, &paths, order)
    }

    fn beside(
        train: ImageFolder,
        paths: &PartPaths,
        order: ClassOrder,
    ) -> Result<Self, DatasetError> {
        let mut notices = FolderNotices::of(&train, order);
        let train = PhotographList::from(train);
        let mut other = |path: &Option<PathBuf>| -> Result<Option<PhotographList>, DatasetError> {
            let Some(path) = path else {
                return Ok(None);
            };
            let part = ImageFolder::open_ordered(path, order)?;
            let name = name(path);
            notices.add_part(&name, &part);
            let part = PhotographList::from(part).among(train.classes())?;
            notices.add_missing(&name, &part);
            Ok(Some(part))
        };
        let (validation, test) = (other(&paths.validation)?, other(&paths.test)?);
        notices.add_beside_parts(&paths.others, &paths.names());
        Ok(Self {
            train,
            validation,
            test,
            notices,
        })
    }

    /// As [`list`](Self::list), for photographs that are to be trained on: refuses what would train
    /// a network to no use.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list), and when there is but one class, a class has a single photograph or
    /// none, or a class folder holds nothing but folders and so is hardly a class.
    pub fn for_training(folder: &Path, order: ClassOrder) -> Result<Self, DatasetError> {
        let paths = PartPaths::find(folder)?;
        let train = ImageFolder::open_ordered(&paths.train, order)?;
        for path in &train.folders {
            if holds_only_folders(path)? {
                return Err(DatasetError::OnlyFolders {
                    path: path.clone(),
                    alone: train.folders.len() == 1,
                });
            }
        }
        let mut empty = vec![true; train.classes.len()];
        for (_, class) in &train.samples {
            empty[*class] = false;
        }
        // Listed once more for what it holds instead.
        if let Some(class) = empty.into_iter().position(|empty| empty)
            && let Err(source) = list_images(&train.folders[class])
        {
            return Err(DatasetError::Unreadable {
                class: train.classes[class].clone(),
                source: Box::new(source),
            });
        }
        let mut parts = Self::beside(train, &paths, order)?;
        let lists = [
            Some(&parts.train),
            parts.validation.as_ref(),
            parts.test.as_ref(),
        ];
        let lists: Vec<&PhotographList> = lists.into_iter().flatten().collect();
        parts.notices.add_first_look(folder, &lists);
        check_classes(parts.train.labels().one()?, parts.train.classes(), folder)?;
        Ok(parts)
    }
}

/// Where the parts of a folder of photographs are.
pub(super) struct PartPaths {
    pub(super) train: PathBuf,
    pub(super) validation: Option<PathBuf>,
    pub(super) test: Option<PathBuf>,
    /// Folders next to parts that are none, and links that lead nowhere.
    pub(super) others: Vec<PathBuf>,
}

impl PartPaths {
    /// The names of the parts, for people.
    pub(super) fn names(&self) -> Vec<String> {
        let others = [&self.validation, &self.test];
        let parts = [Some(&self.train)]
            .into_iter()
            .chain(others.map(Option::as_ref));
        let names = parts.flatten().map(|path| format!("`{}`", name(path)));
        names.collect()
    }

    pub(super) fn find(folder: &Path) -> Result<Self, DatasetError> {
        let (folders, files) = list(folder)?;
        let part = |names: &[&str]| {
            let is_part =
                |path: &&PathBuf| names.contains(&name(path).trim().to_lowercase().as_str());
            folders.iter().filter(is_part).cloned().collect::<Vec<_>>()
        };
        let found = [part(&TRAIN), part(&VALIDATION), part(&TEST)];
        let parts = found.iter().filter(|part| !part.is_empty()).count();
        let only = |part: &[PathBuf]| match part {
            [_, _, ..] => Err(DatasetError::SeveralFolders {
                folder: folder.to_owned(),
                found: part.iter().map(|path| name(path)).collect(),
            }),
            part => Ok(part.first().cloned()),
        };
        // A class may be called `train` or `test`, but hardly next to the other, nor alone.
        match found[0].first() {
            Some(train) if parts > 1 || folders.len() == 1 => {
                let is_other = |path: &&PathBuf| !found.iter().any(|part| part.contains(path));
                let broken = files.iter().filter(|path| !path.exists());
                Ok(Self {
                    train: only(&found[0])?.unwrap_or_else(|| train.clone()),
                    validation: only(&found[1])?,
                    test: only(&found[2])?,
                    others: folders
                        .iter()
                        .filter(is_other)
                        .chain(broken)
                        .cloned()
                        .collect(),
                })
            }
            None if parts > 0 && parts == folders.len() => Err(DatasetError::NothingToTrainOn {
                folder: folder.to_owned(),
                found: folders.iter().map(|path| name(path)).collect(),
            }),
            _ => Ok(Self {
                train: folder.to_owned(),
                validation: None,
                test: None,
                others: Vec::new(),
            }),
        }
    }
}

pub(super) fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn holds_only_folders(path: &Path) -> Result<bool, DatasetError> {
    let (folders, others) = list(path)?;
    Ok(!folders.is_empty() && others.is_empty())
}

/// The folders in a folder, by their names, and what else it holds; strays aside.
fn list(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), DatasetError> {
    Ok(list_folder(folder)?
        .into_iter()
        .partition(|path| path.is_dir()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::dataset::Labels;

    /// A file that is never decoded, unlike any other.
    fn save(root: &Path, name: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }

    fn lengths(root: &Path) -> (usize, Option<usize>, Option<usize>) {
        let parts = PhotographParts::list(root, ClassOrder::Natural).unwrap();
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
            PhotographParts::list(root.path(), ClassOrder::Natural)
                .unwrap()
                .train
                .classes(),
            ["a", "b"]
        );
        save(root.path(), "valid/b/3.png");
        assert_eq!(lengths(root.path()), (3, Some(1), None));
        save(root.path(), "test/a/4.png");
        assert_eq!(lengths(root.path()), (3, Some(1), Some(1)));
        save(root.path(), "test/c/5.png");
        let error = PhotographParts::list(root.path(), ClassOrder::Natural)
            .unwrap_err()
            .to_string();
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
        let parts = PhotographParts::for_training(root.path(), ClassOrder::Natural).unwrap();
        assert_eq!(parts.train.classes(), ["car", "plane", "train"]);
        assert_eq!(parts.test, None);
    }

    #[test]
    fn strays_do_not_change_the_layout_and_two_folders_for_a_part_are_refused() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "Train /cat/1.png",
            "Train /cat/2.png",
            "Train /dog/1.png",
            "Train /dog/2.png",
            "__MACOSX/Train /cat/._1.png",
            "lost+found/x.png",
            "@eaDir/x.png",
            ".ipynb_checkpoints/x.png",
            "desktop.ini",
        ] {
            save(root.path(), name);
        }
        assert_eq!(lengths(root.path()), (4, None, None));
        // Written otherwise, but meant to be the same.
        save(root.path(), "VAL/Cat /3.png");
        assert_eq!(lengths(root.path()), (4, Some(1), None));
        let list = || PhotographParts::list(root.path(), ClassOrder::Natural);
        assert_eq!(
            list().unwrap().validation.unwrap().labels(),
            Labels::One(&[0])
        );
        save(root.path(), "validation/dog/3.png");
        let error = list().unwrap_err().to_string();
        assert!(
            error.contains("`VAL`, `validation`, which are names of the same part"),
            "{error}"
        );
        fs::remove_dir_all(root.path().join("validation")).unwrap();
        save(root.path(), "VAL/cat/4.png");
        let error = list().unwrap_err().to_string();
        assert!(error.contains("class `Cat `, which"), "{error}");
        assert!(error.contains("(its name is like `cat`"), "{error}");
    }

    #[test]
    fn notices_tell_what_was_left_out_of_every_part() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "train/1/a.png",
            "train/2/a.png",
            "train/2/b.txt",
            "test/1/c.heic",
        ] {
            save(root.path(), name);
        }
        save(root.path(), "test/1/d.png");
        save(root.path(), "test/2/e.png");
        let parts = PhotographParts::list(root.path(), ClassOrder::Natural).unwrap();
        assert_eq!(
            parts.notices.warnings(),
            ["passed over: 1 .heic, 1 .txt (.heic is not read: convert it to JPEG or PNG)"]
        );
        assert_eq!(
            parts.notices.order.unwrap(),
            "classes are in the order of their numbers: 1, 2"
        );
    }

    #[test]
    fn what_is_missing_or_beside_the_parts_is_said() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "train/a/1.png",
            "train/a/2.png",
            "train/b/1.png",
            "train/b/2.png",
            "val/a/1.png",
            "val/a/deep/2.png",
            "extra/a/1.png",
            "notes.txt",
        ] {
            save(root.path(), name);
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("/nowhere", root.path().join("test")).unwrap();
        let parts = PhotographParts::for_training(root.path(), ClassOrder::Natural).unwrap();
        let expected = [
            "in `val`, images in `a/deep` count for class `a`, since folders within class folders \
             are not classes of their own",
            "`val` has no image of class `b`, which the training images have: accuracies on it say \
             nothing about that",
            "passed over: `extra` next to `train` and `val`, which is not part of the data",
            #[cfg(unix)]
            "passed over: `test` next to `train` and `val`, a link that leads nowhere",
        ];
        assert_eq!(parts.notices.warnings(), expected);
        // Of classes nothing is passed over.
        let classes = PhotographParts::list(&root.path().join("train"), ClassOrder::Natural);
        assert_eq!(classes.unwrap().notices.warnings(), Vec::<String>::new());
    }

    #[test]
    fn what_would_train_nonsense_is_refused() {
        let message = |files: &[&str]| {
            let root = tempfile::tempdir().unwrap();
            for file in files {
                save(root.path(), file);
            }
            let error =
                PhotographParts::for_training(root.path(), ClassOrder::Natural).unwrap_err();
            error.to_string()
        };
        const LAYOUTS: &str = "one folder per class, or such folders in `train`";
        let single = message(&["a/1.png", "a/2.png"]);
        assert!(
            single.contains("has images of one class only, `a`"),
            "{single}"
        );
        assert!(single.contains(LAYOUTS), "{single}");
        // A class without images is none, but somebody meant it to be one.
        fn with_empty(root: &Path) -> String {
            fs::create_dir(root.join("b")).unwrap();
            save(root, "a/1.png");
            save(root, "a/2.png");
            PhotographParts::for_training(root, ClassOrder::Natural)
                .unwrap_err()
                .to_string()
        }
        let empty = with_empty(tempfile::tempdir().unwrap().path());
        assert!(
            empty.contains("no image of class `b` can be read"),
            "{empty}"
        );
        let nested = message(&["old/a/1.png", "old/b/1.png", "new/a/1.png"]);
        assert!(nested.contains("/new` holds only folders"), "{nested}");
        assert!(nested.contains(LAYOUTS), "{nested}");
        assert!(!nested.contains("itself"), "{nested}");
        let deep = message(&["photos/a/1.png", "photos/b/1.png"]);
        assert!(
            deep.contains("if its folders are the classes, give"),
            "{deep}"
        );
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
        assert!(lonely.contains("class `a` has only 1 image"), "{lonely}");
    }
}
