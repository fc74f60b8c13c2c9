//! The training loop: what it learns, that an interrupted run ends like any other, and what it
//! says when something is wrong.

#![allow(clippy::unwrap_used)]

mod common;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use burn::module::Module;
use burn::tensor::{Distribution, Tensor};
use common::{bits, device, images, space, supernet};
use scarlet::arch::{SearchSpace, Skip};
use scarlet::weights::Precision;
use scarlet::{Scarlet, ScarletConfig};
use scarlet_data::dataset::Images;
use scarlet_train::{
    Augment, Balance, Checkpoints, Control, Distillation, Event, Mix, Observer, Optimizer,
    PathSampler, Sampling, Supernet, Teacher, TrainConfig, TrainError, Trainable, Trained, Trainer,
    Warning, load_checkpoint, measure, recalibrate,
};
use tempfile::TempDir;

fn network(seed: u64) -> Scarlet {
    let space = space(Skip::Identity);
    let architecture = space.decode(&"0413c02".parse().unwrap()).unwrap();
    ScarletConfig::from(architecture)
        .with_dropout(0.2)
        .with_drop_path(0.2)
        .try_init_seeded(seed, &device())
        .unwrap()
}

/// Everything that can be random or has a state is on.
fn config() -> TrainConfig {
    TrainConfig {
        epochs: 3,
        batch_size: 8,
        learning_rate: 0.05,
        warmup_epochs: 0.5,
        clip_norm: Some(1.0),
        average_decay: Some(0.9),
        augment: Augment {
            shift: 1,
            flip: false,
            erase: 0.3,
            ..Augment::default()
        },
        mix: Mix {
            mixup: 0.2,
            cutmix: 1.0,
        },
        layer_decay: Some(0.9),
        balance: Balance {
            sampling: 0.5,
            loss: 0.5,
        },
        seed: 11,
        ..TrainConfig::default()
    }
}

fn in_folder(folder: &Path) -> Checkpoints {
    Checkpoints::new(folder)
}

/// Stops a run behind so many steps.
fn stop_after(steps: u64) -> impl FnMut(&Event) -> Control {
    move |event: &Event| match event {
        Event::Step { step, .. } if *step >= steps => Control::Stop,
        _ => Control::Continue,
    }
}

/// Everything that was trained: the last weights, their average, the best ones, the epochs.
fn outcome<M: Trainable>(trained: &Trained<M>) -> (Vec<u32>, [Option<Vec<u32>>; 2], String) {
    (
        bits(&trained.model),
        [&trained.average, &trained.best].map(|module| module.as_ref().map(bits)),
        format!("{:?}", trained.epochs),
    )
}

/// For supernets, which have no layers of one network.
fn supernet_config() -> TrainConfig {
    TrainConfig {
        layer_decay: None,
        ..config()
    }
}

#[test]
fn threads_change_no_bit() {
    let images = images(48);
    let train = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let network = Trainer::new(config())
                .with_validation(&images)
                .train(network(1), (), &images)
                .unwrap();
            let supernet = supernet(Skip::Linear, 3);
            let sampler = PathSampler::new(Sampling::StrictFairness, supernet.space(), 5);
            let supernet = Trainer::new(supernet_config())
                .train(supernet, sampler, &images)
                .unwrap();
            (outcome(&network), outcome(&supernet))
        })
    };
    let expected = train(1);
    for threads in [2, 3] {
        assert!(train(threads) == expected, "{threads} threads");
    }
}

#[test]
fn other_work_in_the_process_changes_no_bit() {
    let images = images(48);
    let train = |seed: u64| {
        let network = Trainer::new(TrainConfig { seed, ..config() })
            .with_validation(&images)
            .train(network(seed), (), &images)
            .unwrap();
        let supernet = supernet(Skip::Linear, seed);
        let sampler = PathSampler::new(Sampling::StrictFairness, supernet.space(), seed);
        let supernet = Trainer::new(supernet_config())
            .train(supernet, sampler, &images)
            .unwrap();
        (outcome(&network), outcome(&supernet))
    };
    let expected = [1, 2].map(train);
    assert!(expected[0] != expected[1]);
    let over = AtomicBool::new(false);
    let together = thread::scope(|scope| {
        let runs = [1, 2].map(|seed| scope.spawn(move || train(seed)));
        // Whoever else uses the device may seed its generator and draw from it.
        scope.spawn(|| {
            for seed in 0.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                device().seed(seed);
                Tensor::<1>::random([100], Distribution::Default, &device()).into_data();
            }
        });
        let results = runs.map(|run| run.join());
        over.store(true, Ordering::Relaxed);
        results.map(Result::unwrap)
    });
    assert!(together == expected);
}

#[test]
fn a_network_learns() {
    let (train, test) = (images(240), images(60));
    let config = TrainConfig {
        epochs: 4,
        average_decay: None,
        ..config()
    };
    let mut events = Vec::new();
    let trained = Trainer::new(config)
        .with_validation(&test)
        .with_observer(|event: &Event| {
            events.push(event.clone());
            Control::Continue
        })
        .train(network(1), (), &train)
        .unwrap();
    assert!(trained.completed);
    let accuracy = measure(&trained.model, &test, 16).unwrap().accuracy();
    assert!(accuracy > 0.9, "{accuracy}");
    assert_eq!(trained.epochs.len(), 4);
    assert_eq!(trained.epochs[3].validation_accuracy, Some(accuracy));
    assert!(trained.epochs[3].loss < trained.epochs[0].loss);
    let steps = events
        .iter()
        .filter(|e| matches!(e, Event::Step { .. }))
        .count();
    assert_eq!((steps, trained.steps), (120, 120));
    assert!(matches!(
        events[0],
        Event::Started {
            step: 0,
            steps: 120,
            images: 240
        }
    ));
    assert!(matches!(
        events.last(),
        Some(Event::Finished {
            step: 120,
            completed: true
        })
    ));
}

