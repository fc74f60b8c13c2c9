//! [`Evaluator`]: what measures genomes.

use std::fmt;

use crate::Genome;

/// What one genome measured: a value for every metric of the evaluator, in its order; or why it
/// could not be measured.
///
/// NaN stands for "not measured". A value may be missing where nothing depends on it: an
/// evaluator that sees a constraint violated by a cheap metric need not measure the dear ones,
/// since only the violation counts among infeasible candidates. A genome that violates no measured
/// constraint, but misses a value of an objective or constraint, counts as failed. Infinities
/// count as not measured too.
pub type Evaluation = Result<Vec<f64>, String>;

/// Why an evaluator cannot continue.
pub type EvaluatorError = Box<dyn std::error::Error + Send + Sync>;

/// Measures genomes, a batch at a time.
///
/// A search hands out every genome at most once. How the work of a batch is spread is the
/// evaluator's own affair; the search's result depends only on the evaluations, which are in the
/// order of the genomes.
///
/// ```
/// use scarlet_search::{Evaluation, Evaluator, EvaluatorError, Genome};
///
/// /// Measures every genome on a thread of its own.
/// struct Threaded;
///
/// impl Evaluator for Threaded {
///     fn metrics(&self) -> Vec<String> {
///         vec!["sum".to_owned()]
///     }
///
///     fn evaluate(&mut self, genomes: &[Genome]) -> Result<Vec<Evaluation>, EvaluatorError> {
///         let measure = |genome: &Genome| genome.iter().map(|&gene| f64::from(gene)).sum();
///         std::thread::scope(|scope| {
///             let threads: Vec<_> =
///                 genomes.iter().map(|genome| scope.spawn(move || measure(genome))).collect();
///             let join = |thread: std::thread::ScopedJoinHandle<'_, f64>| match thread.join() {
///                 Ok(sum) => Ok(vec![sum]),
///                 Err(_) => Err("its thread panicked".to_owned()),
///             };
///             Ok(threads.into_iter().map(join).collect())
///         })
///     }
/// }
///
/// let sums = Threaded.evaluate(&[vec![1, 2], vec![3, 4]])?;
/// assert_eq!(sums, [Ok(vec![3.0]), Ok(vec![7.0])]);
/// # Ok::<(), EvaluatorError>(())
/// ```
pub trait Evaluator {
    /// Names of the metrics, in the order of the values of every evaluation. The same at every
    /// call.
    fn metrics(&self) -> Vec<String>;

    /// Measures every genome, and returns the evaluations in the order of the genomes.
    ///
    /// # Errors
    ///
    /// What concerns a single genome goes into its [`Evaluation`], and the search continues without
    /// it. An error here ends the step; the search stays as it was before, so that the same step
    /// can be tried again.
    fn evaluate(&mut self, genomes: &[Genome]) -> Result<Vec<Evaluation>, EvaluatorError>;
}

impl<E: Evaluator + ?Sized> Evaluator for &mut E {
    fn metrics(&self) -> Vec<String> {
        (**self).metrics()
    }

    fn evaluate(&mut self, genomes: &[Genome]) -> Result<Vec<Evaluation>, EvaluatorError> {
        (**self).evaluate(genomes)
    }
}

impl<E: Evaluator + ?Sized> Evaluator for Box<E> {
    fn metrics(&self) -> Vec<String> {
        (**self).metrics()
    }

    fn evaluate(&mut self, genomes: &[Genome]) -> Result<Vec<Evaluation>, EvaluatorError> {
        (**self).evaluate(genomes)
    }
}

/// An [`Evaluator`] from a function of one genome.
#[derive(Clone)]
pub struct EvaluatorFn<F> {
    metrics: Vec<String>,
    function: F,
}

impl<F> fmt::Debug for EvaluatorFn<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Closures have nothing to show.
        let mut shown = formatter.debug_struct("EvaluatorFn");
        shown
            .field("metrics", &self.metrics)
            .finish_non_exhaustive()
    }
}

impl<F: FnMut(&[u8]) -> Evaluation> EvaluatorFn<F> {
    /// An evaluator whose values are those of `function`, named by `metrics` in their order.
    pub fn new<N: Into<String>>(metrics: impl IntoIterator<Item = N>, function: F) -> Self {
        Self {
            metrics: metrics.into_iter().map(Into::into).collect(),
            function,
        }
    }
}

impl<F: FnMut(&[u8]) -> Evaluation> Evaluator for EvaluatorFn<F> {
    fn metrics(&self) -> Vec<String> {
        self.metrics.clone()
    }

    fn evaluate(&mut self, genomes: &[Genome]) -> Result<Vec<Evaluation>, EvaluatorError> {
        Ok(genomes
            .iter()
            .map(|genome| (self.function)(genome))
            .collect())
    }
}
