//! A run to report, made in a moment: the search is real, only the accuracy is a formula.

use scarlet_arch::{Architecture, Cost, Genome, Operation, SearchSpace};
use scarlet_report::{
    Chosen, Fact, Reference, RunReport, SearchSummary, TrainedEpoch, TrainingCurve,
};
use scarlet_search::{
    Algorithm, EvaluatorFn, GeneSpace, Nsga2, Search, SearchConfig, SearchState, Stop,
};

/// 120 networks for small grey images, under a budget of 12 M mult-adds.
pub(crate) fn run() -> RunReport {
    let space = SearchSpace::small_images(1, 32, 10).unwrap();
    let state = search(&space);
    let best = state
        .best(
            &"maximize accuracy".parse().unwrap(),
            &["mult_adds <= 12M".parse().unwrap()],
        )
        .unwrap()
        .unwrap();
    let genome = Genome::new(best.genome().to_vec()).unwrap();
    RunReport {
        title: "Fashion-MNIST sample".to_owned(),
        data: vec![
            Fact::new("data set", "Fashion-MNIST, embedded sample"),
            Fact::new("training images", "5,400"),
            Fact::new("held-out images", "600"),
            Fact::new("test images", "1,000"),
            Fact::new("classes", "10"),
        ],
        settings: vec![
            Fact::new("seed", 7),
            Fact::new("search", "NSGA-II, population 20, 120 evaluations"),
            Fact::new("supernet", "8 epochs, strict fairness, stabilizers"),
            Fact::new("network", "12 epochs, learning rate 0.05, cosine"),
        ],
        search: SearchSummary::of(&state, space.template(), "mult_adds", |genome| {
            space.decode(genome)
        })
        .unwrap(),
        training: vec![
            curve("supernet", 8, 0.62),
            curve("chosen network", 12, 0.91),
        ],
        chosen: Some(Chosen {
            architecture: space.decode(&genome).unwrap(),
            genome,
            reason: "Best accuracy under the budget of 12 M mult-adds.".to_owned(),
            inherited_accuracy: best.value(0),
            held_out_accuracy: Some(0.905),
            test_accuracy: Some(0.893),
            notes: vec![Fact::new("weights", "network.safetensors")],
        }),
        references: Reference::published(false).unwrap(),
    }
}

fn search(space: &SearchSpace) -> SearchState {
    let decode = space.clone();
    let evaluator = EvaluatorFn::new(["accuracy", "mult_adds", "parameters"], move |genes| {
        let genome = Genome::new(genes.to_vec()).map_err(|error| error.to_string())?;
        let network = decode.decode(&genome).map_err(|error| error.to_string())?;
        let cost = Cost::of(&network, 32).map_err(|error| error.to_string())?;
        let accuracy = match cost.mult_adds {
            over if over > 12_000_000 => f64::NAN,
            _ => accuracy(&network, cost.mult_adds),
        };
        Ok(vec![
            accuracy,
            cost.mult_adds as f64,
            cost.parameters as f64,
        ])
    });
    let config = SearchConfig {
        constraints: vec!["mult_adds <= 12M".parse().unwrap()],
        algorithm: Algorithm::Nsga2(Nsga2 {
            population: 20,
            ..Nsga2::default()
        }),
        stop: Stop::after_evaluations(120),
        seed: 7,
        ..SearchConfig::new(
            GeneSpace::uniform(space.layers(), space.choices(0).len()).unwrap(),
            vec![
                "maximize accuracy".parse().unwrap(),
                "minimize mult_adds".parse().unwrap(),
            ],
        )
    };
    let mut search = Search::new(config, evaluator).unwrap();
    while search.step().unwrap().is_some() {}
    search.into_state()
}

/// More mult-adds help, with less and less return, and so does squeeze-excite in late layers.
fn accuracy(network: &Architecture, mult_adds: u64) -> f64 {
    let late = network.layers.iter().enumerate().filter(|(_, layer)| {
        matches!(layer.operation, Operation::InvertedResidual(block) if block.squeeze_excite)
    });
    let squeeze: usize = late.map(|(index, _)| index).sum();
    let jitter = (mult_adds % 997) as f64 / 997.0;
    let millions = mult_adds as f64 / 1e6;
    0.70 + 0.17 * (1.0 - (-millions / 3.0).exp()) + 0.0008 * squeeze as f64 + 0.02 * jitter
}

fn curve(stage: &str, epochs: u64, best: f64) -> TrainingCurve {
    let epoch = |epoch: u64| {
        let progress = epoch as f64 / epochs as f64;
        let accuracy = best * (1.0 - (-3.0 * progress).exp());
        TrainedEpoch {
            epoch,
            loss: 2.3 * (1.0 - accuracy) + 0.1,
            accuracy,
            validation_accuracy: Some(accuracy - 0.01),
            learning_rate: Some(0.05 * (1.0 - progress)),
        }
    };
    TrainingCurve {
        stage: stage.to_owned(),
        epochs: (1..=epochs).map(epoch).collect(),
    }
}
