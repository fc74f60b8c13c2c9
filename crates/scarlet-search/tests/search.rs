//! Searches as a whole: what they find, and what they promise.
#![allow(clippy::unwrap_used)]

mod support;

use std::{cell::RefCell, collections::HashSet};

use proptest::prelude::*;
use scarlet_search::{
    Algorithm, Candidate, Crossover, Evaluation, Evaluator, EvaluatorError, EvaluatorFn, GeneSpace,
    Genome, Nsga2, RandomSearch, RegularizedEvolution, Search, SearchConfig, SearchState, Stop,
    StopReason, non_dominated,
};
use support::{GENES, config, evaluator, measure};

fn run(config: SearchConfig) -> SearchState {
    let mut search = Search::new(config, evaluator()).unwrap();
    search.run().unwrap();
    search.into_state()
}

fn nsga2(population: usize) -> Algorithm {
    Algorithm::Nsga2(Nsga2 {
        population,
        ..Nsga2::default()
    })
}

/// Every genome of the small problem's space.
fn all_genomes() -> Vec<Genome> {
    let count = 5usize.pow(GENES as u32);
    let digit = |index: usize, gene: usize| (index / 5usize.pow(gene as u32) % 5) as u8;
    let genome = |index| (0..GENES).map(|gene| digit(index, gene)).collect();
    (0..count).map(genome).collect()
}

#[test]
fn nsga2_finds_the_true_front() {
    let genomes = all_genomes();
    let points: Vec<[f64; 2]> = genomes
        .iter()
        .map(|genome| {
            let values = measure(genome);
            [-values[0], values[1]]
        })
        .collect();
    let place = |point: &[f64]| (point[0].to_bits(), point[1].to_bits());
    let front = non_dominated(&points);
    let expected: HashSet<_> = front.iter().map(|&index| place(&points[index])).collect();

    for crossover in [Crossover::SinglePoint, Crossover::Uniform] {
        for seed in 0..3 {
            let state = run(SearchConfig {
                algorithm: Algorithm::Nsga2(Nsga2 {
                    population: 60,
                    crossover,
                    ..Nsga2::default()
                }),
                stop: Stop::after_evaluations(4_000),
                seed,
                ..config()
            });
            let points = state.front().into_iter().map(|it| it.point().unwrap());
            let found: HashSet<_> = points.map(|point| place(point.objectives())).collect();
            assert_eq!(found, expected, "{crossover:?}, seed {seed}");
        }
    }
}

#[test]
fn nsga2_beats_random_search_of_the_same_budget() {
    let hypervolume = |algorithm| {
        let state = run(SearchConfig {
            algorithm,
            objectives: vec![
                "maximize quality reference 0".parse().unwrap(),
                "minimize cost reference 85".parse().unwrap(),
            ],
            stop: Stop::after_evaluations(600),
            seed: 1,
            ..config()
        });
        assert_eq!(state.archive().len(), 600);
        state.history().last().unwrap().hypervolume
    };
    let random = hypervolume(Algorithm::RandomSearch(RandomSearch { batch: 50 }));
    assert!(hypervolume(nsga2(50)) > random);
}

#[test]
fn regularized_evolution_climbs_its_first_objective() {
    let best = |algorithm| {
        let state = run(SearchConfig {
            algorithm,
            constraints: vec!["cost <= 30".parse().unwrap()],
            stop: Stop::after_evaluations(500),
            seed: 3,
            ..config()
        });
        let best = state
            .best(&"maximize quality".parse().unwrap(), &[])
            .unwrap()
            .unwrap();
        best.value(0).unwrap()
    };
    let of_all = all_genomes()
        .iter()
        .map(|genome| measure(genome))
        .filter(|values| values[1] <= 30.0)
        .map(|values| values[0])
        .fold(0.0, f64::max);
    let evolved = best(Algorithm::RegularizedEvolution(RegularizedEvolution {
        population: 40,
        sample: 10,
        batch: 1,
    }));
    assert_eq!(evolved, of_all);
    assert!(best(Algorithm::RandomSearch(RandomSearch::default())) < of_all);
}

