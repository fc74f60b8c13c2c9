//! Supernets that are made of a network: paths are parts of it.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashSet;

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use common::{images, values};
use proptest::prelude::*;
use scarlet::fold::FoldOptions;
use scarlet::{Architecture, ChannelOrder, Importance, Scarlet, ScarletConfig};
use scarlet_arch::{Cost, Elasticity, Genome, SearchSpace};
use scarlet_random::Random;
use scarlet_train::{
    CandidateEvaluator, Distillation, EvaluatorConfig, Orders, PathSampler, Sampling, Supernet,
    Teacher, TrainConfig, Trainer, recalibrate,
};

/// All that can be narrowed, and what cannot.
const NETWORK: &str = "C3@8/2:relu6 E1K3@8:relu6 E4K5@12/2 E6K5s@12 E3K7@12 C1@16 E1K5@16 \
                       E6K3:swish E6K3@16/2 P32";

fn architecture() -> Architecture {
    let mut architecture: Architecture = NETWORK.parse().unwrap();
    architecture.input_channels = 1;
    architecture.with_classes(3).with_resolution(16)
}

fn space() -> SearchSpace {
    SearchSpace::elastic(&architecture(), &Elasticity::default()).unwrap()
}

/// A network whose statistics fit its weights.
fn network() -> Scarlet {
    let network = ScarletConfig::from(architecture());
    let network = network.try_init_seeded(3, &common::device()).unwrap();
    recalibrate(&network, &images(24), 8).unwrap()
}

fn supernet() -> Supernet {
    Supernet::elastic(network().train(), space(), Importance::default()).unwrap()
}

fn random_genomes(count: usize) -> Vec<Genome> {
    let space = space();
    let mut sampler = PathSampler::new(Sampling::Uniform, &space, 11);
    let genomes = (0..count).flat_map(|_| sampler.next_paths().unwrap());
    genomes.collect()
}

