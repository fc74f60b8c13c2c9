//! Time of one forward pass: SCARLET-A, -B and -C at 224 pixels, batch 1 and 8, on the CPU, as Burn
//! runs it and deployed.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scarlet::burn::tensor::{Tensor, TensorData};
use scarlet::weights::formula;
use scarlet::{DeployOptions, ScarletA, ScarletB, ScarletC};

fn forward(criterion: &mut Criterion) {
    let networks = [
        ("scarlet-a", ScarletA::new()),
        ("scarlet-b", ScarletB::new()),
        ("scarlet-c", ScarletC::new()),
    ];
    // `ndarray` runs the same kernels; `train_step` compares the two.
    let device = scarlet::device_by_name("cpu").expect("this package compiles it in");
    let mut group = criterion.benchmark_group("forward");
    group.sample_size(20);
    for (name, config) in networks {
        let weights = formula::state_dict(config.architecture());
        let network = config
            .init(&device)
            .load(&weights)
            .expect("the formula fits every network")
            .fold_batch_norm();
        for batch in [1, 8] {
            let shape = [batch, 3, 224, 224];
            let values = formula::signal("input", &shape);
            let data = TensorData::new(values.clone(), shape);
            let images = Tensor::<4>::from_data(data, &device);
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new(name, batch), |bencher| {
                bencher.iter(|| black_box(network.forward(images.clone()).into_data()));
            });
            let mut deployed = network
                .deploy(&DeployOptions::new().with_batch(batch))
                .expect("224 is every network's size");
            group.bench_function(
                BenchmarkId::new(format!("{name}, deployed"), batch),
                |bencher| {
                    bencher.iter(|| black_box(deployed.run(&values).map(<[f32]>::len)));
                },
            );
        }
    }
    group.finish();
}

criterion_group!(benches, forward);
criterion_main!(benches);
