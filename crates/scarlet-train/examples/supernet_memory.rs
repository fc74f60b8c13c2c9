//! What training a supernet needs in memory, by its widest path and by the number of its choices:
//! SCARLET's own space at full width, of which one choice a layer is offered, a narrow one, a wider
//! one and the widest (E6K7s), and then the widest with one, six and all twelve of the others. Each
//! is trained for 10 classes in a process of its own, for two steps of strict fairness, with a
//! checkpoint behind each.
//!
//! ```text
//! cargo run --release --example supernet_memory -- [RESOLUTION] [BATCH]
//! ```
//!
//! All choices' weights, their gradients and their momentum have to exist; what is above them
//! should grow with the widest path and not with the number of choices, for one path is in work at
//! a time.

use std::error::Error;
use std::process::Command;
use std::time::Duration;

use burn::module::Module;
use burn::tensor::Device;
use scarlet_arch::{Operation, SearchSpace};
use scarlet_train::dataset::Images;
use scarlet_train::{Checkpoints, PathSampler, Sampling, SupernetConfig, TrainConfig, Trainer};

/// The widest choice of each row, and how many there are.
const ROWS: [(&str, usize); 6] = [
    ("E3K3", 1),
    ("E6K3", 1),
    ("E6K7s", 1),
    ("E6K7s", 2),
    ("E6K7s", 7),
    ("E6K7s", 13),
];
const CLASSES: usize = 10;
const STEPS: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: usize| match arguments.get(index) {
        Some(text) => text.parse::<usize>(),
        None => Ok(default),
    };
    let (resolution, batch) = (number(0, 96)?, number(1, 16)?);
    if let Some(row) = arguments.get(2) {
        let (widest, choices) = ROWS[row.parse::<usize>()?];
        return train(widest, choices, resolution, batch);
    }
    println!(
        "{resolution}×{resolution} pixels, {batch} images a path, {CLASSES} classes; megabytes"
    );
    println!("widest   choices   weights   weights, gradients, momentum   peak   above them");
    for row in 0..ROWS.len() {
        let output = Command::new(std::env::current_exe()?)
            .args([resolution, batch, row].map(|number| number.to_string()))
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        print!("{}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}

fn train(
    widest: &str,
    choices: usize,
    resolution: usize,
    batch: usize,
) -> Result<(), Box<dyn Error>> {
    let space = space(widest, choices)?.with_resolution(resolution)?;
    let supernet = SupernetConfig::new(space.clone()).try_init(1, &Device::flex().autodiff())?;
    let weights = 4 * supernet.num_params();
    let count = STEPS * batch * choices;
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
    let folder = tempfile::tempdir()?;
    let checkpoints = Checkpoints::new(folder.path()).after(Duration::ZERO);
    let trained = Trainer::new(config)
        .with_checkpoints(checkpoints)
        .train(supernet, sampler, &images)?;
    assert_eq!(trained.steps, STEPS as u64);

    let peak = peak_memory().ok_or("this system does not say how much memory a process used")?;
    let pixels = images.shape().iter().product::<usize>() * images.len();
    let megabytes = |bytes: usize| bytes as f64 / 1e6;
    println!(
        "{widest:6}   {choices:7}   {:7.0}   {:28.0}   {:4.0}   {:10.0}",
        megabytes(weights),
        megabytes(3 * weights),
        megabytes(peak),
        megabytes(peak.saturating_sub(3 * weights + pixels)),
    );
    Ok(())
}

/// The widest choice, and others in front of it until there are so many; the skip last.
fn space(widest: &str, choices: usize) -> Result<SearchSpace, Box<dyn Error>> {
    let full = SearchSpace::scarlet();
    let blocks = full.choices(0).iter().copied();
    let mut kept: Vec<Operation> = blocks
        .filter(|&choice| choice != Operation::Identity)
        .collect();
    let place = kept.iter().position(|it| it.to_string() == widest);
    kept.truncate(place.ok_or("no such choice")? + 1);
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
