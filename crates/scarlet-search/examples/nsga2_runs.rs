//! NSGA-II on the problem that `benches/pymoo_peer.py` gives to pymoo: prints, as JSON, the
//! problem's tables and what searches of 9,000 evaluations found and how long they took: with seeds
//! from 0, 20 of them or as many as the argument says.
//!
//! ```text
//! cargo run --release -p scarlet-search --example nsga2_runs > ours.json
//! python crates/scarlet-search/benches/pymoo_peer.py ours.json
//! ```

use std::{
    cell::Cell,
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
    /// Of the median generation, without its evaluation: other programs interrupt few of them.
    seconds_per_generation: f64,
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

/// Keeps account of the time that the latest evaluation took.
struct Timed<E> {
    inner: E,
    spent: Cell<Duration>,
}

impl<E: Evaluator> Evaluator for Timed<E> {
    fn metrics(&self) -> Vec<String> {
        self.inner.metrics()
    }

    fn evaluate(&mut self, genomes: &[Genome]) -> Result<Vec<Evaluation>, EvaluatorError> {
        let start = Instant::now();
        let evaluations = self.inner.evaluate(genomes);
        self.spent.set(start.elapsed());
        evaluations
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let tables = support::Tables::new();
    let mut runs = Vec::new();
    let seeds = std::env::args()
        .nth(1)
        .map_or(Ok(20), |seeds| seeds.parse())?;
    for seed in 0..seeds {
        let evaluator = Timed {
            inner: tables.clone().into_evaluator(),
            spent: Cell::default(),
        };
        let mut config = support::config()?;
        config.seed = seed;
        let mut search = Search::new(config, evaluator)?;
        let mut seconds = Vec::new();
        loop {
            let start = Instant::now();
            if search.step()?.is_none() {
                break;
            }
            let elapsed = start.elapsed() - search.evaluator().spent.take();
            seconds.push(elapsed.as_secs_f64());
        }
        seconds.sort_by(f64::total_cmp);
        let state = search.into_state();
        runs.push(Run {
            seed,
            evaluations: state.archive().len(),
            generations: state.history().len(),
            seconds_per_generation: seconds[seconds.len() / 2],
            population: state.population().map(Member::from).collect(),
            front: state.front().into_iter().map(Member::from).collect(),
        });
    }
    serde_json::to_writer(std::io::stdout().lock(), &Report { tables, runs })?;
    Ok(())
}
