//! Networks under torchvision's names against logits that torchvision 0.29 computed in f64.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::collections::BTreeMap;

use burn::tensor::Device;
use common::{Golden, assert_close, assert_images_differ, golden_path, signal, with_statistics};
use scarlet::weights::{Entry, Naming, Precision, StateDict, formula, recognise};
use scarlet::{ScarletConfig, zoo};

#[test]
fn networks_are_recognised_and_agree() {
    let json = std::fs::read_to_string(golden_path("torchvision/names.json")).unwrap();
    let networks: BTreeMap<String, BTreeMap<String, Vec<usize>>> =
        serde_json::from_str(&json).unwrap();
    assert_eq!(networks.len(), 5);
    let device = Device::flex();
    for (name, entries) in networks {
        let golden = Golden::open(&format!("torchvision/{name}.safetensors"));
        let weights = StateDict::from_entries(entries.into_iter().map(|(name, shape)| {
            let values = formula::entry(&name, &shape);
            Entry::from_f32(name, shape, move || values.clone())
        }));
        let weights = with_statistics(&weights, &golden);
        let found = recognise(&weights).unwrap();
        assert_eq!((found.naming, found.assumed), (Naming::Torchvision, None));
        assert_eq!(zoo::find(&name).unwrap().name(), found.architecture.name);
        let config = ScarletConfig::from(found.architecture);
        let network = config.init(&device).load(&weights).unwrap();
        let logits = network.forward(signal("input.97", [2, 3, 97, 97], &device));
        let expected = golden.get("logits");
        assert_images_differ(&name, &expected);
        assert_close(&name, logits.into_data(), &expected, 1e-4);
    }
}

#[test]
fn a_name_beside_the_file_does_not_make_it_timms() {
    // Both have a network of this name, with other constants of batch normalisation.
    let name = "mobilenet_v3_small";
    let json = std::fs::read_to_string(golden_path("torchvision/names.json")).unwrap();
    let mut networks: BTreeMap<String, BTreeMap<String, Vec<usize>>> =
        serde_json::from_str(&json).unwrap();
    let entries = networks.remove(name).unwrap().into_iter();
    let weights = StateDict::from_entries(entries.map(|(name, shape)| {
        let values = shape.iter().product();
        Entry::from_f32(name, shape, move || vec![1.0; values])
    }));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    weights.save(&path, Precision::F16).unwrap();
    let config = format!("{{\"architecture\": \"{name}\"}}");
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    let found = recognise(&StateDict::open(&path).unwrap()).unwrap();
    assert_eq!((found.naming, found.assumed), (Naming::Torchvision, None));
    assert_eq!(found.architecture.batch_norm.epsilon, 1e-3);
}
