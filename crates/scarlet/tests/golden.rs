//! Blocks and networks against values that PyTorch computed in f64.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use burn::tensor::Device;
use common::{
    Golden, assert_close, assert_images_differ, blocks, cpu_devices, relative_error, signal,
    with_statistics,
};
use scarlet::weights::formula;
use scarlet::{BlockModule, Scarlet, ScarletA, ScarletB, ScarletC, ScarletConfig};

const TOLERANCE: f64 = 1e-4;

#[test]
fn blocks_agree_with_pytorch_in_inference_and_training() {
    for (cases, golden) in blocks::all() {
        for (name, device) in cpu_devices() {
            println!("on {name}");
            for case in &cases {
                case.check(&golden, &device, false, TOLERANCE);
                case.check(&golden, &device, true, TOLERANCE);
            }
        }
    }
}

/// Formula weights with the running statistics that images left in them, without which the signals
/// of squeeze-excite networks die and all images have the same logits.
fn network(file: &str, config: &ScarletConfig, device: &Device) -> Scarlet {
    let golden = Golden::open(file);
    let weights = with_statistics(&formula::state_dict(config.architecture()), &golden);
    config.init(device).load(&weights).unwrap()
}

fn check_logits(file: &str, config: ScarletConfig) {
    let golden = Golden::open(file);
    for (name, device) in cpu_devices() {
        let network = network(file, &config, &device);
        for side in [96, 224] {
            let expected = golden.get(&format!("logits.{side}"));
            assert_images_differ(file, &expected);
            let input = signal(&format!("input.{side}"), [2, 3, side, side], &device);
            let logits = network.forward(input).into_data();
            let what = format!("{file} at {side} on {name}");
            assert_close(&what, logits, &expected, TOLERANCE);
        }
    }
}

/// The golden values of another network than the one that is wanted are missed by far.
fn check_wrong_stem(file: &str, config: ScarletConfig) {
    let golden = Golden::open(file);
    let device = Device::flex();
    let mut network = network(file, &config, &device);
    let Some(BlockModule::Conv(stem)) = network.blocks.first_mut() else {
        panic!("a network begins with its stem");
    };
    // One pixel to the right.
    let weight = stem.conv.weight.clone();
    stem.conv.weight = weight.map(|weight| weight.roll(&[1], &[3]));
    let input = signal("input.96", [2, 3, 96, 96], &device);
    let found: Vec<f64> = network.forward(input).into_data().iter().collect();
    let expected = golden.get("logits.96");
    let expected: Vec<f64> = expected.iter().map(|&x| x.into()).collect();
    let error = relative_error(&found, &expected);
    assert!(error > 100.0 * TOLERANCE, "{file}: {error}");
}

#[test]
fn scarlet_a_agrees_with_pytorch() {
    check_logits("scarlet_a.safetensors", ScarletA::new());
}

#[test]
fn scarlet_b_agrees_with_pytorch() {
    check_logits("scarlet_b.safetensors", ScarletB::new());
}

#[test]
fn scarlet_c_agrees_with_pytorch() {
    check_logits("scarlet_c.safetensors", ScarletC::new());
}

#[test]
fn a_wrong_stem_fails_every_golden_test() {
    check_wrong_stem("scarlet_a.safetensors", ScarletA::new());
    check_wrong_stem("scarlet_b.safetensors", ScarletB::new());
    check_wrong_stem("scarlet_c.safetensors", ScarletC::new());
}
