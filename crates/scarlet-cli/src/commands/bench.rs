//! `scarlet bench`.

use std::time::{Duration, Instant};

use scarlet::arch::Cost;

use crate::cli::BenchArgs;
use crate::error::CliError;
use crate::model::{Model, architecture};
use crate::report::bench::{BenchReport, Latency};
use crate::report::print_json;
use crate::terminal::Terminal;

pub(super) fn run(args: &BenchArgs, terminal: &Terminal) -> Result<(), CliError> {
    let mut architecture = architecture(&args.model)?;
    if let Some(resolution) = args.resolution {
        architecture.check_resolution(resolution)?;
        architecture.preprocessing.resolution = resolution;
        architecture.validate()?;
    }
    let resolution = architecture.preprocessing.resolution;
    let mult_adds = Cost::of(&architecture, resolution)?.mult_adds;
    let mut model = Model::random(architecture, &args.compute, args.batch)?;

    let durations = measure(&mut model, args, terminal)?;
    let latency_ms = Latency::of(&durations);
    let report = BenchReport {
        model: model.architecture().name.clone(),
        device: model.device_name().to_owned(),
        threads: rayon::current_num_threads(),
        batch: args.batch,
        resolution,
        runs: args.runs,
        warmup: args.warmup,
        latency_ms,
        images_per_second: args.batch as f64 * 1e3 / latency_ms.median,
        mult_adds,
    };
    if args.json {
        print_json(terminal, &report)
    } else {
        terminal.print(&report.text())
    }
}

/// Durations of the forward passes that count.
fn measure(
    model: &mut Model,
    args: &BenchArgs,
    terminal: &Terminal,
) -> Result<Vec<Duration>, CliError> {
    let side = model.preprocessing().resolution;
    let values = args.batch * model.architecture().input_channels * side * side;
    // Any values will do that are neither zero nor denormal, which some processors treat
    // differently.
    let images: Vec<f32> = (0..values)
        .map(|i| (i % 255) as f32 / 127.0 - 1.0)
        .collect();

    let warmup = args.warmup as usize;
    let mut progress = terminal.progress("runs", warmup + args.runs);
    let mut durations = Vec::new();
    for run in 0..warmup + args.runs {
        let started = Instant::now();
        model.logits(&images)?;
        let duration = started.elapsed();
        if run >= warmup {
            durations.push(duration);
        }
        progress.advance(1);
    }
    Ok(durations)
}
