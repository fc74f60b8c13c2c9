//! Where the time of a run goes.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crate::{engine::Engine, error::EngineError};

/// Where the time of one step goes.
#[derive(Debug, Clone, PartialEq)]
pub struct StepProfile {
    /// What the step does, such as `pointwise + depthwise`.
    pub kind: &'static str,
    /// The operations of the [`Network`](crate::Network) that it executes. Empty for a step that only prepares or
    /// completes the operation of that index, which is reported with another step.
    pub operations: Range<usize>,
    /// Multiplications, for all images.
    pub mult_adds: u64,
    /// Bytes of activations and weights that are read and written, for all images; each counted
    /// once, wherever it comes from.
    pub bytes: u64,
    /// Shortest time of the runs, from the moment when all threads had finished the step before to
    /// that when all had finished this one. On one clock for all threads: no thread can have done
    /// any of the work outside of it, however the system schedules them.
    pub time: Duration,
}

impl StepProfile {
    /// Billions of floating-point operations in a second; a multiplication with its addition
    /// counts as two.
    pub fn gflops(&self) -> f64 {
        2.0 * self.mult_adds as f64 / self.time.as_secs_f64().max(1e-12) / 1e9
    }
}

/// How long each step of a run takes, on one clock for all threads.
///
/// A thread's own clock will not do: while that thread waits for a processor, the others may do
/// all of the next step, which then seems to take no time.
struct StepTimes<'a> {
    times: Vec<AtomicU64>,
    /// When the last step ended; the first one starts at 0.
    end: AtomicU64,
    /// Time since the run's start.
    clock: &'a (dyn Fn() -> u64 + Sync),
}

impl<'a> StepTimes<'a> {
    fn new(steps: usize, clock: &'a (dyn Fn() -> u64 + Sync)) -> Self {
        Self {
            times: (0..steps).map(|_| AtomicU64::new(0)).collect(),
            end: AtomicU64::new(0),
            clock,
        }
    }

    /// To be called once whenever a step ends, between its last task and the first of the next.
    fn finish(&self, step: usize) {
        let now = (self.clock)();
        let start = self.end.swap(now, Ordering::Relaxed);
        self.times[step].fetch_add(now.saturating_sub(start), Ordering::Relaxed);
    }
}

impl Engine {
    /// Runs the network several times and measures each step. Steps that are merged are measured
    /// together.
    ///
    /// # Errors
    ///
    /// As [`Engine::run`].
    pub fn profile(&mut self, input: &[f32], runs: usize) -> Result<Vec<StepProfile>, EngineError> {
        let count = self.plan.steps.len();
        let mut best = vec![u64::MAX; count];
        let mut images = 0;
        for _ in 0..runs.max(1) {
            let start = Instant::now();
            let nanoseconds = || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let times = StepTimes::new(count, &nanoseconds);
            images = self.execute(input, |step| times.finish(step))? as u64;
            for (best, time) in best.iter_mut().zip(times.times) {
                *best = (*best).min(time.into_inner());
            }
        }
        let steps = self.plan.steps.iter().zip(best);
        Ok(steps
            .map(|(planned, time)| StepProfile {
                kind: planned.kind,
                operations: planned.operations.clone(),
                mult_adds: planned.mult_adds * images,
                bytes: (planned.traffic as u64 * images + planned.weights as u64) * 4,
                time: Duration::from_nanos(time),
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        activation::Activation,
        engine::EngineSettings,
        network::{Network, Operation, Pointwise},
    };

    #[test]
    fn the_times_of_the_steps_add_up_to_that_of_the_run() {
        let pointwise = |input, output| {
            Operation::Pointwise(Pointwise {
                input,
                output,
                stride: 1,
                weight: vec![0.5; input * output],
                bias: vec![0.0; output],
                activation: Activation::Relu,
            })
        };
        let network = Network {
            input_channels: 3,
            operations: vec![pointwise(3, 8), pointwise(8, 8), Operation::GlobalMean],
        };
        for threads in 1..=3 {
            for batch in [1, 5] {
                let settings = EngineSettings::new(16)
                    .with_batch(batch)
                    .with_threads(threads);
                let mut engine = Engine::new(&network, settings).unwrap();
                let reads = AtomicU64::new(0);
                // The clock goes on by 10 whenever it is read.
                let clock = || 10 * (reads.fetch_add(1, Ordering::Relaxed) + 1);
                let steps = engine.plan.steps.len();
                let times = StepTimes::new(steps, &clock);
                engine
                    .execute(&vec![0.5; batch * 3 * 256], |step| times.finish(step))
                    .unwrap();
                let sum: u64 = times
                    .times
                    .iter()
                    .map(|it| it.load(Ordering::Relaxed))
                    .sum();
                // One reading for each step and pass, by whichever thread was the last.
                let early = engine.plan.early;
                let passes = batch.div_ceil(engine.plan.early_images.max(1));
                let expected = early * passes + steps - early;
                assert_eq!(reads.into_inner(), expected as u64, "{threads}, {batch}");
                assert_eq!(sum, 10 * expected as u64);
            }
        }
    }
}
