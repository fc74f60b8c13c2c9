//! The threads of the CPU that work is shared among.

use std::env;
use std::error::Error;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle, available_parallelism};

use rayon::{ThreadBuilder, ThreadPoolBuilder};

use crate::error::CliError;
use crate::terminal;

/// Threads besides, for reading images, progress and Ctrl-C.
const OTHERS: usize = 4;

/// Starts this many threads, or as many as the machine has processors. Where the system refuses
/// some, as in a container with a limit, work continues with fewer, and a warning says so.
pub(crate) fn start(threads: Option<usize>) -> Result<(), CliError> {
    let wanted = threads.unwrap_or_else(default_number);
    // The pool can be made once only, even where that fails, and a thread that has ended still
    // counts for a moment. So its threads are there before it is made.
    let mut waiting = Waiting::start(wanted + OTHERS, thread::Builder::new);
    let allowed = waiting.len();
    let number = match allowed == wanted + OTHERS {
        true => wanted,
        // Half of them, for others need threads too; the last one is the caller itself.
        false => {
            let fewer = allowed.saturating_sub(OTHERS).min(allowed / 2).max(1);
            terminal::warn(format_args!(
                "the system allows only {allowed} more threads, and {wanted} would need {OTHERS} \
                 more in addition: continuing with {fewer}"
            ));
            fewer
        }
    };
    let pool = ThreadPoolBuilder::new().num_threads(number);
    let made = match allowed {
        0 => pool.use_current_thread().build_global(),
        _ => {
            Waiting::end(waiting.split_off(number));
            let mut waiting = waiting.into_iter();
            pool.spawn_handler(|work| match waiting.next() {
                Some(thread) => thread.give(work),
                None => Err(io::Error::other("there are too few")),
            })
            .build_global()
        }
    };
    match made {
        Err(error) if threads.is_some() || error.source().is_some() => Err(CliError::Threads {
            threads: wanted,
            reason: error.to_string(),
        }),
        // Without a wish, one that is running already is as good. What the system refuses has a source.
        _ => Ok(()),
    }
}

/// A thread that waits for its work.
struct Waiting {
    work: Sender<ThreadBuilder>,
    thread: JoinHandle<()>,
}

/// Whether the system allows one more thread.
pub(crate) fn can_start() -> bool {
    let one = Waiting::start(1, thread::Builder::new);
    let can = !one.is_empty();
    Waiting::end(one);
    can
}

impl Waiting {
    /// This many, or as many as the system allows.
    fn start(number: usize, builder: impl Fn() -> thread::Builder) -> Vec<Self> {
        let one = |_| {
            let (work, given) = channel::<ThreadBuilder>();
            let wait = move || {
                // None for a thread that is not wanted after all.
                if let Ok(work) = given.recv() {
                    work.run();
                }
            };
            let thread = builder().spawn(wait).ok()?;
            Some(Self { work, thread })
        };
        (0..number).map_while(one).collect()
    }

    fn give(self, work: ThreadBuilder) -> io::Result<()> {
        self.work
            .send(work)
            .map_err(|_| io::Error::other("a thread has ended before its work began"))
    }

    /// Ends threads that get no work.
    fn end(threads: Vec<Self>) {
        for Self { work, thread } in threads {
            drop(work);
            // It has nothing to panic over.
            let _ = thread.join();
        }
    }
}

/// As rayon has it.
fn default_number() -> usize {
    let asked = env::var("RAYON_NUM_THREADS").ok();
    let asked = asked.and_then(|number| number.parse().ok());
    let asked = asked.filter(|&number: &usize| number > 0);
    asked.unwrap_or_else(|| available_parallelism().map_or(1, usize::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_threads_wait_as_the_system_allows() {
        let waiting = Waiting::start(3, thread::Builder::new);
        assert_eq!(waiting.len(), 3);
        Waiting::end(waiting);
        // No system has room for such a stack.
        let refused = || thread::Builder::new().stack_size(usize::MAX / 4);
        assert!(Waiting::start(3, refused).is_empty());
    }
}
