//! What goes wrong is said, and leaves the search as it was.
#![allow(clippy::unwrap_used)]

mod support;

use scarlet_search::{
    Algorithm, Evaluation, Evaluator, EvaluatorError, EvaluatorFn, Genome, Nsga2, RandomSearch,
    RegularizedEvolution, Search, SearchConfig, SearchError, SearchState, Stop,
};
use support::{config, evaluator};

fn refusal(config: SearchConfig) -> String {
    Search::new(config, evaluator()).unwrap_err().to_string()
}

#[test]
fn configurations_are_checked() {
    let objectives = |texts: &[&str]| SearchConfig {
        objectives: texts.iter().map(|text| text.parse().unwrap()).collect(),
        ..config()
    };
    assert!(refusal(objectives(&[])).contains("give at least one, such as `maximize accuracy`"));
    assert_eq!(
        refusal(objectives(&["maximize size", "minimize size"])),
        "`size` is an objective twice; keep one of them"
    );
    assert_eq!(
        refusal(objectives(&["maximize accuracy"])),
        "`accuracy` is not measured; the evaluator measures `quality`, `cost`, `size`"
    );
    assert!(refusal(objectives(&["maximize size weight -2"])).contains("`weight` is -2"));

    let constraint = |text: &str| SearchConfig {
        constraints: vec![text.parse().unwrap()],
        ..config()
    };
    assert!(refusal(constraint("latency <= 3")).contains("`latency` is not measured"));
    assert!(refusal(constraint("cost <= inf")).contains("constraint on `cost`"));

    let initial = SearchConfig {
        initial: vec![vec![0; 6], vec![9; 6]],
        ..config()
    };
    assert!(refusal(initial).contains("genome [9, 9, 9, 9, 9, 9] is not in the search space"));
    let stop = SearchConfig {
        stop: Stop::after_evaluations(0),
        ..config()
    };
    assert!(refusal(stop).contains("`stop.evaluations` is 0"));
}

#[test]
fn algorithm_settings_are_checked() {
    let refusal = |algorithm| {
        refusal(SearchConfig {
            algorithm,
            ..config()
        })
    };
    let nsga2 = |change: fn(&mut Nsga2)| {
        let mut nsga2 = Nsga2::default();
        change(&mut nsga2);
        refusal(Algorithm::Nsga2(nsga2))
    };
    assert_eq!(
        nsga2(|it| it.population = 1),
        "`population` is 1; it must be at least 2"
    );
    assert_eq!(
        nsga2(|it| it.mutation_probability = 1.5),
        "`mutation_probability` is 1.5; it must be from 0 to 1"
    );
    assert!(nsga2(|it| it.crossover_probability = f64::NAN).contains("`crossover_probability`"));
    let random = Algorithm::RandomSearch(RandomSearch { batch: 0 });
    assert!(refusal(random).contains("`batch` is 0"));
    let evolution = |population, sample, batch| {
        refusal(Algorithm::RegularizedEvolution(RegularizedEvolution {
            population,
            sample,
            batch,
        }))
    };
    assert!(evolution(0, 1, 1).contains("`population` is 0"));
    assert!(evolution(1, 0, 1).contains("`sample` is 0"));
    assert!(evolution(1, 1, 0).contains("`batch` is 0"));
    // Sorting compares each with each.
    assert_eq!(
        nsga2(|it| it.population = 10_001),
        "`population` is 10001; it must be at most 10000"
    );
    let random = Algorithm::RandomSearch(RandomSearch { batch: usize::MAX });
    assert!(refusal(random).contains("must be at most 10000"));
    assert!(evolution(usize::MAX, 1, 1).contains("must be at most 10000"));
    assert!(evolution(1, usize::MAX, 1).contains("must be at most 10000"));
}

#[test]
fn metrics_need_names_of_their_own() {
    let evaluator = EvaluatorFn::new(["quality", "cost", "cost"], |_: &[u8]| Ok(vec![0.0; 3]));
    let error = Search::new(config(), evaluator).unwrap_err();
    assert!(error.to_string().contains("measures `cost` twice"));
}

/// Works for some batches, then does something else for one, then works again.
struct Unreliable {
    good: usize,
    fault: fn(usize) -> Result<Vec<Evaluation>, EvaluatorError>,
}

impl Evaluator for Unreliable {
    fn metrics(&self) -> Vec<String> {
        evaluator().metrics()
    }

    fn evaluate(&mut self, genomes: &[Genome]) -> Result<Vec<Evaluation>, EvaluatorError> {
        self.good = self.good.wrapping_sub(1);
        match self.good == usize::MAX {
            true => (self.fault)(genomes.len()),
            false => evaluator().evaluate(genomes),
        }
    }
}

