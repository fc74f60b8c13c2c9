//! `scarlet export`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;

use common::{scarlet, scarlet_tiny};
use scarlet::Scarlet;
use scarlet::burn::tensor::Device;

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
