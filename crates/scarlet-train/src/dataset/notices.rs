//! [`FolderNotices`]: what people should know of a folder of photographs.

use scarlet_data::{ClassOrder, ImageFolder, PassedOver};

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
            doubts: folder.doubts(),
        }
    }

    /// What may be a mistake, a sentence each: doubts, and what was left out.
    pub fn warnings(&self) -> Vec<String> {
        let passed_over = (!self.passed_over.is_empty()).then(|| self.passed_over.to_string());
        self.doubts.iter().cloned().chain(passed_over).collect()
    }
}
