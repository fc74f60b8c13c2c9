//! Supernets that others trained: candidates are judged by a classifier on what they see.
#![allow(clippy::unwrap_used)]

mod common;

use burn::tensor::{Device, Tensor};
use common::{images, values};
use scarlet::Precision;
use scarlet::weights::{Entry, OfaSupernet, StateDict, formula};
use scarlet::{Scarlet, ScarletConfig};
use scarlet_arch::{Genome, OnceForAll, SearchSpace, Skip};
use scarlet_train::probe::{Features, LinearClassifier};
use scarlet_train::{
    CandidateEvaluator, EvaluatorConfig, PublishedSupernet, TrainError, recalibrate,
};

/// The supernet around ProxylessNAS's networks with made-up weights.
fn weights() -> OfaSupernet {
    let entries = OfaSupernet::entries(OnceForAll::Proxyless, 1000).into_iter();
    let entries = entries.map(|(name, shape)| {
        let values = formula::entry(&name, &shape);
        Entry::from_f32(name, shape, move || values.clone())
    });
    OfaSupernet::read(&StateDict::from_entries(entries)).unwrap()
}

/// Its networks for grey images of 16 and 8 pixels and three classes.
fn space() -> SearchSpace {
    let own = OnceForAll::Proxyless.space(&[]).unwrap();
    let choices = (0..own.layers()).map(|layer| own.choices(layer).to_vec());
    let mut largest = OnceForAll::Proxyless.largest();
    largest.input_channels = 1;
    largest.preprocessing = largest.preprocessing.in_grey();
    let largest = largest.with_classes(3).with_resolution(16);
    let space = SearchSpace::by_layer(largest, choices.collect()).unwrap();
    space.with_resolutions(vec![16, 8]).unwrap()
}

fn random_networks(count: usize) -> Vec<Genome> {
    let mut random = scarlet_random::Random::new(3, 0u64, 0);
    let genes = space().genes();
    let mut genome = || {
        let genes = genes.iter().map(|&values| random.below(values) as u8);
        Genome::new(genes.collect::<Vec<_>>()).unwrap()
    };
    (0..count).map(|_| genome()).collect()
}

#[test]
fn a_fitted_classifier_is_the_networks_own() {
    let config = ScarletConfig::from(common::space(Skip::Identity).template().clone());
    let network: Scarlet = config.try_init_seeded(3, &Device::flex()).unwrap();
    let images = images(24);
    let network = recalibrate(&network, &images, 24).unwrap();
    let features = Features::of(&network, &images, 24, |_| {}).unwrap();
    let classifier = LinearClassifier::fit(&features, 3);
    let expected = values(classifier.logits(&features));
    let pixels: Vec<f32> = features.rows().flatten().copied().collect();
    let fitted = classifier.on(network);
    let features = Tensor::<1>::from_floats(pixels.as_slice(), &Device::flex());
    let features = features.reshape([24, fitted.architecture().features()]);
    let found = values(fitted.classifier.forward(features));
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
}

#[test]
fn candidates_are_judged_as_the_networks_that_are_taken_out() {
    let supernet = PublishedSupernet::new(weights(), space(), &Device::flex()).unwrap();
    let (training, holdout) = (images(96), images(30));
    let config = EvaluatorConfig {
        batch_size: 32,
        calibration_images: 60,
        seed: 0,
    };
    let genomes = random_networks(3);
    let mut evaluator =
        CandidateEvaluator::new(supernet.clone(), &training, &holdout, config).unwrap();
    let scores = evaluator.scores(&genomes).unwrap();
    for (genome, score) in genomes.iter().zip(&scores) {
        let score = score.as_ref().unwrap();
        // Guessing comes to a third.
        assert!(score.accuracy() > 0.7, "{genome}: {}", score.accuracy());
    }
    // The same again, and with other workers.
    let mut again = CandidateEvaluator::new(supernet.clone(), &training, &holdout, config)
        .unwrap()
        .with_workers(2, &[Device::flex(), Device::flex()])
        .unwrap();
    for (found, expected) in again.scores(&genomes).unwrap().iter().zip(&scores) {
        assert_eq!(found.as_ref().unwrap(), expected.as_ref().unwrap());
    }
    // In eight bits too, where much of what such weights tell apart is lost, but not all.
    let int8 = |workers: usize| {
        let evaluator = CandidateEvaluator::new(supernet.clone(), &training, &holdout, config);
        let devices = vec![Device::flex(); workers];
        let evaluator = evaluator.unwrap().with_precision(Precision::Int8).unwrap();
        let mut evaluator = evaluator.with_workers(workers, &devices).unwrap();
        let scores = evaluator.scores(&genomes).unwrap().into_iter();
        scores.map(Result::unwrap).collect::<Vec<_>>()
    };
    let rounded = int8(1);
    assert_eq!(int8(2), rounded);
    for (found, expected) in rounded.iter().zip(&scores) {
        assert_ne!(found.loss, expected.as_ref().unwrap().loss);
    }
    let right: usize = rounded.iter().map(|score| score.correct).sum();
    assert!(right > 40, "{right} of 90, where guessing comes to 30");
    let without = EvaluatorConfig {
        calibration_images: 0,
        ..config
    };
    let mut without = CandidateEvaluator::new(supernet, &training, &holdout, without).unwrap();
    let error = without.scores(&genomes).unwrap_err().to_string();
    assert!(error.contains("search.calibration_images"), "{error}");
}

#[test]
fn a_space_of_another_supernet_is_refused() {
    let other = OnceForAll::MobileNetV3.space(&[]).unwrap();
    let error = PublishedSupernet::new(weights(), other, &Device::flex()).unwrap_err();
    assert!(matches!(error, TrainError::Part(_)), "{error}");
    assert!(error.to_string().contains("ofa_proxyless"), "{error}");
}
