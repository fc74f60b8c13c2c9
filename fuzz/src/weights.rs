//! Everything that reads weight files.

use std::io::{Cursor, Read, Write};
use std::path::Path;

use fastrand::Rng;
use scarlet::weights::{LoadOptions, LoadReport, OpenOptions, StateDict, formula, recognise};
use scarlet::{Architecture, Scarlet};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::{Target, pickles, seeds};

/// Marks a seed that is the pickle of a zip archive.
const PICKLE: &[u8] = b"pickle:";

pub(crate) fn target() -> Target {
    let mut seeds = seeds::weight_files();
    seeds.extend(seeds.clone().iter().filter_map(|file| pickle_of(file)));
    let pickles = pickles::seeds();
    seeds.extend(pickles.iter().map(|pickle| [PICKLE, pickle].concat()));
    seeds.push(safetensors());
    Target { seeds, wrap, feed }
}

/// The pickle inside a checkpoint that is a zip archive.
fn pickle_of(file: &[u8]) -> Option<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(file)).ok()?;
    let name = archive
        .file_names()
        .filter_map(Result::ok)
        .find(|name| name.ends_with("data.pkl"))?
        .to_string();
    let mut pickle = PICKLE.to_vec();
    archive.by_name(&name).ok()?.read_to_end(&mut pickle).ok()?;
    Some(pickle)
}

/// Puts a damaged pickle into a sound archive, whose checksums would hide it otherwise.
fn wrap(bytes: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    let Some(pickle) = bytes.strip_prefix(PICKLE) else {
        return bytes;
    };
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, content: &[u8]| {
        archive
            .start_file(name, options)
            .and_then(|()| Ok(archive.write_all(content)?))
            .expect("an archive in memory can be written");
    };
    add("archive/data.pkl", pickle);
    add("archive/byteorder", b"little");
    for storage in 0..24 {
        let content = vec![rng.u8(..); rng.usize(..5_000)];
        add(&format!("archive/data/{storage}"), &content);
    }
    archive
        .finish()
        .expect("an archive in memory can be written")
        .into_inner()
}

/// A whole small network with its description.
fn safetensors() -> Vec<u8> {
    let text = "C3@4/2:relu6 E1K3n@4:relu6 E3K3@8/2 - E1K3s(swish,sigmoid)@8 L@8 P8:relu6 F6n";
    let architecture: Architecture = text.parse().expect("the text is good");
    let architecture = architecture.with_classes(3);
    let weights = formula::state_dict(&architecture);
    let network = scarlet::ScarletConfig::from(architecture)
        .init(&burn::tensor::Device::flex())
        .load(&weights)
        .expect("the weights fit");
    let file = tempfile::Builder::new()
        .suffix(".safetensors")
        .tempfile()
        .expect("a temporary file can be made");
    network
        .save(file.path(), scarlet::weights::Precision::F16)
        .expect("the network can be saved");
    std::fs::read(file.path()).expect("what was saved can be read")
}

fn feed(path: &Path) -> bool {
    // Errors are read as well: writing one must not fail either.
    let weights = match StateDict::open(path) {
        Ok(weights) => weights,
        Err(error) => {
            drop(error.to_string());
            return false;
        }
    };
    drop(weights.notes().join("\n"));
    if let Err(error) = weights.architecture() {
        drop(error.to_string());
    }
    let found = recognise(&weights);
    let reference = scarlet::arch::scarlet_c();
    let report = LoadReport::compare(&reference, &weights, &LoadOptions::new());
    drop(report.to_string());
    for entry in weights.entries() {
        match entry.read_f32() {
            Ok(values) => assert_eq!(values.len(), entry.value_count()),
            Err(error) => drop(error.to_string()),
        }
    }
    for options in [
        OpenOptions {
            key: Some("model_state".to_owned()),
            ..OpenOptions::default()
        },
        OpenOptions {
            prefix: Some("conv_stem".to_owned()),
            ..OpenOptions::default()
        },
        OpenOptions {
            renamings: "conv_stem=fc".parse().into_iter().collect(),
            origin: Some("fairnas".to_owned()),
            ..OpenOptions::default()
        },
    ] {
        if let Err(error) = StateDict::open_with(path, &options) {
            drop(error.to_string());
        }
    }
    // Damage to a description leaves networks that are small, for their weights must be there.
    if found.is_some()
        && let Err(error) = Scarlet::open(path, &burn::tensor::Device::flex())
    {
        drop(error.to_string());
    }
    true
}
