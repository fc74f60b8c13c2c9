//! Training on photographs that change under it.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use scarlet::Architecture;
use scarlet::weights::{Precision, StateDict};
use scarlet_data::{Rgb, RgbImage};
use scarlet_run::RunError;
use scarlet_run::RunFolder;
use scarlet_run::standalone::{
    Recipe, Standalone, StandaloneConfig, StandaloneRecord, StandaloneResult, Start,
};
use scarlet_train::{Augment, Control, Event, TrainConfig, TrainError};

/// Eight photographs each of two classes, and where they are.
fn photographs(root: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for (class, name) in ["dark", "bright"].iter().enumerate() {
        fs::create_dir_all(root.join(name)).unwrap();
        for index in 0..8u8 {
            let path = root.join(name).join(format!("{index}.png"));
            let level = 100 * class as u8 + 9 * index;
            let image = RgbImage::from_fn(16, 16, |x, y| Rgb([level, x as u8, y as u8]));
            image.save(&path).unwrap();
            paths.push(path);
        }
    }
    paths
}

/// A run of three epochs that keeps nothing in memory, in a new folder or where it has stopped.
fn train(
    data: &Path,
    out: &Path,
    mut see: impl FnMut(&Event),
) -> Result<StandaloneResult, RunError> {
    let mut config = StandaloneConfig::defaults(Recipe::Scratch, data.to_str().unwrap()).unwrap();
    config.data.cache_megabytes = 0;
    config.network.resolution = Some(16);
    config.train = TrainConfig {
        epochs: 3,
        batch_size: 4,
        augment: Augment::default(),
        ..config.train
    };
    let network: Architecture = "E3K3@8/2".parse().unwrap();
    let (folder, start) = match out.exists() {
        true => {
            let (folder, record) = RunFolder::open::<StandaloneRecord>(out).unwrap();
            (Some(folder), Start::Checkpoint(record.architecture))
        }
        false => (None, Start::Scratch(network)),
    };
    let run = Standalone::prepare(config, start, &Device::flex(), |_| {})?;
    let folder = match folder {
        Some(folder) => folder,
        None => RunFolder::create(out, run.record()).unwrap(),
    };
    run.train(&folder, |event: &Event| {
        see(event);
        Control::Continue
    })
}

#[test]
fn a_photograph_that_becomes_unreadable_ends_a_run_that_can_go_on() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let paths = photographs(&data);
    let (whole, broken) = (root.path().join("whole"), root.path().join("broken"));
    assert!(train(&data, &whole, |_| {}).unwrap().completed);

    let contents: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    let mut saved = None;
    let error = train(&data, &broken, |event| {
        if let (Event::Checkpoint { path, .. }, None) = (event, &saved) {
            saved = Some(fs::read(path).unwrap());
            paths
                .iter()
                .for_each(|path| fs::write(path, "torn").unwrap());
        }
    })
    .unwrap_err();
    let is_data =
        matches!(&error, RunError::Train(error) if matches!(**error, TrainError::Data(_)));
    assert!(is_data, "{error:?}");
    let message = error.to_string();
    assert!(message.contains("is not an image"), "{message}");
    let is_named = |path: &PathBuf| message.contains(&path.display().to_string());
    assert_eq!(
        paths.iter().filter(|path| is_named(path)).count(),
        1,
        "{message}"
    );
    // The checkpoint is the one from before.
    let checkpoint = broken.join("checkpoint.safetensors");
    assert!(Some(fs::read(&checkpoint).unwrap()) == saved);

    for (path, contents) in paths.iter().zip(contents) {
        fs::write(path, contents).unwrap();
    }
    assert!(train(&data, &broken, |_| {}).unwrap().completed);
    let read = |folder: &Path| fs::read(folder.join("last.safetensors")).unwrap();
    assert!(read(&whole) == read(&broken));
}

/// Two photographs of each of so many classes.
fn pairs(root: &Path, classes: usize) {
    for class in 0..classes {
        let folder = root.join(format!("class {class:03}"));
        fs::create_dir_all(&folder).unwrap();
        for index in 0..2u8 {
            let level = (class * 2) as u8 + index;
            let image = RgbImage::from_fn(16, 16, |x, y| Rgb([level, 9 * x as u8, 9 * y as u8]));
            image.save(folder.join(format!("{index}.png"))).unwrap();
        }
    }
}

#[test]
fn the_first_loss_is_that_of_chance() {
    let root = tempfile::tempdir().unwrap();
    let weights = root.path().join("weights.safetensors");
    let network: Architecture = "E3K3@8/2".parse().unwrap();
    let trained = scarlet::ScarletConfig::from(network.clone())
        .with_classes(1000)
        .try_init_seeded(1, &Device::flex())
        .unwrap();
    trained.save(&weights, Precision::F32).unwrap();
    for classes in [2, 10, 100] {
        let data = root.path().join(format!("{classes}"));
        pairs(&data, classes);
        for recipe in [Recipe::Scratch, Recipe::Finetune] {
            let given = serde_json::json!({
                "network": {"resolution": 16},
                "train": {"epochs": 1, "batch_size": 2},
            });
            let config = StandaloneConfig::for_data(recipe, data.to_str().unwrap(), &given);
            let start = match recipe {
                Recipe::Scratch => Start::Scratch(network.clone()),
                Recipe::Finetune => {
                    let entries = StateDict::open(&weights).unwrap();
                    Start::Weights(network.clone(), Box::new(entries))
                }
            };
            let run = Standalone::prepare(config.unwrap(), start, &Device::flex(), |_| {}).unwrap();
            let out = root.path().join(format!("{recipe:?} {classes}"));
            let folder = RunFolder::create(out, run.record()).unwrap();
            let mut first = None;
            run.train(&folder, |event: &Event| {
                if let (Event::Step { loss, .. }, None) = (event, first) {
                    first = Some(*loss);
                }
                Control::Continue
            })
            .unwrap();
            let (first, chance) = (first.unwrap(), (classes as f64).ln());
            assert!(
                (first - chance).abs() < 0.1 * chance,
                "{recipe:?} {classes}: {first}"
            );
        }
    }
}
