//! The caller's thread, where there is no system to have others from.

/// The caller's thread.
pub(crate) struct Pool;

impl Pool {
    /// One thread, however many are asked for: work goes on with fewer, to the same result.
    pub(crate) fn new(_threads: usize) -> Self {
        Self
    }

    pub(crate) fn threads(&self) -> usize {
        1
    }

    /// Runs the job.
    pub(crate) fn run(&mut self, job: &(dyn Fn(usize) + Sync)) {
        job(0);
    }
}
