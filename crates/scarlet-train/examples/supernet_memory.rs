//! What training a supernet needs in memory, by the number of its choices: SCARLET's own space at
//! full width, of which one choice a layer (the widest, E6K7s), two, seven and all thirteen are
//! offered. Each is trained in a process of its own, for two steps of strict fairness.
//!
//! ```text
//! cargo run --release --example supernet_memory -- [RESOLUTION] [BATCH]
//! ```
//!
//! All choices' weights, their gradients and their momentum have to exist; what is above them
//! should stay, whatever the number of choices, for one path is in work at a time.

use std::error::Error;
use std::process::Command;

use burn::module::Module;
use burn::tensor::Device;
use scarlet_arch::{Operation, SearchSpace};
use scarlet_train::dataset::Images;
use scarlet_train::{PathSampler, Sampling, SupernetConfig, TrainConfig, Trainer};

const CHOICES: [usize; 4] = [1, 2, 7, 13];
const CLASSES: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: usize| match arguments.get(index) {
        Some(text) => text.parse::<usize>(),
        None => Ok(default),
    };
    let (resolution, batch) = (number(0, 96)?, number(1, 16)?);
    if let Some(choices) = arguments.get(2) {
        return train(choices.parse()?, resolution, batch);
    }
    println!("{resolution}×{resolution} pixels, {batch} images a path; megabytes");
    println!("choices   weights   weights, gradients, momentum   peak   above them");
    for choices in CHOICES {
        let output = Command::new(std::env::current_exe()?)
            .args([resolution, batch, choices].map(|number| number.to_string()))
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        print!("{}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}

fn train(choices: usize, resolution: usize, batch: usize) -> Result<(), Box<dyn Error>> {
    let space = space(choices)?.with_resolution(resolution)?;
    let supernet = SupernetConfig::new(space.clone()).try_init(1, &Device::flex().autodiff())?;
    let weights = 4 * supernet.num_params();
    let count = 2 * batch * choices;
    let images = Images::new(
        [3, resolution, resolution],
        (0..count * 3 * resolution * resolution)
            .map(|index| (index * 97 % 251) as u8)
            .collect(),
        (0..count as u32)
            .map(|index| index % CLASSES as u32)
            .collect(),
        (0..CLASSES).map(|class| class.to_string()),
    )?;
    let config = TrainConfig {
        epochs: 1,
        batch_size: batch,
        learning_rate: 0.01,
        ..TrainConfig::default()
    };
    let sampler = PathSampler::new(Sampling::StrictFairness, &space, 1);
    let trained = Trainer::new(config).train(supernet, sampler, &images)?;
    assert_eq!(trained.steps, 2);

    let peak = peak_memory().ok_or("this system does not say how much memory a process used")?;
    let pixels = images.shape().iter().product::<usize>() * images.len();
    let megabytes = |bytes: usize| bytes as f64 / 1e6;
    println!(
        "{choices:7}   {:7.0}   {:28.0}   {:4.0}   {:10.0}",
        megabytes(weights),
        megabytes(3 * weights),
        megabytes(peak),
        megabytes(peak.saturating_sub(3 * weights + pixels)),
    );
    Ok(())
}

/// The widest choice, and as many others in front of it.
fn space(choices: usize) -> Result<SearchSpace, Box<dyn Error>> {
    let full = SearchSpace::scarlet();
    let blocks = full.choices(0).iter().copied();
    let mut kept: Vec<Operation> = blocks
        .filter(|&choice| choice != Operation::Identity)
        .collect();
    kept.drain(..kept.len().saturating_sub(choices));
    if choices > kept.len() {
        kept.push(scarlet_arch::Skip::Linear.operation());
    }
    let template = full.template().clone();
    Ok(SearchSpace::new(template, kept)?.with_classes(CLASSES)?)
}

/// The most memory this process ever held, in bytes.
fn peak_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes << 10)
}
