//! What only shows from within: steps against their arithmetic, and runs whose images fail.

use std::fs;
use std::thread;
use std::time::Duration;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use scarlet::{Architecture, Scarlet, ScarletConfig};
use scarlet_arch::{SearchSpace, Skip};
use scarlet_data::dataset::Images;

use super::balance::Order;
use super::checkpoint::Checkpoint;
use super::events::epochs_since_improvement;
use super::folder::{BEST, LAST};
use super::progress::Progress;
use super::*;
use crate::batch::Targets;
use crate::loss::cross_entropy;
use crate::{PathSampler, Sampling, Supernet, SupernetConfig};

/// Images of 8×8 pixels in two classes.
fn images(count: usize) -> Images {
    let pixels = (0..count * 64).map(|index| (index * 89 % 251) as u8);
    let labels = (0..count as u32).map(|index| index % 2);
    Images::new([1, 8, 8], pixels.collect(), labels.collect(), ["a", "b"]).unwrap()
}

fn architecture() -> Architecture {
    let text = "C3@8/2:relu6 E1K3n@8:relu6 E3K3@8/2 E3K3@8 P16:relu6";
    let mut architecture: Architecture = text.parse().unwrap();
    architecture.input_channels = 1;
    architecture.with_classes(2).with_resolution(8)
}

fn network() -> Scarlet {
    ScarletConfig::from(architecture())
        .try_init_seeded(1, &Device::flex().autodiff())
        .unwrap()
}

/// SCARLET's 13 choices in two layers.
fn supernet() -> Supernet {
    let choices = SearchSpace::scarlet().choices(0).to_vec();
    let space = SearchSpace::new(architecture(), choices)
        .and_then(|space| space.with_skip(Skip::Linear))
        .unwrap();
    SupernetConfig::new(space)
        .try_init(1, &Device::flex().autodiff())
        .unwrap()
}

/// Every weight and running statistic, with its number.
fn values(module: &impl Module) -> Vec<(ParamId, Vec<f32>)> {
    struct Values(Vec<(ParamId, Vec<f32>)>);
    impl ModuleVisitor for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0
                .push((param.id, param.val().to_data().iter::<f32>().collect()));
        }
    }
    let mut values = Values(Vec::new());
    module.valid().visit(&mut values);
    values.0
}

/// One step of plain descent at a rate of 0.05.
fn one_step(batch_size: usize) -> TrainConfig {
    TrainConfig {
        epochs: 1,
        batch_size,
        optimizer: Optimizer::Sgd {
            momentum: 0.0,
            nesterov: false,
        },
        learning_rate: 0.05,
        final_learning_rate: 0.05,
        warmup_epochs: 0.0,
        weight_decay: 0.0,
        seed: 3,
        ..TrainConfig::default()
    }
}

#[test]
fn a_step_of_strict_fairness_adds_the_gradients_of_all_paths() {
    struct Descend<'a> {
        gradients: &'a GradientsParams,
        expected: Vec<(ParamId, Vec<f32>)>,
    }
    impl ModuleVisitor for Descend<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.gradients.get::<D>(param.id) {
                let after = param.val().inner() - gradient.mul_scalar(0.05);
                self.expected
                    .push((param.id, after.into_data().iter::<f32>().collect()));
            }
        }
    }

    let (supernet, images) = (supernet(), images(52));
    let config = one_step(4);
    let sampler = PathSampler::new(Sampling::StrictFairness, supernet.space(), 2);
    // The losses of all paths, each on images of its own, as one function of the weights.
    let paths = sampler.clone().next_paths().unwrap();
    assert_eq!(paths.len(), 13);
    let batcher = Batcher::new(&images, supernet.template(), &supernet.device()).unwrap();
    let schedule = Schedule::new(&config, images.len(), paths.len());
    assert_eq!(schedule.steps, 1);
    let order = Order::new(&config, Labels::One(images.labels()), 10).of(0);
    let mut seen: Vec<usize> = Vec::new();
    let losses = paths.iter().enumerate().map(|(pass, genome)| {
        let views = schedule.mini_batch(&order, 0, pass);
        let indices: Vec<usize> = views.iter().map(|view| view.image).collect();
        seen.extend(&indices);
        let batch = batcher.plain(&indices).unwrap();
        let logits = supernet.forward(batch.images, genome).unwrap();
        let Targets::One { labels, .. } = batch.targets else {
            unreachable!("each image has one class");
        };
        cross_entropy(logits, labels, config.label_smoothing)
    });
    let losses: Vec<Tensor<1>> = losses.collect();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..52), "every image is seen once");
    let loss = Tensor::cat(losses, 0).sum();
    let gradients = GradientsParams::from_grads(loss.backward(), &supernet);
    let mut descend = Descend {
        gradients: &gradients,
        expected: Vec::new(),
    };
    supernet.visit(&mut descend);

    let trained = Trainer::new(config)
        .train(supernet.clone(), sampler, &images)
        .unwrap();
    assert_eq!(trained.steps, 1);
    let after = values(&trained.model);
    let mut moved = 0;
    for (id, expected) in descend.expected {
        let (_, found) = after.iter().find(|(other, _)| *other == id).unwrap();
        let before = values(&supernet);
        let (_, before) = before.iter().find(|(other, _)| *other == id).unwrap();
        moved += usize::from(found != before);
        for (found, expected) in found.iter().zip(&expected) {
            let error = (found - expected).abs();
            assert!(error <= 1e-5 * (1.0 + expected.abs()), "{found} {expected}");
        }
    }
    // The classifier, and something of all 13 choices of both layers.
    assert!(moved > 26, "{moved}");
}

