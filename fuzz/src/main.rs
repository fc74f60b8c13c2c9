//! Feeds damaged input to what reads files and text; see the README.

mod architecture;
mod checkpoint;
mod deployed;
mod downloads;
mod mutate;
mod pickles;
mod pictures;
mod run_folder;
mod seeds;
mod settings;
mod small;
mod weights;

use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Something that is fed.
struct Target {
    /// Good input to begin with.
    seeds: Vec<Vec<u8>>,
    /// Wraps damaged bytes, where damage to the wrapping would hide what is inside.
    wrap: fn(Vec<u8>, &mut fastrand::Rng) -> Vec<u8>,
    /// Takes a file that holds the input; returns whether it was accepted.
    feed: fn(&Path) -> bool,
}

const SLOW: Duration = Duration::from_secs(10);
const MUCH_MEMORY: u64 = 1 << 30;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = "usage: scarlet-fuzz TARGET SECONDS [SEED], ... inputs=COUNT [SEED], or ... FILE\n\
                 targets: weights, architecture, deployed, downloads, pictures, settings, \
                 checkpoint, optimizer, run-folder";
    let [name, rest @ ..] = arguments.as_slice() else {
        eprintln!("{usage}");
        return ExitCode::from(2);
    };
    let target = match name.as_str() {
        "weights" => weights::target(),
        "architecture" => architecture::target(),
        "deployed" => deployed::target(),
        "downloads" => downloads::target(),
        "pictures" => pictures::target(),
        "settings" => settings::target(),
        "checkpoint" => checkpoint::target(),
        "optimizer" => checkpoint::optimizer_target(),
        "run-folder" => run_folder::target(),
        _ => {
            eprintln!("{usage}");
            return ExitCode::from(2);
        }
    };
    let Some(argument) = rest.first() else {
        eprintln!("{usage}");
        return ExitCode::from(2);
    };
    let seed = rest.get(1).and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let inputs = argument.strip_prefix("inputs=").map(str::parse);
    match (argument.parse(), inputs) {
        (Ok(seconds), _) => run(&target, Duration::from_secs(seconds), u64::MAX, seed),
        (_, Some(Ok(inputs))) => run(&target, Duration::MAX, inputs, seed),
        _ => {
            let accepted = (target.feed)(Path::new(argument));
            println!("nothing went wrong; accepted: {accepted}");
            ExitCode::SUCCESS
        }
    }
}

fn run(target: &Target, duration: Duration, inputs: u64, seed: u64) -> ExitCode {
    let folder = Path::new("found");
    std::fs::create_dir_all(folder).expect("the folder `found` can be made");
    // Several may run side by side.
    let current = folder.join(format!("current-{}", std::process::id()));
    let mut rng = fastrand::Rng::with_seed(seed);
    let start = Instant::now();
    let mut count = 0u64;
    let mut accepted = 0u64;
    while start.elapsed() < duration && count < inputs {
        let damaged = mutate::damage(&target.seeds, &mut rng);
        let input = (target.wrap)(damaged, &mut rng);
        std::fs::write(&current, &input).expect("the input can be written");
        let outcome = feed(target, &current);
        accepted += u64::from(outcome == Ok(true));
        if let Err(problem) = outcome {
            let kept = keep(&current, &format!("{seed}-{count}"));
            eprintln!(
                "input {count} of seed {seed}: {problem}\nkept in {}",
                kept.display()
            );
            return ExitCode::FAILURE;
        }
        count += 1;
    }
    let _ = std::fs::remove_file(&current);
    println!(
        "{count} inputs in {} s, seed {seed}, {accepted} of them accepted: nothing went wrong; \
         peak memory {} MB",
        start.elapsed().as_secs(),
        peak_memory().unwrap_or(0) >> 20
    );
    ExitCode::SUCCESS
}

/// Whether the input was accepted, or what went wrong.
fn feed(target: &Target, input: &Path) -> Result<bool, String> {
    let start = Instant::now();
    // The default hook prints message and place of a panic.
    let accepted = panic::catch_unwind(AssertUnwindSafe(|| (target.feed)(input)))
        .map_err(|_| "it panicked".to_owned())?;
    if start.elapsed() > SLOW {
        return Err(format!("it took {:?}", start.elapsed()));
    }
    match peak_memory().unwrap_or(0) {
        memory if memory > MUCH_MEMORY => Err(format!("it needed {} MB", memory >> 20)),
        _ => Ok(accepted),
    }
}

fn keep(input: &Path, name: &str) -> PathBuf {
    let kept = input.with_file_name(name);
    std::fs::copy(input, &kept).expect("the input can be kept");
    kept
}

/// Most bytes that this process has ever held, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes << 10)
}
