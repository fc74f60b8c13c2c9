//! Scores of candidates: by which statistics, out of which cache, on how many workers.

#![allow(clippy::unwrap_used)]

mod common;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::module::Module;
use burn::nn::LinearConfig;
use burn::tensor::Device;
use common::{bits, genomes, images, supernet};
use scarlet::Precision;
use scarlet::arch::{Architecture, Genome, Preprocessing, SearchSpace, Skip};
use scarlet::blocks::ConvBn;
use scarlet::fold::FoldOptions;
use scarlet::{BlockModule, DeployOptions, Deployed, Scarlet};
use scarlet_data::ClassOrder;
use scarlet_data::dataset::{PhotographOptions, PhotographParts, Photographs, Stored};
use scarlet_search::Evaluator;
use scarlet_train::{
    CandidateEvaluator, Control, EvaluatorConfig, Measurement, PathSampler, Sampling, ScoreCache,
    Supernet, SupernetConfig, TrainConfig, TrainError, Trainer, measure, recalibrate,
};

fn trained() -> Supernet {
    let supernet = supernet(Skip::Linear, 1);
    let sampler = PathSampler::new(Sampling::StrictFairness, supernet.space(), 2);
    let config = TrainConfig {
        epochs: 3,
        batch_size: 8,
        learning_rate: 0.03,
        ..TrainConfig::default()
    };
    Trainer::new(config)
        .train(supernet, sampler, &images(208))
        .unwrap()
        .model
}

fn evaluator(supernet: &Supernet, calibration_images: usize) -> CandidateEvaluator {
    let config = EvaluatorConfig {
        batch_size: 32,
        calibration_images,
        seed: 4,
    };
    evaluator_of(supernet, config)
}

fn evaluator_of(supernet: &Supernet, config: EvaluatorConfig) -> CandidateEvaluator {
    CandidateEvaluator::new(supernet, &images(208), &images(90), config).unwrap()
}

/// Values, with those that were not measured as `None`, so that they can be compared.
fn evaluated(evaluator: &mut CandidateEvaluator, genes: &[Vec<u8>]) -> Vec<Vec<Option<f64>>> {
    let evaluations = evaluator.evaluate(genes).unwrap();
    evaluations
        .into_iter()
        .map(|values| {
            values
                .unwrap()
                .into_iter()
                .map(|v| (!v.is_nan()).then_some(v))
                .collect()
        })
        .collect()
}

#[test]
fn workers_and_devices_change_nothing() {
    let supernet = trained();
    let before = bits(&supernet);
    let genes: Vec<Vec<u8>> = genomes(supernet.space(), 20)
        .iter()
        .map(|g| g.genes().to_vec())
        .collect();
    let expected = evaluated(&mut evaluator(&supernet, 64), &genes);
    let accuracies: Vec<f64> = expected.iter().map(|values| values[0].unwrap()).collect();
    assert!(
        accuracies.iter().any(|accuracy| *accuracy != accuracies[0]),
        "{accuracies:?}"
    );
    for (workers, devices) in [(3, 1), (4, 2)] {
        let devices = vec![Device::flex(); devices];
        let mut parallel = evaluator(&supernet, 64)
            .with_workers(workers, &devices)
            .unwrap();
        assert_eq!(evaluated(&mut parallel, &genes), expected);
    }
    assert_eq!(bits(&supernet), before);
}

#[test]
fn recalibration_leaves_frozen_statistics_and_drops_no_branch() {
    let architecture = common::space(Skip::Identity)
        .decode(&"0413c02".parse().unwrap())
        .unwrap();
    let built = |drop_path| {
        scarlet::ScarletConfig::from(architecture.clone())
            .with_drop_path(drop_path)
            .try_init_seeded(1, &common::device())
            .unwrap()
    };
    let images = images(48);
    let expected = bits(&recalibrate(&built(0.0), &images, 16).unwrap());
    assert!(bits(&recalibrate(&built(0.9), &images, 16).unwrap()) == expected);

    let frozen = built(0.0)
        .freeze_prefixes(&["stem", "mb_module.0"])
        .unwrap();
    let measured = recalibrate(&frozen, &images, 16).unwrap();
    assert_eq!(bits(&measured.blocks[0]), bits(&frozen.blocks[0]));
    assert_eq!(bits(&measured.layers()[0]), bits(&frozen.layers()[0]));
    assert_ne!(bits(&measured.layers()[1]), bits(&frozen.layers()[1]));
    let head = &measured.head_conv;
    assert_ne!(bits(head), bits(&frozen.head_conv));
}

