//! Ctrl-C, for commands that have something to say before they end.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use crate::error::CliError;
use crate::{terminal, threads};

/// How often a thread is asked for, since one that has ended still counts for a moment.
const ATTEMPTS: u32 = 100;

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
        let handler = move || {
            if requested.swap(true, Ordering::Relaxed) {
                process::exit(i32::from(CliError::Interrupted.exit_code()));
            }
        };
        let mut attempt = 1;
        loop {
            match ctrlc::set_handler(handler.clone()) {
                Ok(()) => return Ok(interrupt),
                Err(ctrlc::Error::System(_)) if attempt < ATTEMPTS => {
                    attempt += 1;
                    sleep(Duration::from_millis(10));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
