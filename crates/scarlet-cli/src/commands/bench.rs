//! `scarlet bench`.

use std::time::{Duration, Instant};

use scarlet::arch::Cost;

use crate::cli::BenchArgs;
use crate::error::CliError;
use crate::model::Model;
use crate::report::bench::{BenchReport, Latency, Start};
use crate::report::{Setting, print_json};
use crate::terminal::Terminal;

pub(super) fn run(args: &BenchArgs, terminal: &Terminal) -> Result<(), CliError> {
    let started = Instant::now();
    let mut model = Model::measured(&args.subject, &args.compute, terminal)?;
    let open = started.elapsed();
    let batch = args.subject.batch;
    let images = model.any_images(batch);
    let started = Instant::now();
    model.logits(&images)?;
    let first_run = started.elapsed();

    let durations = measure(&mut model, &images, args, terminal)?;
    let latency_ms = Latency::of(&durations);
    let setting = Setting::of(&model);
    let mult_adds = Cost::of(model.architecture(), setting.resolution)?.mult_adds;
    let report = BenchReport {
        setting,
        threads: rayon::current_num_threads(),
        batch,
        runs: args.runs,
        warmup: args.warmup,
        start_ms: args.subject.weights.as_ref().map(|_| Start {
            open: open.as_secs_f64() * 1e3,
            first_run: first_run.as_secs_f64() * 1e3,
        }),
        latency_ms,
        images_per_second: batch as f64 * 1e3 / latency_ms.median,
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
    images: &[f32],
    args: &BenchArgs,
    terminal: &Terminal,
) -> Result<Vec<Duration>, CliError> {
    let warmup = args.warmup as usize;
    let mut progress = terminal.progress("runs", warmup + args.runs);
    let mut durations = Vec::new();
    for run in 0..warmup + args.runs {
        let started = Instant::now();
        model.logits(images)?;
        let duration = started.elapsed();
        if run >= warmup {
            durations.push(duration);
        }
        progress.advance(1);
    }
    Ok(durations)
}