#[test]
fn a_failed_generation_can_be_tried_again() {
    let config = SearchConfig {
        algorithm: Algorithm::Nsga2(Nsga2 {
            population: 10,
            ..Nsga2::default()
        }),
        stop: Stop::after_generations(6),
        ..config()
    };
    let mut smooth = Search::new(config.clone(), evaluator()).unwrap();
    smooth.run().unwrap();

    let attempt = |fault| {
        let mut search = Search::new(config.clone(), Unreliable { good: 3, fault }).unwrap();
        let error = search.run().unwrap_err();
        assert_eq!(search.state().history().len(), 3);
        search.run().unwrap();
        assert_eq!(search.state(), smooth.state());
        error
    };
    let error = attempt(|_| Err("the device is gone".into()));
    assert_eq!(
        error.to_string(),
        "the evaluator stopped: the device is gone"
    );
    assert!(matches!(error, SearchError::Evaluator(_)));

    let error = attempt(|size| Ok(vec![Ok(vec![0.0; 3]); size - 1]));
    assert_eq!(
        error.to_string(),
        "the evaluator was given 10 genomes and returned 9 evaluations"
    );
    let error = attempt(|size| Ok(vec![Ok(vec![0.0; 2]); size]));
    assert!(
        error
            .to_string()
            .contains("has 2 values; the evaluator has 3 metrics")
    );
}

#[test]
fn resuming_needs_the_same_metrics() {
    let state = Search::new(config(), evaluator()).unwrap().into_state();
    let other = EvaluatorFn::new(["quality", "cost"], |_: &[u8]| Ok(vec![0.0; 2]));
    let error = Search::resume(state, other).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the saved search was made with the metrics `quality`, `cost`, `size`, but this evaluator \
         measures `quality`, `cost`; resume with the evaluator it was started with"
    );
}

#[test]
fn damaged_files_are_refused() {
    let config = SearchConfig {
        algorithm: Algorithm::RandomSearch(RandomSearch { batch: 2 }),
        stop: Stop::after_generations(1),
        initial: vec![vec![0, 0, 0, 0, 0, 1], vec![0, 0, 0, 0, 0, 2]],
        ..config()
    };
    let mut search = Search::new(config, evaluator()).unwrap();
    search.run().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("search.json");
    search.state().save(&path).unwrap();
    let saved = std::fs::read_to_string(&path).unwrap();
    assert_eq!(&SearchState::load(&path).unwrap(), search.state());

    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        SearchState::load(&path).unwrap_err().to_string()
    };
    let changed = |from: &str, to: &str| {
        assert!(saved.contains(from), "{from} is not in {saved}");
        load(&saved.replacen(from, to, 1))
    };
    assert!(load("").contains("is not a saved search: EOF"));
    assert!(load(&saved[..saved.len() / 2]).contains("search.json is not a saved search"));
    assert!(changed(r#""version":1"#, r#""version":2"#).contains("it is of version 2"));
    assert!(
        changed(r#""genome":[0,0,0,0,0,1]"#, r#""genome":[0,0,0,0,0,7]"#)
            .contains("gene 5 is 7, but has 5 choices")
    );
    assert!(
        changed(r#""genome":[0,0,0,0,0,1]"#, r#""genome":[0,0,0,0,0,2]"#)
            .contains("genome [0, 0, 0, 0, 0, 2] is in the archive twice")
    );
    assert!(
        changed(r#""evaluations":2"#, r#""evaluations":3"#)
            .contains("its history counts 3 evaluations, its archive 2")
    );
    assert!(
        changed(r#""population":[]"#, r#""population":[2]"#)
            .contains("its population refers to candidate 2")
    );
    assert!(changed(r#""values":["#, r#""values":[1,"#).contains("has 4 values"));
    assert!(
        changed(r#""reference_point":["#, r#""reference_point":[1,"#)
            .contains("its reference point has not one value per objective")
    );
    assert!(changed("maximize quality", "maximize beauty").contains("`beauty` is not measured"));
}

#[test]
fn files_that_cannot_be_read_or_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let state = Search::new(config(), evaluator()).unwrap().into_state();

    let missing = folder.path().join("missing").join("search.json");
    let error = SearchState::load(&missing).unwrap_err();
    assert!(error.to_string().starts_with("cannot read "));
    assert!(error.to_string().contains("search.json"));
    let error = state.save(&missing).unwrap_err();
    assert!(error.to_string().starts_with("cannot write "));

    // A folder of the file's name: the new content cannot take its place, and does not stay.
    let taken = folder.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    assert!(matches!(
        state.save(&taken).unwrap_err(),
        SearchError::Io { .. }
    ));
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
}