#[test]
fn regularized_evolution_forgets_its_oldest() {
    let state = run(SearchConfig {
        algorithm: Algorithm::RegularizedEvolution(RegularizedEvolution {
            population: 20,
            sample: 5,
            batch: 3,
        }),
        stop: Stop::after_generations(11),
        ..config()
    });
    let population: Vec<&[u8]> = state.population().map(|it| it.genome()).collect();
    let archive = state.archive().candidates();
    let youngest: Vec<&[u8]> = archive[30..].iter().map(|it| it.genome()).collect();
    assert_eq!(archive.len(), 20 + 10 * 3);
    assert_eq!(population, youngest);
    // Each child differs from some earlier genome in one gene.
    for (index, child) in archive.iter().enumerate().skip(20) {
        let mut earlier = archive[..index].iter();
        assert!(earlier.any(|other| {
            let genes = child.genome().iter().zip(other.genome());
            genes.filter(|(a, b)| a != b).count() == 1
        }));
    }
}

#[test]
fn the_best_survive() {
    let config = SearchConfig {
        algorithm: nsga2(30),
        stop: Stop::after_generations(8),
        constraints: vec!["cost <= 40".parse().unwrap()],
        ..config()
    };
    let mut search = Search::new(config, evaluator()).unwrap();
    let mut pool: Vec<Candidate> = Vec::new();
    let mut dominated = 0;
    while search.step().unwrap().is_some() {
        let state = search.state();
        let newest = state.archive().candidates().iter().rev().take(30);
        pool.extend(newest.cloned());
        let (kept, lost): (Vec<_>, Vec<_>) = pool
            .into_iter()
            .partition(|it| state.population().any(|kept| kept == it));
        assert_eq!(kept.len(), 30);
        let dominates =
            |a: &Candidate, b: &Candidate| a.point().unwrap().dominates(b.point().unwrap());
        for lost in &lost {
            assert!(!kept.iter().any(|kept| dominates(lost, kept)));
            dominated += kept.iter().filter(|kept| dominates(kept, lost)).count();
        }
        pool = kept;
    }
    assert!(dominated > 0);
}

#[test]
fn weights_reach_the_selection() {
    // What a weight does to crowding distances is tested there; here, that it decides who stays.
    let population = |weight: f64, seed| -> Vec<Candidate> {
        let state = run(SearchConfig {
            objectives: vec![
                "maximize quality".parse().unwrap(),
                format!("minimize cost weight {weight}").parse().unwrap(),
                "maximize size".parse().unwrap(),
            ],
            algorithm: nsga2(10),
            stop: Stop::after_generations(30),
            seed,
            ..config()
        });
        state.population().cloned().collect()
    };
    for seed in 0..3 {
        assert_eq!(population(1.0, seed), population(1.0, seed));
        assert_ne!(population(100.0, seed), population(0.0, seed));
    }
}

#[test]
fn infeasible_searches_approach_the_feasible_region() {
    // Feasible are only the 21 genomes of cost 5 or less: random draws would hardly meet one.
    let state = run(SearchConfig {
        constraints: vec!["cost <= 5".parse().unwrap()],
        algorithm: nsga2(20),
        stop: Stop::after_evaluations(1_000),
        seed: 4,
        ..config()
    });
    assert_eq!(state.history()[0].feasible, 0);
    assert_eq!(state.history()[0].hypervolume, 0.0);
    assert!(state.history().last().unwrap().feasible > 10);
    let front = state.front();
    assert!(!front.is_empty());
    assert!(front.iter().all(|it| it.value(1).unwrap() <= 5.0));
}

#[test]
fn budgets_are_met_exactly() {
    for budget in [1, 29, 30, 31, 100] {
        let mut search = Search::new(
            SearchConfig {
                algorithm: nsga2(30),
                stop: Stop::after_evaluations(budget),
                ..config()
            },
            evaluator(),
        )
        .unwrap();
        assert_eq!(search.run().unwrap(), StopReason::Evaluations);
        assert_eq!(search.state().archive().len(), budget);
        assert!(search.step().unwrap().is_none());
    }
}

#[test]
fn a_larger_budget_goes_on() {
    let stop = Stop::after_evaluations(90);
    let first = run(SearchConfig {
        algorithm: nsga2(30),
        stop,
        ..config()
    });
    let more = first
        .clone()
        .with_stop(Stop::after_evaluations(150))
        .unwrap();
    let mut search = Search::resume(more, evaluator()).unwrap();
    search.run().unwrap();
    let whole = run(SearchConfig {
        algorithm: nsga2(30),
        stop: Stop::after_evaluations(150),
        ..config()
    });
    assert_eq!(search.state(), &whole);
}

