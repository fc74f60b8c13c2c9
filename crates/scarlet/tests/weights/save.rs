//! Writing files, and opening what was written.

use std::collections::BTreeMap;
use std::fs;

use burn::tensor::{DType, Device};
use scarlet::weights::{Entry, LoadOptions, Precision, StateDict, WeightsError, formula};
use scarlet::{ModelCard, Scarlet, ScarletC};

use super::load::{assert_equal, build, logits, small};

#[test]
fn what_is_saved_opens_as_the_same_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.safetensors");
    let architecture = small();
    let network = build(&architecture)
        .load(&formula::state_dict(&architecture))
        .unwrap();
    network.save(&path, Precision::F32).unwrap();
    let opened = Scarlet::open(&path, &Device::flex()).unwrap();
    assert_eq!(opened.architecture(), &architecture);
    assert_equal(&opened.state_dict(), &network.state_dict());
    assert_eq!(logits(&opened), logits(&network));
}

fn card(classes: usize) -> ModelCard {
    let names = (0..classes).map(|class| format!("class {class} of «é»\n"));
    ModelCard::new(names.collect())
        .with_training("flowers", 1_234)
        .with_accuracy("test images", 90, 100)
}

#[test]
fn a_card_travels_with_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.safetensors");
    let architecture = small();
    let classes = architecture.classes;
    let network = build(&architecture).with_card(card(classes)).unwrap();
    network.save(&path, Precision::F16).unwrap();
    let opened = Scarlet::open(&path, &Device::flex()).unwrap();
    assert_eq!(opened.card(), Some(&card(classes)));
    // By folding and copying too.
    let folded = opened.fold_batch_norm();
    assert_eq!(folded.clone().card(), Some(&card(classes)));
    let weights = StateDict::open(&path).unwrap();
    assert_eq!(weights.card().unwrap(), Some(card(classes)));
    let loaded = build(&architecture).load(&weights).unwrap();
    assert_eq!(loaded.card(), Some(&card(classes)));

    // Another classifier is of other classes.
    let options = LoadOptions::new().without_classifier();
    let loaded = build(&architecture).load_with(&weights, &options).unwrap();
    assert_eq!(loaded.card(), None);
    assert_eq!(opened.reset_classifier(classes).card(), None);
    let error = network.with_card(card(classes + 1)).unwrap_err();
    let expected = format!(
        "names {} classes, but the network has {classes}",
        classes + 1
    );
    assert!(error.to_string().contains(&expected), "{error}");
}

#[test]
fn a_card_that_does_not_fit_never_stops_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.safetensors");
    let architecture = small();
    let whole = build(&architecture)
        .with_card(card(architecture.classes))
        .unwrap()
        .state_dict();
    let large = format!(r#"{{"classes": ["{}"]}}"#, "a".repeat(5 << 20));
    for json in ["", "3", "{}", r#"{"classes": ["alone"]}"#, large.as_str()] {
        let mut metadata = whole.metadata().clone();
        metadata.insert("scarlet.card".to_owned(), json.to_owned());
        let weights = whole.clone().with_metadata(metadata);
        weights.save(&path, Precision::F32).unwrap();
        let opened = Scarlet::open(&path, &Device::flex()).unwrap();
        assert_eq!(opened.card(), None);
        assert_eq!(opened.architecture(), &architecture);
    }
}

#[test]
fn the_file_has_the_names_of_the_released_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    let config = ScarletC::new();
    let weights = formula::state_dict(config.architecture());
    let network = config.init(&Device::flex()).load(&weights).unwrap();
    network.save(&path, Precision::F32).unwrap();
    let saved = StateDict::open(&path).unwrap();
    assert_equal(&saved, &weights);
    assert_eq!(saved.metadata()["format"], "pt");
    let size = std::fs::metadata(&path).unwrap().len();
    let parameters = network.count_parameters() as u64;
    assert!(size < parameters * 4 + 250_000, "{size} bytes");
}

#[test]
fn half_precision_halves_the_file_and_keeps_normalisation_exact() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.safetensors");
    let config = ScarletC::new();
    let network = config
        .init(&Device::flex())
        .load(&formula::state_dict(config.architecture()))
        .unwrap();
    network.save(&path, Precision::F16).unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    let parameters = network.count_parameters() as u64;
    assert!(size < parameters * 2 + 250_000, "{size} bytes");

    let saved = StateDict::open(&path).unwrap();
    for entry in saved.entries() {
        let expected = formula::entry(entry.name(), entry.shape());
        let half = entry.shape().len() > 1;
        assert_eq!(entry.dtype(), if half { DType::F16 } else { DType::F32 });
        let tolerance = if half { 1.0 / 2048.0 } else { 0.0 };
        for (found, expected) in entry.read_f32().unwrap().iter().zip(expected) {
            let error = (found - expected).abs();
            assert!(
                error <= tolerance * expected.abs().max(1e-4),
                "{}",
                entry.name()
            );
        }
    }
    let opened = Scarlet::open(&path, &Device::flex()).unwrap();
    let (found, exact) = (logits(&opened), logits(&network));
    let largest = exact
        .iter::<f32>()
        .fold(0.0, |max: f32, x| max.max(x.abs()));
    for (found, exact) in found.iter::<f32>().zip(exact.iter::<f32>()) {
        assert!((found - exact).abs() < 1e-2 * largest);
    }
}

