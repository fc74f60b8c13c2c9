//! A checkpoint in, a plain network out: batch normalisation and stabilizers folded away, saved
//! as half precision, and the outputs compared.
//!
//! ```text
//! cargo run --release --example load_and_fold [CHECKPOINT]
//! ```
//!
//! Without a checkpoint, a path through a supernet with stabilizers on its skips is made up.

use scarlet::burn::tensor::{Device, Distribution, Tensor};
use scarlet::fold::FoldOptions;
use scarlet::weights::{Precision, StateDict, formula};
use scarlet::{Architecture, Scarlet, ScarletConfig};

/// `L` is a stabilizer on a skip.
const PATH: &str = "E3K5s E3K3s | E3K5s L L E3K3 | E6K7s E3K3s L E3K5 | E3K7s E3K7 E3K3s E3K7s | \
                    E3K3s L E6K3s E6K7s | E6K5s";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex();
    let network = match std::env::args_os().nth(1) {
        Some(checkpoint) => Scarlet::open(checkpoint, &device)?,
        None => {
            let architecture: Architecture = PATH.parse()?;
            let weights: StateDict = formula::state_dict(&architecture);
            ScarletConfig::from(architecture)
                .try_init(&device)?
                .load(&weights)?
        }
    };
    println!("from {}", network.architecture());

    let (folded, report) = network.fold(&FoldOptions::default())?;
    for stabilizer in &report.stabilizers {
        println!("  {stabilizer}");
    }
    println!("to   {}", folded.architecture());

    let file = std::env::temp_dir().join("scarlet-folded.safetensors");
    folded.save(&file, Precision::F16)?;
    let reloaded = Scarlet::open(&file, &device)?;

    let resolution = network.architecture().preprocessing.resolution;
    let images = Tensor::<4>::random(
        [1, 3, resolution, resolution],
        Distribution::Normal(0.0, 1.0),
        &device,
    );
    let logits = network.try_forward(images.clone())?;
    for (what, other) in [("folded", folded), ("folded, in f16", reloaded)] {
        let difference = (other.try_forward(images.clone())? - logits.clone())
            .abs()
            .max()
            / logits.clone().abs().max();
        println!(
            "{what}: largest difference {:.1e} of the largest logit",
            difference.into_scalar::<f32>()
        );
    }
    Ok(())
}
