//! Blocks and networks against values that PyTorch computed in f64.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use common::{Golden, assert_close, blocks, cpu_devices, signal};
use scarlet::weights::formula;
use scarlet::{ScarletA, ScarletB, ScarletC, ScarletConfig};

const TOLERANCE: f64 = 1e-4;

#[test]
fn blocks_agree_with_pytorch_in_inference_and_training() {
    let golden = Golden::open("blocks.safetensors");
    for (name, device) in cpu_devices() {
        println!("on {name}");
        for case in blocks::cases() {
            case.check(&golden, &device, false, TOLERANCE);
            case.check(&golden, &device, true, TOLERANCE);
        }
    }
}

fn check_logits(file: &str, config: ScarletConfig) {
    let golden = Golden::open(file);
    for (name, device) in cpu_devices() {
        let weights = formula::state_dict(config.architecture());
        let network = config.init(&device).load(&weights).unwrap();
        for side in [64, 224] {
            let input = signal(&format!("input.{side}"), [2, 3, side, side], &device);
            let logits = network.forward(input.clone());
            assert_close(
                &format!("{file} at {side} on {name}"),
                logits.clone().into_data(),
                &golden.get(&format!("logits.{side}")),
                TOLERANCE,
            );
        }
    }
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
