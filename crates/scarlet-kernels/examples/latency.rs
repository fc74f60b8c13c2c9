//! Latency of one network on this machine.
//!
//! ```text
//! latency [--model scarlet-a] [--batch 1] [--size 224] [--threads 1] [--runs 101] [--int8]
//!         [--portable] [--profile] [--activation relu|relu6|h-swish|swish]
//! ```
//!
//! Prints one line of JSON: milliseconds of a run, shortest, median, and the 95th and 99th of a
//! hundred. With `--profile` a table of steps instead, and with `--activation` the same network
//! with that one wherever it has any, as if squeeze-excite were EfficientNet's.

#[path = "../tests/common/mod.rs"]
mod common;

use std::{error::Error, time::Instant};

use scarlet_kernels::{
    Activation, Calibration, Engine, EngineSettings, Gate, InstructionSet, Network, Operation,
    PackedNetwork,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut model = "scarlet-a".to_owned();
    let (mut batch, mut size, mut threads, mut runs) = (1, 224, 1, 101);
    let (mut profile, mut portable, mut int8) = (false, false, false);
    let mut activation = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--model" => model = value()?,
            "--batch" => batch = value()?.parse()?,
            "--size" => size = value()?.parse()?,
            "--threads" => threads = value()?.parse()?,
            "--runs" => runs = value()?.parse::<usize>()?.max(1),
            "--profile" => profile = true,
            "--portable" => portable = true,
            "--int8" => int8 = true,
            "--activation" => {
                activation = Some(match &*value()? {
                    "relu" => Activation::Relu,
                    "relu6" => Activation::Relu6,
                    "h-swish" => Activation::HSwish,
                    "swish" => Activation::Swish,
                    other => return Err(format!("unknown activation {other}").into()),
                });
            }
            _ => return Err(format!("unknown argument {argument}").into()),
        }
    }
    let architecture = match model.as_str() {
        "scarlet-a" => scarlet_arch::scarlet_a(),
        "scarlet-b" => scarlet_arch::scarlet_b(),
        "scarlet-c" => scarlet_arch::scarlet_c(),
        "efficientnet-lite0" => scarlet_arch::efficientnet_lite0(),
        text => text.parse()?,
    };
    let mut network = common::formula_network(&architecture);
    if let Some(activation) = activation {
        replace(&mut network, activation);
    }
    let mut settings = EngineSettings::new(size)
        .with_batch(batch)
        .with_threads(threads);
    if portable {
        settings = settings.with_instruction_set(InstructionSet::Portable);
    }
    let input = common::signal("input", batch * network.input_channels * size * size);
    let mut packed = PackedNetwork::pack(&network)?;
    if int8 {
        let mut calibration = Calibration::new(packed.clone(), settings.clone())?;
        calibration.observe(&input)?;
        packed = packed.quantise(&calibration.finish()?)?;
    }
    let mut engine = Engine::with_packed(packed, settings)?;
    for _ in 0..3 {
        engine.run(&input)?;
    }
    if profile {
        let mut total = (0.0, 0);
        for step in engine.profile(&input, runs)? {
            let us = step.time.as_secs_f64() * 1e6;
            println!(
                "{:>3}..{:<3} {:24} {us:9.1} us {:9.3} M mult-adds {:7.1} GFLOP/s {:9.1} kB",
                step.operations.start,
                step.operations.end,
                step.kind,
                step.mult_adds as f64 / 1e6,
                step.gflops(),
                step.bytes as f64 / 1e3,
            );
            total = (total.0 + us, total.1 + step.mult_adds);
        }
        let gflops = 2e-3 * total.1 as f64 / total.0;
        println!("sum of shortest: {:.1} us, {gflops:.1} GFLOP/s", total.0);
        println!("{:?}", engine.memory());
        return Ok(());
    }
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        engine.run(&input)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((runs - 1) as f64 * part).round() as usize];
    println!(
        "{{\"model\": \"{model}\", \"batch\": {batch}, \"size\": {size}, \"threads\": {threads}, \
         \"min_ms\": {:.3}, \"median_ms\": {:.3}, \"p95_ms\": {:.3}, \"p99_ms\": {:.3}}}",
        times[0],
        at(0.5),
        at(0.95),
        at(0.99)
    );
    Ok(())
}

fn replace(network: &mut Network, activation: Activation) {
    for operation in &mut network.operations {
        let place = match operation {
            Operation::Convolution(c) => &mut c.activation,
            Operation::Depthwise(c) => &mut c.activation,
            Operation::Pointwise(c) => &mut c.activation,
            Operation::SqueezeExcite(c) => {
                if activation == Activation::Swish {
                    c.gate = Gate::Sigmoid;
                }
                &mut c.activation
            }
            Operation::Linear(_) | Operation::Add(_) | Operation::GlobalMean => continue,
        };
        if *place != Activation::None {
            *place = activation;
        }
    }
}
