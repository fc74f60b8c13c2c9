//! How long the search itself takes, on a problem whose evaluation costs next to nothing.

use std::{error::Error, hint::black_box};

use criterion::{Criterion, Throughput};
use scarlet_search::{
    Algorithm, Candidate, Point, RandomSearch, Search, SearchState, Stop, crowding_distances,
    hypervolume, kendall_tau, non_dominated_fronts,
};

mod support;

const GENERATIONS: u32 = 120;

fn search(algorithm: Algorithm, generations: usize) -> Result<SearchState, Box<dyn Error>> {
    let mut config = support::config()?;
    config.algorithm = algorithm;
    config.stop = Stop::after_generations(generations);
    let mut search = Search::new(config, support::Tables::new().into_evaluator())?;
    search.run()?;
    Ok(search.into_state())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().configure_from_args();

    let mut group = criterion.benchmark_group("nsga2");
    group.throughput(Throughput::Elements(GENERATIONS.into()));
    group.sample_size(20);
    group.bench_function("120 generations of 75", |bencher| {
        bencher.iter(|| search(Algorithm::default(), GENERATIONS as usize).is_ok());
    });
    group.finish();

    // Parents and children of one generation, as random as at the start.
    let start = search(Algorithm::RandomSearch(RandomSearch { batch: 150 }), 1)?;
    let candidates = start.archive().candidates();
    let points: Vec<&Point> = candidates.iter().filter_map(Candidate::point).collect();
    criterion.bench_function("non-dominated fronts of 150 points", |bencher| {
        bencher.iter(|| non_dominated_fronts(black_box(&points)));
    });
    criterion.bench_function("crowding distances of 150 points", |bencher| {
        bencher.iter(|| crowding_distances(black_box(&points), &[1.0; 3]));
    });

    let found = search(Algorithm::default(), GENERATIONS as usize)?;
    let front = found.front();
    let front: Vec<&Point> = front
        .iter()
        .filter_map(|candidate| candidate.point())
        .collect();
    let reference: Vec<f64> = (0..3)
        .map(|at| {
            front
                .iter()
                .map(|point| point.objectives()[at])
                .fold(f64::MIN, f64::max)
        })
        .collect();
    let name = format!("hypervolume of {} points", front.len());
    criterion.bench_function(&name, |bencher| {
        bencher.iter(|| hypervolume(black_box(&front), &reference));
    });

    let metric = |at: usize| -> Vec<f64> {
        let candidates = found.archive().candidates().iter();
        candidates
            .take(1_000)
            .filter_map(|candidate| candidate.value(at))
            .collect()
    };
    let (accuracy, mult_adds) = (metric(0), metric(1));
    criterion.bench_function("Kendall tau of 1000 pairs", |bencher| {
        bencher.iter(|| kendall_tau(black_box(&accuracy), black_box(&mult_adds)));
    });

    criterion.final_summary();
    Ok(())
}
