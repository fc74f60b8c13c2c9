//! The supernet: what a path costs, and that a network taken out of it is the same function.

#![allow(clippy::unwrap_used)]

mod common;

use burn::module::Module;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Tensor, TensorData};
use common::{device, genomes, images, supernet, values};
use scarlet::arch::{Genome, Operation, SearchSpace, Skip};
use scarlet::fold::{FoldOptions, Outcome};
use scarlet::{BlockModule, Scarlet};
use scarlet_random::Random;
use scarlet_train::{
    PathSampler, Sampling, StabilizerInit, Supernet, SupernetConfig, TrainConfig, Trainer,
};

fn random_images(batch: usize, device: &Device) -> Tensor<4> {
    normal([batch, 1, 16, 16], device)
}

/// Numbers of the normal distribution, the same every time.
fn normal(shape: [usize; 4], device: &Device) -> Tensor<4> {
    let mut random = Random::new(1, 0u64, 0);
    let count: usize = shape.iter().product();
    let pairs = (0..count.div_ceil(2)).flat_map(|_| random.normal_pair());
    let values: Vec<f32> = pairs.take(count).map(|value| value as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A supernet with running statistics and weights that training has moved.
fn trained(skip: Skip) -> Supernet {
    let supernet = supernet(skip, 1);
    let sampler = PathSampler::new(Sampling::StrictFairness, supernet.space(), 2);
    let config = TrainConfig {
        epochs: 2,
        batch_size: 8,
        learning_rate: 0.02,
        ..TrainConfig::default()
    };
    Trainer::new(config)
        .train(supernet, sampler, &images(208))
        .unwrap()
        .model
}

#[test]
fn only_the_path_gets_gradients_and_optimizer_state() {
    let supernet = supernet(Skip::Linear, 3);
    let genome: Genome = "0c53142".parse().unwrap();
    let path = supernet.path(&genome).unwrap();
    let logits = path.forward(random_images(2, &device()));
    let gradients = GradientsParams::from_grads(logits.sum().backward(), &supernet);
    // Every parameter of the plain network, and no other. A weight decay that touched the others
    // would show in the test below.
    let trainable = common::trainable(&path).len();
    assert_eq!(gradients.len(), trainable);

    let mut optimizer: ModuleOptimizer = SgdConfig::new()
        .with_momentum(Some(MomentumConfig::new().with_dampening(0.0)))
        .init();
    let unused = &supernet.layers[0].choices[1];
    let before = common::bits(unused);
    let after = optimizer.step(0.1, supernet.clone(), gradients);
    assert_eq!(common::bits(&after.layers[0].choices[1]), before);
    assert_ne!(
        values(after.ends.classifier.weight.val()),
        values(supernet.ends.classifier.weight.val())
    );
    assert_eq!(optimizer.to_record().len(), trainable);
}

#[test]
fn a_path_trains_the_supernet_and_its_statistics() {
    let supernet = supernet(Skip::Linear, 3);
    let genome: Genome = "0c53142".parse().unwrap();
    let statistics = |layer: usize, choice: usize| match &supernet.layers[layer].choices[choice] {
        BlockModule::InvertedResidual(block) => values(block.valid().bn2.running_mean.value()),
        _ => panic!("not a block"),
    };
    let (used, unused) = (statistics(2, 5), statistics(2, 4));
    supernet
        .forward(random_images(4, &device()), &genome)
        .unwrap();
    assert_ne!(statistics(2, 5), used);
    assert_eq!(statistics(2, 4), unused);
}

#[test]
fn a_path_is_the_plain_network_of_the_same_weights() {
    let supernet = supernet(Skip::Linear, 3);
    let count: usize = supernet
        .path(&"0c53142".parse().unwrap())
        .unwrap()
        .count_parameters();
    let architecture = supernet
        .path_architecture(&"0c53142".parse().unwrap())
        .unwrap();
    let cost = scarlet::arch::Cost::of(&architecture, 16).unwrap();
    assert_eq!(count as u64, cost.parameters);
}

#[test]
fn the_whole_space_has_the_derived_number_of_weights() {
    let space = SearchSpace::scarlet().with_skip(Skip::Linear).unwrap();
    let parameters = |genome: &Genome| {
        let network = space.decode(genome).unwrap();
        scarlet::arch::Cost::of(&network, 224).unwrap()
    };
    let layers: u64 = (0..space.layers())
        .map(|layer| {
            let genomes = (0..13).map(|gene| Genome::new(vec![gene; 19]).unwrap());
            genomes
                .map(|genome| parameters(&genome).parts[2 + layer].parameters)
                .sum::<u64>()
        })
        .sum();
    let shared = parameters(&Genome::new(vec![0; 19]).unwrap()).parts;
    let shared = [0, 1, 21, 22]
        .map(|part| shared[part].parameters)
        .iter()
        .sum::<u64>();
    // 45.1 M without stabilizers, which are 0.26 M.
    assert!(
        ((layers + shared) as f64 / 45.36e6 - 1.0).abs() < 0.001,
        "{layers} {shared}"
    );

    let supernet = SupernetConfig::new(space.clone())
        .try_init(0, &Device::flex())
        .unwrap();
    let ours: usize = supernet
        .layers
        .iter()
        .flat_map(|layer| &layer.choices)
        .map(common::count_parameters)
        .sum();
    assert_eq!(ours as u64, layers);
}

#[test]
fn an_identity_stands_where_it_can() {
    let supernet = supernet(Skip::Identity, 1);
    let kinds: Vec<bool> = supernet
        .layers
        .iter()
        .map(|layer| matches!(layer.choices[12], BlockModule::Identity(_)))
        .collect();
    // Layers 2, 6 and 7 downsample or change channels.
    assert_eq!(kinds, [true, false, true, true, true, false, false]);
    let all: Genome = "ccccccc".parse().unwrap();
    let logits = supernet.forward(random_images(2, &device()), &all).unwrap();
    assert_eq!(logits.dims(), [2, 3]);
    let operations: Vec<Operation> = supernet
        .path_architecture(&all)
        .unwrap()
        .layers()
        .iter()
        .map(|layer| layer.operation)
        .collect();
    let (i, l) = (Operation::Identity, Operation::Linear);
    assert_eq!(operations, [i, l, i, i, i, l, l]);
}

#[test]
fn stabilizers_start_as_the_identity_or_at_random() {
    let x = normal([1, 12, 4, 4], &device());
    let passed_on = |init: StabilizerInit| {
        let config = SupernetConfig::new(common::space(Skip::Linear)).with_stabilizer(init);
        let supernet = config.try_init(1, &device()).unwrap();
        let BlockModule::Linear(stabilizer) = &supernet.layers[2].choices[12] else {
            panic!("not a stabilizer")
        };
        values(stabilizer.forward(x.clone()))
    };
    assert_eq!(passed_on(StabilizerInit::Identity), values(x.clone()));
    assert_ne!(passed_on(StabilizerInit::Normal), values(x.clone()));
}

#[test]
fn the_same_seed_gives_the_same_weights() {
    let first = common::bits(&supernet(Skip::Linear, 4));
    assert_eq!(common::bits(&supernet(Skip::Linear, 4)), first);
    assert_ne!(common::bits(&supernet(Skip::Linear, 5)), first);
}

#[test]
fn foreign_genomes_are_errors() {
    let supernet = supernet(Skip::Linear, 3);
    let message = |genome: &str| {
        let genome = genome.parse().unwrap();
        supernet.path(&genome).unwrap_err().to_string()
    };
    assert!(message("0c").contains("2 layers, but this search space has 7"));
    assert!(message("0c53d20").contains("choice 13"));
    let images = Tensor::zeros([1, 3, 16, 16], &device());
    let error = supernet
        .forward(images, &"0c53142".parse().unwrap())
        .unwrap_err();
    assert!(error.to_string().contains("3 channels"), "{error}");
}

/// Largest difference, relative to the largest logit.
fn difference(a: Tensor<2>, b: Tensor<2>) -> f32 {
    let (a, b) = (values(a), values(b));
    let largest = a.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    let differences = a.iter().zip(&b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max) / largest
}

#[test]
fn extracted_networks_are_the_path_without_its_stabilizers() {
    for skip in [Skip::Linear, Skip::Identity] {
        let supernet = trained(skip);
        let inference = Device::flex();
        let x = random_images(4, &inference);
        let mut outcomes = Vec::new();
        let mut all = genomes(supernet.space(), 39);
        // Many skips in a row, at the start and at the end.
        for text in [
            "ccccccc", "0cccc00", "ccc00cc", "c0c0c0c", "0c00ccc", "1c4c0c3", "000c000",
        ] {
            all.push(text.parse().unwrap());
        }
        for genome in all {
            let expected = supernet.path(&genome).unwrap().valid().forward(x.clone());
            let options = FoldOptions { max_condition: 1e5 };
            let extracted = supernet.extract(&genome, &options).unwrap();
            let network: Scarlet = extracted.network;
            let found = network.forward(x.clone());
            assert!(difference(expected, found) < 1e-4, "{genome}");
            for (index, layer) in network.architecture().layers().iter().enumerate() {
                let plan = supernet.space().template().layers()[index];
                if layer.operation == Operation::Linear {
                    assert!(
                        plan.stride == 2 || [1, 5].contains(&index),
                        "{genome} {index}"
                    );
                }
            }
            outcomes.extend(
                extracted
                    .stabilizers
                    .stabilizers
                    .into_iter()
                    .map(|s| s.outcome),
            );
            // What the candidate was priced as is what comes out.
            let priced = supernet.plain_architecture(&genome).unwrap();
            assert_eq!(network.architecture().layers(), priced.layers(), "{genome}");
            let cost = |a| scarlet::arch::Cost::of(a, 16).unwrap();
            assert_eq!(cost(network.architecture()), cost(&priced), "{genome}");
        }
        let count = |kind: fn(&Outcome) -> bool| outcomes.iter().filter(|o| kind(o)).count();
        let merged = |o: &Outcome| matches!(o, Outcome::MergedForward | Outcome::MergedBackward);
        let changed = |o: &Outcome| {
            matches!(
                o,
                Outcome::BasisChangedForward { .. } | Outcome::BasisChangedBackward { .. }
            )
        };
        // Every way that a stabilizer can go was taken; as an ablation there are none to change
        // a basis for.
        assert!(count(merged) > 0, "{outcomes:?}");
        assert_eq!(count(changed) > 0, skip == Skip::Linear, "{outcomes:?}");
    }
}

#[test]
fn extracted_networks_share_nothing_with_the_supernet() {
    let supernet = trained(Skip::Linear);
    let genome: Genome = "0c53142".parse().unwrap();
    let before = common::bits(&supernet);
    let network = supernet
        .extract(&genome, &FoldOptions::default())
        .unwrap()
        .network;
    let config = TrainConfig {
        epochs: 1,
        batch_size: 8,
        ..TrainConfig::default()
    };
    let after = Trainer::new(config)
        .train(network.clone().train(), (), &images(16))
        .unwrap();
    assert_ne!(common::bits(&after.model), common::bits(&network));
    assert_eq!(common::bits(&supernet), before);
}

#[test]
fn a_singular_stabilizer_is_refused() {
    let supernet = supernet(Skip::Linear, 3);
    let mut singular = supernet.clone();
    let BlockModule::Linear(stabilizer) = &mut singular.layers[3].choices[12] else {
        panic!("not a stabilizer")
    };
    stabilizer.weight = stabilizer.weight.clone().map(|w| w.zeros_like());
    let error = singular.extract(&"000c000".parse().unwrap(), &FoldOptions::default());
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("layer 4 ") && message.contains("condition number inf"),
        "{message}"
    );
}
