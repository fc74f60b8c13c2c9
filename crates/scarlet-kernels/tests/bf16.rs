//! Networks in bfloat16: exact products of numbers rounded as they should be, near to the network in
//! floats, and the same bits for every number of threads and every batch.
#![allow(clippy::unwrap_used)]

mod common;

use common::{
    assert_alone_and_together_agree, every_kind, formula_network, pointwise, reference, signal,
};
use proptest::prelude::*;
use scarlet_kernels::{
    Activation, Calibration, Depthwise, Engine, EngineSettings, InstructionSet, Linear, Network,
    Operation, PackedNetwork, PaddingRule, Precision, Quantisation,
};

fn settings((height, width): (usize, usize), batch: usize) -> EngineSettings {
    EngineSettings {
        batch,
        height,
        width,
        threads: 1,
        instruction_set: None,
    }
}

fn network(input_channels: usize, operations: Vec<Operation>) -> Network {
    Network {
        input_channels,
        operations,
    }
}

fn bf16(network: &Network) -> PackedNetwork {
    PackedNetwork::pack(network).unwrap().to_bf16().unwrap()
}

/// The nearest number with eight bits of precision, ties to the even one, by arithmetic.
fn rounded(value: f32) -> f32 {
    if value == 0.0 {
        return value;
    }
    let step = 2f64.powi(f64::from(value.abs()).log2().floor() as i32 - 7);
    ((f64::from(value) / step).round_ties_even() * step) as f32
}

/// The network whose weights are what those of bfloat16 stand for.
fn with_rounded_weights(network: &Network) -> Network {
    let mut network = network.clone();
    for operation in &mut network.operations {
        let matrices = match operation {
            Operation::Pointwise(c) => vec![&mut c.weight],
            Operation::Linear(c) => vec![&mut c.weight],
            Operation::SqueezeExcite(c) => vec![&mut c.squeeze_weight, &mut c.excite_weight],
            _ => vec![],
        };
        for weight in matrices.into_iter().flatten() {
            *weight = rounded(*weight);
        }
    }
    network
}