#[test]
fn a_uniform_step_leaves_all_that_is_off_its_path() {
    let (supernet, images) = (supernet(), images(4));
    let config = TrainConfig {
        optimizer: Optimizer::default(),
        weight_decay: 0.1,
        ..one_step(4)
    };
    let sampler = PathSampler::new(Sampling::Uniform, supernet.space(), 2);
    let genome = sampler.clone().next_paths().unwrap().remove(0);
    let path = supernet.path(&genome).unwrap();
    let on_path: Vec<ParamId> = values(&path).into_iter().map(|(id, _)| id).collect();
    let before = values(&supernet);
    let folder = tempfile::tempdir().unwrap();
    let trained = Trainer::new(config.clone())
        .with_checkpoints(Checkpoints::new(folder.path()))
        .train(supernet.clone(), sampler, &images)
        .unwrap();
    assert_eq!(trained.steps, 1);
    let (mut off, mut moved) = (0, 0);
    for ((id, before), (same, after)) in before.iter().zip(values(&trained.model)) {
        assert_eq!(*id, same);
        if on_path.contains(id) {
            moved += usize::from(*before != after);
        } else {
            off += 1;
            assert_eq!(*before, after);
        }
    }
    assert!(off > on_path.len(), "{off}");
    assert!(moved > on_path.len() / 2, "{moved}");

    // Nor has it any momentum.
    let path_of = folder.path().join("checkpoint.safetensors");
    let checkpoint = Checkpoint::<serde_json::Value>::open(&path_of).unwrap();
    let optimizer = optimizer::optimizer(&config);
    let device = Trainable::device(&supernet);
    let restored = checkpoint
        .apply(&path_of, supernet, optimizer, &device)
        .unwrap();
    struct Trained(usize);
    impl ModuleVisitor for Trained {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0 += usize::from(param.is_require_grad());
        }
    }
    let mut trainable = Trained(0);
    path.visit(&mut trainable);
    let record = restored.optimizer.to_bytes().unwrap();
    let record = burn_pack::Reader::from_bytes(record).unwrap();
    assert_eq!(record.tensor_names().len(), trainable.0);
}

/// A run whose images end or whose feed fails before its steps do: what it says, after how many
/// steps its checkpoint is, if there is one.
fn run_without_images(prepared: &Schedule, feed_images: &Images) -> (String, Option<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig {
        epochs: 2,
        batch_size: 4,
        ..TrainConfig::default()
    };
    let images = images(16);
    let network = network();
    let device = network.device();
    let batcher = Batcher::new(feed_images, network.architecture(), &device).unwrap();
    let schedule = Schedule::new(&config, images.len(), 1);
    let trainer = Trainer::new(config.clone()).with_checkpoints(Checkpoints {
        every: Some(Duration::ZERO),
        ..Checkpoints::new(folder.path())
    });
    let run = Run::start(trainer, None, network, (), schedule, (&images).into()).unwrap();
    let error = thread::scope(|scope| {
        let mut feed = Feed::start(scope, &batcher, config, *prepared, 0);
        run.finish(&batcher, &mut feed).map(|trained| trained.steps)
    });
    let path = folder.path().join("checkpoint.safetensors");
    let checkpoint = path.exists().then(|| {
        let checkpoint = Checkpoint::<Progress<()>>::open(&path).unwrap();
        checkpoint.progress.step
    });
    assert!(!folder.path().join(LAST).exists());
    (error.unwrap_err().to_string(), checkpoint)
}

