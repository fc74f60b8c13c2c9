//! SCARLET-A as the backbone of a detector: feature maps of strides 4 to 32.
//!
//! ```text
//! cargo run --release --example backbone
//! ```

use scarlet::ScarletA;
use scarlet::burn::tensor::{Device, Tensor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex().autodiff();
    // The first layers of a pretrained backbone usually stay as they are, with their batch
    // normalisation.
    let backbone = ScarletA::new().init(&device).freeze_prefixes(&[
        "stem",
        "separable_conv",
        "mb_module.0",
        "mb_module.1",
    ])?;

    let images = Tensor::<4>::zeros([1, 3, 320, 320], &device);
    let maps = backbone.feature_maps(images);
    for (info, map) in backbone.feature_maps_info().iter().zip(&maps) {
        println!(
            "stride {:2}: block {:2}, shape {:?}",
            info.stride,
            info.block,
            map.dims()
        );
    }
    Ok(())
}
