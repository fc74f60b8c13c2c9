//! ONNX files compute, in ONNX Runtime, what the network computes.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::{Device, Tensor};
use common::signal;
use safetensors::tensor::{Dtype, TensorView};
use scarlet::arch::{Padding, SearchSpace, Skip};
use scarlet::onnx::{Batch, OnnxOptions};
use scarlet::weights::formula;
use scarlet::{Architecture, DeployOptions, Deployed, Scarlet, ScarletConfig, zoo};

fn network(architecture: Architecture) -> Scarlet {
    let weights = formula::state_dict(&architecture);
    let network = ScarletConfig::from(architecture).try_init(&Device::flex());
    network.unwrap().load(&weights).unwrap()
}

/// Images of a network's size.
fn images_for(architecture: &Architecture, batch: usize) -> Tensor<4> {
    let side = architecture.preprocessing.resolution;
    let shape = [batch, architecture.input_channels, side, side];
    signal("onnx", shape, &Device::flex())
}

/// Images and a network's logits for them, as a file.
fn write_case(images: Tensor<4>, logits: Tensor<2>, path: &Path) {
    let (shape, classes) = (images.dims(), logits.dims());
    let bytes = |data: burn::tensor::TensorData| -> Vec<u8> {
        data.iter::<f32>().flat_map(f32::to_le_bytes).collect()
    };
    let logits = bytes(logits.into_data());
    let images = bytes(images.into_data());
    let view = |shape: &[usize], bytes| TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap();
    let tensors = BTreeMap::from([
        ("input", view(&shape, &images)),
        ("logits", view(&classes, &logits)),
    ]);
    safetensors::serialize_to_file(tensors, None, path).unwrap();
}

/// What check_onnx.py says of a file and a case; fails where it does.
fn check(model: &Path, case: &Path) -> String {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../weights-tools/python/check_onnx.py");
    let output = Command::new(&python)
        .arg(&script)
        .args([Path::new("--model"), model, Path::new("--case"), case])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}: {said}{problem}",
        model.display()
    );
    said
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