#[test]
fn every_way_of_training_learns() {
    let train = images(240);
    let teacher = Trainer::new(TrainConfig {
        epochs: 4,
        ..config()
    })
    .train(network(1), (), &train)
    .unwrap()
    .into_best();
    let adam = Optimizer::AdamW {
        beta_1: 0.9,
        beta_2: 0.999,
        epsilon: 1e-8,
    };
    let config = TrainConfig {
        epochs: 4,
        optimizer: adam,
        learning_rate: 0.005,
        weight_decay: 0.01,
        ..config()
    };
    let distilled = Trainer::new(config)
        .with_teacher(Teacher {
            network: teacher,
            distillation: Distillation {
                weight: 0.5,
                temperature: 2.0,
            },
        })
        .train(network(2), (), &train)
        .unwrap()
        .into_best();
    let accuracy = measure(&distilled, &images(60), 16).unwrap().accuracy();
    assert!(accuracy > 0.9, "{accuracy}");
}

/// A change of one setting, and its name.
type Change = (&'static str, fn(&mut TrainConfig));

/// Every setting that decides on the weights, but for the teacher's, changed.
const CHANGES: [Change; 26] = [
    ("epochs", |c| c.epochs = 3),
    ("batch_size", |c| c.batch_size = 6),
    ("optimizer", |c| {
        c.optimizer = Optimizer::AdamW {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
        }
    }),
    ("optimizer.momentum", |c| {
        c.optimizer = Optimizer::Sgd {
            momentum: 0.8,
            nesterov: false,
        }
    }),
    ("optimizer.nesterov", |c| {
        c.optimizer = Optimizer::Sgd {
            momentum: 0.9,
            nesterov: true,
        }
    }),
    ("learning_rate", |c| c.learning_rate = 0.04),
    ("final_learning_rate", |c| c.final_learning_rate = 0.01),
    ("warmup_epochs", |c| c.warmup_epochs = 1.0),
    ("head_epochs", |c| c.head_epochs = 1.0),
    ("weight_decay", |c| c.weight_decay = 0.01),
    ("label_smoothing", |c| c.label_smoothing = 0.2),
    ("balance.sampling", |c| c.balance.sampling = 1.0),
    ("balance.loss", |c| c.balance.loss = 1.0),
    ("clip_norm", |c| c.clip_norm = Some(1e-3)),
    ("average_decay", |c| c.average_decay = Some(0.9)),
    ("layer_decay", |c| c.layer_decay = Some(0.5)),
    ("calibration_images", |c| c.calibration_images = 8),
    ("augment.resized_crop", |c| {
        c.augment.resized_crop = Some(Default::default());
    }),
    ("augment.shift", |c| c.augment.shift = 2),
    ("augment.flip", |c| c.augment.flip = true),
    ("augment.rand_augment", |c| {
        c.augment.rand_augment = Some(Default::default());
    }),
    ("augment.color_jitter", |c| {
        c.augment.color_jitter = Some(Default::default());
    }),
    ("augment.erase", |c| c.augment.erase = 0.5),
    ("mix.mixup", |c| c.mix.mixup = 1.0),
    ("mix.cutmix", |c| c.mix.cutmix = 1.0),
    ("seed", |c| c.seed = 1),
];

#[test]
fn every_setting_reaches_the_weights() {
    // One class has an image more than the others.
    let train = images(25);
    let base = || TrainConfig {
        epochs: 2,
        batch_size: 8,
        weight_decay: 0.0,
        ..TrainConfig::default()
    };
    let architecture = network(1).architecture().clone();
    let built = |dropout, drop_path| {
        ScarletConfig::from(architecture.clone())
            .with_dropout(dropout)
            .with_drop_path(drop_path)
            .try_init_seeded(1, &device())
            .unwrap()
    };
    let weights = |config: TrainConfig, network| {
        let trained = Trainer::new(config).train(network, (), &train).unwrap();
        bits(&trained.into_best())
    };
    let expected = weights(base(), built(0.0, 0.0));
    assert!(expected == weights(base(), built(0.0, 0.0)), "it repeats");

    for (name, change) in CHANGES {
        let mut config = base();
        change(&mut config);
        assert!(expected != weights(config, built(0.0, 0.0)), "{name}");
    }
    assert!(expected != weights(base(), built(0.5, 0.0)), "dropout");
    assert!(expected != weights(base(), built(0.0, 0.5)), "drop_path");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("teacher.safetensors");
    network(5).valid().save(&file, Precision::F32).unwrap();
    let taught = |distillation| {
        let config = TrainConfig {
            teacher: Some(file.display().to_string()),
            distillation,
            ..base()
        };
        weights(config, built(0.0, 0.0))
    };
    let default = Distillation::default();
    let results = [
        taught(default),
        taught(Distillation {
            weight: 0.9,
            ..default
        }),
        taught(Distillation {
            temperature: 1.0,
            ..default
        }),
    ];
    assert!(results.iter().all(|weights| *weights != expected));
    assert!(results[0] != results[1] && results[0] != results[2]);

    // Nothing was forgotten here, but for what only ends a run.
    let settings = serde_json::to_value(TrainConfig::default()).unwrap();
    let mut all: Vec<String> = Vec::new();
    for (name, value) in settings.as_object().unwrap() {
        match value
            .as_object()
            .filter(|_| ["augment", "mix", "balance"].contains(&name.as_str()))
        {
            Some(inner) => all.extend(inner.keys().map(|key| format!("{name}.{key}"))),
            None => all.push(name.clone()),
        }
    }
    for name in all {
        let elsewhere = ["patience", "teacher", "distillation"].contains(&name.as_str());
        let here = CHANGES.iter().any(|(changed, _)| *changed == name);
        assert!(elsewhere || here, "{name}");
    }
}

#[test]
fn a_supernet_learns_in_all_its_paths() {
    let train = images(416);
    let config = TrainConfig {
        epochs: 20,
        batch_size: 4,
        learning_rate: 0.05,
        clip_norm: None,
        average_decay: None,
        augment: Augment::default(),
        mix: Mix::default(),
        ..supernet_config()
    };
    let supernet = supernet(Skip::Linear, 1);
    let sampler = PathSampler::new(Sampling::StrictFairness, supernet.space(), 2);
    let trained = Trainer::new(config)
        .train(supernet, sampler, &train)
        .unwrap();
    assert_eq!(trained.steps, 160);
    let genomes = common::genomes(trained.model.space(), 13);
    let accuracies = genomes.iter().map(|genome| {
        let path = trained.model.path(genome).unwrap();
        let path = recalibrate(&path, &train, 52).unwrap();
        measure(&path, &images(60), 20).unwrap().accuracy()
    });
    let mean = accuracies.sum::<f64>() / 13.0;
    // Guessing gives a third.
    assert!(mean > 0.5, "{mean}");
}

#[test]
fn an_interrupted_run_ends_like_any_other() {
    let train = images(70);
    let test = images(12);
    let run = |checkpoints: Option<Checkpoints>, stop: u64| {
        let mut trainer = Trainer::new(config())
            .with_validation(&test)
            .with_observer(stop_after(stop));
        if let Some(checkpoints) = checkpoints {
            trainer = trainer.with_checkpoints(checkpoints);
        }
        trainer.train(network(1), (), &train).unwrap()
    };
    let whole = run(None, u64::MAX);
    assert_eq!(whole.steps, 24);
    // In the middle of an epoch, at its end, and right away.
    for stop in [1, 8, 13, 23] {
        let folder = tempfile::tempdir().unwrap();
        let first = run(Some(in_folder(folder.path())), stop);
        assert!(!first.completed && first.steps == stop);
        // Another network's weights, so that all must come from the checkpoint.
        let resumed = Trainer::new(config())
            .with_validation(&test)
            .with_checkpoints(in_folder(folder.path()).resuming())
            .train(network(2), (), &train)
            .unwrap();
        assert!(resumed.completed);
        assert_eq!(outcome(&resumed), outcome(&whole), "stopped after {stop}");
        // What is there for use are these weights.
        let file = |name: &str| bits(&Scarlet::open(folder.path().join(name), &device()).unwrap());
        assert_eq!(
            Some(file("best.safetensors")),
            whole.best.as_ref().map(bits)
        );
        assert_eq!(file("last.safetensors"), bits(&whole.last));
        // A finished run has nothing to go on with, and says the same again.
        let again = Trainer::new(config())
            .with_validation(&test)
            .with_checkpoints(in_folder(folder.path()).resuming())
            .train(network(3), (), &train)
            .unwrap();
        assert_eq!(outcome(&again), outcome(&whole));
    }
}

#[test]
fn a_run_goes_on_to_more_epochs_whenever_it_is_stopped() {
    let (train, test) = (images(70), images(12));
    let run = |checkpoints: Checkpoints, epochs: usize, observer: &mut dyn Observer| {
        let config = TrainConfig { epochs, ..config() };
        Trainer::new(config)
            .with_validation(&test)
            .with_checkpoints(checkpoints)
            .with_observer(|event: &Event| observer.event(event))
            .train(network(1), (), &train)
    };
    let rates = |checkpoints: Checkpoints, epochs: usize| {
        let mut rates = Vec::new();
        let mut observer = |event: &Event| {
            if let Event::Step { learning_rate, .. } = event {
                rates.push(*learning_rate);
            }
            Control::Continue
        };
        let trained = run(checkpoints, epochs, &mut observer).unwrap();
        (trained, rates)
    };
    let more = |folder: &TempDir| in_folder(folder.path()).resuming().to_other_epochs();
    let folder = || tempfile::tempdir().unwrap();
    // Those of a run of so many epochs from the beginning.
    let (_, all_rates) = rates(in_folder(folder().path()), 5);
    // Of a run that is done, at step 16, and of one that was stopped in the middle of an epoch.
    for begun in [u64::MAX, 13] {
        let begin = |folder: &TempDir| {
            let begin = in_folder(folder.path());
            run(begin, 2, &mut stop_after(begun)).unwrap()
        };
        let at_once = folder();
        let first = begin(&at_once);
        let (whole, rates) = rates(more(&at_once), 5);
        assert!(whole.completed && whole.steps == 40);
        assert_eq!(rates, all_rates[first.steps as usize..]);
        assert_eq!(whole.epochs[..first.epochs.len()], first.epochs);
        for stop in [first.steps + 1, 24, 33] {
            let stopped = folder();
            begin(&stopped);
            let part = run(more(&stopped), 5, &mut stop_after(stop)).unwrap();
            assert!(!part.completed && part.steps == stop);
            // What was done before is no end any more.
            let log = fs::read_to_string(stopped.path().join("events.jsonl")).unwrap();
            assert!(!log.contains("\"completed\":true"), "{log}");
            let resumed = run(more(&stopped), 5, &mut stop_after(u64::MAX)).unwrap();
            assert_eq!(outcome(&resumed), outcome(&whole), "stopped after {stop}");
        }
        let refuse = |checkpoints, epochs| {
            let error = run(checkpoints, epochs, &mut stop_after(u64::MAX)).unwrap_err();
            error.to_string()
        };
        let few = refuse(more(&at_once), 5 - 1);
        assert!(
            few.contains("has done 5 epochs, so it cannot go on to 4"),
            "{few}"
        );
        let unasked = refuse(in_folder(at_once.path()).resuming(), 6);
        assert!(
            unasked.contains("`epochs` was 5, and now is 6"),
            "{unasked}"
        );
    }
}

#[test]
fn an_interrupted_run_of_adam_ends_like_any_other() {
    let train = images(70);
    let config = || TrainConfig {
        optimizer: Optimizer::AdamW {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
        },
        learning_rate: 0.005,
        weight_decay: 0.01,
        ..config()
    };
    let whole = Trainer::new(config())
        .train(network(1), (), &train)
        .unwrap();
    // With and behind the warm-up, whose steps correct the moments' bias most.
    for stop in [2, 13] {
        let folder = tempfile::tempdir().unwrap();
        Trainer::new(config())
            .with_checkpoints(in_folder(folder.path()))
            .with_observer(stop_after(stop))
            .train(network(1), (), &train)
            .unwrap();
        let resumed = Trainer::new(config())
            .with_checkpoints(in_folder(folder.path()).resuming())
            .train(network(2), (), &train)
            .unwrap();
        assert_eq!(outcome(&resumed), outcome(&whole), "stopped after {stop}");
    }
}

#[test]
fn an_interrupted_supernet_ends_like_any_other() {
    let train = images(208);
    let run = |seed: u64, checkpoints: Option<Checkpoints>, stop: u64| -> Trained<Supernet> {
        let supernet = supernet(Skip::Linear, seed);
        let sampler = PathSampler::new(Sampling::StrictFairness, supernet.space(), 2);
        let mut trainer = Trainer::new(supernet_config()).with_observer(stop_after(stop));
        if let Some(checkpoints) = checkpoints {
            trainer = trainer.with_checkpoints(checkpoints);
        }
        trainer.train(supernet, sampler, &train).unwrap()
    };
    let whole = run(1, None, u64::MAX);
    let folder = tempfile::tempdir().unwrap();
    run(1, Some(in_folder(folder.path())), 3);
    let resumed = run(9, Some(in_folder(folder.path()).resuming()), u64::MAX);
    assert_eq!(outcome(&resumed), outcome(&whole));

    let supernet = supernet(Skip::Linear, 1);
    let sampler = PathSampler::new(Sampling::StrictFairness, supernet.space(), 3);
    let other = Trainer::new(supernet_config())
        .with_checkpoints(in_folder(folder.path()).resuming())
        .train(supernet, sampler, &train);
    let message = other.map(|trained| trained.steps).unwrap_err().to_string();
    assert!(message.contains("`sampler` was"), "{message}");
}

#[test]
fn a_checkpoint_gives_its_network() {
    let folder = tempfile::tempdir().unwrap();
    let trained = Trainer::new(TrainConfig {
        epochs: 1,
        ..config()
    })
    .with_checkpoints(in_folder(folder.path()))
    .train(network(1), (), &images(70))
    .unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    // The average, where there is one.
    let loaded = load_checkpoint(&path, network(2)).unwrap();
    assert_eq!(Some(bits(&loaded)), trained.average.as_ref().map(bits));
    let foreign = load_checkpoint(&path, supernet(Skip::Linear, 1))
        .unwrap_err()
        .to_string();
    assert!(foreign.contains("which this network has"), "{foreign}");
}

#[test]
fn the_log_has_every_step_once() {
    let train = images(70);
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig {
        epochs: 2,
        ..config()
    };
    let checkpoints = Checkpoints {
        every_epochs: 0,
        every: Some(Duration::ZERO),
        ..in_folder(folder.path())
    };
    Trainer::new(config.clone())
        .with_checkpoints(checkpoints)
        .with_observer(stop_after(5))
        .train(network(1), (), &train)
        .unwrap();
    // A crash in the middle of a line.
    let log = folder.path().join("events.jsonl");
    let torn = fs::read_to_string(&log).unwrap() + "{\"event\":\"st";
    fs::write(&log, torn).unwrap();
    Trainer::new(config)
        .with_checkpoints(in_folder(folder.path()).resuming())
        .train(network(1), (), &train)
        .unwrap();
    let text = fs::read_to_string(&log).unwrap();
    let steps: Vec<u64> = text
        .lines()
        .filter_map(|line| match serde_json::from_str(line).unwrap() {
            Event::Step { step, .. } => Some(step),
            _ => None,
        })
        .collect();
    assert_eq!(steps, (1..=16).collect::<Vec<u64>>());
}

/// The steps behind which a run of 5 epochs of 2 steps saves.
fn saved(every_epochs: usize, every: Option<Duration>) -> Vec<u64> {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig {
        epochs: 5,
        ..config()
    };
    let mut steps = Vec::new();
    Trainer::new(config)
        .with_checkpoints(Checkpoints {
            every_epochs,
            every,
            ..in_folder(folder.path())
        })
        .with_observer(|event: &Event| {
            if let Event::Checkpoint { step, path } = event {
                assert!(path.is_file());
                steps.push(*step);
            }
            Control::Continue
        })
        .train(network(1), (), &images(16))
        .unwrap();
    steps
}

#[test]
fn checkpoints_come_by_epochs_by_time_and_at_the_end() {
    assert_eq!(saved(1, None), [2, 4, 6, 8, 10]);
    assert_eq!(saved(2, None), [4, 8, 10]);
    assert_eq!(saved(0, None), [10]);
    let long = Duration::from_secs(1_000_000);
    assert_eq!(saved(0, Some(long)), [10]);
    assert_eq!(saved(2, Some(long)), [4, 8, 10]);
    let all: Vec<u64> = (1..=10).collect();
    assert_eq!(saved(0, Some(Duration::ZERO)), all);
}

/// A rate that is within the range of f32 in the first step and beyond it in the second, with
/// gradients that are clipped so much that the first changes something sensible.
fn diverging_in_step_two() -> TrainConfig {
    TrainConfig {
        epochs: 4,
        batch_size: 70,
        optimizer: Optimizer::Sgd {
            momentum: 0.0,
            nesterov: false,
        },
        learning_rate: 6e38,
        warmup_epochs: 2.0,
        weight_decay: 0.0,
        clip_norm: Some(1e-38),
        layer_decay: None,
        ..config()
    }
}

#[test]
fn divergence_in_the_last_step_of_an_epoch_names_the_step() {
    let (train, test) = (images(70), images(30));
    for (average_decay, judged) in [(None, true), (Some(0.9), true), (None, false)] {
        let folder = tempfile::tempdir().unwrap();
        let config = TrainConfig {
            average_decay,
            ..diverging_in_step_two()
        };
        let run = |seed| {
            let mut trainer =
                Trainer::new(config.clone()).with_checkpoints(in_folder(folder.path()).resuming());
            if judged {
                trainer = trainer.with_validation(&test);
            }
            let trained = trainer.train(network(seed), (), &train);
            trained.map(|trained| trained.steps).unwrap_err()
        };
        let path = folder.path().join("checkpoint.safetensors");
        // The second time from the checkpoint behind the first step.
        for seed in [1, 2] {
            let error = run(seed);
            let TrainError::WeightNotFinite {
                step, checkpoint, ..
            } = &error
            else {
                panic!("{error}");
            };
            assert_eq!((*step, checkpoint.as_ref()), (2, Some(&path)));
            assert!(error.to_string().starts_with("step 2: `"), "{error}");
            let kept = bits(&load_checkpoint(&path, network(3)).unwrap());
            assert!(kept != bits(&network(1)), "it was trained");
            let finite = |bits: u32| f32::from_bits(bits).is_finite();
            assert!(kept.into_iter().all(finite));
        }
    }
    // Without a folder no one else would notice.
    let trained = Trainer::new(diverging_in_step_two()).train(network(1), (), &train);
    let error = trained.map(|trained| trained.steps).unwrap_err();
    assert!(error.to_string().starts_with("step 2: `"), "{error}");
}

#[test]
fn a_diverging_run_stops_and_keeps_its_last_checkpoint() {
    let train = images(70);
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig {
        learning_rate: 1e18,
        warmup_epochs: 2.0,
        clip_norm: None,
        average_decay: None,
        ..config()
    };
    let checkpoints = Checkpoints {
        every: Some(Duration::ZERO),
        ..in_folder(folder.path())
    };
    let error = Trainer::new(config)
        .with_checkpoints(checkpoints)
        .train(network(1), (), &train)
        .unwrap_err();
    let message = error.to_string();
    let checkpoint = match error {
        TrainError::NotFinite { checkpoint, .. }
        | TrainError::WeightNotFinite { checkpoint, .. } => checkpoint,
        other => panic!("{other}"),
    };
    assert!(message.starts_with("step "), "{message}");
    assert!(message.contains("Lower the learning rate"), "{message}");
    let path = checkpoint.expect("steps before it were good");
    assert!(message.contains(&path.display().to_string()), "{message}");
    let kept = load_checkpoint(path, network(1)).unwrap();
    assert!(bits(&kept) != bits(&network(1)), "it was trained");
    let finite = |bits: u32| f32::from_bits(bits).is_finite();
    assert!(bits(&kept).into_iter().all(finite));
}

#[test]
fn foreign_checkpoints_and_settings_are_refused() {
    let train = images(70);
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig {
        epochs: 1,
        ..config()
    };
    let run =
        |config: &TrainConfig, network: Scarlet, checkpoints: Checkpoints, images: &Images| {
            Trainer::new(config.clone())
                .with_checkpoints(checkpoints)
                .train(network, (), images)
                .map(|trained| trained.steps)
        };
    let fresh = || in_folder(folder.path());
    run(&config, network(1), fresh(), &train).unwrap();
    let message = |result: Result<u64, TrainError>| result.unwrap_err().to_string();

    let taken = message(run(&config, network(1), fresh(), &train));
    assert!(taken.contains("exists already"), "{taken}");

    let changed = TrainConfig {
        learning_rate: 0.5,
        ..config.clone()
    };
    let changed = message(run(&changed, network(1), fresh().resuming(), &train));
    assert!(
        changed.contains("`learning_rate` was 0.05, and now is 0.5"),
        "{changed}"
    );

    let fewer = message(run(&config, network(1), fresh().resuming(), &images(60)));
    assert!(
        fewer.contains("`number of training images` was 70, and now is 60"),
        "{fewer}"
    );

    let architecture = space(Skip::Identity)
        .decode(&"0000000".parse().unwrap())
        .unwrap();
    let other = ScarletConfig::from(architecture)
        .try_init(&device())
        .unwrap();
    let other = message(run(&config, other, fresh().resuming(), &train));
    assert!(other.contains("is no checkpoint to go on from"), "{other}");

    let path = folder.path().join("checkpoint.safetensors");
    let bytes = fs::read(&path).unwrap();
    for damaged in [&bytes[..bytes.len() / 2], b"", b"not a checkpoint at all"] {
        fs::write(&path, damaged).unwrap();
        let damaged = message(run(&config, network(1), fresh().resuming(), &train));
        assert!(
            damaged.contains("is no checkpoint to go on from"),
            "{damaged}"
        );
    }
}

#[test]
fn a_run_goes_on_with_its_own_images_only() {
    let folder = tempfile::tempdir().unwrap();
    let run = |train: &Images, test: &Images, checkpoints: Checkpoints| {
        let config = TrainConfig {
            epochs: 1,
            ..config()
        };
        Trainer::new(config)
            .with_validation(test)
            .with_checkpoints(checkpoints)
            .train(network(1), (), train)
            .map(|trained| trained.steps)
    };
    let (train, test) = (images(24), images(12));
    run(&train, &test, in_folder(folder.path())).unwrap();
    let resuming = || in_folder(folder.path()).resuming();
    assert_eq!(run(&train, &test, resuming()).unwrap(), 3);

    let changed = |images: &Images, change: fn(&mut Vec<u8>, &mut Vec<u32>, &mut Vec<String>)| {
        let indices = 0..images.len();
        let mut pixels = indices.flat_map(|i| images.image(i).to_vec()).collect();
        let mut labels = images.labels().to_vec();
        let mut classes = images.classes().to_vec();
        change(&mut pixels, &mut labels, &mut classes);
        Images::new(images.shape(), pixels, labels, classes).unwrap()
    };
    let message = |train: &Images, test: &Images| {
        let error = run(train, test, resuming()).unwrap_err();
        error.to_string()
    };
    let edited = changed(&train, |pixels, _, _| pixels[1000] ^= 1);
    let message_edited = message(&edited, &test);
    for part in [
        "checkpoint.safetensors` was written by a run on other images",
        "labels of those to train on have changed",
        "start in another folder",
    ] {
        assert!(message_edited.contains(part), "{message_edited}");
    }
    let relabelled = changed(&train, |_, labels, _| labels.swap(0, 1));
    assert!(message(&relabelled, &test).contains("train on have changed"));
    let relabelled = changed(&test, |_, labels, _| labels.swap(0, 1));
    assert!(message(&train, &relabelled).contains("judge by have changed"));
    let renamed = |images| changed(images, |_, _, classes| classes[0] = "up".to_owned());
    let renamed = message(&renamed(&train), &renamed(&test));
    assert!(
        renamed.contains("`classes` was top, left, corner, and now is up, left, corner"),
        "{renamed}"
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let message = |images: &Images, network: Scarlet| {
        let trained = Trainer::new(config()).train(network, (), images);
        trained
            .map(|trained| trained.steps)
            .unwrap_err()
            .to_string()
    };
    let plain = network(1).valid();
    assert!(message(&images(9), plain).contains("Device::autodiff"));
    let larger = images(9).padded(24).unwrap();
    assert!(
        message(&larger, network(1))
            .contains("the data has 24 rows, but the network is made for 16")
    );
    let classes = network(1).reset_classifier(5);
    assert!(message(&images(9), classes).contains("3 classes, but the network is made for 5"));
    let colour = SearchSpace::small_images(3, 16, 3).unwrap();
    let colour = colour.decode(&"000000000".parse().unwrap()).unwrap();
    let colour = ScarletConfig::from(colour).try_init(&device()).unwrap();
    assert!(message(&images(9), colour).contains("1 channels, but the network is made for 3"));
}

#[test]
fn a_full_disk_leaves_the_last_checkpoint() {
    let train = images(70);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    Trainer::new(config())
        .with_checkpoints(in_folder(folder.path()))
        .with_observer(stop_after(2))
        .train(network(1), (), &train)
        .unwrap();
    let before = fs::read(&path).unwrap();
    // A folder in which nothing can be written any more stands for the full disk.
    let checkpoints = in_folder(folder.path()).resuming();
    let trainer = Trainer::new(config())
        .with_checkpoints(checkpoints)
        .with_observer(|event: &Event| {
            if let Event::Step { step: 4, .. } = event {
                fs::rename(folder.path(), folder.path().with_extension("gone")).unwrap();
            }
            Control::Continue
        });
    let error = trainer
        .train(network(1), (), &train)
        .map(|trained| trained.steps)
        .unwrap_err();
    let gone = folder.path().with_extension("gone");
    let after = fs::read(gone.join("checkpoint.safetensors")).unwrap();
    fs::rename(gone, folder.path()).unwrap();
    assert!(error.to_string().contains("cannot write"), "{error}");
    assert_eq!(after, before);
}

#[test]
fn a_run_without_progress_stops_and_keeps_its_best() {
    let (train, test) = (images(70), images(30));
    // Nothing is learnt at this rate, so that the first epoch stays the best.
    let config = TrainConfig {
        epochs: 50,
        learning_rate: 1e-12,
        average_decay: None,
        patience: Some(3),
        ..config()
    };
    let run = |checkpoints: Checkpoints, stop| {
        Trainer::new(config.clone())
            .with_validation(&test)
            .with_checkpoints(checkpoints)
            .with_observer(stop_after(stop))
            .train(network(1), (), &train)
            .unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let whole = run(in_folder(folder.path()), u64::MAX);
    assert!(whole.completed);
    let merit = |place: &usize| {
        let epoch = &whole.epochs[*place];
        let loss = epoch.validation_loss.unwrap();
        (epoch.validation_accuracy.unwrap(), -loss)
    };
    let places = (0..whole.epochs.len()).rev();
    let best = places.max_by(|a, b| merit(a).partial_cmp(&merit(b)).unwrap());
    assert_eq!(whole.epochs.len(), best.unwrap() + 1 + 3);
    assert!(whole.epochs.len() < 50);
    let again = run(in_folder(folder.path()).resuming(), u64::MAX);
    assert_eq!(outcome(&again), outcome(&whole));
    // More epochs are asked for with new patience.
    let longer = Trainer::new(TrainConfig {
        epochs: 60,
        ..config.clone()
    });
    let longer = longer
        .with_validation(&test)
        .with_checkpoints(in_folder(folder.path()).resuming().to_other_epochs())
        .train(network(1), (), &train)
        .unwrap();
    assert_eq!(longer.epochs.len(), whole.epochs.len() + 3);

    let folder = tempfile::tempdir().unwrap();
    run(in_folder(folder.path()), whole.steps - 5);
    let resumed = run(in_folder(folder.path()).resuming(), u64::MAX);
    assert_eq!(outcome(&resumed), outcome(&whole));
}

#[test]
fn epochs_of_balanced_classes_are_compared_by_the_mean_of_their_accuracies() {
    // 20 images of the first class, 4 of the second, none of the third.
    let all = images(60);
    let of_class = |class: usize, count: usize| (0..count).map(move |it| 3 * it + class);
    let uneven: Vec<usize> = of_class(0, 20).chain(of_class(1, 4)).collect();
    let train = all.select(&uneven);
    let run = |balance| {
        let config = TrainConfig {
            epochs: 4,
            balance,
            ..config()
        };
        let trainer = Trainer::new(config).with_validation(&train);
        trainer.train(network(1), (), &train).unwrap()
    };
    let plain = run(Balance::default());
    assert!(
        plain
            .epochs
            .iter()
            .all(|it| it.validation_class_accuracy.is_none())
    );
    for (sampling, loss) in [(1.0, 0.0), (0.0, 1.0)] {
        let trained = run(Balance { sampling, loss });
        let best = trained.epochs.iter().rfind(|it| it.best).unwrap();
        let network = trained.best.as_ref().unwrap();
        let accuracy = |class, count| {
            let images = all.select(&of_class(class, count).collect::<Vec<_>>());
            measure(network, &images, 8).unwrap().accuracy()
        };
        let mean = (accuracy(0, 20) + accuracy(1, 4)) / 2.0;
        assert_eq!(best.validation_class_accuracy, Some(mean));
        let before = trained.epochs.iter().take_while(|it| it.epoch < best.epoch);
        let highest = before.filter_map(|it| it.validation_class_accuracy);
        // Within a standard error of the best before, of some 13 images.
        assert!(highest.fold(0.0, f64::max) - mean < 0.15);
    }
}

#[test]
fn the_best_weights_are_not_changed_by_what_comes_after() {
    let (train, test) = (images(240), images(60));
    let config = TrainConfig {
        epochs: 4,
        average_decay: None,
        ..config()
    };
    let trained = Trainer::new(config)
        .with_validation(&test)
        .train(network(1), (), &train)
        .unwrap();
    let best = trained.epochs.iter().rfind(|epoch| epoch.best).unwrap();
    let network = trained.best.as_ref().unwrap();
    let again = measure(network, &test, 8).unwrap();
    assert_eq!(Some(again.accuracy()), best.validation_accuracy);
    assert_eq!(Some(again.loss), best.validation_loss);
}

#[test]
fn frozen_parts_stay_as_they_are_statistics_included() {
    let train = images(70);
    let frozen = || {
        network(1)
            .freeze_prefixes(&["stem", "separable_conv", "mb_module.0"])
            .unwrap()
    };
    let before = bits(&frozen().blocks[0]);
    let block = bits(&frozen().layers()[0]);
    let whole = Trainer::new(config()).train(frozen(), (), &train).unwrap();
    for network in [&whole.model, whole.average.as_ref().unwrap()] {
        assert_eq!(bits(&network.blocks[0]), before);
        assert_eq!(bits(&network.layers()[0]), block);
        assert_ne!(bits(&network.layers()[1]), bits(&frozen().layers()[1]));
    }
    let folder = tempfile::tempdir().unwrap();
    Trainer::new(config())
        .with_checkpoints(in_folder(folder.path()))
        .with_observer(stop_after(7))
        .train(frozen(), (), &train)
        .unwrap();
    let resumed = Trainer::new(config())
        .with_checkpoints(in_folder(folder.path()).resuming())
        .train(frozen(), (), &train)
        .unwrap();
    assert_eq!(outcome(&resumed), outcome(&whole));
}

#[test]
fn few_steps_suffice_whatever_the_momentum_of_the_statistics() {
    let (train, test) = (images(60), images(30));
    let config = |calibration_images| TrainConfig {
        epochs: 6,
        batch_size: 12,
        learning_rate: 0.05,
        calibration_images,
        ..TrainConfig::default()
    };
    // As EfficientNet-Lite0 has it: after 30 steps, three quarters are still the first weights'.
    let slow = || {
        let mut architecture = network(1).architecture().clone();
        architecture.batch_norm.momentum = 0.01;
        ScarletConfig::from(architecture)
            .try_init_seeded(1, &device())
            .unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let run = |config: TrainConfig, folder: &Path| {
        let mut last = None;
        let trained = Trainer::new(config)
            .with_validation(&test)
            .with_checkpoints(in_folder(folder))
            .with_observer(|event: &Event| {
                if let Event::Epoch(record) = event {
                    last = record.validation_accuracy;
                }
                Control::Continue
            })
            .train(slow(), (), &train)
            .unwrap();
        (trained, last.unwrap())
    };
    let (lagging, accuracy) = run(config(0), &folder.path().join("lagging"));
    let training = lagging.epochs.last().unwrap().accuracy;
    assert!(training > 0.9 && accuracy < 0.7, "{training} {accuracy}");

    let place = folder.path().join("fitting");
    let (trained, accuracy) = run(config(512), &place);
    assert_eq!(trained.epochs.last().unwrap().accuracy, training);
    assert!(bits(&trained.model) == bits(&lagging.model));
    assert!(accuracy > 0.9, "{accuracy}");
    // What is judged is what is written and returned.
    let saved = |name| Scarlet::open(place.join(name), &scarlet::burn::tensor::Device::flex());
    for (name, network) in [
        ("last.safetensors", &trained.last),
        ("best.safetensors", trained.best.as_ref().unwrap()),
    ] {
        assert!(bits(&saved(name).unwrap()) == bits(network), "{name}");
    }
    let last = measure(&trained.last, &test, 30).unwrap().accuracy();
    assert_eq!(last, accuracy);
}

#[test]
fn the_classifier_can_be_trained_alone_at_first() {
    let train = images(48);
    let config = TrainConfig {
        head_epochs: 1.5,
        average_decay: None,
        ..config()
    };
    let after = |steps| {
        let trained = Trainer::new(config.clone())
            .with_observer(stop_after(steps))
            .train(network(1), (), &train)
            .unwrap();
        trained.model
    };
    let (before, head, all) = (network(1), after(9), after(10));
    let layers = |network: &Scarlet| bits(&network.layers().to_vec());
    assert_eq!(layers(&head), layers(&before));
    assert_eq!(bits(&head.blocks[0]), bits(&before.blocks[0]));
    assert_ne!(bits(&head.classifier), bits(&before.classifier));
    assert_ne!(layers(&all), layers(&before));

    let folder = tempfile::tempdir().unwrap();
    let whole = Trainer::new(config.clone())
        .train(network(1), (), &train)
        .unwrap();
    Trainer::new(config.clone())
        .with_checkpoints(in_folder(folder.path()))
        .with_observer(stop_after(7))
        .train(network(1), (), &train)
        .unwrap();
    let resumed = Trainer::new(config)
        .with_checkpoints(in_folder(folder.path()).resuming())
        .train(network(2), (), &train)
        .unwrap();
    assert_eq!(outcome(&resumed), outcome(&whole));
}

#[test]
fn a_run_that_learns_by_heart_or_nothing_says_so_once() {
    // Labels of the held-out images are another class's.
    let train = images(48);
    let moved = images(49).select(&(1..49).collect::<Vec<_>>());
    let labels = train.labels().to_vec();
    let wrong = Images::new(
        train.shape(),
        (0..48)
            .flat_map(|image| moved.image(image).to_vec())
            .collect(),
        labels,
        ["top", "left", "corner"],
    )
    .unwrap();
    let warnings = |config: TrainConfig| {
        let mut warnings = Vec::new();
        Trainer::new(config)
            .with_validation(&wrong)
            .with_observer(|event: &Event| {
                if let Event::Warning { warning, .. } = event {
                    warnings.push(*warning);
                }
                Control::Continue
            })
            .train(network(1), (), &train)
            .unwrap();
        warnings
    };
    let plain = TrainConfig {
        epochs: 8,
        batch_size: 8,
        ..TrainConfig::default()
    };
    let by_heart = warnings(plain.clone());
    assert!(
        matches!(by_heart[..], [Warning::FarBehind { .. }]),
        "{by_heart:?}"
    );
    let nothing = warnings(TrainConfig {
        epochs: 20,
        learning_rate: 1e-9,
        ..plain
    });
    assert!(
        matches!(nothing[..], [Warning::NothingLearnt { .. }]),
        "{nothing:?}"
    );
}

#[test]
fn settings_that_need_more_say_what() {
    let train = images(9);
    let message = |config: TrainConfig| {
        let trained = Trainer::new(config).train(network(1), (), &train);
        trained
            .map(|trained| trained.steps)
            .unwrap_err()
            .to_string()
    };
    let patient = TrainConfig {
        patience: Some(2),
        ..config()
    };
    assert!(message(patient).contains("where no network is judged on validation images"));
    let supernet = supernet(Skip::Linear, 1);
    let sampler = PathSampler::new(Sampling::StrictFairness, supernet.space(), 2);
    let error = Trainer::new(config())
        .train(supernet, sampler, &train)
        .map(|trained| trained.steps)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`layer_decay` is 0.9, but must be left out for a supernet"),
        "{error}"
    );
    let supernet = common::supernet(Skip::Linear, 1);
    let sampler = PathSampler::new(Sampling::StrictFairness, supernet.space(), 2);
    let alone_first = TrainConfig {
        head_epochs: 1.0,
        ..supernet_config()
    };
    let error = Trainer::new(alone_first)
        .train(supernet, sampler, &train)
        .map(|trained| trained.steps)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`head_epochs` is 1, but must be 0 for a supernet"),
        "{error}"
    );
    // With strict fairness every step changes all weights, and averaging them costs no more.
    let supernet = common::supernet(Skip::Linear, 1);
    let sampler = PathSampler::new(Sampling::Uniform, supernet.space(), 2);
    let error = Trainer::new(supernet_config())
        .train(supernet, sampler, &train)
        .map(|trained| trained.steps)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`average_decay` is 0.9, but must be left out for a supernet that is"),
        "{error}"
    );
}