fn random_images(batch: usize, device: &Device) -> Tensor<4> {
    let mut random = Random::new(1, 0u64, 0);
    let shape = [batch, 1, 16, 16];
    let pairs = (0..batch * 128).flat_map(|_| random.normal_pair());
    let values: Vec<f32> = pairs.map(|value| value as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn trained(sampling: Sampling, images_seen: usize) -> Supernet {
    let supernet = supernet();
    let sampler = PathSampler::new(sampling, supernet.space(), 2);
    let config = TrainConfig {
        epochs: 1,
        batch_size: 8,
        learning_rate: 0.02,
        // Which would move all weights.
        weight_decay: 0.0,
        ..TrainConfig::default()
    };
    Trainer::new(config)
        .train(supernet, sampler, &images(images_seen))
        .unwrap()
        .model
}

#[test]
fn the_whole_path_is_the_network_bit_for_bit() {
    let (network, supernet) = (network(), supernet());
    let extracted = supernet
        .extract(&space().first(), &FoldOptions::default())
        .unwrap();
    assert_eq!(
        extracted.network.architecture().blocks,
        architecture().blocks
    );
    let images = random_images(4, &Device::flex());
    assert_eq!(
        values(extracted.network.forward(images.clone())),
        values(network.forward(images))
    );
}

#[test]
fn every_path_is_the_network_that_is_taken_out_of_it() {
    let supernet = trained(Sampling::Sandwich, 96);
    let images = random_images(3, &Device::flex());
    let mut seen = HashSet::new();
    for genome in random_genomes(200) {
        let path = supernet.path(&genome).unwrap().valid();
        let extracted = supernet.extract(&genome, &FoldOptions::default()).unwrap();
        let plain = supernet.plain_architecture(&genome).unwrap();
        assert_eq!(extracted.network.architecture(), &plain, "{genome}");
        seen.insert(plain.preprocessing.resolution);
        let cost = Cost::of(&plain, 16).unwrap();
        let parameters = extracted.network.count_parameters();
        assert_eq!(parameters as u64, cost.parameters, "{genome}");
        let (path, plain) = (
            path.forward(images.clone()),
            extracted.network.forward(images.clone()),
        );
        let largest = values(path.clone())
            .iter()
            .fold(0.0f32, |most, x| most.max(x.abs()));
        let worst = values(path - plain)
            .iter()
            .fold(0.0f32, |most, x| most.max(x.abs()));
        assert!(worst <= 1e-5 * largest, "{genome}: {worst} of {largest}");
    }
    assert_eq!(seen, HashSet::from([8, 16]));
}

#[test]
fn a_path_sees_images_at_its_own_resolution() {
    let supernet = trained(Sampling::Sandwich, 96);
    assert_eq!(supernet.space().resolutions(), [16, 8]);
    let mut genes = supernet.space().first().genes().to_vec();
    *genes.last_mut().unwrap() = 1;
    let genome = Genome::new(genes).unwrap();
    let options = FoldOptions::default();
    // Images of one size are shrunk for it, as a data set is that is too large.
    let (large, small) = (images(24), images(24).fitted(8));
    let taken = |images| supernet.extract_calibrated(&genome, images, 8, &options);
    let (taken, expected) = (taken(&large).unwrap(), taken(&small).unwrap());
    let seen = random_images(2, &Device::flex()).slice([0..2, 0..1, 0..8, 0..8]);
    let logits = |it: &scarlet_train::Extracted| values(it.network.forward(seen.clone()));
    assert_eq!(logits(&taken), logits(&expected));
    // Which matters.
    let whole = supernet.extract_calibrated(&supernet.space().first(), &large, 8, &options);
    assert_ne!(logits(&taken), logits(&whole.unwrap()));
    let config = EvaluatorConfig {
        batch_size: 8,
        calibration_images: 16,
        seed: 1,
    };
    let mut evaluator = CandidateEvaluator::new(&supernet, &large, &large, config).unwrap();
    let scores = evaluator.scores(std::slice::from_ref(&genome)).unwrap();
    let score = scores[0].as_ref().unwrap();
    assert_eq!(score.images, 24);
    let mut evaluator = CandidateEvaluator::new(&supernet, &large, &large, config).unwrap();
    assert_eq!(
        evaluator.scores(&[genome]).unwrap()[0]
            .as_ref()
            .unwrap()
            .loss,
        score.loss
    );
}

#[test]
fn a_teacher_sees_more_than_its_student() {
    let student = ScarletConfig::from(architecture().with_resolution(8));
    let student = student.try_init_seeded(4, &common::device()).unwrap();
    let teacher = Teacher {
        network: network(),
        distillation: Distillation::default(),
    };
    let config = TrainConfig {
        epochs: 1,
        batch_size: 8,
        ..TrainConfig::default()
    };
    let trainer = || Trainer::new(config.clone());
    // The images are the teacher's; without one, the student's own.
    let large = trainer()
        .with_teacher(teacher.clone())
        .train(student.clone(), (), &images(16))
        .unwrap();
    assert_eq!(large.steps, 2);
    let alone = trainer().train(student.clone(), (), &images(16).fitted(8));
    assert_eq!(alone.unwrap().steps, 2);
    let small = trainer()
        .with_teacher(teacher)
        .train(student, (), &images(16).fitted(8));
    let error = small.unwrap_err().to_string();
    assert!(error.contains("rows"), "{error}");
}

#[test]
fn a_path_trains_its_part_and_nothing_else() {
    let supernet = supernet();
    // Layer 2 is a squeeze-excite block of 72 hidden channels, kernel 5; its choice 3 keeps 56 of
    // them with kernel 3.
    let mut genes = space().first().genes().to_vec();
    genes[1] = 3;
    let path = supernet.path(&Genome::new(genes).unwrap()).unwrap();
    assert_eq!(
        path.architecture().layers()[1].operation.to_string(),
        "H56K3s18"
    );
    let logits = path.forward(random_images(2, &common::device()));
    let gradients = GradientsParams::from_grads(logits.powi_scalar(2).sum().backward(), &path);
    let (
        scarlet::BlockModule::InvertedResidual(part),
        scarlet::BlockModule::InvertedResidual(whole),
    ) = (&path.layers()[1], &supernet.layers[1].choices[0])
    else {
        panic!("an inverted residual");
    };
    // The same parameter, of another size.
    assert_eq!(part.conv2.weight.id, whole.conv2.weight.id);
    let order = &supernet.orders().layers[1];
    let gradient: Tensor<4> = gradients.get(part.conv2.weight.id).unwrap();
    assert_eq!(gradient.dims(), [56, 1, 3, 3]);
    let wide = order.put_back(gradient.clone(), [72, 1, 5, 5]);
    let sum = |x: Tensor<4>| x.abs().sum().into_scalar::<f32>();
    assert!((sum(wide.clone()) / sum(gradient.clone()) - 1.0).abs() < 1e-5);
    assert_eq!(values(order.cut(wide, [56, 1, 3, 3])), values(gradient));

    // One step of the same path alone moves these weights and no others.
    let before = supernet.valid();
    let after = trained(Sampling::Uniform, 8).valid();
    let genome = &PathSampler::new(Sampling::Uniform, &space(), 2)
        .next_paths()
        .unwrap()[0];
    let mut moved = 0;
    for (layer, gene) in genome.genes()[..space().layers()].iter().enumerate() {
        let blocks = [&before, &after].map(|it| it.layers[layer].choices[0].clone());
        let [
            scarlet::BlockModule::InvertedResidual(before),
            scarlet::BlockModule::InvertedResidual(after),
        ] = blocks
        else {
            continue;
        };
        let path = before_part(&supernet, genome, layer);
        let changed = values((after.conv2.weight.val() - before.conv2.weight.val()).abs());
        let changed = changed.iter().filter(|it| **it > 0.0).count();
        assert!(
            changed <= path,
            "layer {layer}, gene {gene}: {changed} of {path}"
        );
        moved += changed;
    }
    assert!(moved > 0);
}

/// Depthwise weights of a layer of a path.
fn before_part(supernet: &Supernet, genome: &Genome, layer: usize) -> usize {
    match &supernet.path(genome).unwrap().layers()[layer] {
        scarlet::BlockModule::InvertedResidual(block) => {
            block.conv2.weight.lazy_shape().num_elements()
        }
        _ => 0,
    }
}

#[test]
fn a_sandwich_has_the_whole_and_the_least() {
    let space = space();
    let mut sampler = PathSampler::new(Sampling::Sandwich, &space, 2);
    let paths = sampler.next_paths().unwrap();
    assert_eq!(paths.len(), sampler.paths_per_step());
    let last = space.genes().into_iter().map(|values| values as u8 - 1);
    assert_eq!(paths[0], space.first());
    assert_eq!(paths[1].genes(), last.collect::<Vec<_>>());
    assert_ne!(paths[2], paths[3]);
    // Strict fairness, where layers have unlike numbers of choices: each of a layer's is dealt.
    let mut fair = PathSampler::new(Sampling::StrictFairness, &space, 2);
    let paths = fair.next_paths().unwrap();
    assert_eq!(paths.len(), space.most_choices());
    assert!(fair.counts().iter().flatten().all(|&count| count > 0));
}

#[test]
fn another_network_is_refused() {
    let other: Architecture = "C3@8/2:relu6 E1K3@8:relu6 E4K5@12/2 P32".parse().unwrap();
    let other = ScarletConfig::from(other)
        .try_init(&Device::flex())
        .unwrap();
    let error = Supernet::elastic(other, space(), Importance::default()).unwrap_err();
    assert!(
        error.to_string().contains("parts of another network"),
        "{error}"
    );
    let orders = supernet().orders();
    let short = Orders {
        layers: vec![ChannelOrder::try_from(vec![0]).unwrap(); space().layers()],
        ..orders.clone()
    };
    let without_features = Orders {
        features: None,
        ..orders.clone()
    };
    for wrong in [short, without_features] {
        assert!(Supernet::elastic_by(network(), space(), wrong).is_err());
    }
    Supernet::elastic_by(network(), space(), orders).unwrap();
}

#[test]
fn fewer_features_are_the_most_important() {
    let network = network();
    let norm = &network.head_conv.as_ref().unwrap().bn;
    let (gamma, weights) = (
        values(norm.gamma.val()),
        values(network.classifier.weight.val()),
    );
    let importance: Vec<f32> = (weights.chunks(3).zip(&gamma))
        .map(|(row, gamma)| row.iter().map(|it| it.abs()).sum::<f32>() * gamma.abs())
        .collect();
    let order: Vec<usize> = supernet().orders().features.unwrap().into();
    assert_eq!(order.len(), 32);
    assert!(
        order
            .windows(2)
            .all(|pair| importance[pair[0]] >= importance[pair[1]])
    );

    // A head of 8 features is the whole one with the others' classifier weights at zero.
    let supernet = supernet();
    let genome = space().genome(vec![0; space().layers()], 3, 0).unwrap();
    let narrow = supernet.path(&genome).unwrap().valid();
    assert_eq!(narrow.architecture().features(), 8);
    let mut whole = network.valid();
    let kept = |at: usize| f32::from(u8::from(order[..8].contains(&(at / 3))));
    let masked: Vec<f32> = weights
        .iter()
        .enumerate()
        .map(|(at, it)| it * kept(at))
        .collect();
    let masked = Tensor::<1>::from_floats(masked.as_slice(), &Device::flex()).reshape([32, 3]);
    whole.classifier.weight = Param::from_tensor(masked);
    let images = random_images(4, &Device::flex());
    let (narrow, whole) = (narrow.forward(images.clone()), whole.forward(images));
    for (narrow, whole) in values(narrow).into_iter().zip(values(whole)) {
        assert!((narrow - whole).abs() < 1e-5, "{narrow} {whole}");
    }
}

#[test]
fn fewer_features_train_themselves_and_no_others() {
    let (supernet, after) = (supernet(), trained(Sampling::Uniform, 8).valid());
    let genome = &PathSampler::new(Sampling::Uniform, &space(), 2)
        .next_paths()
        .unwrap()[0];
    let features = supernet.path_architecture(genome).unwrap().features();
    assert!(features < 32, "the seed draws a narrower head");
    let before = supernet.valid();
    let changed = |before: Tensor<2>, after: Tensor<2>| {
        let rows = values((after - before).abs().sum_dim(1));
        let moved = rows.iter().enumerate().filter(|(_, it)| **it > 0.0);
        moved.map(|(feature, _)| feature).collect::<Vec<_>>()
    };
    let classifier = changed(
        before.ends.classifier.weight.val(),
        after.ends.classifier.weight.val(),
    );
    let kernels = [&before, &after].map(|supernet| {
        let conv = supernet.ends.head_conv.as_ref().unwrap();
        conv.conv.weight.val().flatten::<2>(1, 3)
    });
    let [before, after] = kernels;
    let order: Vec<usize> = supernet.orders().features.unwrap().into();
    let mut kept = order[..features].to_vec();
    kept.sort_unstable();
    assert_eq!(classifier, kept);
    assert_eq!(changed(before, after), kept);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_cut_out_is_put_back_in_its_place(
        order in Just((0..12).collect::<Vec<usize>>()).prop_shuffle(),
        kept in 1usize..12,
        kernel in prop::sample::select(vec![1usize, 3, 5]),
    ) {
        let order = ChannelOrder::try_from(order).unwrap();
        let device = Device::flex();
        let count = 12 * 25;
        let whole = Tensor::<1>::from_floats(
            (0..count).map(|i| i as f32 + 1.0).collect::<Vec<_>>().as_slice(),
            &device,
        );
        let whole = whole.reshape([12, 1, 5, 5]);
        let part = order.cut(whole.clone(), [kept, 1, kernel, kernel]);
        let back = order.put_back(part.clone(), [12, 1, 5, 5]);
        // What is there is the whole tensor's own, in its own place; the rest is 0.
        for (back, whole) in values(back.clone()).into_iter().zip(values(whole)) {
            prop_assert!(back == 0.0 || back == whole);
        }
        prop_assert_eq!(values(order.cut(back, [kept, 1, kernel, kernel])), values(part));
    }
}
