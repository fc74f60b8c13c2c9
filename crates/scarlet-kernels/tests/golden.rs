//! Whole networks against logits computed by another implementation in double precision.
#![allow(clippy::unwrap_used)]

mod common;

use scarlet_arch::Architecture;
use scarlet_kernels::{Engine, EngineSettings, InstructionSet, Operation};

fn check(architecture: &Architecture, golden: &[u8]) {
    let golden = safetensors::SafeTensors::deserialize(golden).unwrap();
    for size in [64, 224] {
        let expected = golden.tensor(&format!("logits.{size}")).unwrap();
        let expected: Vec<f32> = expected
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect();
        let largest = expected.iter().fold(0f32, |max, x| max.max(x.abs()));
        let network = common::formula_network(architecture);
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
                    assert_eq!(logits.len(), expected.len());
                    let worst = logits
                        .iter()
                        .zip(&expected)
                        .fold(0f32, |max, (a, b)| max.max((a - b).abs()));
                    assert!(
                        worst <= 1e-4 * largest,
                        "{} at {size}, {set}, {threads} threads: {worst} of {largest}",
                        architecture.name
                    );
                }
            }
        }
    }
}

#[test]
fn scarlet_a() {
    check(
        &scarlet_arch::scarlet_a(),
        include_bytes!("golden/scarlet_a.safetensors"),
    );
}

#[test]
fn scarlet_b() {
    check(
        &scarlet_arch::scarlet_b(),
        include_bytes!("golden/scarlet_b.safetensors"),
    );
}

#[test]
fn scarlet_c() {
    check(
        &scarlet_arch::scarlet_c(),
        include_bytes!("golden/scarlet_c.safetensors"),
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
