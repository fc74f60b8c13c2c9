//! [`ReadingProgress`]: how many photographs have been read.

use std::sync::{Mutex, PoisonError};

use crate::terminal::{Progress, Terminal};

/// Shows how many photographs have been read, from any thread; nothing where there are none.
pub(super) struct ReadingProgress<'a> {
    terminal: &'a Terminal,
    shown: Mutex<Option<Progress>>,
}

impl<'a> ReadingProgress<'a> {
    pub(super) fn new(terminal: &'a Terminal) -> Self {
        Self {
            terminal,
            shown: Mutex::default(),
        }
    }

    /// One more of this many.
    pub(super) fn advance(&self, total: usize) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown
            .get_or_insert_with(|| self.terminal.progress("photographs", total))
            .advance(1);
    }
}
