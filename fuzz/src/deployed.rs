//! Everything that reads deployed networks.

use std::path::Path;

use fastrand::Rng;
use scarlet::weights::formula;
use scarlet::{Architecture, DeployOptions, Deployed, ScarletConfig};

use crate::Target;

const HEAD: usize = 64;
const CHECKSUM: usize = 56;

pub(crate) fn target() -> Target {
    let seeds = [
        "C3@4/2:relu6 E1K3n@4:relu6 E3K3@8/2 - E1K3s@8 L@8 P8:relu6",
        "C3@4/2:relu6 E1K3n@4:relu6 E2K7s@10/2 E3K5@10 P8:relu6",
        "[swish, se swish sigmoid] C5@4/2 E2K7s3a@10/2 C1@8:relu F12n",
    ];
    Target {
        seeds: seeds.map(deployed).to_vec(),
        wrap,
        feed,
    }
}

/// A whole small network.
fn deployed(text: &str) -> Vec<u8> {
    let architecture: Architecture = text.parse().expect("the text is good");
    let architecture = architecture.with_classes(3).with_resolution(32);
    let weights = formula::state_dict(&architecture);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("network");
    ScarletConfig::from(architecture)
        .init(&burn::tensor::Device::flex())
        .load(&weights)
        .expect("the weights fit")
        .deploy(&DeployOptions::new())
        .and_then(|deployed| deployed.save(&path))
        .expect("the network can be saved");
    std::fs::read(path).expect("what was saved can be read")
}

/// Mostly puts right the lengths and the checksum, which would hide what is behind them.
fn wrap(mut bytes: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    if bytes.len() < HEAD || rng.u8(0..8) == 0 {
        return bytes;
    }
    bytes.resize(bytes.len().next_multiple_of(64), 0);
    let number = |bytes: &[u8], at: usize| {
        u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
    };
    let front = number(&bytes, 32)
        .checked_add(number(&bytes, 40))
        .and_then(|front| front.checked_add(HEAD as u64))
        .and_then(|front| front.checked_next_multiple_of(64));
    if let Some(weights) = front.and_then(|front| (bytes.len() as u64).checked_sub(front)) {
        bytes[48..56].copy_from_slice(&weights.to_le_bytes());
    }
    let checksum = checksum(&bytes);
    bytes[CHECKSUM..HEAD].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// As it is documented in the library: FNV-1a with a turn, on words, in four lanes.
fn checksum(bytes: &[u8]) -> u64 {
    const BASIS: u64 = 0xCBF2_9CE4_8422_2325;
    let step = |hash: u64, word: u64| {
        (hash ^ word)
            .wrapping_mul(0x0000_0100_0000_01B3)
            .rotate_left(29)
    };
    let mut lanes = [BASIS, BASIS + 1, BASIS + 2, BASIS + 3];
    for (index, word) in bytes.chunks_exact(8).enumerate() {
        if index != CHECKSUM / 8 {
            let word = u64::from_le_bytes(word.try_into().expect("eight bytes"));
            lanes[index % 4] = step(lanes[index % 4], word);
        }
    }
    lanes.into_iter().fold(BASIS, step)
}

fn feed(path: &Path) -> bool {
    // Errors are read as well: writing one must not fail either.
    if let Err(error) = Deployed::read_architecture(path) {
        drop(error.to_string());
    }
    let options = DeployOptions::new().with_size(32, 32).with_threads(1);
    let mut deployed = match Deployed::open(path, &options) {
        Ok(deployed) => deployed,
        Err(error) => {
            drop(error.to_string());
            return false;
        }
    };
    let values = deployed.architecture().input_channels * 32 * 32;
    if let Err(error) = deployed.run(&vec![0.5; values]) {
        drop(error.to_string());
    }
    true
}
