//! A small network of your own: as text, with its cost, and one training step.
//!
//! ```text
//! cargo run --release --example custom_architecture
//! ```

use scarlet::arch::Cost;
use scarlet::burn::nn::loss::CrossEntropyLossConfig;
use scarlet::burn::optim::{GradientsParams, SgdConfig};
use scarlet::burn::tensor::{Device, Distribution, Int, Tensor};
use scarlet::{Architecture, ScarletConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Layer by layer: expansion, kernel, `s` for squeeze-excite, `-` for a skip, then channels
    // and stride.
    let text = "E3K3@24/2 E3K5s@24 - E6K3@40/2 E3K7s@40 E6K5@64/2";
    let architecture = text
        .parse::<Architecture>()?
        .with_classes(10)
        .with_resolution(64);
    let cost = Cost::of(&architecture, 64)?;
    println!(
        "{architecture}\n{:.1} M mult-adds, {:.2} M parameters",
        cost.mult_adds as f64 / 1e6,
        cost.parameters as f64 / 1e6
    );

    let device = Device::flex().autodiff();
    device.seed(1);
    let network = ScarletConfig::from(architecture)
        .with_dropout(0.2)
        .with_drop_path(0.1)
        .try_init(&device)?;
    println!("{network}");

    let images = Tensor::<4>::random([8, 3, 64, 64], Distribution::Default, &device);
    let labels = Tensor::<1, Int>::from_ints([0, 1, 2, 3, 4, 5, 6, 7], &device);
    let loss = CrossEntropyLossConfig::new()
        .init(&device)
        .forward(network.forward(images), labels);
    println!(
        "loss before the step: {:.3}",
        loss.clone().into_scalar::<f32>()
    );
    let gradients = GradientsParams::from_grads(loss.backward(), &network);
    let mut optimizer = SgdConfig::new().init();
    let _trained = optimizer.step(0.05, network, gradients);
    Ok(())
}
