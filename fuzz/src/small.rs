//! Runs so small that thousands can go on in an hour.

use std::fs;
use std::path::Path;

use scarlet::{Architecture, burn::tensor::Device};
use scarlet_data::dataset::Images;
use scarlet_run::pipeline::{Run, RunConfig};
use scarlet_run::standalone::{Recipe, Standalone, StandaloneConfig, StandaloneRecord, Start};
use scarlet_run::RunFolder;
use scarlet_train::{Control, Event};
use serde_json::json;

/// Images to train on.
const TRAIN: u32 = 24;

/// A network for images of 8×8 pixels in two classes.
pub(crate) fn architecture() -> Architecture {
    let text = "C3@4/2:relu6 E1K3n@4:relu6 E3K3@8/2 - E3K3s@8 P8:relu6";
    let mut architecture: Architecture = text.parse().expect("the text is good");
    architecture.input_channels = 1;
    architecture.with_classes(2).with_resolution(8)
}

pub(crate) fn images(count: usize) -> Images {
    let pixels = (0..count * 64).map(|index| (index * 89 % 251) as u8);
    let labels = (0..count as u32).map(|index| index % 2);
    Images::new([1, 8, 8], pixels.collect(), labels.collect(), ["a", "b"])
        .expect("the images belong together")
}

/// Files in MNIST's format.
pub(crate) fn write_data(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder can be made");
    for (part, count) in [("train", TRAIN), ("t10k", 4)] {
        let (mut images, mut labels) = (vec![0, 0, 8, 3], vec![0, 0, 8, 1]);
        for size in [count, 8, 8] {
            images.extend(size.to_be_bytes());
        }
        labels.extend(count.to_be_bytes());
        for image in 0..count {
            labels.push((image % 2) as u8);
            let pixel =
                |at: u32| (at / 32 == image % 2) as u32 * 120 + (image * 31 + at * 57) % 100;
            images.extend((0..64).map(|at| pixel(at) as u8));
        }
        for (kind, bytes) in [("images-idx3", images), ("labels-idx1", labels)] {
            fs::write(folder.join(format!("{part}-{kind}-ubyte")), bytes)
                .expect("a file can be written");
        }
    }
}

/// Begins a training in `out`, or goes on with it, as `scarlet train` does; stopped after some
/// epochs, if any are given.
pub(crate) fn train(data: &Path, out: &Path, epochs: Option<u64>) -> Result<(), String> {
    let (folder, config, start) = match out.join("config.json").exists() {
        true => {
            let (folder, record) =
                RunFolder::open::<StandaloneRecord>(out).map_err(|error| error.to_string())?;
            let start = Start::Checkpoint(record.architecture);
            (Some(folder), record.config, start)
        }
        false => (
            None,
            StandaloneConfig::defaults(Recipe::Scratch, &data.display().to_string())
                .and_then(|config| config.with(json!({"train": {"epochs": 3, "batch_size": 8}})))
                .map_err(|error| error.to_string())?,
            Start::Scratch(architecture()),
        ),
    };
    let device = Device::flex().autodiff();
    let run =
        Standalone::prepare(config, start, &device, |_| {}).map_err(|error| error.to_string())?;
    let folder = match folder {
        Some(folder) => folder,
        None => RunFolder::create(out, run.record()).map_err(|error| error.to_string())?,
    };
    run.train(&folder, |event: &Event| match event {
        Event::Epoch(record) if Some(record.epoch) == epochs => Control::Stop,
        _ => Control::Continue,
    })
    .map(|_| ())
    .map_err(|error| error.to_string())
}

/// Begins a search in `out`, or goes on with it, as `scarlet search` does.
pub(crate) fn search(data: &Path, out: &Path) -> Result<(), String> {
    let text = |error: scarlet_run::RunError| error.to_string();
    let (folder, config) = match out.join("config.json").exists() {
        true => RunConfig::open_existing(out).map_err(text)?,
        false => {
            let changes = json!({
                "data": {"source": data.display().to_string(), "holdout": 0.2},
                "space": {
                    "layers": [[8, 2], [8, 1]],
                    "choices": ["E3K3"],
                    "stem": 4,
                    "separable": 4,
                    "head": 8,
                },
                "supernet": {"epochs": 1, "batch_size": 8},
                "search": {
                    "budget": ["mult_adds <= 300K"],
                    "evaluations": 3,
                    "algorithm": {"population": 2},
                    "calibration_images": 8,
                    "batch_size": 8,
                },
                "train": {"epochs": 1, "batch_size": 8},
                "export": {"onnx": false},
            });
            let config = RunConfig::default().with(changes).map_err(text)?;
            (config.new_folder(out).map_err(text)?, config)
        }
    };
    let run = Run::prepare(config, Device::flex(), |_| {}).map_err(text)?;
    run.finish(&folder).map(|_| ()).map_err(text)
}