/// That a network gives what its rounded weights do in f64, for images that reach the first operation
/// rounded; `magnitude` is that of its sums.
fn check(network: &Network, size: (usize, usize), images: &[Vec<f32>]) {
    let plain = with_rounded_weights(network);
    let expected = images.iter().flat_map(|image| {
        let image: Vec<_> = image.iter().copied().map(rounded).collect();
        reference(&plain, size.0, size.1, &image)
    });
    let expected: Vec<f64> = expected.collect();
    let largest = expected.iter().fold(1f64, |most, x| most.max(x.abs()));
    let packed = bf16(network);
    for set in InstructionSet::available() {
        for threads in 1..=2 {
            let settings = settings(size, images.len())
                .with_threads(threads)
                .with_instruction_set(set);
            let mut engine = Engine::with_packed(packed.clone(), settings).unwrap();
            let found = engine.run(&images.concat()).unwrap();
            assert_eq!(found.len(), expected.len());
            for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!(
                    (f64::from(*found) - expected).abs() <= 4e-6 * largest,
                    "{set}, {threads} threads, {index}: {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn the_reference_rounds_to_eight_bits() {
    for (value, nearest) in [
        (1.0, 1.0),
        (1.0 + 1.0 / 256.0, 1.0),
        (1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0),
        (-0.3, -77.0 / 256.0),
        (1.999, 2.0),
        (3e-5, 252.0 / 8_388_608.0),
    ] {
        assert_eq!(rounded(value), nearest, "{value}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_pointwise_convolution_sums_what_is_rounded(
        (input, output, stride) in (1..70usize, 1..70usize, 1..3usize),
        size in (1..12usize, 1..12usize),
        batch in 1..6usize,
        activation in prop::sample::select(vec![
            Activation::None,
            Activation::Relu,
            Activation::Relu6,
            Activation::HSwish,
            Activation::Swish,
        ]),
    ) {
        let c = pointwise(input, output, stride, activation);
        let images: Vec<_> = (0..batch)
            .map(|image| signal(&format!("image {image}"), input * size.0 * size.1))
            .collect();
        check(&network(input, vec![Operation::Pointwise(c)]), size, &images);
    }

    /// Its input is rounded, what is added to its output is not.
    #[test]
    fn a_shortcut_is_added_in_floats(
        channels in 1..40usize,
        size in (1..12usize, 1..12usize),
        activation in prop::sample::select(vec![Activation::None, Activation::Swish]),
    ) {
        // Multiplies by powers of two, so that what is rounded can be told from what is not.
        let first = Depthwise {
            channels,
            kernel: 1,
            stride: 1,
            padding: PaddingRule::all(0),
            weight: vec![0.5; channels],
            bias: vec![0.0; channels],
            activation: Activation::None,
        };
        let c = pointwise(channels, channels, 1, activation);
        let with_shortcut = |first: Depthwise| network(
            channels,
            vec![
                Operation::Depthwise(first),
                Operation::Pointwise(c.clone()),
                Operation::Add(0),
            ],
        );
        let image = signal("image", channels * size.0 * size.1);
        let near: Vec<_> = image.iter().copied().map(rounded).collect();
        let plain = with_rounded_weights(&with_shortcut(first.clone()));
        let sums = reference(&plain, size.0, size.1, &near);
        let unrounded = image.iter().zip(&near).map(|(x, near)| f64::from(x - near) * 0.5);
        let expected: Vec<_> = sums.iter().zip(unrounded).map(|(sum, more)| sum + more).collect();
        for set in InstructionSet::available() {
            let settings = settings(size, 1).with_instruction_set(set);
            let packed = bf16(&with_shortcut(first.clone()));
            let mut engine = Engine::with_packed(packed, settings).unwrap();
            let found = engine.run(&image).unwrap();
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!((f64::from(*found) - expected).abs() < 1e-5, "{set}: {found} {expected}");
            }
        }
    }

    /// A convolution that is rounded as it is made, by the next one that reads it.
    #[test]
    fn what_is_between_convolutions_is_rounded_once(
        (input, hidden, output) in (1..30usize, 1..70usize, 1..40usize),
        (kernel, stride) in (1..6usize, 1..3usize),
        size in (1..14usize, 1..14usize),
        activation in prop::sample::select(vec![
            Activation::None,
            Activation::Relu6,
            Activation::HSwish,
        ]),
    ) {
        let expand = pointwise(input, hidden, 1, activation);
        let depthwise = Depthwise {
            channels: hidden,
            kernel,
            stride,
            padding: PaddingRule::Same,
            weight: signal("depthwise", hidden * kernel * kernel),
            bias: signal("depthwise bias", hidden),
            activation,
        };
        let project = pointwise(hidden, output, 1, Activation::None);
        let image: Vec<_> = signal("image", input * size.0 * size.1)
            .into_iter()
            .map(rounded)
            .collect();
        let first = network(
            input,
            vec![Operation::Pointwise(expand.clone()), Operation::Depthwise(depthwise.clone())],
        );
        let between = reference(&with_rounded_weights(&first), size.0, size.1, &image);
        let between: Vec<_> = between.iter().map(|x| rounded(*x as f32)).collect();
        let last = network(hidden, vec![Operation::Pointwise(project.clone())]);
        let after = (size.0.div_ceil(stride), size.1.div_ceil(stride));
        let expected = reference(&with_rounded_weights(&last), after.0, after.1, &between);
        let whole = network(
            input,
            vec![
                Operation::Pointwise(expand),
                Operation::Depthwise(depthwise),
                Operation::Pointwise(project),
            ],
        );
        let largest = expected.iter().fold(1f64, |most, x| most.max(x.abs()));
        for set in InstructionSet::available() {
            let settings = settings(size, 1).with_instruction_set(set);
            let mut engine = Engine::with_packed(bf16(&whole), settings).unwrap();
            let found = engine.run(&image).unwrap();
            let errors = found
                .iter()
                .zip(&expected)
                .map(|(found, expected)| (f64::from(*found) - expected).abs() / largest);
            // Here and there a value lies between two numbers, and becomes the other one.
            prop_assert!(errors.clone().fold(0.0, f64::max) < 4e-3, "{}", set);
            let far = errors.filter(|error| *error > 1e-5).count();
            prop_assert!(far * 4 <= found.len().max(4 * output), "{}: {}", set, far);
        }
    }
}

#[test]
fn many_pixels_and_channels_are_cut_into_pieces() {
    for (input, output, size) in [(1152, 40, (7, 7)), (17, 90, (40, 33)), (600, 24, (13, 20))] {
        let images = [
            signal("0", input * size.0 * size.1),
            signal("1", input * size.0 * size.1),
        ];
        let c = pointwise(input, output, 1, Activation::None);
        let network = network(input, vec![Operation::Pointwise(c)]);
        check(&network, size, &images);
    }
}

#[test]
fn fully_connected_layers_round_their_weights_alone() {
    let (input, output) = (37, 41);
    let linear = Linear {
        input,
        output,
        weight: signal("weight", input * output),
        bias: signal("bias", output),
        activation: Activation::Swish,
    };
    let network = network(
        input,
        vec![Operation::GlobalMean, Operation::Linear(linear)],
    );
    let image = signal("image", input * 6);
    let expected = reference(&with_rounded_weights(&network), 2, 3, &image);
    for set in InstructionSet::available() {
        let settings = settings((2, 3), 1).with_instruction_set(set);
        let mut engine = Engine::with_packed(bf16(&network), settings).unwrap();
        let found = engine.run(&image).unwrap();
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-5,
                "{found} {expected}"
            );
        }
    }
}

#[test]
fn networks_are_near_to_those_in_floats() {
    let size = (64, 64);
    for (index, network) in every_kind().iter().enumerate() {
        let image = signal("image", 3 * 64 * 64);
        let expected = reference(network, 64, 64, &image);
        let mean = expected.iter().sum::<f64>() / expected.len() as f64;
        let spread: f64 = expected.iter().map(|x| (x - mean).powi(2)).sum();
        for set in InstructionSet::available() {
            let settings = settings(size, 1).with_instruction_set(set);
            let mut engine = Engine::with_packed(bf16(network), settings).unwrap();
            let found = engine.run(&image).unwrap();
            let pairs = found.iter().zip(&expected);
            let error: f64 = pairs.map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
            let relative = (error / spread).sqrt();
            assert!(relative < 0.02, "network {index}, {set}: {relative}");
            assert!(relative > 1e-5, "network {index} was not rounded");
        }
    }
}

#[test]
fn neither_threads_nor_batches_change_a_bit() {
    for network in every_kind() {
        let images = signal("images", 7 * 3 * 40 * 33);
        assert_alone_and_together_agree(&bf16(&network), (40, 33), &images);
    }
}

/// Those that multiply and add in floats, fused.
#[test]
fn sets_without_products_of_bfloat16_give_the_same_bits() {
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let fused = [
        InstructionSet::Avx2,
        InstructionSet::Avx512,
        InstructionSet::Avx512Vnni,
    ];
    for network in every_kind() {
        let image = signal("image", 3 * 40 * 33);
        let sets = fused.into_iter().filter(|set| set.is_available());
        let mut results = sets.map(|set| {
            let settings = settings((40, 33), 1).with_instruction_set(set);
            let mut engine = Engine::with_packed(bf16(&network), settings).unwrap();
            bits(engine.run(&image).unwrap())
        });
        if let Some(first) = results.next() {
            assert!(results.all(|next| next == first));
        }
    }
}

#[test]
fn numbers_that_are_none_or_infinite_stay_so() {
    let mut c = pointwise(3, 20, 1, Activation::None);
    c.weight[0] = f32::NAN;
    c.weight[3] = f32::INFINITY;
    for set in InstructionSet::available() {
        let settings = settings((1, 1), 1).with_instruction_set(set);
        let network = network(3, vec![Operation::Pointwise(c.clone())]);
        let mut engine = Engine::with_packed(bf16(&network), settings).unwrap();
        let output = engine.run(&[0.5; 3]).unwrap().to_vec();
        assert!(
            output[0].is_nan() && output[1] == f32::INFINITY,
            "{set}: {output:?}"
        );
        assert!(
            output[2..].iter().all(|x| x.is_finite()),
            "{set}: {output:?}"
        );
        let output = engine.run(&[f32::NAN, 0.5, 0.5]).unwrap();
        assert!(output.iter().all(|x| x.is_nan()), "{set}: {output:?}");
    }
}

#[test]
fn what_is_rounded_is_not_rounded_again() {
    let network = network(
        3,
        vec![Operation::Pointwise(pointwise(3, 5, 1, Activation::None))],
    );
    let floats = PackedNetwork::pack(&network).unwrap();
    assert_eq!(floats.precision(), Precision::Float32);
    let bf16 = floats.to_bf16().unwrap();
    assert_eq!(bf16.precision(), Precision::Bfloat16);
    assert!(bf16.quantisation().is_none());
    let none = Quantisation::new(vec![None]);
    for error in [
        bf16.to_bf16().unwrap_err(),
        bf16.quantise(&none).unwrap_err(),
        Calibration::new(bf16.clone(), settings((2, 2), 1)).unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(
            error.contains("in bfloat16 already; take the one"),
            "{error}"
        );
    }
    let bytes = floats.quantise(&none).unwrap();
    assert_eq!(bytes.precision(), Precision::Int8);
    let error = bytes.to_bf16().unwrap_err().to_string();
    assert!(error.contains("quantised already"), "{error}");
}

#[test]
fn weights_take_half_the_memory() {
    let network = formula_network(&scarlet_arch::scarlet_a());
    let bytes = |packed: PackedNetwork| {
        let engine = Engine::with_packed(packed, settings((32, 32), 1)).unwrap();
        engine.memory().weights as f64
    };
    let floats = bytes(PackedNetwork::pack(&network).unwrap());
    let share = bytes(bf16(&network)) / floats;
    assert!((0.5..0.54).contains(&share), "{share}");
}