#[test]
fn a_search_can_exhaust_its_space() {
    for algorithm in [
        nsga2(7),
        Algorithm::RandomSearch(RandomSearch { batch: 7 }),
        Algorithm::RegularizedEvolution(RegularizedEvolution::default()),
    ] {
        let config = SearchConfig {
            space: GeneSpace::new([3, 1, 4, 5]).unwrap(),
            algorithm,
            stop: Stop::never(),
            ..SearchConfig::new(
                GeneSpace::uniform(1, 1).unwrap(),
                vec!["minimize sum".parse().unwrap()],
            )
        };
        let sum = |genes: &[u8]| Ok(vec![genes.iter().map(|&gene| f64::from(gene)).sum()]);
        let mut search = Search::new(config, EvaluatorFn::new(["sum"], sum)).unwrap();
        assert_eq!(search.run().unwrap(), StopReason::SpaceExhausted);
        assert_eq!(search.state().archive().len(), 60);
        assert_eq!(search.state().front()[0].genome(), [0, 0, 0, 0]);
    }
}

#[test]
fn initial_genomes_are_evaluated_first() {
    let initial = vec![vec![4; GENES], vec![0; GENES], vec![4; GENES]];
    let state = run(SearchConfig {
        initial,
        algorithm: nsga2(10),
        stop: Stop::after_generations(1),
        ..config()
    });
    let genomes: Vec<&[u8]> = state
        .archive()
        .candidates()
        .iter()
        .map(|it| it.genome())
        .collect();
    assert_eq!(genomes.len(), 10);
    assert_eq!(genomes[..2], [&[4; GENES], &[0; GENES]]);
}

#[test]
fn hypervolume_never_shrinks_from_a_fixed_reference() {
    let state = run(SearchConfig {
        algorithm: nsga2(20),
        stop: Stop::after_generations(20),
        objectives: vec![
            "maximize quality reference 0.25".parse().unwrap(),
            "minimize cost".parse().unwrap(),
        ],
        ..config()
    });
    let hypervolumes: Vec<f64> = state.history().iter().map(|it| it.hypervolume).collect();
    assert!(hypervolumes.is_sorted());
    assert!(hypervolumes[19] > hypervolumes[0]);
    let worst_at_first = state.archive().candidates()[..20].iter();
    let worst_at_first = worst_at_first
        .map(|it| it.value(1).unwrap())
        .fold(0.0, f64::max);
    assert_eq!(state.reference_point().unwrap(), [0.25, worst_at_first]);
}

#[test]
fn the_reference_point_decides_on_the_hypervolume_alone() {
    let found = |objectives: [&str; 2]| {
        run(SearchConfig {
            algorithm: nsga2(20),
            stop: Stop::after_generations(20),
            objectives: objectives.map(|text| text.parse().unwrap()).into(),
            ..config()
        })
    };
    let free = found(["maximize quality", "minimize cost"]);
    let fixed = found([
        "maximize quality reference 0.1",
        "minimize cost reference 90",
    ]);
    assert_eq!(free.archive(), fixed.archive());
    assert!(free.population().eq(fixed.population()));
    let last = |state: &SearchState| state.history().last().unwrap().hypervolume;
    assert_ne!(last(&free), last(&fixed));
}

