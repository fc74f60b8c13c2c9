//! Time to turn a photograph into a network's input, decoding included.

use std::hint::black_box;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use scarlet::arch::Preprocessing;
use scarlet::data::{DecodeOptions, decode, eval_image, load_image};

fn preprocessing(criterion: &mut Criterion) {
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/photos");
    let (imagenet, options) = (Preprocessing::IMAGENET, DecodeOptions::default());
    let mut group = criterion.benchmark_group("preprocessing");
    for file in ["china.jpg", "coffee.png"] {
        let path = photos.join(file);
        let image = decode(&path, &options).expect("the photograph ships with the project");
        group.bench_function(BenchmarkId::new("transform", file), |bencher| {
            bencher.iter(|| black_box(eval_image(&image, &imagenet)));
        });
        group.bench_function(BenchmarkId::new("decode and transform", file), |bencher| {
            bencher.iter(|| black_box(load_image(&path, &imagenet, 3, &options)));
        });
    }
    group.finish();
}

criterion_group!(benches, preprocessing);
criterion_main!(benches);
