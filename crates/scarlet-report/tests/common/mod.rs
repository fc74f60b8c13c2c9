//! A run to report, made in a moment: the search is real, only the accuracy is a formula.

use scarlet_arch::{Architecture, Cost, Genome, Operation, SearchSpace};
use scarlet_report::{
    Chosen, ClassScore, Confusion, CoverageRow, EvaluationReport, Fact, Judged, MistakenImage,
    Mistakes, Picture, Reference, ReliabilityBin, ReliabilityCurve, RunReport, SearchSummary,
    TrainedEpoch, TrainingCurve, TrainingReport, Trust, Usage,
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
            accuracies: vec![
                judged("test accuracy", 0.893, 1_000, [0.8723, 0.9107]),
                judged("with inherited weights", 0.825, 600, [0.7927, 0.8534]),
            ],
            notes: vec![Fact::new("weights", "network.safetensors")],
        }),
        usage: vec![Usage::new(
            "Classify photographs",
            "scarlet predict PHOTO --weights network/network.safetensors",
        )],
        references: vec![Reference {
            name: "scarlet-a".to_owned(),
            data: "ImageNet".to_owned(),
            accuracy: 0.769,
            mult_adds: 365_307_392,
            parameters: 6_707_720,
            comparable: false,
        }],
    }
}

fn judged(what: &str, accuracy: f64, images: u64, interval: [f64; 2]) -> Judged {
    Judged {
        what: what.to_owned(),
        accuracy,
        images: Some(images),
        interval: Some(interval),
    }
}

/// A network for six kinds of flowers, two of which it confuses.
#[allow(dead_code, reason = "not every test file shows trainings")]
pub(crate) fn training() -> TrainingReport {
    let names = [
        "buttercup",
        "daisy",
        "dandelion",
        "rose",
        "sunflower",
        "tulip",
    ];
    let right = [20, 18, 13, 0, 19, 20];
    let class = |(name, right): (&str, u64)| ClassScore {
        name: name.to_owned(),
        images: if right == 0 { 0 } else { 20 },
        right,
        interval: [0.01 * right as f64, 1.0],
    };
    let confused = |class, taken_for, images| Confusion {
        class,
        taken_for,
        images,
    };
    let mut network: Architecture = "E3K3@16/2 - E6K5s@24/2 E3K3@40".parse().unwrap();
    network = network.with_classes(6);
    network.preprocessing.resolution = 64;
    TrainingReport {
        title: "flowers".to_owned(),
        lead: "The best of 12 epochs is the eleventh.".to_owned(),
        network,
        accuracies: vec![
            judged("test accuracy", 0.9, 100, [0.8256, 0.9448]),
            judged("accuracy on held-out images", 0.92, 100, [0.8500, 0.9589]),
        ],
        training: vec![curve("training", 12, 0.91)],
        mistakes: Mistakes {
            judged_on: "100 test images".to_owned(),
            classes: names.into_iter().zip(right).map(class).collect(),
            confused: vec![
                confused(1, 2, 2),
                confused(2, 4, 6),
                confused(2, 0, 1),
                confused(4, 2, 1),
            ],
            images: vec![MistakenImage {
                name: "test/dandelion/0017.jpg".to_owned(),
                class: 2,
                taken_for: 4,
                probability: 0.973,
            }],
        },
        trust: None,
        usage: vec![Usage::new(
            "Classify photographs",
            "scarlet predict PHOTO --weights best.safetensors",
        )],
        data: vec![Fact::new("classes", names.join(", "))],
        settings: vec![Fact::new("train.epochs", 12)],
    }
}

/// What is to be known before that network is trusted.
#[allow(dead_code, reason = "not every test file shows trainings")]
pub(crate) fn trust() -> Trust {
    let curve = |error: f64| ReliabilityCurve {
        bins: (0..15u32)
            .map(|bin| {
                let images = u64::from(bin.saturating_sub(5)) * 2;
                let middle = (f64::from(bin) + 0.5) / 15.0;
                ReliabilityBin {
                    from: f64::from(bin) / 15.0,
                    to: f64::from(bin + 1) / 15.0,
                    images,
                    confidence: (images > 0).then_some(middle),
                    accuracy: (images > 0).then(|| (middle - error).max(0.0)),
                }
            })
            .collect(),
        calibration_error: error,
        by_chance: 0.021,
    };
    let row = |threshold: f64, answered: u64, right: u64| CoverageRow {
        threshold,
        answered,
        images: 100,
        accuracy: (answered > 0).then(|| right as f64 / answered.max(1) as f64),
        interval: [0.8, 0.99],
    };
    let picture = |name: &str, class, answer, probability| Picture {
        name: name.to_owned(),
        class,
        answer,
        probability,
        image: PIXEL.to_owned(),
        map: (class != answer).then(|| PIXEL.to_owned()),
    };
    Trust {
        before: curve(0.123),
        after: Some(curve(0.031)),
        temperature: "The network’s file says a temperature of 1.37.".to_owned(),
        coverage: vec![row(0.0, 100, 90), row(0.9, 61, 60), row(0.99, 0, 0)],
        wanted_accuracy: 0.99,
        threshold: Some(row(0.9123, 55, 55)),
        pictures: vec![
            picture("test/dandelion/0017.jpg", 2, 4, 0.973),
            picture("test/daisy/<b>.jpg", 1, 2, 0.611),
            picture("test/tulip/0003.jpg", 5, 5, 0.402),
            picture("test/daisy/0004.jpg", 1, 1, 0.998),
        ],
        surest_mistakes: vec![0, 1],
        least_sure: vec![2, 1],
        maps: "Beside each image stands where it looked.".to_owned(),
    }
}

/// One transparent pixel.
const PIXEL: &str =
    "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/// How that network does on other images.
#[allow(dead_code, reason = "not every test file shows evaluations")]
pub(crate) fn evaluation() -> EvaluationReport {
    let TrainingReport {
        accuracies,
        mistakes,
        ..
    } = training();
    EvaluationReport {
        title: "custom on flowers".to_owned(),
        lead: "It is right about 90 of 100 test images.".to_owned(),
        accuracies,
        mistakes,
        trust: trust(),
        usage: Vec::new(),
        data: vec![Fact::new("weights", "best.safetensors")],
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
    let late = network.layers().iter().enumerate().filter(|(_, layer)| {
        matches!(layer.operation, Operation::InvertedResidual(block) if block.squeeze_excite.is_some())
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
