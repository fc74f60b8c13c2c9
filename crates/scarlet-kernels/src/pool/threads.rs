//! Threads that wait for work.

use std::{
    cell::UnsafeCell,
    hint,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use super::wait_until;

/// Turns of an idle worker, after which it sleeps: long enough that a caller who runs one image
/// after the other never pays for waking it, short enough to leave the processor to others.
const IDLE_SPINS: usize = 20_000;

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

#[cfg(test)]
mod tests {
    use super::{super::Tasks, *};

    #[test]
    #[cfg_attr(target_family = "wasm", ignore = "there are no other threads")]
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
    #[cfg_attr(target_family = "wasm", ignore = "there are no other threads")]
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
