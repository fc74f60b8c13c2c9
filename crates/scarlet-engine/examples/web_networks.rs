//! Writes small networks of arbitrary weights, images, and what the engine answers to them here, for the
//! tests of `web/`.
//!
//! ```text
//! cargo run --release -p scarlet-engine --example web_networks -- FOLDER
//! ```
//!
//! `networks.json` lists the files `.scarlet`; for each the logits of `images.f32` and of `photograph.rgb`,
//! with and without fused multiply-adds.

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use scarlet_engine::{
    Architecture, Classifier, DeployOptions, Model, ModelCard, NetworkWeights,
    kernels::InstructionSet,
};
use serde::Serialize;

/// Of several kernels, strides, activations and gates.
const NETWORKS: [(&str, &str); 3] = [
    ("h-swish", "E3K5s@16 E3K7@24/2 E6K3s@24"),
    ("relu6", "[relu6] E3K3@16/2 E6K5@24 E6K5@24"),
    ("swish", "[swish, se swish sigmoid] E3K3s@24/2 E6K5s@24"),
];
const SIDE: usize = 48;
const CLASSES: usize = 11;
/// Width and height.
const PHOTOGRAPH: [usize; 2] = [97, 61];

#[derive(Serialize)]
struct Network {
    file: String,
    classes: Vec<String>,
    /// By `plain` and `fused` multiply-adds.
    images: BTreeMap<&'static str, Vec<f32>>,
    photograph: BTreeMap<&'static str, Vec<f32>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("give a folder to write to")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let mut numbers = Numbers(1);
    let images: Vec<f32> = (0..2 * 3 * SIDE * SIDE).map(|_| numbers.next()).collect();
    let pixels = PHOTOGRAPH[0] * PHOTOGRAPH[1] * 3;
    // Even, but for a little.
    let photograph: Vec<u8> = (0..pixels)
        .map(|at| (at / 90 + at % 3 * 60) as u8 ^ (4.0 + 4.0 * numbers.next()) as u8)
        .collect();
    let bytes: Vec<u8> = images
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    fs::write(folder.join("images.f32"), bytes)?;
    fs::write(folder.join("photograph.rgb"), &photograph)?;
    let mut networks = Vec::new();
    for (name, layers) in NETWORKS {
        let floats = model(layers, &mut numbers)?;
        let classifier = Classifier::new(floats.clone(), &options(InstructionSet::detect()))?;
        let mut calibration = classifier.calibrate()?;
        calibration.observe(&images)?;
        let rounded = calibration.finish()?;
        for (precision, model) in [
            ("f32", floats.clone()),
            ("bf16", floats.to_bf16()?),
            ("int8", rounded.model().clone()),
        ] {
            let file = format!("{name}-{precision}.scarlet");
            model.write(&mut fs::File::create(folder.join(&file))?)?;
            let mut network = Network {
                file,
                classes: (0..CLASSES).map(class_name).collect(),
                images: BTreeMap::new(),
                photograph: BTreeMap::new(),
            };
            for (kind, set) in kinds() {
                let mut classifier = Classifier::new(model.clone(), &options(set))?;
                let logits = classifier.run(&images)?.to_vec();
                network.images.insert(kind, logits);
                let logits = classifier.classify_rgb(&photograph, PHOTOGRAPH)?.to_vec();
                network.photograph.insert(kind, logits);
            }
            networks.push(network);
        }
    }
    fs::write(
        folder.join("networks.json"),
        serde_json::to_string(&networks)?,
    )?;
    Ok(())
}

/// The instruction sets that this processor has of each kind; without those that round products of bfloat16
/// in a way of their own.
fn kinds() -> impl Iterator<Item = (&'static str, InstructionSet)> {
    let portable_fuses = cfg!(any(target_arch = "aarch64", target_feature = "fma"));
    let plain = (!portable_fuses).then_some(("plain", InstructionSet::Portable));
    let best = InstructionSet::available().filter(|set| *set != InstructionSet::Avx512Bf16);
    let fused = best
        .last()
        .filter(|set| portable_fuses || *set != InstructionSet::Portable);
    plain.into_iter().chain(fused.map(|set| ("fused", set)))
}

fn options(set: InstructionSet) -> DeployOptions {
    let options = DeployOptions::new().with_batch(2).with_threads(1);
    options.with_instruction_set(set)
}

fn class_name(class: usize) -> String {
    format!("class {class}, “é”")
}

fn model(layers: &str, numbers: &mut Numbers) -> Result<Model, Box<dyn Error>> {
    let network: Architecture = layers.parse()?;
    let network = network.with_classes(CLASSES).with_resolution(SIDE);
    let weights = NetworkWeights::try_collect(network, |name, shape| {
        let count: usize = shape.iter().product();
        let fan_in = (count / shape[0].max(1)).max(1) as f32;
        let value = |number: f32| match name.rsplit('.').next() {
            Some("running_var") => 1.25 + number * 0.75,
            Some("running_mean" | "bias") => number * 0.3,
            _ if shape.len() == 1 => 1.0 + number * 0.5,
            _ => number * (6.0 / fan_in).sqrt(),
        };
        Ok::<_, std::convert::Infallible>((0..count).map(|_| value(numbers.next())).collect())
    })?;
    let names: Vec<String> = (0..CLASSES).map(class_name).collect();
    let card: ModelCard = serde_json::from_value(serde_json::json!({ "classes": names }))?;
    Ok(Model::of(weights)?.with_card(Some(card))?)
}

/// Arbitrary numbers from -1 to 1 (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}
