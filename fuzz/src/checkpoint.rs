//! Everything that reads checkpoints, and goes on from them.

use std::fs::{self, File};
use std::path::Path;
use std::sync::OnceLock;

use fastrand::Rng;
use scarlet::burn::module::{Module, ModuleVisitor, Param};
use scarlet::burn::tensor::{Device, Tensor};
use scarlet::{Scarlet, ScarletConfig};
use scarlet_io::checksum;
use scarlet_train::{Checkpoints, Control, Event, Optimizer, TrainConfig, Trainer, load_checkpoint};

use crate::{Target, mutate, small};

const FILE: &str = "checkpoint.safetensors";

/// A training by one of the optimizers, whose checkpoint comes after its second of three steps.
struct Case {
    config: TrainConfig,
    checkpoint: Vec<u8>,
    /// The weights that it comes to.
    result: Vec<u32>,
}

fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        let sgd = Optimizer::default();
        let adam = Optimizer::AdamW {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
        };
        [(sgd, None), (adam, Some(0.5))].map(case).into()
    })
}

fn case((optimizer, average_decay): (Optimizer, Option<f64>)) -> Case {
    let config = TrainConfig {
        epochs: 1,
        batch_size: 4,
        optimizer,
        average_decay,
        learning_rate: 0.01,
        ..TrainConfig::default()
    };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let stopped = train(&config, folder.path(), Some(2)).expect("nothing is damaged");
    drop(stopped);
    let checkpoint = fs::read(folder.path().join(FILE)).expect("there is a checkpoint");
    let result = train(&config, folder.path(), None).expect("nothing is damaged");
    Case {
        config,
        checkpoint,
        result,
    }
}

/// The weights after all steps, or so many.
fn train(config: &TrainConfig, folder: &Path, last: Option<u64>) -> Result<Vec<u32>, String> {
    let images = small::images(12);
    let checkpoints = Checkpoints {
        every_epochs: 0,
        every: None,
        ..Checkpoints::new(folder).resuming()
    };
    let trained = Trainer::new(config.clone())
        .with_checkpoints(checkpoints)
        .with_observer(|event: &Event| match event {
            Event::Step { step, .. } if Some(*step) == last => Control::Stop,
            _ => Control::Continue,
        })
        .train(network(), (), &images)
        .map_err(|error| error.to_string())?;
    Ok(bits(&trained.into_best()))
}

fn network() -> Scarlet {
    ScarletConfig::from(small::architecture()).init(&Device::flex().autodiff())
}

fn bits(network: &Scarlet) -> Vec<u32> {
    struct Bits(Vec<u32>);
    impl ModuleVisitor for Bits {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let data = param.val().into_data();
            self.0.extend(data.iter::<f32>().map(f32::to_bits));
        }
    }
    let mut bits = Bits(Vec::new());
    network.valid().visit(&mut bits);
    bits.0
}

/// Checkpoints as a bad disk damages them.
pub(crate) fn target() -> Target {
    Target {
        seeds: cases().iter().map(|case| case.checkpoint.clone()).collect(),
        wrap: |bytes, rng| match rng.u8(0..4) {
            0 => sealed(bytes),
            _ => bytes,
        },
        feed,
    }
}

/// Checkpoints whose optimizer's record is damaged, and whose checksum hides it.
pub(crate) fn optimizer_target() -> Target {
    Target {
        wrap: mend,
        ..target()
    }
}

/// Keeps all but the optimizer's record as it was, and puts the checksum right.
fn mend(_: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = cases()[rng.usize(..cases().len())].checkpoint.clone();
    let place = record_of(&bytes);
    let mut record = mutate::damage(&[bytes[place.clone()].to_vec()], rng);
    record.resize(place.len(), 0);
    bytes[place].copy_from_slice(&record);
    sealed(bytes)
}

/// Where the optimizer's record is: the last tensor.
fn record_of(checkpoint: &[u8]) -> std::ops::Range<usize> {
    let length = u64::from_le_bytes(checkpoint[..8].try_into().expect("eight bytes")) as usize;
    let header: serde_json::Value =
        serde_json::from_slice(&checkpoint[8..8 + length]).expect("the header is JSON");
    let offset = |index: usize| {
        let offset = header["optimizer"]["data_offsets"][index].as_u64();
        8 + length + offset.expect("an offset") as usize
    };
    offset(0)..offset(1)
}

/// With the checksum of what it holds.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(place) = checksum::place_in(&bytes) {
        bytes[place.clone()].copy_from_slice(checksum::PLACEHOLDER.as_bytes());
        let found = format!("{:08x}", crc32fast::hash(&bytes));
        bytes[place].copy_from_slice(found.as_bytes());
    }
    bytes
}

/// Whether the checksum is there and fits.
fn is_sealed(path: &Path, bytes: &[u8]) -> bool {
    let Some(place) = checksum::place_in(bytes) else {
        return false;
    };
    let mut file = File::open(path).expect("the input can be read");
    let place = place.start as u64..place.end as u64;
    matches!(checksum::check_file(&mut file, place), Ok(Ok(())))
}

fn feed(path: &Path) -> bool {
    let bytes = fs::read(path).expect("the input can be read");
    if let Err(error) = load_checkpoint(path, network()) {
        drop(error.to_string());
    }
    let mut accepted = false;
    for case in cases() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join(FILE), &bytes).expect("the input can be copied");
        match train(&case.config, folder.path(), None) {
            Ok(result) => {
                accepted = true;
                // Somebody who puts the checksum right may get another network.
                let is_other = is_sealed(path, &bytes) && bytes != case.checkpoint;
                assert!(
                    is_other || result == case.result,
                    "another network, and no error"
                );
            }
            Err(error) => drop(error),
        }
    }
    accepted
}