fn stem(network: &Scarlet) -> &ConvBn {
    let BlockModule::Conv(stem) = &network.blocks[0] else {
        panic!("a network begins with a convolution")
    };
    stem
}

#[test]
fn recalibration_measures_the_path_itself() {
    let supernet = trained();
    let genome = &genomes(supernet.space(), 1)[0];
    let path = supernet.path(genome).unwrap();
    let before = bits(&path);
    let calibration = images(208);
    let calibrated = recalibrate(&path, &calibration, 208).unwrap();
    assert_eq!(bits(&path), before);
    // The first normalisation's statistics are those of its input on these very images.
    let batch = burn::tensor::Tensor::<4>::from_data(
        burn::tensor::TensorData::new(
            (0..208)
                .flat_map(|i| {
                    calibration
                        .image(i)
                        .iter()
                        .map(|&p| (f32::from(p) / 255.0 - 0.5) / 0.5)
                        .collect::<Vec<f32>>()
                })
                .collect::<Vec<f32>>(),
            [208, 1, 16, 16],
        ),
        &Device::flex(),
    );
    let out = stem(&path.valid()).conv.forward(batch);
    let mean = out.mean_dims(&[0, 2, 3]).reshape([8]);
    let found = common::values(stem(&calibrated).bn.running_mean.value());
    for (expected, found) in common::values(mean).iter().zip(found) {
        assert!((expected - found).abs() < 1e-4, "{expected} {found}");
    }
    // In two halves the mean is the same, and the variance nearly so.
    let halves = recalibrate(&path, &calibration, 104).unwrap();
    let close = |a: Vec<f32>, b: Vec<f32>| {
        a.iter()
            .zip(&b)
            .all(|(a, b)| (a - b).abs() < 0.02 + 0.1 * a.abs())
    };
    assert!(close(
        common::values(stem(&calibrated).bn.running_mean.value()),
        common::values(stem(&halves).bn.running_mean.value())
    ));
    // And the scores are those of the parts.
    let mut scores = evaluator(&supernet, 0)
        .scores(std::slice::from_ref(genome))
        .unwrap();
    let plain = measure(&path, &images(90), 32).unwrap();
    assert_eq!(scores.remove(0).unwrap(), plain);
}

#[test]
fn nothing_is_measured_twice() {
    let supernet = trained();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scores.jsonl");
    let all = genomes(supernet.space(), 5);
    let with_cache =
        |supernet: &Supernet| evaluator(supernet, 64).with_cache(ScoreCache::open(&file).unwrap());
    let lines = || std::fs::read_to_string(&file).unwrap().lines().count();
    let scores = |evaluator: &mut CandidateEvaluator| {
        let scores = evaluator.scores(&all).unwrap();
        scores.into_iter().map(Result::unwrap).collect::<Vec<_>>()
    };
    let first = scores(&mut with_cache(&supernet));
    assert_eq!(lines(), 5);
    assert_eq!(scores(&mut with_cache(&supernet)), first);
    assert_eq!(lines(), 5);
    // Another supernet's scores are others, and are filed beside them.
    let other = common::supernet(Skip::Linear, 8);
    scores(&mut with_cache(&other));
    assert_eq!(lines(), 10);
    // So are those with other images to measure statistics on.
    let mut uncalibrated = evaluator(&supernet, 0).with_cache(ScoreCache::open(&file).unwrap());
    scores(&mut uncalibrated);
    assert_eq!(lines(), 15);
}

