//! [`Search`]: a search at work.

use crate::{Evaluator, GenerationRecord, SearchConfig, SearchError, SearchState, StopReason};

/// A search and the evaluator that measures for it. See the [crate's example](crate).
#[derive(Debug)]
pub struct Search<E> {
    state: SearchState,
    evaluator: E,
}

impl<E: Evaluator> Search<E> {
    /// A search that has evaluated nothing yet.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration: a setting out of range, or an objective or constraint
    /// that the evaluator does not measure.
    pub fn new(config: SearchConfig, evaluator: E) -> Result<Self, SearchError> {
        let state = SearchState::new(config, evaluator.metrics())?;
        Ok(Self { state, evaluator })
    }

    /// A search that continues from a saved state, to the result it would have reached without the
    /// interruption.
    ///
    /// # Errors
    ///
    /// [`SearchError::MetricsChanged`] if the evaluator measures something else than the one the
    /// search was started with.
    pub fn resume(state: SearchState, evaluator: E) -> Result<Self, SearchError> {
        let metrics = evaluator.metrics();
        if metrics != state.metrics() {
            return Err(SearchError::MetricsChanged {
                saved: state.metrics().to_vec(),
                evaluator: metrics,
            });
        }
        Ok(Self { state, evaluator })
    }

    /// Breeds, evaluates and selects one generation. `None` if the search is over.
    ///
    /// # Errors
    ///
    /// [`SearchError::Evaluator`] if the evaluator gave up, [`SearchError::EvaluationCount`] or
    /// [`SearchError::ValueCount`] if it returned something else than it was asked for. The search
    /// stays as it was before, so that the same generation can be tried again or saved.
    pub fn step(&mut self) -> Result<Option<&GenerationRecord>, SearchError> {
        if self.stop_reason().is_some() {
            return Ok(None);
        }
        let (genomes, rng) = self.state.propose();
        let evaluations = self
            .evaluator
            .evaluate(&genomes)
            .map_err(SearchError::Evaluator)?;
        self.state.absorb(genomes, evaluations, rng)?;
        Ok(self.state.history().last())
    }

    /// Continues until the search is over.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    pub fn run(&mut self) -> Result<StopReason, SearchError> {
        loop {
            match self.stop_reason() {
                Some(reason) => return Ok(reason),
                None => self.step()?,
            };
        }
    }

    /// Why the search is over, or `None` while it is not.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.state.stop_reason()
    }

    /// The evaluator, such as to ask how often its cache helped.
    pub fn evaluator(&self) -> &E {
        &self.evaluator
    }

    /// The search as data, to save or to look at.
    pub fn state(&self) -> &SearchState {
        &self.state
    }

    /// The search as data, for good.
    pub fn into_state(self) -> SearchState {
        self.state
    }
}