#[test]
fn a_step_without_its_images_is_not_done() {
    let config = TrainConfig {
        epochs: 2,
        batch_size: 4,
        ..TrainConfig::default()
    };
    // Of 8 steps the feed has mini-batches for 4.
    let few = TrainConfig {
        epochs: 1,
        ..config.clone()
    };
    let (message, step) = run_without_images(&Schedule::new(&few, 16, 1), &images(16));
    assert!(message.starts_with("step 5 was not done"), "{message}");
    assert!(message.contains("there are no more"), "{message}");
    assert_eq!(step, Some(4));

    // It reaches for images that are not there, and panics.
    let (message, step) = run_without_images(&Schedule::new(&config, 64, 1), &images(2));
    assert!(message.starts_with("step 1 was not done"), "{message}");
    assert!(message.contains("out of"), "{message}");
    assert_eq!(step, None);
}

#[test]
fn older_checkpoints_do_not_say_which_images_they_are_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let run = |images: &Images, checkpoints: Checkpoints| {
        Trainer::new(one_step(4))
            .with_checkpoints(checkpoints)
            .train(network(), (), images)
            .map(|trained| trained.steps)
    };
    run(&images(8), Checkpoints::new(folder.path())).unwrap();
    let bytes = fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let text = std::str::from_utf8(&bytes[8..header]).unwrap();
    let begin = text.find(r#"\"data\":"#).unwrap();
    let end = text.find(r#"\"first_sampler\":"#).unwrap();
    let mut older = text[..begin].to_owned() + &text[end..];
    // Nor had they a checksum, and their networks were a stem, layers and a head.
    for (today, then) in [
        (r#"\"format\":3"#, r#"\"format\":1"#),
        ("scarlet.checksum", "something.else"),
        ("blocks.0.Conv.", "stem."),
        (
            "blocks.1.InvertedResidual.conv2.",
            "separable_conv.depthwise.conv.",
        ),
        (
            "blocks.1.InvertedResidual.bn2.",
            "separable_conv.depthwise.bn.",
        ),
        (
            "blocks.1.InvertedResidual.conv3.",
            "separable_conv.pointwise.conv.",
        ),
        (
            "blocks.1.InvertedResidual.bn3.",
            "separable_conv.pointwise.bn.",
        ),
        ("blocks.2.", "mb_module.0."),
        ("blocks.3.", "mb_module.1."),
        ("head_conv.", "conv_before_pooling."),
    ] {
        assert!(older.contains(today), "{today}");
        older = older.replace(today, then);
    }
    older.push_str(&" ".repeat(older.len().next_multiple_of(8) - older.len()));
    let length = (older.len() as u64).to_le_bytes();
    fs::write(
        &path,
        [&length[..], older.as_bytes(), &bytes[header..]].concat(),
    )
    .unwrap();
    let resumed = run(&images(8), Checkpoints::new(folder.path()).resuming());
    assert_eq!(resumed.unwrap(), 2);
}

#[test]
fn a_loss_that_is_no_number_is_as_good_after_its_text() {
    let record = |accuracy, loss| EpochRecord {
        epoch: 1,
        step: 1,
        loss: 0.5,
        accuracy: 0.5,
        validation_accuracy: Some(accuracy),
        validation_class_accuracy: None,
        validation_mean_average_precision: None,
        validation_loss: loss,
        best: false,
    };
    let without = record(0.5, None);
    let text = serde_json::to_string(&without).unwrap();
    let read: EpochRecord = serde_json::from_str(&text).unwrap();
    assert_eq!(read, without);
    for before in [without, read] {
        let since = |next| epochs_since_improvement(&[before, next]);
        assert_eq!(since(record(0.5, Some(2.0))), 0);
        assert_eq!(since(record(0.6, None)), 0);
        assert_eq!(since(without), 1);
        assert_eq!(since(record(0.4, Some(0.1))), 1);
    }
}

#[test]
fn of_epochs_that_the_images_cannot_tell_apart_the_last_is_the_best() {
    let record = |right: f64, images: usize| EpochRecord {
        epoch: 1,
        step: 1,
        loss: 0.5,
        accuracy: 0.5,
        validation_accuracy: Some(right / images as f64),
        validation_class_accuracy: None,
        validation_mean_average_precision: None,
        validation_loss: None,
        best: false,
    };
    let best = |before: &[f64], now, images| {
        let before: Vec<_> = before.iter().map(|&it| record(it, images)).collect();
        record(now, images).is_best_of(&before, Some(images as f64))
    };
    // The standard error is 2.1 of 150 images where 147 are right, and 1.4 where all are.
    assert!(best(&[147.0], 145.0, 150));
    assert!(!best(&[147.0], 144.0, 150));
    assert!(best(&[150.0], 149.0, 150));
    assert!(!best(&[150.0], 148.0, 150));
    // Ten thousand images tell more.
    assert!(best(&[9_000.0], 8_971.0, 10_000));
    assert!(!best(&[9_000.0], 8_969.0, 10_000));
    // No slow slide: the most accurate counts, not the last that was taken.
    assert!(!best(&[147.0, 145.0], 143.0, 150));
    assert!(best(&[], 0.0, 150));
}

#[test]
fn mini_batches_are_the_same_without_a_thread() {
    let images = images(20);
    let device = Device::flex();
    let batcher = Batcher::new(&images, &architecture(), &device).unwrap();
    let config = TrainConfig {
        epochs: 2,
        batch_size: 4,
        ..TrainConfig::default()
    };
    let schedule = Schedule::new(&config, images.len(), 2);
    let batches = |thread: thread::Builder| -> Vec<_> {
        thread::scope(|scope| {
            let mut feed = Feed::start_on(thread, scope, &batcher, config.clone(), schedule, 1);
            let count = (schedule.steps - 1) * schedule.passes as u64;
            let batches = (0..count).map(|_| feed.next(2).unwrap());
            batches.map(|batch| (batch.values, batch.targets)).collect()
        })
    };
    // No system has room for such a stack.
    let refused = thread::Builder::new().stack_size(usize::MAX / 4);
    let found = batches(refused);
    assert_eq!(found.len(), 6);
    assert_eq!(found, batches(thread::Builder::new()));
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    Trainer::new(one_step(4))
        .with_checkpoints(Checkpoints::new(folder.path()))
        .train(network(), (), &images(8))
        .unwrap();
    let bytes = fs::read(&path).unwrap();
    let whole = values(&load_checkpoint(&path, network()).unwrap());
    let header = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let places = (0..header)
        .step_by(7)
        .chain((header..bytes.len()).step_by(61));
    for at in places {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        fs::write(&path, damaged).unwrap();
        match load_checkpoint(&path, network()) {
            Ok(network) => assert_eq!(values(&network), whole, "byte {at}"),
            Err(error) => assert!(error.to_string().contains("no checkpoint to go on from")),
        }
    }
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&path, damaged).unwrap();
    let error = load_checkpoint(&path, network()).unwrap_err().to_string();
    assert!(error.contains("its checksum says"), "{error}");
    // One that says that it has a checksum must have it.
    let text = std::str::from_utf8(&bytes[8..header]).unwrap();
    let lost = text.replace("scarlet.checksum", "something.others");
    let whole = [&bytes[..8], lost.as_bytes(), &bytes[header..]].concat();
    fs::write(&path, whole).unwrap();
    let error = load_checkpoint(&path, network()).unwrap_err().to_string();
    assert!(error.contains("it has lost its checksum"), "{error}");
}

#[test]
fn lost_weights_of_a_finished_run_are_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let validation = images(4);
    let train = || {
        Trainer::new(one_step(4))
            .with_validation(&validation)
            .with_checkpoints(Checkpoints::new(folder.path()).resuming())
            .train(network(), (), &images(8))
            .unwrap()
    };
    train();
    let files = [BEST, LAST].map(|name| folder.path().join(name));
    let whole = files.each_ref().map(|file| fs::read(file).unwrap());
    fs::remove_file(&files[0]).unwrap();
    fs::write(&files[1], "damaged").unwrap();
    train();
    assert_eq!(files.map(|file| fs::read(file).unwrap()), whole);
}