#[test]
fn the_best_under_a_constraint() {
    let state = run(SearchConfig {
        algorithm: nsga2(30),
        constraints: vec!["cost <= 60".parse().unwrap()],
        ..config()
    });
    let best = |objective: &str, constraints: &[&str]| {
        let constraints: Vec<_> = constraints
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let best = state
            .best(&objective.parse().unwrap(), &constraints)
            .unwrap();
        best.map(|it| {
            it.values()
                .iter()
                .map(|value| value.unwrap())
                .collect::<Vec<f64>>()
        })
    };
    let all = || state.archive().candidates().iter().map(|it| it.values());
    let expected = all()
        .filter(|values| values[1].unwrap() <= 20.0 && values[2].unwrap() >= 9.0)
        .map(|values| values[0].unwrap())
        .fold(0.0, f64::max);
    assert_eq!(
        best("maximize quality", &["cost <= 20", "size >= 9"]).unwrap()[0],
        expected
    );
    assert!(best("maximize cost", &[]).unwrap()[1] <= 60.0);
    // Of the many equals in size, the one that the search's objectives prefer.
    let of_size = |values: &[Option<f64>]| values[2] == Some(9.0);
    let best_of_size = all()
        .filter(|values| of_size(values) && values[1].unwrap() <= 60.0)
        .map(|values| values[0].unwrap())
        .fold(0.0, f64::max);
    let chosen = best("minimize size", &["size >= 9"]).unwrap();
    assert_eq!((chosen[0], chosen[2]), (best_of_size, 9.0));
    assert_eq!(best("maximize quality", &["cost <= -1"]), None);

    let knee = state.knee().unwrap();
    assert!(state.front().contains(&knee));
    let error = state
        .best(&"maximize speed".parse().unwrap(), &[])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`speed` is not measured; the evaluator measures `quality`, `cost`, `size`"
    );
}

/// Measures on many threads, which finish in any order.
struct Threaded {
    threads: usize,
}

impl Evaluator for Threaded {
    fn metrics(&self) -> Vec<String> {
        evaluator().metrics()
    }

    fn evaluate(&mut self, genomes: &[Genome]) -> Result<Vec<Evaluation>, EvaluatorError> {
        let next = std::sync::atomic::AtomicUsize::new(0);
        let results = std::sync::Mutex::new(vec![Err("not evaluated".to_owned()); genomes.len()]);
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        let Some(genome) = genomes.get(index) else {
                            break;
                        };
                        let values = measure(genome);
                        results.lock().unwrap()[index] = Ok(values);
                    }
                });
            }
        });
        Ok(results.into_inner().unwrap())
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_workers() {
    let config = SearchConfig {
        algorithm: nsga2(24),
        stop: Stop::after_generations(6),
        ..config()
    };
    let expected = run(config.clone());
    for threads in [1, 2, 7] {
        let mut search = Search::new(config.clone(), Threaded { threads }).unwrap();
        search.run().unwrap();
        assert_eq!(search.state(), &expected);
    }
}

fn algorithms() -> impl Strategy<Value = Algorithm> {
    let crossover = prop_oneof![Just(Crossover::SinglePoint), Just(Crossover::Uniform)];
    let nsga2 = (2usize..30, crossover, 0.0..=1.0f64, 0.0..=1.0f64);
    prop_oneof![
        nsga2.prop_map(
            |(population, crossover, crossover_probability, mutation_probability)| {
                Algorithm::Nsga2(Nsga2 {
                    population,
                    crossover,
                    crossover_probability,
                    mutation_probability,
                })
            }
        ),
        (1usize..30).prop_map(|batch| Algorithm::RandomSearch(RandomSearch { batch })),
        (1usize..30, 1usize..10, 1usize..10).prop_map(|(population, sample, batch)| {
            Algorithm::RegularizedEvolution(RegularizedEvolution {
                population,
                sample,
                batch,
            })
        }),
    ]
}

/// Fails for some genomes, and leaves out what need not be measured for others.
fn moody(genes: &[u8]) -> Evaluation {
    let mut values = measure(genes);
    if genes[0] == 3 {
        return Err(format!("genome {genes:?} is unlucky"));
    }
    if values[1] > 60.0 {
        values[0] = f64::NAN;
    }
    Ok(values)
}

fn moody_evaluator() -> impl Evaluator {
    EvaluatorFn::new(["quality", "cost", "size"], moody)
}

fn moody_config(algorithm: Algorithm, seed: u64, budget: usize) -> SearchConfig {
    SearchConfig {
        constraints: vec!["cost <= 60".parse().unwrap()],
        algorithm,
        seed,
        stop: Stop::after_evaluations(budget),
        ..config()
    }
}

/// Passes genomes on to another evaluator, and keeps a list of them.
struct Recorder<'a, E> {
    inner: E,
    genomes: &'a RefCell<Vec<Genome>>,
}

