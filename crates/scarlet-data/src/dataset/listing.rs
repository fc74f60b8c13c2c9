//! [`FolderListing`]: all photographs of a folder, as they lie, whatever is wrong with them.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::location::{PartPaths, name};
use super::{DatasetError, FolderNotices};
use crate::names::NameMatcher;
use crate::{ClassOrder, ImageFolder};

/// What a part of a data set is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// To train on.
    Train,
    /// To judge by while training.
    Validation,
    /// To judge the finished network by.
    Test,
}

impl Part {
    /// What it is called in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// A photograph, its class and its part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPhotograph {
    /// The file.
    pub path: PathBuf,
    /// The index of its class.
    pub class: usize,
    /// Where it belongs.
    pub part: Part,
}

/// All photographs of a folder. Unlike [`PhotographParts`](super::PhotographParts) it refuses little:
/// classes may be empty, or in a part that is not trained on only.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FolderListing {
    /// Names of all classes: those to train on in their order, then those that only others have.
    pub classes: Vec<String>,
    /// The photographs, part by part.
    pub photographs: Vec<ListedPhotograph>,
    /// Which parts there are.
    pub parts: Vec<Part>,
    /// What people should know of the folder.
    pub notices: FolderNotices,
}

impl FolderListing {
    /// Lists a folder, without opening a file of it.
    ///
    /// # Errors
    ///
    /// When a folder cannot be listed or holds no class folders or no images, when there are other
    /// parts but none to train on, or two folders for the same part.
    pub fn of(folder: &Path) -> Result<Self, DatasetError> {
        let order = ClassOrder::Natural;
        let paths = PartPaths::find(folder)?;
        let train = ImageFolder::open_ordered(&paths.train, order)?;
        let mut listing = Self {
            notices: FolderNotices::of(&train, order),
            classes: Vec::new(),
            photographs: Vec::new(),
            parts: Vec::new(),
        };
        listing.add(Part::Train, train);
        for (part, path) in [
            (Part::Validation, &paths.validation),
            (Part::Test, &paths.test),
        ] {
            if let Some(path) = path {
                let folder = ImageFolder::open_ordered(path, order)?;
                listing.notices.add_part(&name(path), &folder);
                listing.add(part, folder);
            }
        }
        listing
            .notices
            .add_beside_parts(&paths.others, &paths.names());
        Ok(listing)
    }

    fn add(&mut self, part: Part, folder: ImageFolder) {
        let places = NameMatcher::new(&self.classes).places(&folder.classes);
        let places: Vec<usize> = places
            .into_iter()
            .zip(folder.classes)
            .map(|(place, name)| {
                place.unwrap_or_else(|| {
                    self.classes.push(name);
                    self.classes.len() - 1
                })
            })
            .collect();
        let listed = folder.samples.into_iter().map(|(path, class)| {
            let class = places[class];
            ListedPhotograph { path, class, part }
        });
        self.photographs.extend(listed);
        self.parts.push(part);
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

    #[test]
    fn classes_of_all_parts_are_listed() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "train/b/1.png",
            "train/a/1.png",
            "val/A/2.png",
            "test/c/3.png",
            "test/b/4.png",
        ] {
            save(root.path(), name);
        }
        fs::create_dir(root.path().join("train/empty")).unwrap();
        let listing = FolderListing::of(root.path()).unwrap();
        assert_eq!(listing.classes, ["a", "b", "empty", "c"]);
        assert_eq!(listing.parts, [Part::Train, Part::Validation, Part::Test]);
        let photographs = listing.photographs.iter();
        let found: Vec<_> = photographs.map(|it| (it.class, it.part.name())).collect();
        let expected = [
            (0, "train"),
            (1, "train"),
            (0, "validation"),
            (1, "test"),
            (3, "test"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_no_data_set_is_refused() {
        let root = tempfile::tempdir().unwrap();
        save(root.path(), "a.png");
        let message = || FolderListing::of(root.path()).unwrap_err().to_string();
        assert!(message().contains("has no class folders"), "{}", message());
        save(root.path(), "notes/a.txt");
        assert!(message().contains("holds no images"), "{}", message());
    }
}
