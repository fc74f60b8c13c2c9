//! NSGA-II on the problem that `benches/pymoo_peer.py` gives to pymoo: prints, as JSON, the
//! problem's tables and what 20 searches of 9,000 evaluations found and how long they took.
//!
//! ```text
//! cargo run --release -p scarlet-search --example nsga2_runs > ours.json
//! python crates/scarlet-search/benches/pymoo_peer.py ours.json
//! ```

use std::{
    error::Error,
    time::{Duration, Instant},
};

use scarlet_search::{Candidate, Evaluation, Evaluator, EvaluatorError, Genome, Search};
use serde::Serialize;

#[path = "../benches/support/mod.rs"]
mod support;

#[derive(Serialize)]
struct Report {
    tables: support::Tables,
    runs: Vec<Run>,
}

#[derive(Serialize)]
struct Run {
    seed: u64,
    evaluations: usize,
    generations: usize,
    /// Without those of the evaluation.
    seconds: f64,
    population: Vec<Member>,
    front: Vec<Member>,
}

/// A genome and its accuracy, multiply-adds and parameters.
#[derive(Serialize)]
struct Member(Genome, Vec<f64>);

impl From<&Candidate> for Member {
    fn from(candidate: &Candidate) -> Self {
        let values = candidate.values().iter().flatten().copied();
        Self(candidate.genome().to_vec(), values.collect())
    }
}

/// Keeps account of the time that evaluating takes.
struct Timed<E> {
    inner: E,
    spent: Duration,
}

impl<E: Evaluator> Evaluator for Timed<E> {
    fn metrics(&self) -> Vec<String> {
        self.inner.metrics()
    }

    fn evaluate(&mut self, genomes: &[Genome]) -> Result<Vec<Evaluation>, EvaluatorError> {
        let start = Instant::now();
        let evaluations = self.inner.evaluate(genomes);
        self.spent += start.elapsed();
        evaluations
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let tables = support::Tables::new();
    let mut runs = Vec::new();
    for seed in 0..20 {
        let mut evaluator = Timed {
            inner: tables.clone().into_evaluator(),
            spent: Duration::ZERO,
        };
        let mut config = support::config()?;
        config.seed = seed;
        let start = Instant::now();
        let mut search = Search::new(config, &mut evaluator)?;
        search.run()?;
        let state = search.into_state();
        let elapsed = start.elapsed();
        runs.push(Run {
            seed,
            evaluations: state.archive().len(),
            generations: state.history().len(),
            seconds: (elapsed - evaluator.spent).as_secs_f64(),
            population: state.population().map(Member::from).collect(),
            front: state.front().into_iter().map(Member::from).collect(),
        });
    }
    serde_json::to_writer(std::io::stdout().lock(), &Report { tables, runs })?;
    Ok(())
}
