//! The networks on a GPU, or on a software Vulkan: `cargo test --release -p scarlet-nas
//! --features flex,wgpu --test gpu`.
#![cfg(feature = "wgpu")]
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use common::{Golden, assert_close, blocks, signal, with_statistics};
use scarlet::ScarletC;
use scarlet::weights::formula;

/// GPUs may sum in any order and fuse operations.
const TOLERANCE: f64 = 1e-4;

#[test]
fn scarlet_c_agrees_with_pytorch() {
    let device = scarlet::device_by_name("wgpu").unwrap();
    let config = ScarletC::new();
    let golden = Golden::open("scarlet_c.safetensors");
    let weights = with_statistics(&formula::state_dict(config.architecture()), &golden);
    let network = config.init(&device).load(&weights).unwrap();
    let logits = network.forward(signal("input.96", [2, 3, 96, 96], &device));
    let expected = golden.get("logits.96");
    assert_close("logits at 96", logits.into_data(), &expected, TOLERANCE);
}

#[test]
fn gradients_of_blocks_agree_with_pytorch() {
    let device = scarlet::device_by_name("wgpu").unwrap();
    let [(released, golden), (timm, of_timm)] = blocks::all();
    for (case, golden) in [
        // Stride 1, 5×5, squeeze-excite and a shortcut.
        (&released[1], &golden),
        // Swish and sigmoid; a separable convolution with an activation at its end.
        (&timm[0], &of_timm),
        (&timm[3], &of_timm),
    ] {
        case.check(golden, &device, false, TOLERANCE);
        case.check(golden, &device, true, TOLERANCE);
    }
}