#[test]
fn a_file_without_a_description_opens_when_it_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bare.safetensors");
    let config = ScarletC::new().with_classes(12);
    let weights = formula::state_dict(config.architecture());
    weights.save(&path, Precision::F32).unwrap();
    let opened = Scarlet::open(&path, &Device::flex()).unwrap();
    assert_eq!(opened.architecture().name, "scarlet-c");
    assert_eq!(opened.architecture().classes, 12);
    assert_equal(&opened.state_dict(), &weights);

    let unknown = formula::state_dict(&small());
    unknown.save(&path, Precision::F32).unwrap();
    let error = Scarlet::open(&path, &Device::flex())
        .unwrap_err()
        .to_string();
    assert!(error.contains("does not say which network"), "{error}");
}

#[test]
fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("newer.safetensors");
    let weights = build(&small()).state_dict();
    let mut metadata = weights.metadata().clone();
    metadata.insert("scarlet.format".to_owned(), "3".to_owned());
    weights
        .with_metadata(metadata)
        .save(&path, Precision::F32)
        .unwrap();
    let error = Scarlet::open(&path, &Device::flex())
        .unwrap_err()
        .to_string();
    assert!(error.contains("format version 3"), "{error}");
    assert!(error.contains("reads up to 2"), "{error}");
}

#[test]
fn a_damaged_file_is_refused_or_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.safetensors");
    let weights = build(&small()).state_dict();
    weights.save(&path, Precision::F16).unwrap();
    let bytes = fs::read(&path).unwrap();
    let expected: Vec<Vec<f32>> = values(&StateDict::open(&path).unwrap());
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        match StateDict::open(&path) {
            Ok(weights) => {
                assert_eq!(values(&weights), expected);
                false
            }
            Err(error) => !error.to_string().is_empty(),
        }
    };
    assert!(!refused(&bytes));
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    for at in (0..header).chain((header..bytes.len()).step_by(97)) {
        for change in [0x01, 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] ^= change;
            assert!(refused(&damaged), "byte {at}");
        }
    }
    assert!(refused(&bytes[..bytes.len() - 4]));
    // What kept the old metadata with new weights is told what to do.
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&path, &changed).unwrap();
    let error = StateDict::open(&path).unwrap_err().to_string();
    assert!(error.contains("is not as it was written"), "{error}");
    assert!(error.contains("leave out `scarlet.checksum`"), "{error}");
}

fn values(weights: &StateDict) -> Vec<Vec<f32>> {
    let entries = weights.entries().iter();
    entries.map(|entry| entry.read_f32().unwrap()).collect()
}

#[test]
fn a_description_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("described.safetensors");
    let error_of = |weights: &StateDict, description: String| {
        let mut metadata = weights.metadata().clone();
        metadata.insert("scarlet.architecture".to_owned(), description);
        let described = weights.clone().with_metadata(metadata);
        described.save(&path, Precision::F32).unwrap();
        Scarlet::open(&path, &Device::flex())
            .unwrap_err()
            .to_string()
    };
    let weights = build(&small()).state_dict();
    let error = error_of(&weights, "{".to_owned());
    assert!(error.contains("cannot be built: line 1"), "{error}");
    let mut empty = small();
    empty.blocks[0].channels = 0;
    let error = error_of(&weights, empty.to_json());
    assert!(
        error.contains("cannot be built: blocks: token 1 \"C3@0/2:relu6\""),
        "{error}"
    );
    let mut other = small();
    other.head.conv.as_mut().unwrap().channels = 56;
    let error = error_of(&weights, other.to_json());
    assert!(
        error.contains("conv_before_pooling.0.weight: expected [56"),
        "{error}"
    );
}

/// One weight beside a good one.
fn weights_with(value: f32) -> StateDict {
    StateDict::from_entries([
        Entry::from_f32("a.weight", vec![2, 2], || vec![1.0; 4]),
        Entry::from_f32("b.weight", vec![2, 2], move || vec![0.0, 0.0, value, 0.0]),
    ])
}

#[test]
fn a_failed_save_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    std::fs::write(&path, "old").unwrap();
    for (value, precision, expected) in [
        (f32::NAN, Precision::F32, "`b.weight` holds NaN at index 2"),
        (1e6, Precision::F16, "half precision ends at 65504"),
    ] {
        let error = weights_with(value).save(&path, precision).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 1, "a temporary file was left");
    }
    weights_with(1e6).save(&path, Precision::F32).unwrap();
    assert_eq!(StateDict::open(&path).unwrap().entries().len(), 2);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent/w.safetensors");
    let error = weights_with(1.0).save(&path, Precision::F32).unwrap_err();
    assert!(matches!(error, WeightsError::Write { .. }));
    assert!(
        error.to_string().contains("absent/w.safetensors"),
        "{error}"
    );
}

#[test]
fn metadata_and_odd_names_survive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let name = "käse.\"quoted\"\n.weight";
    let weights = StateDict::from_entries([
        Entry::from_f32(name, vec![], || vec![2.5]),
        Entry::from_f32("empty", vec![0, 3], Vec::new),
    ])
    .with_metadata(BTreeMap::from([("who".to_owned(), "wé".to_owned())]));
    weights.save(&path, Precision::F16).unwrap();
    let opened = StateDict::open(&path).unwrap();
    assert_eq!(opened.metadata()["who"], "wé");
    assert_eq!(opened.get(name).unwrap().read_f32().unwrap(), [2.5]);
    assert_eq!(opened.get("empty").unwrap().shape(), [0, 3]);
}

#[cfg(unix)]
#[test]
fn a_saved_file_is_as_readable_as_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |name: &str| {
        let metadata = std::fs::metadata(folder.path().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    std::fs::write(folder.path().join("plain"), "").unwrap();
    let path = folder.path().join("w.safetensors");
    weights_with(1.0).save(path, Precision::F32).unwrap();
    assert_eq!(mode("w.safetensors"), mode("plain"));
}
