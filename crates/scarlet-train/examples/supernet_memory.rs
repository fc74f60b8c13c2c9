//! What training a supernet needs in memory, by its widest path and by the number of its choices:
//! SCARLET's own space at full width, of which one choice a layer is offered, a narrow one, a wider
//! one and the widest (E6K7s), and then the widest with one, six and all twelve of the others. Each
//! is trained for 10 classes in processes of its own, for two steps of strict fairness, without
//! checkpoints and with one behind each step.
//!
//! ```text
//! cargo run --release --example supernet_memory -- [RESOLUTION] [BATCH]
//! ```
//!
//! All choices' weights, their gradients and their momentum have to exist; what is above them
//! should grow with the widest path and not with the number of choices, for one path is in work at
//! a time. Saving adds copies of the optimizer's state.

use std::error::Error;
use std::process::Command;
use std::time::Duration;

use burn::module::Module;
use burn::tensor::Device;
use scarlet_arch::{Operation, SearchSpace};
use scarlet_data::dataset::Images;
use scarlet_train::{
    Checkpoints, PathSampler, Sampling, Supernet, SupernetConfig, TrainConfig, Trainer,
};

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
    if let (Some(row), Some(saves)) = (arguments.get(2), arguments.get(3)) {
        let (widest, choices) = ROWS[row.parse::<usize>()?];
        train(widest, choices, resolution, batch, saves.parse()?)?;
        let peak = peak_memory();
        println!(
            "{}",
            peak.ok_or("this system does not say how much memory was used")?
        );
        return Ok(());
    }
    println!(
        "{resolution}×{resolution} pixels, {batch} images a path, {CLASSES} classes; megabytes"
    );
    println!(
        "widest   choices   weights   weights, gradients, momentum   peak   above them   \
         peak with checkpoints"
    );
    for (row, (widest, choices)) in ROWS.into_iter().enumerate() {
        let peak = |saves: bool| -> Result<usize, Box<dyn Error>> {
            let output = Command::new(std::env::current_exe()?)
                .args([resolution, batch, row].map(|number| number.to_string()))
                .arg(saves.to_string())
                .output()?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into());
            }
            Ok(String::from_utf8(output.stdout)?.trim().parse()?)
        };
        let space = space(widest, choices)?;
        let weights = 4 * supernet(&space)?.num_params();
        let pixels = STEPS * batch * choices * 3 * resolution * resolution;
        let (without, with) = (peak(false)?, peak(true)?);
        let megabytes = |bytes: usize| bytes as f64 / 1e6;
        println!(
            "{widest:6}   {choices:7}   {:7.0}   {:28.0}   {:4.0}   {:10.0}   {:21.0}",
            megabytes(weights),
            megabytes(3 * weights),
            megabytes(without),
            megabytes(without.saturating_sub(3 * weights + pixels)),
            megabytes(with),
        );
    }
    Ok(())
}

fn supernet(space: &SearchSpace) -> Result<Supernet, Box<dyn Error>> {
    let device = Device::flex().autodiff();
    Ok(SupernetConfig::new(space.clone()).try_init(1, &device)?)
}

fn train(
    widest: &str,
    choices: usize,
    resolution: usize,
    batch: usize,
    saves: bool,
) -> Result<(), Box<dyn Error>> {
    let space = space(widest, choices)?.with_resolution(resolution)?;
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
    let mut trainer = Trainer::new(config);
    if saves {
        let checkpoints = Checkpoints::new(folder.path()).after(Duration::ZERO);
        trainer = trainer.with_checkpoints(checkpoints);
    }
    let trained = trainer.train(supernet(&space)?, sampler, &images)?;
    assert_eq!(trained.steps, STEPS as u64);
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
