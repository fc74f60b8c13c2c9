//! Ctrl-C, for commands that have something to say before they end.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::CliError;
use crate::{terminal, threads};

/// Whether the user wants the command to end.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Waits for Ctrl-C or a request to terminate from now on. A second one ends the program at
    /// once.
    pub(crate) fn listen() -> Result<Self, CliError> {
        let requested = Arc::new(AtomicBool::new(false));
        let interrupt = Self(Arc::clone(&requested));
        // With nothing to wait for it, it must keep its usual meaning.
        if !threads::can_start() {
            terminal::warn(
                "Ctrl-C will end the program at once: the system allows no more threads",
            );
            return Ok(interrupt);
        }
        ctrlc::set_handler(move || {
            if requested.swap(true, Ordering::Relaxed) {
                process::exit(i32::from(CliError::Interrupted.exit_code()));
            }
        })?;
        Ok(interrupt)
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