#[test]
fn what_is_too_dear_is_not_measured() {
    let supernet = supernet(Skip::Linear, 1);
    let mut evaluator = evaluator(&supernet, 32)
        .with_constraints(["depth <= 3".parse().unwrap()])
        .with_metric("depth", |_, network| {
            let layers = network.layers().iter();
            Ok(layers
                .filter(|l| matches!(l.operation, scarlet::arch::Operation::InvertedResidual(_)))
                .count() as f64)
        });
    assert_eq!(
        evaluator.metrics(),
        [
            "accuracy",
            "mult_adds",
            "parameters",
            "weight_bytes",
            "peak_activation_bytes",
            "depth"
        ]
    );
    let genes = vec![vec![0, 1, 12, 12, 12, 12, 2], vec![0, 1, 2, 3, 12, 12, 12]];
    let evaluated = evaluated(&mut evaluator, &genes);
    assert_eq!(evaluated[0][5], Some(3.0));
    assert!(evaluated[0][0].is_some());
    assert_eq!(evaluated[1][5], Some(4.0));
    assert!(evaluated[1][0].is_none() && evaluated[1][1].is_some());
    assert_eq!(evaluator.cache().len(), 1);
    // A genome of another space concerns no other candidate.
    let mixed = evaluator.evaluate(&[vec![0, 1], genes[0].clone()]).unwrap();
    assert!(mixed[0].as_ref().unwrap_err().contains("2 layers"));
    assert!(mixed[1].is_ok());
}

#[test]
fn a_candidate_that_cannot_be_taken_out_fails_alone() {
    let mut supernet = supernet(Skip::Linear, 1);
    let BlockModule::Linear(stabilizer) = &mut supernet.layers[3].choices[12] else {
        panic!("not a stabilizer")
    };
    stabilizer.weight = stabilizer.weight.clone().map(|w| w.zeros_like());
    let genes = vec![vec![0, 0, 0, 12, 0, 0, 0], vec![0; 7]];
    let evaluated = evaluator(&supernet, 32).evaluate(&genes).unwrap();
    let verdict = evaluated[0].as_ref().unwrap_err();
    assert!(verdict.contains("condition number inf"), "{verdict}");
    assert!(evaluated[1].is_ok());
}

#[test]
fn a_candidate_is_judged_as_it_is_taken_out() {
    let supernet = trained();
    let all = genomes(supernet.space(), 6);
    // All images measure the statistics, in whichever order.
    let config = EvaluatorConfig {
        batch_size: 208,
        calibration_images: 208,
        seed: 4,
    };
    let scores = evaluator_of(&supernet, config).scores(&all).unwrap();
    for (genome, score) in all.iter().zip(scores) {
        let options = FoldOptions::default();
        let taken = supernet
            .extract_calibrated(genome, &images(208), 208, &options)
            .unwrap();
        let measured = measure(&taken.network, &images(90), 208).unwrap();
        assert_eq!(measured.correct, score.unwrap().correct, "{genome}");
    }
}

/// Some images as networks see them, one after the other.
fn seen(count: usize) -> Vec<Vec<f32>> {
    let images = images(count);
    let value = |&pixel: &u8| (f32::from(pixel) / 255.0 - 0.5) / 0.5;
    (0..count)
        .map(|index| images.image(index).iter().map(value).collect())
        .collect()
}

/// A network in these numbers; int8 as one image calibrates it.
fn deployed(network: &Scarlet, precision: Precision) -> Deployed {
    let floats = network
        .deploy(&DeployOptions::new().with_threads(1))
        .unwrap();
    match precision {
        Precision::Float32 => floats,
        Precision::Bfloat16 => floats.to_bf16().unwrap(),
        Precision::Int8 => {
            let mut calibration = floats.calibrate().unwrap();
            calibration.observe(&seen(1)[0]).unwrap();
            calibration.finish().unwrap()
        }
    }
}

/// How many of the held-out images a deployed network puts into their class, and the mean of its
/// cross-entropy.
fn judged(network: &mut Deployed) -> (usize, f64) {
    let (mut correct, mut loss) = (0, 0.0);
    for (index, image) in seen(90).iter().enumerate() {
        let logits = network.run(image).unwrap();
        let class = images(90).labels()[index] as usize;
        let largest = logits.iter().copied().fold(f32::MIN, f32::max);
        correct += usize::from(logits[class] == largest);
        let exponentials = logits.iter().map(|&it| f64::from(it - largest).exp());
        loss += exponentials.sum::<f64>().ln() - f64::from(logits[class] - largest);
    }
    (correct, loss / 90.0)
}

