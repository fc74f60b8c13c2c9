//! Whole networks against logits computed by another implementation in double precision.
#![allow(clippy::unwrap_used)]

mod common;

use common::Statistics;
use safetensors::SafeTensors;
use scarlet_arch::Architecture;
use scarlet_kernels::{Engine, EngineSettings, InstructionSet, Network, Operation};

fn values(golden: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let bytes = golden.tensor(name).unwrap().data().as_chunks::<4>().0;
    bytes.iter().map(|&it| f32::from_le_bytes(it)).collect()
}

/// Formula weights with the running statistics that images left in them.
fn network(architecture: &Architecture, golden: &SafeTensors<'_>) -> Network {
    let names = golden.names().into_iter();
    let statistics = names.filter(|name| name.contains(".running_"));
    let statistics: Statistics = statistics
        .map(|name| {
            let values = values(golden, name).into_iter().map(f64::from);
            (name.to_owned(), values.collect())
        })
        .collect();
    common::network_with(architecture, &statistics)
}

/// The largest difference relative to the largest expected value.
fn error(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0f32, |max, x| max.max(x.abs()));
    let pairs = found.iter().zip(expected);
    pairs.fold(0f32, |max, (a, b)| max.max((a - b).abs())) / largest
}

fn check(architecture: &Architecture, golden: &[u8]) {
    let golden = SafeTensors::deserialize(golden).unwrap();
    let network = network(architecture, &golden);
    for size in [96, 224] {
        let expected = values(&golden, &format!("logits.{size}"));
        // Values that could not fail would prove nothing.
        let (first, second) = expected.split_at(expected.len() / 2);
        assert!(error(first, second) > 0.1);
        let input = common::signal(&format!("input.{size}"), 2 * 3 * size * size);
        for set in InstructionSet::available() {
            for threads in [1, 2] {
                let settings = EngineSettings::new(size)
                    .with_batch(2)
                    .with_threads(threads)
                    .with_instruction_set(set);
                let mut engine = Engine::new(&network, settings).unwrap();
                // Twice: what a run leaves behind must not change the next one.
                for _ in 0..2 {
                    let logits = engine.run(&input).unwrap();
                    let error = error(logits, &expected);
                    let name = &architecture.name;
                    let what = format!("{name} at {size}, {set}, {threads} threads");
                    assert!(error <= 1e-4, "{what}: {error}");
                }
            }
        }
    }
    // A stem whose kernels are a pixel aside is missed by far.
    let mut wrong = network;
    let Operation::Convolution(stem) = &mut wrong.operations[0] else {
        panic!("a network begins with its stem");
    };
    for row in stem.weight.chunks_mut(stem.kernel) {
        row.rotate_right(1);
    }
    let mut engine = Engine::new(&wrong, EngineSettings::new(96).with_batch(2)).unwrap();
    let input = common::signal("input.96", 2 * 3 * 96 * 96);
    let expected = values(&golden, "logits.96");
    assert!(error(engine.run(&input).unwrap(), &expected) > 1e-2);
}

#[test]
fn scarlet_a() {
    check(
        &scarlet_arch::scarlet_a(),
        include_bytes!("../../scarlet/tests/golden/scarlet_a.safetensors"),
    );
}

#[test]
fn scarlet_b() {
    check(
        &scarlet_arch::scarlet_b(),
        include_bytes!("../../scarlet/tests/golden/scarlet_b.safetensors"),
    );
}

#[test]
fn scarlet_c() {
    check(
        &scarlet_arch::scarlet_c(),
        include_bytes!("../../scarlet/tests/golden/scarlet_c.safetensors"),
    );
}

/// Beside the weights, an engine needs less than one and a half times the input and output of the
/// largest layer; a rearrangement of the weights costs next to nothing.
#[test]
fn memory_is_bounded() {
    for architecture in [
        scarlet_arch::scarlet_a(),
        scarlet_arch::scarlet_b(),
        scarlet_arch::scarlet_c(),
    ] {
        let network = common::formula_network(&architecture);
        let shapes = network.shapes(224, 224).unwrap();
        let pairs = shapes.windows(2);
        let largest = pairs
            .map(|pair| pair[0].values() + pair[1].values())
            .max()
            .unwrap();
        let weights: usize = network.operations.iter().map(parameters).sum();
        for (batch, threads) in [(1, 1), (1, 2), (8, 1), (8, 2)] {
            let settings = EngineSettings::new(224)
                .with_batch(batch)
                .with_threads(threads);
            let memory = Engine::new(&network, settings).unwrap().memory();
            assert!(memory.weights <= weights * 4 * 102 / 100, "{memory:?}");
            let rest = memory.activations + memory.scratch + memory.output;
            assert!(rest <= largest * batch * 4 * 3 / 2, "{memory:?}");
        }
    }
}

fn parameters(operation: &Operation) -> usize {
    match operation {
        Operation::Convolution(c) => c.weight.len() + c.bias.len(),
        Operation::Depthwise(c) => c.weight.len() + c.bias.len(),
        Operation::Pointwise(c) => c.weight.len() + c.bias.len(),
        Operation::SqueezeExcite(c) => {
            let matrices = c.squeeze_weight.len() + c.excite_weight.len();
            matrices + c.squeeze_bias.len() + c.excite_bias.len()
        }
        Operation::Linear(c) => c.weight.len() + c.bias.len(),
        Operation::Add(_) | Operation::GlobalMean => 0,
    }
}
