//! Inference in tract, candle and RTen, timed on command.
//!
//! ```text
//! scarlet-peers tract|candle FILE BATCH SIZE THREADS
//! scarlet-peers rten THREADS FILES NETWORK:BATCH …
//! ```
//!
//! FILE is an ONNX file for tract; for candle the network's layers as text, one a line (see
//! `candle.rs`). RTen has FILES/NETWORK-BATCH.onnx and the images in FILES/NETWORK-BATCH.f32; the
//! logits go to FILES/NETWORK-BATCH.rten.logits.
//!
//! Each line on standard input is a number of runs, for RTen NETWORK:BATCH and a number; the answer is
//! a line with the milliseconds of each, or before the first a line that says `ready`.

mod candle;
mod rten;
mod tract;

use std::collections::HashMap;

use std::io::{BufRead, Write};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Runs the network once.
type Run = Box<dyn FnMut() -> Result<()>>;

/// What a network is made for.
struct Setting {
    batch: usize,
    size: usize,
    threads: usize,
}

impl Setting {
    /// Values that are neither zero nor denormal.
    fn images(&self) -> Vec<f32> {
        let values = self.batch * 3 * self.size * self.size;
        (0..values)
            .map(|i| (i % 255) as f32 / 127.0 - 1.0)
            .collect()
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut runs = match arguments.as_slice() {
        ["rten", threads, files, settings @ ..] => {
            rten::networks(threads.parse()?, files, settings)?
        }
        [engine, file, batch, size, threads] => {
            let setting = Setting {
                batch: batch.parse()?,
                size: size.parse()?,
                threads: threads.parse()?,
            };
            let mut run = match *engine {
                "tract" => tract::network(file, &setting)?,
                "candle" => candle::network(file, &setting)?,
                _ => bail!("there is no engine `{engine}`"),
            };
            run()?;
            HashMap::from([(String::new(), run)])
        }
        _ => bail!("usage: scarlet-peers tract|candle FILE BATCH SIZE THREADS"),
    };
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (setting, count) = line.rsplit_once(' ').unwrap_or(("", &line));
        let run = runs.get_mut(setting).context("there is no such setting")?;
        let count: usize = count.trim().parse().context("a number of runs")?;
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            run()?;
            times.push(format!("{:.5}", start.elapsed().as_secs_f64() * 1e3));
        }
        println!("[{}]", times.join(", "));
        std::io::stdout().flush()?;
    }
    Ok(())
}
