//! [`FolderNotices`]: what people should know of a folder of photographs.

use std::path::PathBuf;

use scarlet_data::names::escaped;
use scarlet_data::{ClassOrder, ImageFolder, PassedOver};

use super::PhotographList;

/// The most classes that a notice lists.
const LISTED: usize = 5;

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
}

impl FolderNotices {
    pub(super) fn of(folder: &ImageFolder, order: ClassOrder) -> Self {
        Self {
            passed_over: folder.passed_over.clone(),
            order: order.decision(&folder.classes),
            doubts: folder.doubts().into_iter().chain(folder.nested()).collect(),
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
        let mut missing: Vec<String> = Vec::new();
        for (class, name) in part.classes().iter().enumerate() {
            if !part.labels().contains(&(class as u32)) {
                missing.push(format!("`{}`", escaped(name)));
            }
        }
        let text = match missing.as_slice() {
            [] => return,
            [class] => format!("class {class}"),
            classes if classes.len() <= LISTED => format!("classes {}", classes.join(", ")),
            classes => format!(
                "classes {} and {} more",
                classes[..LISTED].join(", "),
                classes.len() - LISTED
            ),
        };
        self.doubts.push(format!(
            "`{}` has no image of {text}, which the training images have: accuracies on it say nothing \
             about that",
            escaped(name)
        ));
    }

    /// Warns of what lies beside the parts of a data set.
    pub(super) fn add_beside_parts(&mut self, others: &[PathBuf], parts: &[String]) {
        for path in others {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let what = match path.is_dir() {
                true => "which is no part of the data",
                false => "a link that leads nowhere",
            };
            self.doubts.push(format!(
                "passed over: `{}` beside {}, {what}",
                escaped(&name),
                parts.join(" and ")
            ));
        }
    }

    /// What may be a mistake, a sentence each: doubts, and what was left out.
    pub fn warnings(&self) -> Vec<String> {
        let passed_over = (!self.passed_over.is_empty()).then(|| self.passed_over.to_string());
        self.doubts.iter().cloned().chain(passed_over).collect()
    }
}
