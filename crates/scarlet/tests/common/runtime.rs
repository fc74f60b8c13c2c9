//! Cases for runtimes that are not ours, and what a script says of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::{Device, Tensor};
use safetensors::tensor::{Dtype, TensorView};
use scarlet::{Architecture, Int8, Scarlet};

use super::signal;

/// Images of a network's size.
pub fn images_for(architecture: &Architecture, batch: usize) -> Tensor<4> {
    let side = architecture.preprocessing.resolution;
    let shape = [batch, architecture.input_channels, side, side];
    signal("onnx", shape, &Device::flex())
}

/// Images and a network's logits for them, as a file.
pub fn write_case(images: Tensor<4>, logits: Tensor<2>, path: &Path) {
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

/// What a script of weights-tools says of a file and a case; fails where it does.
pub fn check(script: &str, model: &Path, case: &Path) -> String {
    check_within(script, model, case, 1e-4)
}

/// As [`check`], within another share of the largest logit.
pub fn check_within(script: &str, model: &Path, case: &Path, tolerance: f64) -> String {
    let tolerance = tolerance.to_string();
    let arguments = [Path::new("--model"), model, Path::new("--case"), case];
    let tolerance = [Path::new("--tolerance"), Path::new(&tolerance)];
    run(script, &[&arguments[..], &tolerance[..]].concat())
}

/// What a script of weights-tools says; fails where it does.
pub fn run(script: &str, arguments: &[&Path]) -> String {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let scripts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../weights-tools/python");
    let output = Command::new(&python)
        .arg(scripts.join(script))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}{problem}");
    said
}

/// The network's integers that suit these images.
pub fn rounded(network: &Scarlet, images: &Tensor<4>) -> Int8 {
    let side = network.architecture().preprocessing.resolution;
    let mut calibration = Int8::calibrate(network, (side, side)).unwrap();
    let values: Vec<f32> = images.clone().into_data().iter().collect();
    calibration.observe(&values).unwrap();
    calibration.finish().unwrap()
}
