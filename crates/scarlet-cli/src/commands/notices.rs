//! What is said about folders of photographs.

use scarlet_data::dataset::FolderNotices;

use crate::terminal::Terminal;

/// Tells what was decided about a folder, and warns of what was left out.
pub(super) fn tell(notices: &FolderNotices, terminal: &Terminal) {
    tell_order(notices.order.as_deref(), terminal);
    if let Some(small) = &notices.small_classes {
        terminal.note(small);
    }
    for warning in notices.warnings() {
        terminal.warn(warning);
    }
}

/// Tells in which order the classes come, where that was to be decided.
pub(super) fn tell_order(order: Option<&str>, terminal: &Terminal) {
    if let Some(order) = order {
        terminal.note(order);
    }
}
