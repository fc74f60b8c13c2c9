//! What is in a photograph, said by EfficientNet-Lite0 with its public ImageNet weights, which
//! are downloaded once.
//!
//! ```text
//! cargo run --release --example classify [PHOTO]
//! ```

use std::path::PathBuf;

use scarlet::burn::tensor::Device;
use scarlet::data::imagenet;
use scarlet::weights::{Fetcher, StateDict};
use scarlet::{EfficientNetLite0, top_k};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let photo = std::env::args_os().nth(1).map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/photos/coffee.png")),
        PathBuf::from,
    );
    let weights = StateDict::open(Fetcher::new().fetch_known("efficientnet-lite0")?)?;
    let network = EfficientNetLite0::new()
        .init(&Device::flex())
        .load(&weights)?;

    let image = network.read_photograph(&photo)?;
    println!("{}", photo.display());
    for best in &top_k(network.try_forward(image)?, 5)[0] {
        let name = imagenet::classes()[best.class].name;
        println!("{:6.1} %  {name}", best.probability * 100.0);
    }
    Ok(())
}
