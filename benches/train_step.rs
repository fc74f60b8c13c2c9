//! Time of one training step (forward pass, cross-entropy, backward pass, SGD with momentum):
//! SCARLET-A on photographs and on small images, by Burn's CPU devices (`ndarray` with the feature of that
//! name).

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scarlet::ScarletA;
use scarlet::burn::nn::loss::CrossEntropyLossConfig;
use scarlet::burn::optim::{GradientsParams, SgdConfig, momentum::MomentumConfig};
use scarlet::burn::tensor::{Int, Tensor, TensorData};
use scarlet::weights::formula;

/// Batch and side of the images.
const INPUTS: [(usize, usize); 2] = [(8, 224), (64, 32)];

fn train_step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("train_step");
    group.sample_size(20);
    let compiled_in = scarlet::available_devices();
    for device_name in ["cpu", "ndarray"] {
        if !compiled_in.contains(&device_name) {
            continue;
        }
        let device = scarlet::device_by_name(device_name)
            .expect("it is compiled in")
            .autodiff();
        for (batch, side) in INPUTS {
            let shape = [batch, 3, side, side];
            let data = TensorData::new(formula::signal("input", &shape), shape);
            let images = Tensor::<4>::from_data(data, &device);
            let classes: Vec<i64> = (0..batch as i64).map(|image| image * 7 % 1000).collect();
            let targets = Tensor::<1, Int>::from_data(TensorData::new(classes, [batch]), &device);
            let loss = CrossEntropyLossConfig::new().init(&device);
            let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
            let mut optimizer = SgdConfig::new().with_momentum(Some(momentum)).init();
            let mut network = Some(ScarletA::new().init(&device));
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(
                BenchmarkId::new(device_name, format!("{batch}x{side}")),
                |bencher| {
                    bencher.iter(|| {
                        let trained = network.take().expect("a step puts the network back");
                        let loss = loss.forward(trained.forward(images.clone()), targets.clone());
                        let gradients = GradientsParams::from_grads(loss.backward(), &trained);
                        network = Some(optimizer.step(0.01, trained, gradients));
                    });
                },
            );
        }
    }
    group.finish();
}

criterion_group!(benches, train_step);
criterion_main!(benches);
