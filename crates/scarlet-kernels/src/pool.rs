//! Threads that wait for work, and the hand-out of a step's tasks among them.

use std::{
    cell::UnsafeCell,
    hint,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

/// Turns of a waiting loop before the thread gives up the processor for a moment. A step of a
/// network takes some tens of microseconds, about as long.
const SPINS: usize = 2_000;

/// Turns of an idle worker, after which it sleeps: long enough that a caller who runs one image
/// after the other never pays for waking it, short enough to leave the processor to others.
const IDLE_SPINS: usize = 20_000;

/// Waits for a condition that another running thread will bring about shortly.
fn wait_until(condition: impl Fn() -> bool) {
    let mut turns = 0;
    while !condition() {
        if turns < SPINS {
            turns += 1;
            hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }
}

/// Ends the process if dropped by a panic: the other threads would wait for ever.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::abort();
        }
    }
}

type Job = dyn Fn(usize) + Sync;

struct Shared {
    /// Counts jobs. A new value tells the workers that `job` is set.
    generation: AtomicUsize,
    job: UnsafeCell<Option<*const Job>>,
    /// Workers that have not finished the present job.
    busy: AtomicUsize,
    stop: AtomicBool,
}

// SAFETY: `job` is written only while no worker is busy, and read only after a new generation
// was seen, whose store releases it.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

/// The caller's thread and some workers.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    /// So many threads, or as many as the system allows, as in a container with a limit: work goes
    /// on with fewer, to the same result.
    pub(crate) fn new(threads: usize) -> Self {
        Self::of((1..threads).map(|_| thread::Builder::new()))
    }

    fn of(workers: impl Iterator<Item = thread::Builder>) -> Self {
        let shared = Arc::new(Shared {
            generation: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            busy: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let mut pool = Self {
            shared,
            workers: Vec::new(),
        };
        for (index, worker) in (1..).zip(workers) {
            let shared = Arc::clone(&pool.shared);
            let worker = worker.name(format!("scarlet-{index}"));
            match worker.spawn(move || work(&shared, index)) {
                Ok(worker) => pool.workers.push(worker),
                Err(_) => break,
            }
        }
        pool
    }

    pub(crate) fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs the job once on each thread, with the thread's number, and waits for all.
    pub(crate) fn run(&mut self, job: &(dyn Fn(usize) + Sync)) {
        if self.workers.is_empty() {
            return job(0);
        }
        let _guard = AbortOnPanic;
        // SAFETY: only the lifetime is lost; the workers drop the job before this returns.
        let erased = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), &'static Job>(job) };
        // SAFETY: no worker is busy: `&mut self`, and the last call waited for all.
        unsafe { *self.shared.job.get() = Some(erased) };
        self.shared
            .busy
            .store(self.workers.len(), Ordering::Relaxed);
        self.shared.generation.fetch_add(1, Ordering::Release);
        for worker in &self.workers {
            worker.thread().unpark();
        }
        job(0);
        wait_until(|| self.shared.busy.load(Ordering::Acquire) == 0);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.generation.fetch_add(1, Ordering::Release);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker that panicked has ended the process.
            let _ = worker.join();
        }
    }
}

/// The life of a worker.
fn work(shared: &Shared, index: usize) {
    let _guard = AbortOnPanic;
    let mut seen = 0;
    loop {
        let mut turns = 0;
        while shared.generation.load(Ordering::Acquire) == seen {
            if turns < IDLE_SPINS {
                turns += 1;
                hint::spin_loop();
            } else {
                thread::park();
            }
        }
        seen += 1;
        if shared.stop.load(Ordering::Relaxed) {
            return;
        }
        // SAFETY: a new generation was seen, so the job is set, and stays until `busy` is 0.
        if let Some(job) = unsafe { *shared.job.get() } {
            // SAFETY: as above; the reference behind the pointer outlives the call.
            unsafe { (*job)(index) };
        }
        shared.busy.fetch_sub(1, Ordering::Release);
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

    #[test]
    fn what_the_system_refuses_the_others_do() {
        // No system has room for such a stack.
        let refused = || thread::Builder::new().stack_size(usize::MAX / 4);
        for allowed in 0..=2 {
            let allowed = (0..allowed).map(|_| thread::Builder::new());
            let expected = allowed.len() + 1;
            let mut pool = Pool::of(allowed.chain((0..3).map(|_| refused())));
            assert_eq!(pool.threads(), expected);
            let calls = AtomicUsize::new(0);
            let tasks = Tasks::new(pool.threads());
            pool.run(&|thread| {
                let execute = |_| {
                    calls.fetch_add(1, Ordering::Relaxed);
                };
                tasks.work_through(thread, 100, execute, || {});
            });
            assert_eq!(calls.into_inner(), 100);
        }
    }

    #[test]
    fn sleeping_workers_wake_up() {
        let mut pool = Pool::new(3);
        for _ in 0..3 {
            thread::sleep(std::time::Duration::from_millis(20));
            let calls = AtomicUsize::new(0);
            pool.run(&|index| {
                calls.fetch_add(1 << (8 * index), Ordering::Relaxed);
            });
            assert_eq!(calls.load(Ordering::Relaxed), 0x01_01_01);
        }
    }
}
