//! Time to load SCARLET-C's weights from safetensors into a network, beside the time to read the
//! file's bytes and copy them once.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use scarlet::ScarletC;
use scarlet::weights::{Precision, StateDict, formula};

fn loading(criterion: &mut Criterion) {
    let device = scarlet::device_by_name("cpu").expect("this package compiles it in");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("scarlet-c.safetensors");
    let config = ScarletC::new();
    config
        .init(&device)
        .load(&formula::state_dict(config.architecture()))
        .expect("the formula fits every network")
        .save(&file, Precision::F32)
        .expect("room for 25 MB");
    let bytes = std::fs::metadata(&file).expect("just written").len();

    let mut group = criterion.benchmark_group("loading");
    group.throughput(Throughput::Bytes(bytes)).sample_size(30);
    group.bench_function("read and copy the bytes", |bencher| {
        bencher.iter(|| {
            let bytes = std::fs::read(&file).expect("just written");
            black_box(bytes.clone())
        });
    });
    group.bench_function("load the network", |bencher| {
        bencher.iter(|| {
            let weights = StateDict::open(&file).expect("just written");
            black_box(
                config
                    .init(&device)
                    .load(&weights)
                    .expect("its own weights"),
            )
        });
    });
    group.finish();
}

criterion_group!(benches, loading);
criterion_main!(benches);
