//! ONNX files compute, in ONNX Runtime, what the network computes.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use common::runtime::{self, images_for, write_case};
use scarlet::arch::{Padding, SearchSpace, Skip};
use scarlet::onnx::{Batch, OnnxOptions};
use scarlet::weights::formula;
use scarlet::{Architecture, DeployOptions, Deployed, Scarlet, ScarletConfig, zoo};

fn network(architecture: Architecture) -> Scarlet {
    let weights = formula::state_dict(&architecture);
    let network = ScarletConfig::from(architecture).try_init(&Device::flex());
    network.unwrap().load(&weights).unwrap()
}

/// What check_onnx.py says of a file and a case; fails where it does.
fn check(model: &Path, case: &Path) -> String {
    runtime::check("check_onnx.py", model, case)
}

#[test]
#[ignore = "needs Python with onnx, onnxruntime and safetensors; PYTHON names the interpreter"]
fn onnx_runtime_agrees() {
    let named = |name: &str| zoo::by_name(name).unwrap();
    let grey = SearchSpace::small_images(1, 32, 10).unwrap();
    // Stabilizers that fold, one that stays, and none.
    let stabilized = grey.clone().with_skip(Skip::Linear).unwrap();
    let grey = grey.decode(&"0c5c31c2c".parse().unwrap()).unwrap();
    let stabilized = stabilized.decode(&"0cc531c2c".parse().unwrap()).unwrap();
    let mut thin: Architecture = "E3K5s@16/2 L@24/2 E1K7s@24 H20K3@24".parse().unwrap();
    thin.input_channels = 2;
    let networks = [
        named("scarlet-a"),
        named("scarlet-b"),
        named("scarlet-c"),
        named("efficientnet-lite0"),
        grey,
        stabilized,
        thin,
    ];
    // All forms of blocks and heads, for images of an odd size.
    let kinds = common::KINDS.iter().flat_map(|text| {
        let kind: Architecture = text.parse().unwrap();
        let kind = kind.with_classes(5).with_resolution(97);
        let same = Architecture {
            padding: Padding::Same,
            ..kind.clone()
        };
        [kind, same]
    });
    let folder = tempfile::tempdir().unwrap();
    for architecture in networks.into_iter().chain(kinds) {
        let name = architecture.name.clone();
        let network = network(architecture);
        for (batch, images, opset) in [
            (Batch::Fixed(1), 1, 14),
            (Batch::Dynamic, 3, 17),
            (Batch::Fixed(3), 3, 22),
        ] {
            let model = folder.path().join("network.onnx");
            let case = folder.path().join("case.safetensors");
            let options = OnnxOptions::new().with_batch(batch).with_opset(opset);
            network.save_onnx(&model, &options).unwrap();
            let images = images_for(network.architecture(), images);
            write_case(images.clone(), network.forward(images), &case);
            let said = check(&model, &case);
            println!("{name}, {batch:?}, opset {opset}: {said}");
        }
    }
}

#[test]
#[ignore = "as above"]
fn onnx_runtime_computes_in_integers() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("network.onnx");
    let case = folder.path().join("case.safetensors");
    for name in ["scarlet-a", "efficientnet-b0", "efficientnet-lite0"] {
        let network = network(zoo::by_name(name).unwrap().with_resolution(97));
        let images = images_for(network.architecture(), 4);
        let int8 = runtime::rounded(&network, &images);
        let options = OnnxOptions::new().with_int8(int8);
        network.save_onnx(&model, &options).unwrap();
        write_case(images.clone(), network.forward(images), &case);
        let said = runtime::check_within("check_onnx.py", &model, &case, 0.05);
        println!("{name}: {said}");
        let said = runtime::run("check_integers.py", &[Path::new("--model"), &model]);
        println!("{name}: {said}");
    }
}

#[test]
#[ignore = "as above; SCARLET_NETWORK names the folder `network` of a run of `scarlet search`"]
fn onnx_runtime_agrees_with_a_runs_network() {
    let Some(folder) = std::env::var_os("SCARLET_NETWORK").map(PathBuf::from) else {
        println!("skipped: SCARLET_NETWORK names no folder");
        return;
    };
    let weights = folder.join("network.safetensors");
    let network = Scarlet::open(weights, &Device::flex()).unwrap();
    let images = images_for(network.architecture(), 8);
    let options = DeployOptions::new().with_batch(8);
    let deployed = Deployed::open(folder.join("network.scarlet"), &options);
    let deployed = deployed.unwrap().forward(images.clone()).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let case = temporary.path().join("case.safetensors");
    for (name, logits) in [
        ("network.safetensors", network.forward(images.clone())),
        ("network.scarlet", deployed),
    ] {
        write_case(images.clone(), logits, &case);
        let said = check(&folder.join("network.onnx"), &case);
        println!("network.onnx and {name}: {said}");
    }
}
