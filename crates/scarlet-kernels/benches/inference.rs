//! Whole networks, by batch and threads, in floats and of eight bits. For a comparison with other engines on the same machine
//! see the `latency` example, which prints one figure for each call.

#[path = "../tests/common/mod.rs"]
mod common;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scarlet_kernels::{Calibration, Engine, EngineError, EngineSettings, Network, PackedNetwork};

/// A network in floats, and of eight bits.
fn packed(network: &Network, size: usize) -> Result<(PackedNetwork, PackedNetwork), EngineError> {
    let floats = PackedNetwork::pack(network)?;
    let mut calibration = Calibration::new(floats.clone(), EngineSettings::new(size))?;
    calibration.observe(&common::signal(
        "input",
        network.input_channels * size * size,
    ))?;
    let int8 = floats.quantise(&calibration.finish()?)?;
    Ok((floats, int8))
}

fn inference(criterion: &mut Criterion) {
    let size = 224;
    for architecture in [
        scarlet_arch::scarlet_a(),
        scarlet_arch::scarlet_b(),
        scarlet_arch::scarlet_c(),
        scarlet_arch::efficientnet_lite0(),
    ] {
        let network = common::formula_network(&architecture);
        let (floats, int8) = match packed(&network, size) {
            Ok(both) => both,
            Err(error) => {
                eprintln!("{}: {error}", architecture.name);
                continue;
            }
        };
        let mut group = criterion.benchmark_group(&architecture.name);
        for batch in [1, 8, 32] {
            group.throughput(Throughput::Elements(batch as u64));
            let input = common::signal("input", batch * network.input_channels * size * size);
            for threads in [1, 2] {
                let settings = EngineSettings::new(size)
                    .with_batch(batch)
                    .with_threads(threads);
                for (numbers, network) in [("", &floats), (", int8", &int8)] {
                    let mut engine = match Engine::with_packed(network.clone(), settings.clone()) {
                        Ok(engine) => engine,
                        Err(error) => {
                            eprintln!("{}: {error}", architecture.name);
                            continue;
                        }
                    };
                    let id = BenchmarkId::new(
                        format!("{threads} threads{numbers}"),
                        format!("batch {batch}"),
                    );
                    group.bench_function(id, |bencher| {
                        bencher.iter(|| engine.run(&input).map(<[f32]>::len));
                    });
                }
            }
        }
        group.finish();
    }
}

criterion_group!(benches, inference);
criterion_main!(benches);