#[test]
fn candidates_are_judged_in_the_numbers_that_they_are_deployed_in() {
    let supernet = trained();
    let all = genomes(supernet.space(), 4);
    let config = EvaluatorConfig {
        batch_size: 32,
        calibration_images: 1,
        seed: 4,
    };
    // Of one image there is but one order, and so one result to the bit.
    let evaluator = || CandidateEvaluator::new(&supernet, &images(1), &images(90), config).unwrap();
    let floats = evaluator().scores(&all).unwrap();
    for precision in [Precision::Int8, Precision::Bfloat16] {
        let in_numbers = || evaluator().with_precision(precision).unwrap();
        let scores = in_numbers().scores(&all).unwrap();
        for (genome, score) in all.iter().zip(&scores) {
            let score = score.as_ref().unwrap();
            let options = FoldOptions::default();
            let taken = supernet
                .extract_calibrated(genome, &images(1), 32, &options)
                .unwrap();
            let (correct, loss) = judged(&mut deployed(&taken.network, precision));
            assert_eq!(score.correct, correct, "{genome} in {precision}");
            assert!(
                (score.loss - loss).abs() < 1e-5 * loss.max(1.0),
                "{genome} in {precision}: {} {loss}",
                score.loss
            );
        }
        let losses = |scores: &[scarlet_train::Score]| -> Vec<f64> {
            let losses = scores.iter().map(|score| score.as_ref().unwrap().loss);
            losses.collect()
        };
        assert_ne!(losses(&scores), losses(&floats), "{precision}");
        // Whoever judges, and however many.
        let devices = [Device::flex(), Device::flex()];
        let mut parallel = in_numbers().with_workers(3, &devices).unwrap();
        let again = parallel.scores(&all).unwrap();
        assert_eq!(losses(&again), losses(&scores), "{precision}");
    }
}

#[test]
fn scores_in_different_numbers_are_kept_apart() {
    let supernet = trained();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scores.jsonl");
    let all = genomes(supernet.space(), 3);
    let lines = || std::fs::read_to_string(&file).unwrap().lines().count();
    evaluator(&supernet, 64)
        .with_cache(ScoreCache::open(&file).unwrap())
        .scores(&all)
        .unwrap();
    let mut expected = 3;
    for (precision, more) in [
        // As if nothing had been said.
        (Precision::Float32, 0),
        (Precision::Bfloat16, 3),
        (Precision::Int8, 3),
        (Precision::Int8, 0),
    ] {
        evaluator(&supernet, 64)
            .with_precision(precision)
            .unwrap()
            .with_cache(ScoreCache::open(&file).unwrap())
            .scores(&all)
            .unwrap();
        expected += more;
        assert_eq!(lines(), expected, "{precision}");
    }
    let uncalibrated = evaluator(&supernet, 0).with_precision(Precision::Int8);
    let error = uncalibrated.err().unwrap().to_string();
    assert!(
        error.starts_with("`calibration_images` is 0, but must be at least 1 where"),
        "{error}"
    );
    assert!(
        evaluator(&supernet, 0)
            .with_precision(Precision::Bfloat16)
            .is_ok()
    );
}

#[test]
fn settings_out_of_range_are_named() {
    let supernet = supernet(Skip::Linear, 1);
    let config = EvaluatorConfig {
        batch_size: 0,
        ..EvaluatorConfig::default()
    };
    let error = CandidateEvaluator::new(&supernet, &images(9), &images(9), config);
    assert!(
        error
            .err()
            .unwrap()
            .to_string()
            .contains("`batch_size` is 0")
    );
    let none = evaluator(&supernet, 9).with_workers(1, &[]).err().unwrap();
    assert!(none.to_string().contains("`devices` is 0"));
}

