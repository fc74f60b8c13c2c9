//! The hand-out of a step's tasks among threads that wait for work.

#[cfg(not(feature = "std"))]
mod alone;
#[cfg(feature = "std")]
mod threads;

use alloc::vec::Vec;
use core::{
    hint,
    sync::atomic::{AtomicUsize, Ordering},
};

#[cfg(not(feature = "std"))]
pub(crate) use alone::Pool;
#[cfg(feature = "std")]
pub(crate) use threads::Pool;

#[cfg(not(feature = "std"))]
use hint::spin_loop as give_up_processor;
#[cfg(feature = "std")]
use std::thread::yield_now as give_up_processor;

/// Turns of a waiting loop before the thread gives up the processor for a moment. A step of a
/// network takes some tens of microseconds, about as long.
const SPINS: usize = 2_000;

/// Waits for a condition that another running thread will bring about shortly.
fn wait_until(condition: impl Fn() -> bool) {
    let mut turns = 0;
    while !condition() {
        if turns < SPINS {
            turns += 1;
            hint::spin_loop();
        } else {
            give_up_processor();
        }
    }
}

/// A counter on cache lines of its own.
#[repr(align(128))]
struct Counter(AtomicUsize);

/// Hands out the tasks of one step after the other to all threads of a pool.
///
/// Each thread first takes its own share, a run of neighbouring tasks, then what is left of the
/// others'. So, as long as nobody disturbs them, a thread finds in its own cache what it made in
/// the step before; a thread that is disturbed holds up the others by one task only.
pub(crate) struct Tasks {
    /// Tasks of each thread's share that were taken.
    taken: Vec<Counter>,
    arrived: AtomicUsize,
    step: AtomicUsize,
}

impl Tasks {
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            taken: (0..threads).map(|_| Counter(AtomicUsize::new(0))).collect(),
            arrived: AtomicUsize::new(0),
            step: AtomicUsize::new(0),
        }
    }

    /// Takes tasks until none of the step's are left, then waits until the other threads have
    /// finished theirs. Every thread must call it for every step.
    ///
    /// `finished` is called once for all threads, by whichever is the last to finish: after every
    /// task of the step, and before any of the next.
    pub(crate) fn work_through(
        &self,
        thread: usize,
        tasks: usize,
        execute: impl Fn(usize),
        finished: impl FnOnce(),
    ) {
        let threads = self.taken.len();
        if threads == 1 {
            (0..tasks).for_each(execute);
            return finished();
        }
        for owner in (thread..threads).chain(0..thread) {
            let share = owner * tasks / threads..(owner + 1) * tasks / threads;
            loop {
                let task = share.start + self.taken[owner].0.fetch_add(1, Ordering::Relaxed);
                if task >= share.end {
                    break;
                }
                execute(task);
            }
        }
        let step = self.step.load(Ordering::Relaxed);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == threads {
            self.arrived.store(0, Ordering::Relaxed);
            for taken in &self.taken {
                taken.0.store(0, Ordering::Relaxed);
            }
            finished();
            self.step.store(step.wrapping_add(1), Ordering::Release);
        } else {
            wait_until(|| self.step.load(Ordering::Acquire) != step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_of_every_step_runs_once_and_steps_do_not_overlap() {
        for threads in 1..=4 {
            let mut pool = Pool::new(threads);
            // Fewer where the system allows no more.
            let threads = pool.threads();
            for _ in 0..50 {
                let steps = [3, 0, 1, 17];
                let done: Vec<AtomicUsize> = steps.iter().map(|_| AtomicUsize::new(0)).collect();
                let ends = AtomicUsize::new(0);
                let so_far = || done.iter().map(|n| n.load(Ordering::Relaxed));
                let tasks = Tasks::new(threads);
                pool.run(&|thread| {
                    for (step, &count) in steps.iter().enumerate() {
                        let execute = |_| {
                            for (earlier, done) in done[..step].iter().enumerate() {
                                assert_eq!(done.load(Ordering::Relaxed), steps[earlier]);
                            }
                            done[step].fetch_add(1, Ordering::Relaxed);
                        };
                        // Once, with all of this step done and nothing of the next.
                        tasks.work_through(thread, count, execute, || {
                            assert_eq!(ends.fetch_add(1, Ordering::Relaxed), step);
                            let mut expected = [0; 4];
                            expected[..=step].copy_from_slice(&steps[..=step]);
                            assert!(so_far().eq(expected), "{step} of {threads} threads");
                        });
                    }
                });
                assert!(so_far().eq(steps));
                assert_eq!(ends.into_inner(), steps.len());
            }
        }
    }
}
