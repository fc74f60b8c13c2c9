//! What is said about folders of photographs.

use scarlet_train::dataset::FolderNotices;

use crate::terminal::Terminal;

/// Tells what was decided about a folder, and warns of what was left out.
pub(super) fn tell(notices: &FolderNotices, terminal: &Terminal) {
    if let Some(order) = &notices.order {
        terminal.note(order);
    }
    for warning in notices.warnings() {
        terminal.warn(warning);
    }
}
