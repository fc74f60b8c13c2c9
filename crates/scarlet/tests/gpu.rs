//! The networks on a GPU, or on a software Vulkan: `cargo test --release -p scarlet-nas
//! --features flex,wgpu --test gpu`.
#![cfg(feature = "wgpu")]
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use common::{Golden, assert_close, blocks, signal};
use scarlet::ScarletC;
use scarlet::weights::formula;

/// GPUs may sum in any order and fuse operations.
const TOLERANCE: f64 = 1e-4;

#[test]
fn scarlet_c_agrees_with_pytorch() {
    let device = scarlet::device_by_name("wgpu").unwrap();
    let config = ScarletC::new();
    let network = config
        .init(&device)
        .load(&formula::state_dict(config.architecture()))
        .unwrap();
    let logits = network.forward(signal("input.64", [2, 3, 64, 64], &device));
    let expected = Golden::open("scarlet_c.safetensors").get("logits.64");
    assert_close("logits at 64", logits.into_data(), &expected, TOLERANCE);
}

#[test]
fn a_blocks_gradients_agree_with_pytorch() {
    let device = scarlet::device_by_name("wgpu").unwrap();
    let golden = Golden::open("blocks.safetensors");
    let cases = blocks::cases();
    // Stride 1, 5×5, squeeze-excite and a shortcut.
    cases[1].check(&golden, &device, false, TOLERANCE);
    cases[1].check(&golden, &device, true, TOLERANCE);
}
