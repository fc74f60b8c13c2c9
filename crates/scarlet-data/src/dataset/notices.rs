//! [`FolderNotices`]: what people should know of a folder of photographs.

use std::path::{Path, PathBuf};

use super::PhotographList;
use crate::check::same_files;
use crate::names::escaped;
use crate::{ClassOrder, ImageFolder, PassedOver};

/// The most classes that a notice lists.
const LISTED: usize = 5;
/// Classes of fewer photographs to train on are called small.
const SMALL: usize = 10;

/// What was decided about a folder of photographs without asking, and what was left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FolderNotices {
    /// Files that are no images, or of no class.
    pub passed_over: PassedOver,
    /// In which order the classes come, where their names have numbers.
    pub order: Option<String>,
    /// What may be a mistake in the folder.
    pub doubts: Vec<String>,
    /// Which classes are small.
    pub small_classes: Option<String>,
}

impl FolderNotices {
    pub(super) fn of(folder: &ImageFolder, order: ClassOrder) -> Self {
        Self {
            passed_over: folder.passed_over.clone(),
            order: order.decision(&folder.classes),
            doubts: folder.doubts().into_iter().chain(folder.nested()).collect(),
            small_classes: None,
        }
    }

    /// Adds what is to be known of another part of the data set, called `name`, besides the one that
    /// is trained on.
    pub(super) fn add_part(&mut self, name: &str, folder: &ImageFolder) {
        self.passed_over.extend(&folder.passed_over);
        let nested = folder.nested();
        self.doubts
            .extend(nested.map(|it| format!("in `{}`, {it}", escaped(name))));
    }

    /// Warns of classes that a part called `name` has no image of.
    pub(super) fn add_missing(&mut self, name: &str, part: &PhotographList) {
        let counts = part.class_counts();
        let missing = part.classes().iter().zip(counts);
        let missing: Vec<String> = missing
            .filter(|&(_, count)| count == 0)
            .map(|(name, _)| format!("`{}`", escaped(name)))
            .collect();
        let Some(text) = listed(&missing) else {
            return;
        };
        self.doubts.push(format!(
            "`{}` has no image of {text}, which the training images have: accuracies on it say nothing \
             about that",
            escaped(name)
        ));
    }

    /// Warns of what lies next to the parts of a data set.
    pub(super) fn add_beside_parts(&mut self, others: &[PathBuf], parts: &[String]) {
        for path in others {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let what = match path.is_dir() {
                true => "which is not part of the data",
                false => "a link that leads nowhere",
            };
            self.doubts.push(format!(
                "passed over: `{}` next to {}, {what}",
                escaped(&name),
                parts.join(" and ")
            ));
        }
    }

    /// Tells what is seen without decoding a photograph of the folder `root`: classes of few to train
    /// on, and files of the same bytes in several classes or parts. `parts` are all that there are, the
    /// training images first.
    pub(super) fn add_first_look(&mut self, root: &Path, parts: &[&PhotographList]) {
        if let Some(train) = parts.first() {
            let small = train.classes().iter().zip(train.class_counts());
            let small: Vec<String> = small
                .filter(|&(_, count)| count < SMALL)
                .map(|(name, _)| format!("`{}`", escaped(name)))
                .collect();
            let have = if small.len() == 1 { "has" } else { "have" };
            self.small_classes = listed(&small)
                .map(|text| format!("{text} {have} fewer than {SMALL} images to train on"));
        }
        let files: Vec<(&PathBuf, &[u32], usize)> = parts
            .iter()
            .enumerate()
            .flat_map(|(part, list)| {
                let labels = list.labels();
                let files = list.paths().iter().enumerate();
                files.map(move |(index, path)| (path, labels.of(index), part))
            })
            .collect();
        let paths: Vec<&PathBuf> = files.iter().map(|&(path, ..)| path).collect();
        let groups = same_files(&paths);
        let differing = |is_other: &dyn Fn(usize, usize) -> bool| -> Vec<[&PathBuf; 2]> {
            let pairs = groups.iter().filter_map(|group| {
                let other = group.iter().find(|&&it| is_other(group[0], it))?;
                Some([paths[group[0]], paths[*other]])
            });
            pairs.collect()
        };
        let classes = differing(&|a, b| files[a].1 != files[b].1);
        let parts = differing(&|a, b| files[a].1 == files[b].1 && files[a].2 != files[b].2);
        for (pairs, what, why) in [
            (classes, "classes", "at most one label of each is right"),
            (parts, "parts", "accuracies on them say little"),
        ] {
            if let [first, rest @ ..] = pairs.as_slice() {
                let shown = first.map(|path| {
                    let path = path.strip_prefix(root).unwrap_or(path);
                    format!("`{}`", escaped(&path.display().to_string()))
                });
                let more = match rest.len() {
                    0 => String::new(),
                    1 => ", and so is 1 more".to_owned(),
                    more => format!(", and so are {more} more"),
                };
                self.doubts.push(format!(
                    "the same picture is in several {what}: {} have the same bytes{more}; {why} \
                     (scarlet check-data lists all)",
                    shown.join(" and ")
                ));
            }
        }
    }

    /// What may be a mistake, a sentence each: doubts, and what was left out.
    pub fn warnings(&self) -> Vec<String> {
        let passed_over = (!self.passed_over.is_empty()).then(|| self.passed_over.to_string());
        self.doubts.iter().cloned().chain(passed_over).collect()
    }
}

/// Names of classes with what they are; none of none.
fn listed(names: &[String]) -> Option<String> {
    Some(match names {
        [] => return None,
        [class] => format!("class {class}"),
        classes if classes.len() <= LISTED => format!("classes {}", classes.join(", ")),
        classes => format!(
            "classes {} and {} more",
            classes[..LISTED].join(", "),
            classes.len() - LISTED
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::PhotographParts;
    use super::*;

    #[test]
    fn the_first_look_finds_the_same_bytes_and_small_classes() {
        let root = tempfile::tempdir().unwrap();
        let save = |name: &str, content: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        for index in 0..12 {
            save(&format!("train/a/{index}.png"), &format!("a{index}"));
            save(&format!("train/b/{index}.png"), &format!("b{index}"));
        }
        save("train/c/0.png", "c0");
        save("train/c/1.png", "b7");
        save("train/b/twice.png", "b1");
        save("test/a/0.png", "a4");
        save("test/a/1.png", "a5");
        save("test/b/0.png", "new");
        save("test/c/0.png", "newer");
        let parts = PhotographParts::for_training(root.path(), ClassOrder::Natural).unwrap();
        assert_eq!(
            parts.notices.small_classes.as_deref(),
            Some("class `c` has fewer than 10 images to train on")
        );
        assert_eq!(
            parts.notices.warnings(),
            [
                "the same picture is in several classes: `train/b/7.png` and `train/c/1.png` have the \
                 same bytes; at most one label of each is right (scarlet check-data lists all)",
                "the same picture is in several parts: `train/a/4.png` and `test/a/0.png` have the same \
                 bytes, and so is 1 more; accuracies on them say little (scarlet check-data lists all)",
            ]
        );
    }
}
