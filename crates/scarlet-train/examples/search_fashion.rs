//! The whole road on real data, in a few minutes on two cores: the embedded sample of
//! Fashion-MNIST, a supernet with stabilizers trained with strict fairness, NSGA-II under a budget
//! of mult-adds, the chosen network taken out of the supernet, its stabilizers folded away, and
//! trained; and what it is worth on images that nothing of this has seen.
//!
//! ```text
//! cargo run --release -p scarlet-train --features flex --example search_fashion
//! ```

use std::error::Error;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use scarlet::fold::FoldOptions;
use scarlet_arch::{
    Architecture, Block, Cost, Expansion, Genome, Layer, Operation, SearchSpace, Skip,
};
use scarlet_search::{
    Algorithm, Constraint, GeneSpace, Nsga2, Objective, Search, SearchConfig, Stop,
};
use scarlet_train::dataset::fashion_sample;
use scarlet_train::{
    Augment, CandidateEvaluator, Control, EvaluatorConfig, Event, PathSampler, Sampling,
    SupernetConfig, TrainConfig, Trainer, measure,
};

const BUDGET: &str = "mult_adds <= 5M";
const SEED: u64 = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::flex().autodiff();
    let clock = Instant::now();
    let stage = |name: &str| println!("[{:4.0} s] {name}", clock.elapsed().as_secs_f64());

    let sample = fashion_sample()?;
    let (training, holdout) = sample.train.split(0.1, SEED)?;
    let space = space()?;
    println!(
        "{} networks of {} layers",
        space.size_exact(),
        space.layers()
    );

    stage("training the supernet");
    let supernet = SupernetConfig::new(space.clone()).try_init(SEED, &device)?;
    let sampler = PathSampler::new(Sampling::StrictFairness, &space, SEED);
    let config = TrainConfig {
        epochs: epochs("SUPERNET_EPOCHS", 8),
        batch_size: 16,
        learning_rate: 0.1,
        warmup_epochs: 1.0,
        augment: augment(),
        seed: SEED,
        ..TrainConfig::default()
    };
    let supernet = Trainer::new(config)
        .with_observer(show)
        .train(supernet, sampler, &training)?
        .model;

    stage("searching");
    let constraint: Constraint = BUDGET.parse()?;
    let evaluator = EvaluatorConfig {
        calibration_images: 256,
        ..EvaluatorConfig::default()
    };
    let evaluator = CandidateEvaluator::new(&supernet, &training, &holdout, evaluator)?
        .with_constraints([constraint.clone()])
        .with_workers(2, &[Device::flex()])?;
    let objectives: [Objective; 2] = ["maximize accuracy".parse()?, "minimize mult_adds".parse()?];
    let genes: Vec<usize> = (0..space.layers())
        .map(|layer| space.choices(layer).len())
        .collect();
    let config = SearchConfig {
        constraints: vec![constraint.clone()],
        algorithm: Algorithm::Nsga2(Nsga2 {
            population: 20,
            ..Nsga2::default()
        }),
        stop: Stop::after_evaluations(120),
        seed: SEED,
        ..SearchConfig::new(GeneSpace::new(genes)?, objectives.to_vec())
    };
    let mut search = Search::new(config, evaluator)?;
    while let Some(generation) = search.step()? {
        println!(
            "  {:3} candidates, hypervolume {:.4}",
            generation.evaluations, generation.hypervolume
        );
    }
    let found = search.into_state();
    let best = found
        .best(&objectives[0], &[constraint])?
        .ok_or("no candidate is within the budget")?;
    let genome = Genome::new(best.genome().to_vec())?;
    let accuracy = best.value(0).unwrap_or_default();
    println!(
        "  chose {genome}: {:.1} % with inherited weights",
        100.0 * accuracy
    );

    stage("training the chosen network");
    let extracted = supernet.extract(&genome, &FoldOptions::default())?;
    for stabilizer in &extracted.stabilizers.stabilizers {
        println!("  stabilizer of {stabilizer}");
    }
    let network = extracted.network;
    let cost = Cost::of(
        network.architecture(),
        network.architecture().preprocessing.resolution,
    )?;
    println!("  {}", network.architecture());
    println!(
        "  {} mult-adds, {} parameters",
        cost.mult_adds, cost.parameters
    );
    let config = TrainConfig {
        epochs: epochs("FINAL_EPOCHS", 12),
        batch_size: 64,
        learning_rate: 0.05,
        weight_decay: 5e-4,
        average_decay: Some(0.99),
        augment: augment(),
        seed: SEED,
        ..TrainConfig::default()
    };
    // The architecture is chosen; the held-out images are free to train on.
    let network = Trainer::new(config)
        .with_observer(show)
        .train(network.train(), (), &sample.train)?
        .into_best();

    stage("testing");
    let result = measure(&network, &sample.test, 100)?;
    println!(
        "{} of {} test images right: {:.1} %",
        result.correct,
        result.images,
        100.0 * result.accuracy()
    );
    stage("done");
    Ok(())
}

/// 7 layers at 14×14 and 7×7 pixels, of 4 blocks and a skip each.
fn space() -> Result<SearchSpace, Box<dyn Error>> {
    let plan = [
        (16, 1),
        (16, 1),
        (32, 2),
        (32, 1),
        (32, 1),
        (64, 1),
        (64, 1),
    ];
    let template = SearchSpace::small_images(1, 32, 10)?.template().clone();
    let mut template = Architecture {
        name: "fashion".to_owned(),
        stem: 16,
        separable: 16,
        head: 256,
        layers: plan
            .iter()
            .map(|&(channels, stride)| Layer {
                operation: Operation::Linear,
                channels,
                stride,
            })
            .collect(),
        ..template
    };
    template.preprocessing.resolution = 28;
    (template.preprocessing.mean, template.preprocessing.std) = ([0.286; 3], [0.353; 3]);
    let mut choices = Vec::new();
    for factor in [3, 6] {
        for kernel in [3, 5] {
            choices.push(Operation::InvertedResidual(Block {
                kernel,
                expansion: Expansion::Times(factor),
                squeeze_excite: false,
            }));
        }
    }
    choices.push(Skip::Linear.operation());
    Ok(SearchSpace::new(template, choices)?)
}

fn augment() -> Augment {
    Augment {
        shift: 2,
        flip: true,
        ..Augment::default()
    }
}

fn epochs(variable: &str, default: usize) -> usize {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

fn show(event: &Event) -> Control {
    match event {
        Event::Epoch(epoch) => println!(
            "  epoch {:2}: loss {:.3}, accuracy {:.1} %",
            epoch.epoch,
            epoch.loss,
            100.0 * epoch.accuracy
        ),
        Event::Step {
            step,
            steps,
            images_per_second,
            ..
        } if step % 20 == 0 => {
            println!("    step {step} of {steps}, {images_per_second:.0} images/s")
        }
        _ => {}
    }
    Control::Continue
}
