//! What loading a checkpoint costs, beside reading the file's bytes and copying them once.
//!
//! ```sh
//! cargo run --release -p scarlet-nas --features flex --example load_memory [FILE]
//! ```
//!
//! Without a file, it writes SCARLET-C with formula weights in PyTorch's legacy format first.
#![allow(clippy::unwrap_used, reason = "the shared pickle writer is test code")]

#[path = "../tests/weights/pickle.rs"]
#[allow(dead_code, unreachable_pub)]
mod pickle;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use scarlet::ScarletC;
use scarlet::weights::{StateDict, formula};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = match std::env::args().nth(1) {
        Some(file) => PathBuf::from(file),
        None => {
            // In another process, whose memory does not count.
            if std::env::var_os(WRITE_TO).is_none() {
                let status = std::process::Command::new(std::env::current_exe()?)
                    .env(WRITE_TO, folder.path())
                    .status()?;
                assert!(status.success(), "the file could not be written");
                folder.path().join(NAME)
            } else {
                return write_file();
            }
        }
    };
    let size = std::fs::metadata(&file)?.len();
    println!("file: {:.1} MB", size as f64 / 1e6);

    let before = status("VmRSS:");
    load(&file)?;
    if let (Some(before), Some(peak)) = (before, status("VmHWM:")) {
        println!(
            "peak memory: {:.1} MB, {:.2} times the file; {:.1} MB of it were the program's before",
            peak as f64 / 1e6,
            peak as f64 / size as f64,
            before as f64 / 1e6,
        );
    }

    let reading = best(|| {
        let bytes = std::fs::read(&file)?;
        std::hint::black_box(bytes.clone());
        Ok(())
    })?;
    let loading = best(|| load(&file))?;
    println!("reading the bytes and one copy: {reading:.1?}");
    println!(
        "loading: {loading:.1?}, {:.2} times as long",
        loading.as_secs_f64() / reading.as_secs_f64()
    );
    Ok(())
}

const WRITE_TO: &str = "LOAD_MEMORY_WRITE_TO";
const NAME: &str = "ScarletC.pth.tar";

fn write_file() -> Result<(), Box<dyn Error>> {
    let folder = std::env::var(WRITE_TO)?;
    let weights = formula::state_dict(ScarletC::new().architecture());
    let value = pickle::Value::dict([("model_state", pickle::Value::state_dict(&weights))]);
    pickle::write_legacy(Path::new(&folder), NAME, &value);
    Ok(())
}

fn load(file: &Path) -> Result<(), Box<dyn Error>> {
    let network = ScarletC::new().init(&Device::flex());
    std::hint::black_box(network.load(&StateDict::open(file)?)?);
    Ok(())
}

/// The shortest of several runs.
fn best(mut run: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        run()?;
        best = best.min(start.elapsed());
    }
    Ok(best)
}

/// A number of bytes from what the system says about this process, where it does.
fn status(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes << 10)
}