#[test]
fn a_candidate_is_measured_once_however_often_it_is_asked_for() {
    let supernet = supernet(Skip::Linear, 1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scores.jsonl");
    let mut evaluator = evaluator(&supernet, 32).with_cache(ScoreCache::open(&file).unwrap());
    let genome = genomes(supernet.space(), 1).remove(0);
    let stranger: Genome = "00".parse().unwrap();
    let asked = [&genome, &stranger, &genome, &stranger].map(Clone::clone);
    let scores = evaluator.scores(&asked).unwrap();
    assert_eq!(scores[0].as_ref().unwrap(), scores[2].as_ref().unwrap());
    for score in [&scores[1], &scores[3]] {
        let verdict = score.as_ref().unwrap_err().to_string();
        assert!(verdict.contains("2 layers"), "{verdict}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
}

#[test]
fn what_is_in_hand_at_the_end_is_filed() {
    let supernet = supernet(Skip::Linear, 1);
    let all = genomes(supernet.space(), 16);
    let filed = || {
        let seen = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&seen);
        let mut evaluator = evaluator(&supernet, 64)
            .with_workers(16, &[Device::flex()])
            .unwrap()
            .with_observer(move |_: &Measurement| {
                counter.fetch_add(1, Ordering::Relaxed);
                Control::Stop
            });
        let stopped = evaluator.scores(&all).unwrap_err();
        assert!(matches!(stopped, TrainError::Stopped), "{stopped}");
        assert_eq!(evaluator.cache().len(), seen.load(Ordering::Relaxed));
        evaluator.cache().len()
    };
    // There are as many workers as candidates. On a busy machine the first may be done before
    // another has one in hand, but not every time.
    assert!((0..100).any(|_| filed() > 1));
}

#[test]
fn a_device_that_breaks_down_ends_the_evaluation() {
    let mut supernet = supernet(Skip::Linear, 1);
    // Weights that do not fit stand for a device that is lost: both are a panic within Burn.
    supernet.ends.classifier = LinearConfig::new(5, 3).init(&common::device());
    let mut evaluator = evaluator(&supernet, 32);
    let genome = genomes(supernet.space(), 1).remove(0);
    let failed = evaluator.scores(std::slice::from_ref(&genome)).unwrap_err();
    let message = failed.to_string();
    assert!(message.contains("broke down"), "{message}");
    assert!(message.contains("Flex"), "{message}");
    // The search stays where it was, and does not take it for the candidate's fault.
    let ended = evaluator.evaluate(&[genome.genes().to_vec()]).unwrap_err();
    assert!(ended.to_string().contains("broke down"));
    assert!(evaluator.cache().is_empty());
}

#[test]
fn a_photograph_that_has_become_unreadable_ends_the_evaluation() {
    let folder = tempfile::tempdir().unwrap();
    for (class, shade) in [("dark", 10), ("light", 250)] {
        let class = folder.path().join(class);
        std::fs::create_dir(&class).unwrap();
        for index in 0..4 {
            let image =
                scarlet_data::RgbImage::from_pixel(20, 20, scarlet_data::Rgb([shade, index, 9]));
            image.save(class.join(format!("{index}.png"))).unwrap();
        }
    }
    let list = PhotographParts::list(folder.path(), ClassOrder::Natural)
        .unwrap()
        .train;
    let options = PhotographOptions {
        stored: Stored::Evaluation(Preprocessing {
            resolution: 32,
            ..Preprocessing::IMAGENET
        }),
        cache_bytes: 0,
        cache: None,
        strict: true,
        every_class: true,
    };
    let (photographs, _) = Photographs::open(list, &options, || {}).unwrap();
    let template = "E3K3@8/2 E3K3@8".parse::<Architecture>().unwrap();
    let template = Architecture {
        classes: 2,
        ..template.with_resolution(32)
    };
    let space = SearchSpace::new(template, vec!["E3K3".parse().unwrap()]).unwrap();
    let supernet = SupernetConfig::new(space)
        .try_init(0, &Device::flex().autodiff())
        .unwrap();
    let config = EvaluatorConfig {
        calibration_images: 0,
        ..EvaluatorConfig::default()
    };
    let evaluator = CandidateEvaluator::new(&supernet, &photographs, &photographs, config);
    let mut evaluator = evaluator.unwrap();
    std::fs::write(folder.path().join("dark/2.png"), "no longer").unwrap();
    let ended = evaluator.evaluate(&[vec![0, 0]]).unwrap_err().to_string();
    assert!(ended.contains("2.png"), "{ended}");
}