impl<E: Evaluator> Evaluator for Recorder<'_, E> {
    fn metrics(&self) -> Vec<String> {
        self.inner.metrics()
    }

    fn evaluate(&mut self, genomes: &[Genome]) -> Result<Vec<Evaluation>, EvaluatorError> {
        self.genomes.borrow_mut().extend_from_slice(genomes);
        self.inner.evaluate(genomes)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn resuming_after_any_generation_changes_nothing(
        algorithm in algorithms(),
        seed in any::<u64>(),
    ) {
        let config = moody_config(algorithm, seed, 150);
        let mut whole = Search::new(config.clone(), moody_evaluator()).unwrap();
        whole.run().unwrap();

        // Through the saved form after every generation: after any one of them, then, too.
        let mut state = Search::new(config, moody_evaluator()).unwrap().into_state();
        loop {
            let saved = serde_json::to_string(&state).unwrap();
            state = serde_json::from_str(&saved).unwrap();
            let mut search = Search::resume(state, moody_evaluator()).unwrap();
            let is_over = search.step().unwrap().is_none();
            state = search.into_state();
            if is_over {
                break;
            }
        }
        prop_assert_eq!(&state, whole.state());
    }

    #[test]
    fn no_genome_is_evaluated_twice(algorithm in algorithms(), seed in any::<u64>()) {
        let genomes = RefCell::new(Vec::new());
        let recorder = Recorder { inner: moody_evaluator(), genomes: &genomes };
        let mut search = Search::new(moody_config(algorithm, seed, 200), recorder).unwrap();
        search.run().unwrap();
        let space = &search.state().config().space;
        let genomes = genomes.borrow();
        prop_assert_eq!(genomes.len(), 200);
        prop_assert_eq!(genomes.iter().collect::<HashSet<_>>().len(), genomes.len());
        for genome in genomes.iter() {
            space.check(genome).unwrap();
        }
    }

    #[test]
    fn feasible_candidates_are_preferred(population in 2usize..30, seed in any::<u64>()) {
        let config = moody_config(nsga2(population), seed, 300);
        let mut search = Search::new(config, moody_evaluator()).unwrap();
        while search.step().unwrap().is_some() {
            let state = search.state();
            let kept = state.population().filter(|it| it.is_feasible()).count();
            // Infeasible ones only while there are not enough feasible ones.
            prop_assert_eq!(kept, state.archive().feasible().min(population));
        }
    }
}

#[test]
fn files_replace_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("search.json");
    let config = moody_config(nsga2(10), 0, 50);
    let mut search = Search::new(config, moody_evaluator()).unwrap();
    while search.step().unwrap().is_some() {
        search.state().save(&path).unwrap();
        assert_eq!(&SearchState::load(&path).unwrap(), search.state());
    }
    // Nothing else is left behind.
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
}

#[test]
fn failures_are_kept_with_their_reasons() {
    let config = moody_config(nsga2(20), 9, 200);
    let mut search = Search::new(config, moody_evaluator()).unwrap();
    search.run().unwrap();
    let state = search.state();
    let candidates = state.archive().candidates();
    let failed: Vec<_> = candidates
        .iter()
        .filter(|it| it.failure().is_some())
        .collect();
    assert!(!failed.is_empty());
    assert_eq!(failed.len(), state.history().last().unwrap().failed);
    for candidate in failed {
        assert_eq!(candidate.genome()[0], 3);
        assert!(candidate.failure().unwrap().ends_with("is unlucky"));
        assert!(candidate.point().is_none() && candidate.values().is_empty());
    }
    let unmeasured = candidates
        .iter()
        .filter(|it| !it.values().is_empty() && it.value(0).is_none());
    assert!(unmeasured.clone().count() > 0);
    assert!(
        unmeasured
            .clone()
            .all(|it| !it.is_feasible() && it.value(1).unwrap() > 60.0)
    );
}

#[test]
fn a_feasible_candidate_with_a_missing_value_has_failed() {
    let config = SearchConfig {
        algorithm: nsga2(10),
        stop: Stop::after_generations(3),
        ..config()
    };
    let nothing = |_: &[u8]| Ok(vec![f64::NAN, 1.0, f64::INFINITY]);
    let evaluator = EvaluatorFn::new(["quality", "cost", "size"], nothing);
    let mut search = Search::new(config, evaluator).unwrap();
    search.run().unwrap();
    assert_eq!(search.state().archive().failed(), 30);
    assert_eq!(search.state().population().len(), 0);
    assert_eq!(
        search.state().archive().candidates()[0].failure(),
        Some("`quality` was not measured, or is not finite")
    );
}
