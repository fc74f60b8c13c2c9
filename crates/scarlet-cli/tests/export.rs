//! `scarlet export`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;

use common::{scarlet, scarlet_tiny};
use scarlet::burn::tensor::Device;
use scarlet::weights::{Entry, Precision, StateDict, formula};
use scarlet::{Architecture, Scarlet};

#[test]
fn the_ending_decides_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();

    let onnx = path("tiny.onnx");
    let json = scarlet_tiny(7, &["export", &onnx, "--images", "2", "--json"]).json();
    let bytes = fs::read(&onnx).unwrap();
    assert_eq!(json["bytes"], bytes.len());
    assert_eq!(
        (json["classes"].as_u64(), json["resolution"].as_u64()),
        (Some(7), Some(64))
    );
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("HardSwish") && text.contains("mb_module.0.conv1.weight"));

    let weights = path("tiny.safetensors");
    let ran = scarlet_tiny(7, &["export", &weights, "--half"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("7 classes"), "{ran:?}");
    let network = Scarlet::open(&weights, &Device::flex()).unwrap();
    assert_eq!(network.architecture().classes, 7);
}

#[test]
fn what_a_file_does_not_say_is_said_aloud_and_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // A network of SCARLET's plan, without a word about its activation, beside a loss.
    let layers = "E3K3 - E3K3 - - - E3K3 - - - E3K3 - - - E3K3 - - - E3K3";
    let architecture: Architecture = layers.parse().unwrap();
    let network = formula::state_dict(&architecture.with_classes(3));
    let entries = network.entries().iter().cloned();
    let entries = entries.map(|entry| {
        let name = format!("student.{}", entry.name());
        entry.renamed(name)
    });
    let loss = Entry::from_f32("criterion.weight", vec![3], || vec![1.0; 3]);
    let weights = path("weights.safetensors");
    StateDict::from_entries(entries.chain([loss]))
        .save(&weights, Precision::F16)
        .unwrap();
    let out = path("out.safetensors");
    let export = |more: &[&str]| {
        let fixed = ["export", &out, "--weights", &weights];
        scarlet(fixed.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let activation = || {
        let network = Scarlet::open(&out, &Device::flex()).unwrap();
        network.architecture().activations()
    };
    let ran = export(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in [
        "left out",
        "criterion.weight",
        "h-swish was taken",
        "--origin fairnas",
    ] {
        assert!(ran.stderr.contains(part), "{ran:?}");
    }
    assert_eq!(activation(), "h-swish");
    let ran = export(&["--origin", "fairnas"]);
    assert!(
        ran.code == 0 && !ran.stderr.contains("h-swish was taken"),
        "{ran:?}"
    );
    assert_eq!(activation(), "relu6");
    // Who names a network that differs from what the file says is told.
    let described = out.clone();
    let out = path("again.onnx");
    let fixed = [
        "export",
        &out,
        "--weights",
        &described,
        "--num-classes",
        "3",
    ];
    let ran = scarlet(fixed.into_iter().chain(["--model", layers]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("a network with relu6"), "{ran:?}");
    export(&["--origin", "nobody"]).assert_fails(2, &["the origin `nobody`", "fairnas"]);
    export(&["--strip-prefix", "teacher"])
        .assert_fails(1, &["called `teacher`", "criterion, student"]);
    export(&["--rename", "student"]).assert_fails(2, &["expected the old name"]);
    export(&["--key", "ema"]).assert_fails(1, &["no tensors under `ema`"]);
}

#[test]
fn weights_are_not_overwritten_with_what_is_made_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    std::fs::write(&path, "weights").unwrap();
    let path = path.to_str().unwrap();
    for command in ["export", "deploy"] {
        scarlet([command, path, "--weights", path])
            .assert_fails(2, &["holds the weights themselves"]);
    }
    assert_eq!(std::fs::read(path).unwrap(), b"weights");
}

#[test]
fn what_cannot_be_is_said_before_anything_is_loaded() {
    let export = |args: &[&str]| {
        let fixed = ["export", "--weights", "no such file.safetensors"];
        scarlet(fixed.iter().chain(args).copied().collect::<Vec<_>>())
    };
    export(&["network.tflite"]).assert_fails(2, &["network.tflite ends in neither .onnx nor"]);
    export(&["x.onnx", "--half"]).assert_fails(
        2,
        &["--half has no meaning for x.onnx: it is for files ending in .safetensors"],
    );
    export(&["x.safetensors", "--opset", "17"])
        .assert_fails(2, &["--opset has no meaning for x.safetensors"]);
    let ran = scarlet_tiny(7, &["export", "no such folder/x.onnx"]);
    ran.assert_fails(1, &["cannot write `no such folder/x.onnx`"]);
    let ran = scarlet_tiny(7, &["export", "no such folder/x.onnx", "--opset", "30"]);
    ran.assert_fails(2, &["`opset` is 30, but must be from 14 to 22"]);
}
