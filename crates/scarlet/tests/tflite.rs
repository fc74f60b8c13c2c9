//! TensorFlow Lite files compute, in LiteRT, what the network computes.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use common::runtime;
use scarlet::arch::Padding;
use scarlet::tflite::{Batch, TfliteOptions};
use scarlet::weights::formula;
use scarlet::{Architecture, Scarlet, ScarletConfig, zoo};

fn network(architecture: Architecture) -> Scarlet {
    let weights = formula::state_dict(&architecture);
    let network = ScarletConfig::from(architecture).try_init(&Device::flex());
    network.unwrap().load(&weights).unwrap()
}

/// What check_tflite.py says of a file and a case; fails where it does.
fn check(model: &Path, case: &Path) -> String {
    runtime::check("check_tflite.py", model, case)
}

/// Writes a network for so many images at once, and for any number, and has LiteRT run it.
fn agrees(network: &Scarlet, batches: &[(Batch, usize)]) {
    let folder = tempfile::tempdir().unwrap();
    for &(batch, images) in batches {
        let model = folder.path().join("network.tflite");
        let case = folder.path().join("case.safetensors");
        let options = TfliteOptions::new().with_batch(batch);
        network.save_tflite(&model, &options).unwrap();
        let images = runtime::images_for(network.architecture(), images);
        runtime::write_case(images.clone(), network.forward(images), &case);
        let name = &network.architecture().name;
        println!("{name}, {batch:?}: {}", check(&model, &case));
    }
}

#[test]
#[ignore = "needs Python with ai-edge-litert and safetensors; PYTHON names the interpreter"]
fn litert_agrees() {
    for name in [
        "scarlet-a",
        "efficientnet-lite0",
        "mobilenetv3-large",
        "efficientnet-b0",
    ] {
        let network = network(zoo::by_name(name).unwrap());
        let batches = [
            (Batch::Fixed(1), 1),
            (Batch::Fixed(8), 8),
            (Batch::Dynamic, 8),
        ];
        agrees(&network, &batches);
    }
    // As a search finds them: with skips and a stabilizer.
    let found: Architecture = "E3K3@16/2 - E3K5s@24/2 L@24".parse().unwrap();
    agrees(&network(found.with_resolution(32)), &[(Batch::Dynamic, 3)]);
    // All forms of blocks and heads, for images of an odd size.
    for text in common::KINDS {
        let kind: Architecture = text.parse().unwrap();
        let kind = kind.with_classes(5).with_resolution(97);
        let same = Architecture {
            padding: Padding::Same,
            ..kind.clone()
        };
        for kind in [kind, same] {
            agrees(&network(kind), &[(Batch::Fixed(2), 2), (Batch::Dynamic, 3)]);
        }
    }
}

/// Networks of every activation and gate, and of the padding that both frameworks have.
fn of_integers() -> [Architecture; 3] {
    ["scarlet-c", "efficientnet-b0", "efficientnet-lite0"].map(|name| zoo::by_name(name).unwrap())
}

#[test]
#[ignore = "as above"]
fn litert_computes_in_integers() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("network.tflite");
    let case = folder.path().join("case.safetensors");
    for architecture in of_integers() {
        let network = network(architecture.with_resolution(97));
        let images = runtime::images_for(network.architecture(), 4);
        let options = TfliteOptions::new().with_batch(Batch::Dynamic);
        let options = options.with_int8(runtime::rounded(&network, &images));
        network.save_tflite(&model, &options).unwrap();
        runtime::write_case(images.clone(), network.forward(images), &case);
        let said = runtime::check_within("check_tflite.py", &model, &case, 0.05);
        println!("{}: {said}", network.architecture().name);
    }
}

#[test]
#[ignore = "as above; of all networks of the zoo, which takes minutes"]
fn litert_agrees_on_the_whole_zoo() {
    for (index, known) in zoo::networks().enumerate() {
        // Where zeros are symmetric, "same" adds others to an even size.
        let side = if index % 2 == 0 { 64 } else { 97 };
        let architecture = known.architecture().with_resolution(side);
        agrees(&network(architecture), &[(Batch::Fixed(1), 1)]);
    }
}

#[test]
#[ignore = "as above; SCARLET_NETWORK names the folder `network` of a run of `scarlet search`"]
fn litert_agrees_with_a_runs_network() {
    let Some(folder) = std::env::var_os("SCARLET_NETWORK").map(PathBuf::from) else {
        println!("skipped: SCARLET_NETWORK names no folder");
        return;
    };
    let network = Scarlet::open(folder.join("network.safetensors"), &Device::flex()).unwrap();
    agrees(&network, &[(Batch::Fixed(1), 1), (Batch::Dynamic, 8)]);
}
