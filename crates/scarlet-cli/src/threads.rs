//! The threads of the CPU that work is shared among.

use std::env;
use std::sync::Mutex;
use std::thread::{self, available_parallelism};

use rayon::ThreadPoolBuilder;

use crate::error::CliError;
use crate::terminal;

/// Threads besides, for reading images, progress and Ctrl-C.
const OTHERS: usize = 4;

/// Starts so many threads, or as many as the machine has processors. Where the system refuses some,
/// as in a container with a limit, work goes on with fewer, and a warning says so.
pub(crate) fn start(threads: Option<usize>) -> Result<(), CliError> {
    let wanted = threads.unwrap_or_else(default_number);
    // The pool can be made once only, even where that fails.
    let allowed = allowed(wanted + OTHERS);
    let pool = match allowed == wanted + OTHERS {
        true => ThreadPoolBuilder::new().num_threads(wanted),
        false => {
            // Half of them, for others need threads too; the last one is the caller itself.
            let fewer = allowed.saturating_sub(OTHERS).min(allowed / 2).max(1);
            terminal::warn(format_args!(
                "the system allows only {allowed} more threads, and {wanted} would want {OTHERS} \
                 beside them: work goes on with {fewer}"
            ));
            match allowed {
                0 => ThreadPoolBuilder::new().num_threads(1).use_current_thread(),
                _ => ThreadPoolBuilder::new().num_threads(fewer),
            }
        }
    };
    match pool.build_global() {
        Err(error) if threads.is_some() => Err(CliError::Threads {
            threads: wanted,
            reason: error.to_string(),
        }),
        // Without a wish, one that is running already is as good.
        _ => Ok(()),
    }
}

/// Whether the system allows one more thread.
pub(crate) fn can_start() -> bool {
    allowed(1) == 1
}

/// How many of so many threads the system allows; all have ended again.
fn allowed(wanted: usize) -> usize {
    let gate = &Mutex::new(());
    thread::scope(|scope| {
        // Until all are counted, none ends.
        let closed = gate.lock();
        let start = || thread::Builder::new().spawn_scoped(scope, move || drop(gate.lock()));
        let mut count = 0;
        while count < wanted && start().is_ok() {
            count += 1;
        }
        drop(closed);
        count
    })
}

/// As rayon has it.
fn default_number() -> usize {
    let asked = env::var("RAYON_NUM_THREADS").ok();
    let asked = asked.and_then(|number| number.parse().ok());
    let asked = asked.filter(|&number: &usize| number > 0);
    asked.unwrap_or_else(|| available_parallelism().map_or(1, usize::from))
}
