//! Networks of eight bits: exact against plain integers, near to the network in floats, and the
//! same bits for every number of threads, batch and instruction set.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_alone_and_together_agree, every_kind, pointwise, reference, signal};
use proptest::prelude::*;
use scarlet_kernels::{
    Activation, Calibration, Convolution, Depthwise, Engine, EngineError, EngineSettings,
    InstructionSet, Linear, Network, Operation, PackedNetwork, PaddingRule, Pointwise,
    Quantisation, RoundedRow, ValueRange,
};

fn settings(size: (usize, usize), batch: usize) -> EngineSettings {
    EngineSettings {
        batch,
        height: size.0,
        width: size.1,
        threads: 1,
        instruction_set: None,
    }
}

fn alone(c: Pointwise) -> Network {
    Network {
        input_channels: c.input,
        operations: vec![Operation::Pointwise(c)],
    }
}

fn ranged(network: &Network, range: ValueRange) -> PackedNetwork {
    let ranges = network
        .operations
        .iter()
        .map(|operation| matches!(operation, Operation::Pointwise(_)).then_some(range));
    let quantisation = Quantisation::new(ranges.collect());
    PackedNetwork::pack(network)
        .unwrap()
        .quantise(&quantisation)
        .unwrap()
}

/// One row of weights, and its step: 127 of them are the largest weight or sum of a pair.
fn rounded_row(row: &[f32]) -> (Vec<i32>, f32) {
    let pairs = row.chunks(2).map(|pair| pair.iter().sum::<f32>().abs());
    let largest = row.iter().map(|w| w.abs()).chain(pairs).fold(0.0, f32::max);
    if largest == 0.0 {
        return (vec![0; row.len()], 0.0);
    }
    let step = largest / 127.0;
    (
        row.iter().map(|w| (w / step).round() as i32).collect(),
        step,
    )
}

/// A pointwise convolution of one image in plain integers.
fn plain(c: &Pointwise, range: ValueRange, (height, width): (usize, usize), x: &[f32]) -> Vec<f32> {
    let zero = i32::from(range.zero());
    let bytes: Vec<i32> = x
        .iter()
        .map(|x| {
            (x * (1.0 / range.step()) + zero as f32)
                .round_ties_even()
                .clamp(0.0, 255.0) as i32
        })
        .collect();
    let mut y = Vec::new();
    for (row, bias) in c.weight.chunks(c.input).zip(&c.bias) {
        let (weights, step) = rounded_row(row);
        let scale = f64::from(step) * f64::from(range.step());
        let excess = i64::from(weights.iter().sum::<i32>()) * i64::from(zero);
        let bias = (f64::from(*bias) - scale * excess as f64) as f32;
        for row in (0..height).step_by(c.stride) {
            for column in (0..width).step_by(c.stride) {
                let at = |channel: usize| bytes[(channel * height + row) * width + column];
                let products = weights.iter().enumerate().map(|(i, w)| w * at(i));
                let value = products.sum::<i32>() as f32 * scale as f32 + bias;
                y.push(match c.activation {
                    Activation::None => value,
                    Activation::Relu => value.max(0.0),
                    Activation::Relu6 => value.clamp(0.0, 6.0),
                    Activation::HSwish => value * (value + 3.0).clamp(0.0, 6.0) / 6.0,
                    Activation::Swish => value / (1.0 + (-value).exp()),
                });
            }
        }
    }
    y
}

fn check(c: Pointwise, range: ValueRange, size: (usize, usize), images: &[Vec<f32>]) {
    let expected: Vec<f32> = images
        .iter()
        .flat_map(|x| plain(&c, range, size, x))
        .collect();
    let activation = c.activation;
    let packed = ranged(&alone(c), range);
    for set in InstructionSet::available() {
        for threads in 1..=3 {
            let settings = settings(size, images.len())
                .with_threads(threads)
                .with_instruction_set(set);
            let mut engine = Engine::with_packed(packed.clone(), settings).unwrap();
            let found = engine.run(&images.concat()).unwrap();
            assert_eq!(found.len(), expected.len());
            for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let tolerance = match activation {
                    // Computed in another order of operations.
                    Activation::HSwish | Activation::Swish => 1e-6 * expected.abs().max(1.0),
                    _ => 0.0,
                };
                assert!(
                    (found - expected).abs() <= tolerance,
                    "{set}, {threads} threads, {index}: {found} {expected}"
                );
            }
        }
    }
}

/// A depthwise convolution of one image in plain integers, by what [`RoundedRow::of_kernels`] makes of
/// its weights.
fn plain_depthwise(
    c: &Depthwise,
    range: ValueRange,
    (height, width): (usize, usize),
    x: &[f32],
) -> Vec<f32> {
    let zero = i32::from(range.zero());
    let byte = |x: f32| {
        let byte = x * (1.0 / range.step()) + zero as f32;
        byte.round_ties_even().clamp(0.0, 255.0) as i32
    };
    let padding = c.padding.resolve(c.kernel, c.stride, height, width);
    let out = |length: usize, before: usize, after: usize| {
        (length + before + after - c.kernel) / c.stride + 1
    };
    let mut y = Vec::new();
    let taps = c.weight.chunks(c.kernel * c.kernel);
    for ((taps, bias), plane) in taps.zip(&c.bias).zip(x.chunks(height * width)) {
        let row = RoundedRow::of_kernels(taps, taps.len(), 0.0);
        let scale = (f64::from(row.scale) * f64::from(range.step())) as f32;
        for top in 0..out(height, padding.top, padding.bottom) {
            for left in 0..out(width, padding.left, padding.right) {
                let mut sum = 0;
                for (tap, &weight) in row.bytes.iter().enumerate() {
                    let at = |start: usize, tap: usize, padding: usize, length: usize| {
                        let place = (start * c.stride + tap).checked_sub(padding)?;
                        (place < length).then_some(place)
                    };
                    let row = at(top, tap / c.kernel, padding.top, height);
                    let column = at(left, tap % c.kernel, padding.left, width);
                    if let (Some(row), Some(column)) = (row, column) {
                        sum += i32::from(weight) * (byte(plane[row * width + column]) - zero);
                    }
                }
                let value = sum as f32 * scale + bias;
                y.push(match c.activation {
                    Activation::Relu => value.max(0.0),
                    Activation::Relu6 => value.clamp(0.0, 6.0),
                    _ => value,
                });
            }
        }
    }
    y
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_depthwise_convolution_is_exact(
        channels in 1..40usize,
        (kernel, stride) in (1..10usize, 1..4usize),
        size in (1..24usize, 1..24usize),
        rule in prop::sample::select(vec![None, Some(0), Some(1), Some(2), Some(3)]),
        (low, high) in (-4f32..1.0, 0.1f32..4.0),
        activation in prop::sample::select(vec![
            Activation::None,
            Activation::Relu,
            Activation::Relu6,
        ]),
    ) {
        let padding = rule.map_or(PaddingRule::Same, PaddingRule::all);
        let around = rule.map_or(0, |padding| 2 * padding);
        prop_assume!(rule.is_none_or(|rule| rule < kernel));
        prop_assume!(rule.is_none() || size.0.min(size.1) + around >= kernel);
        let c = Depthwise {
            channels,
            kernel,
            stride,
            padding,
            weight: signal("weight", channels * kernel * kernel),
            bias: signal("bias", channels),
            activation,
        };
        let range = ValueRange::new(low, high).unwrap();
        let images: Vec<_> = (0..2)
            .map(|image| signal(&format!("image {image}"), channels * size.0 * size.1))
            .collect();
        let expected: Vec<f32> = images
            .iter()
            .flat_map(|x| plain_depthwise(&c, range, size, x))
            .collect();
        let network = Network {
            input_channels: channels,
            operations: vec![Operation::Depthwise(c)],
        };
        let packed = PackedNetwork::pack(&network).unwrap();
        let packed = packed.quantise(&Quantisation::new(vec![Some(range)])).unwrap();
        for set in InstructionSet::available() {
            for threads in 1..=3 {
                let settings = settings(size, 2).with_threads(threads).with_instruction_set(set);
                let mut engine = Engine::with_packed(packed.clone(), settings).unwrap();
                let found = engine.run(&images.concat()).unwrap();
                prop_assert_eq!(found, &expected[..], "{}, {} threads", set, threads);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_convolution_of_an_image_is_exact(
        (input, output) in (1..5usize, 1..40usize),
        size in (1..40usize, 1..40usize),
        rule in prop::sample::select(vec![None, Some(0), Some(1), Some(2)]),
        (low, high) in (-4f32..1.0, 0.1f32..4.0),
        followed in any::<bool>(),
    ) {
        let padding = rule.map_or(PaddingRule::Same, PaddingRule::all);
        let around = rule.map_or(0, |padding| 2 * padding);
        prop_assume!(rule.is_none() || size.0.min(size.1) + around >= 3);
        let c = Convolution {
            input,
            output,
            kernel: 3,
            stride: 2,
            padding,
            weight: signal("weight", output * input * 9),
            bias: signal("bias", output),
            activation: Activation::Relu,
        };
        let range = ValueRange::new(low, high).unwrap();
        let zero = i32::from(range.zero());
        let byte = |x: f32| {
            let byte = x * (1.0 / range.step()) + zero as f32;
            byte.round_ties_even().clamp(0.0, 255.0) as i32
        };
        let (height, width) = size;
        let around = c.padding.resolve(3, 2, height, width);
        let out = |length: usize, before: usize, after: usize| (length + before + after - 3) / 2 + 1;
        let rows = out(height, around.top, around.bottom);
        let columns = out(width, around.left, around.right);
        let images = signal("images", 2 * input * height * width);
        let mut expected = Vec::new();
        for image in images.chunks(input * height * width) {
            for (weights, bias) in c.weight.chunks(input * 9).zip(&c.bias) {
                // Rows of a kernel are quads, whose last weight is 0.
                let quads = weights.chunks(3).flat_map(|row| [row[0], row[1], row[2], 0.0]);
                let quads: Vec<f32> = quads.collect();
                let rounded = RoundedRow::of_kernels_in_pairs(&quads, 12, 0.0);
                let scale = f64::from(rounded.scale) * f64::from(range.step());
                let sum: i64 = rounded.bytes.iter().copied().map(i64::from).sum();
                let bias = (f64::from(*bias) - scale * (sum * i64::from(zero)) as f64) as f32;
                for (top, left) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
                    let products = rounded.bytes.iter().enumerate().map(|(at, &weight)| {
                        let (channel, row, column) = (at / 12, at / 4 % 3, at % 4);
                        let y = (top * 2 + row).checked_sub(around.top);
                        let x = (left * 2 + column).checked_sub(around.left);
                        let value = match (y, x) {
                            (Some(y), Some(x)) if y < height && x < width => {
                                byte(image[(channel * height + y) * width + x])
                            }
                            _ => zero,
                        };
                        i32::from(weight) * value
                    });
                    let value = products.sum::<i32>() as f32 * scale as f32 + bias;
                    expected.push(value.max(0.0));
                }
            }
        }
        let mut operations = vec![Operation::Convolution(c)];
        let mut ranges = vec![Some(range)];
        if followed {
            // Of one tap of 1: what goes in comes out, in floats.
            operations.push(Operation::Depthwise(Depthwise {
                channels: output,
                kernel: 1,
                stride: 1,
                padding: PaddingRule::all(0),
                weight: vec![1.0; output],
                bias: vec![0.0; output],
                activation: Activation::None,
            }));
            ranges.push(None);
        }
        let network = Network { input_channels: input, operations };
        let packed = PackedNetwork::pack(&network).unwrap();
        let packed = packed.quantise(&Quantisation::new(ranges)).unwrap();
        for set in InstructionSet::available() {
            for threads in 1..=3 {
                let settings = settings(size, 2).with_threads(threads).with_instruction_set(set);
                let mut engine = Engine::with_packed(packed.clone(), settings).unwrap();
                let found = engine.run(&images).unwrap();
                prop_assert_eq!(found, &expected[..], "{}, {} threads", set, threads);
            }
        }
    }
}

/// Between two convolutions of bytes there are bytes alone: their sums are rounded as they are, to what
/// plain integers say.
#[test]
fn bytes_lead_to_bytes() {
    let ranges = [
        ValueRange::new(-1.5, 1.6),
        ValueRange::new(0.0, 5.5),
        ValueRange::new(0.0, 6.0),
    ];
    for (first, second) in [
        (Activation::Relu6, Activation::Relu6),
        (Activation::Relu, Activation::None),
        (Activation::HSwish, Activation::HSwish),
        (Activation::None, Activation::Relu),
    ] {
        for (channels, kernel, stride, size) in [
            (24, 3, 1, (9, 11)),
            (40, 5, 1, (14, 14)),
            (33, 7, 1, (7, 7)),
            (16, 3, 2, (17, 30)),
            (72, 5, 2, (12, 13)),
            (8, 7, 2, (3, 2)),
        ] {
            let expand = pointwise(10, channels, 1, first);
            let depthwise = Depthwise {
                channels,
                kernel,
                stride,
                padding: PaddingRule::Same,
                weight: signal("depthwise", channels * kernel * kernel),
                bias: signal("depthwise bias", channels),
                activation: second,
            };
            let project = pointwise(channels, 13, 1, Activation::None);
            let network = Network {
                input_channels: 10,
                operations: vec![
                    Operation::Pointwise(expand.clone()),
                    Operation::Depthwise(depthwise.clone()),
                    Operation::Pointwise(project.clone()),
                ],
            };
            let image = signal("image", 10 * size.0 * size.1);
            let [input, hidden, output] = ranges.map(Option::unwrap);
            let x = plain(&expand, input, size, &image);
            let mut x = plain_depthwise(&depthwise, hidden, size, &x);
            if second == Activation::HSwish {
                x.iter_mut()
                    .for_each(|x| *x *= (*x + 3.0).clamp(0.0, 6.0) / 6.0);
            }
            let after = (size.0.div_ceil(stride), size.1.div_ceil(stride));
            let expected = plain(&project, output, after, &x);
            let packed = PackedNetwork::pack(&network).unwrap();
            let packed = packed
                .quantise(&Quantisation::new(ranges.to_vec()))
                .unwrap();
            let largest = expected.iter().fold(0f32, |most, x| most.max(x.abs()));
            for set in InstructionSet::available() {
                let settings = settings(size, 1).with_instruction_set(set);
                let mut engine = Engine::with_packed(packed.clone(), settings).unwrap();
                let found = engine.run(&image).unwrap();
                let errors = found
                    .iter()
                    .zip(&expected)
                    .map(|(a, b)| (a - b).abs() / largest);
                // Here and there a value lies between two bytes, and becomes the other one: scales that
                // are in steps of the next range are rounded once more.
                let far = errors.clone().filter(|error| *error > 1e-5).count();
                assert!(far * 50 <= found.len(), "{set}, {first:?}, {kernel}: {far}");
                assert!(
                    errors.fold(0.0, f32::max) < 0.02,
                    "{set}, {first:?}, {kernel}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_pointwise_convolution_is_exact(
        (input, output, stride) in (1..70usize, 1..70usize, 1..3usize),
        size in (1..12usize, 1..12usize),
        batch in 1..10usize,
        (low, high) in (-4f32..1.0, 0.1f32..4.0),
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
        check(c, ValueRange::new(low, high).unwrap(), size, &images);
    }
}

#[test]
fn many_pixels_and_channels_are_cut_into_exact_pieces() {
    for (input, output, size) in [(1152, 40, (7, 7)), (17, 90, (40, 33)), (600, 24, (13, 20))] {
        let images = [
            signal("0", input * size.0 * size.1),
            signal("1", input * size.0 * size.1),
        ];
        let c = pointwise(input, output, 1, Activation::None);
        check(c, ValueRange::new(-1.5, 1.6).unwrap(), size, &images);
    }
}

/// Where sums of two products in 16 bits would overflow, were the weights larger.
#[test]
fn the_largest_weights_and_inputs_do_not_saturate() {
    let depth = 64;
    let rows: [fn(usize) -> f32; 6] = [
        |_| 1.0,
        |_| -1.0,
        |i| if i % 2 == 0 { 1.0 } else { -1.0 },
        |i| if i % 3 == 0 { 1.0 } else { 0.001 },
        |i| if i % 4 < 2 { 1.0 } else { 0.99 },
        |_| 0.0,
    ];
    let c = Pointwise {
        input: depth,
        output: rows.len(),
        stride: 1,
        weight: rows.iter().flat_map(|row| (0..depth).map(row)).collect(),
        bias: vec![0.25; rows.len()],
        activation: Activation::None,
    };
    let images: Vec<_> = [7.0, 1.0, 0.5, 0.0, -1.0, -7.0, f32::MAX, f32::MIN]
        .map(|value| vec![value; depth])
        .to_vec();
    check(c, ValueRange::new(-1.0, 1.0).unwrap(), (1, 1), &images);
}

#[test]
fn fully_connected_layers_round_their_weights_alone() {
    let (input, output) = (37, 41);
    let network = Network {
        input_channels: input,
        operations: vec![
            Operation::GlobalMean,
            Operation::Linear(Linear {
                input,
                output,
                weight: signal("weight", input * output),
                bias: signal("bias", output),
                activation: Activation::Swish,
            }),
        ],
    };
    let mut rounded = network.clone();
    if let Operation::Linear(c) = &mut rounded.operations[1] {
        for row in c.weight.chunks_mut(input) {
            let step = row.iter().fold(0f32, |most, w| most.max(w.abs())) / 127.0;
            row.iter_mut().for_each(|w| *w = (*w / step).round() * step);
        }
    }
    let image = signal("image", input * 6);
    let expected = reference(&rounded, 2, 3, &image);
    let packed = PackedNetwork::pack(&network).unwrap();
    let packed = packed
        .quantise(&Quantisation::new(vec![None, None]))
        .unwrap();
    for set in InstructionSet::available() {
        let settings = settings((2, 3), 1).with_instruction_set(set);
        let mut engine = Engine::with_packed(packed.clone(), settings).unwrap();
        let found = engine.run(&image).unwrap();
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-4,
                "{found} {expected}"
            );
        }
    }
}

fn calibrated(network: &Network, size: (usize, usize), images: &[f32]) -> PackedNetwork {
    let packed = PackedNetwork::pack(network).unwrap();
    let mut calibration = Calibration::new(packed.clone(), settings(size, 8)).unwrap();
    calibration.observe(images).unwrap();
    packed.quantise(&calibration.finish().unwrap()).unwrap()
}

#[test]
fn networks_are_near_to_those_in_floats() {
    let size = (64, 64);
    for (index, network) in every_kind().iter().enumerate() {
        let image = signal("image", 3 * 64 * 64);
        let expected = reference(network, 64, 64, &image);
        let packed = calibrated(network, size, &image);
        let mean = expected.iter().sum::<f64>() / expected.len() as f64;
        let spread: f64 = expected.iter().map(|x| (x - mean).powi(2)).sum();
        for set in InstructionSet::available() {
            let settings = settings(size, 1).with_instruction_set(set);
            let mut engine = Engine::with_packed(packed.clone(), settings).unwrap();
            let found = engine.run(&image).unwrap();
            let pairs = found.iter().zip(&expected);
            let error: f64 = pairs.map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
            let relative = (error / spread).sqrt();
            assert!(relative < 0.06, "network {index}, {set}: {relative}");
            assert!(relative > 1e-5, "network {index} was not rounded");
        }
    }
}

#[test]
fn neither_threads_nor_batches_change_a_bit() {
    for network in every_kind() {
        let images = signal("images", 7 * 3 * 40 * 33);
        assert_alone_and_together_agree(
            &calibrated(&network, (40, 33), &images),
            (40, 33),
            &images,
        );
    }
}

#[test]
fn a_calibration_depends_on_nothing_but_the_images() {
    let network = &every_kind()[0];
    let packed = PackedNetwork::pack(network).unwrap();
    let images = signal("images", 6 * 3 * 32 * 32);
    let ranges = |batch: usize, threads: usize| {
        let settings = settings((32, 32), batch).with_threads(threads);
        let mut calibration = Calibration::new(packed.clone(), settings).unwrap();
        for images in images.chunks(batch * 3 * 32 * 32) {
            calibration.observe(images).unwrap();
        }
        calibration.finish().unwrap()
    };
    let expected = ranges(1, 1);
    assert_eq!(ranges(6, 1), expected);
    assert_eq!(ranges(4, 3), expected);
    for (index, operation) in network.operations.iter().enumerate() {
        let is_rounded = matches!(
            operation,
            Operation::Convolution(_) | Operation::Pointwise(_) | Operation::Depthwise(_)
        );
        assert_eq!(expected.input(index).is_some(), is_rounded, "{index}");
    }
}

#[test]
fn an_input_that_is_always_zero_stays_in_floats() {
    let network = alone(pointwise(3, 5, 1, Activation::None));
    let packed = PackedNetwork::pack(&network).unwrap();
    let mut calibration = Calibration::new(packed, settings((2, 2), 1)).unwrap();
    calibration.observe(&[0.0; 12]).unwrap();
    assert_eq!(calibration.finish().unwrap().input(0), None);
}

#[test]
fn what_cannot_be_quantised_is_refused() {
    let network = alone(pointwise(3, 5, 1, Activation::None));
    let packed = PackedNetwork::pack(&network).unwrap();
    let begin = || Calibration::new(packed.clone(), settings((2, 2), 1)).unwrap();
    let message = |error: EngineError| error.to_string();

    let error = message(begin().finish().unwrap_err());
    assert!(
        error.contains("calibrate with at least one image"),
        "{error}"
    );
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut images = [0.5; 12];
        images[7] = value;
        let error = message(begin().observe(&images).unwrap_err());
        assert!(
            error.contains("value 7 of the images is not finite"),
            "{error}"
        );
    }
    let mut first = pointwise(3, 4, 1, Activation::None);
    first.weight[0] = f32::INFINITY;
    // Weights that are no numbers lead to outputs that are none, as they do in floats.
    let broken = ranged(&alone(first.clone()), ValueRange::new(0.0, 1.0).unwrap());
    let mut engine = Engine::with_packed(broken, settings((2, 2), 1)).unwrap();
    let output = engine.run(&[0.5; 12]).unwrap();
    assert!(output[..4].iter().all(|value| value.is_nan()), "{output:?}");
    assert!(
        output[4..].iter().all(|value| value.is_finite()),
        "{output:?}"
    );
    let broken = Network {
        input_channels: 3,
        operations: vec![
            Operation::Pointwise(first),
            Operation::Pointwise(pointwise(4, 5, 1, Activation::None)),
        ],
    };
    let broken = PackedNetwork::pack(&broken).unwrap();
    let mut calibration = Calibration::new(broken, settings((2, 2), 1)).unwrap();
    calibration.observe(&[0.5; 12]).unwrap();
    let error = message(calibration.finish().unwrap_err());
    assert!(error.contains("operation 1 is not finite"), "{error}");
    let error = message(begin().observe(&[0.0; 5]).unwrap_err());
    assert!(error.contains("the input has 5 values"), "{error}");

    let quantise = |ranges| packed.quantise(&Quantisation::new(ranges));
    let error = message(quantise(vec![None, None]).unwrap_err());
    assert!(
        error.contains("of 2 operations, but this one has 1"),
        "{error}"
    );
    let rounded = quantise(vec![ValueRange::new(0.0, 1.0)]).unwrap();
    for error in [
        rounded
            .quantise(&Quantisation::new(vec![None]))
            .unwrap_err(),
        Calibration::new(rounded.clone(), settings((2, 2), 1)).unwrap_err(),
    ] {
        assert!(message(error).contains("quantised already"));
    }
    let mean = Network {
        input_channels: 3,
        operations: vec![Operation::GlobalMean],
    };
    let ranges = Quantisation::new(vec![ValueRange::new(0.0, 1.0)]);
    let error = message(
        PackedNetwork::pack(&mean)
            .unwrap()
            .quantise(&ranges)
            .unwrap_err(),
    );
    assert!(error.contains("operation 0 (mean) has a range"), "{error}");
}

#[test]
fn what_weights_lose_on_average_is_made_up_for() {
    // Inputs far from 0, whose mean the errors of the weights would be multiplied with.
    let (input, output, size) = (24, 10, (5, 7));
    let pixels = size.0 * size.1;
    let wave = |at: usize| (at as f32 * 0.731).sin();
    let pointwise = Pointwise {
        input,
        output,
        stride: 1,
        weight: (0..input * output).map(wave).collect(),
        bias: vec![0.25; output],
        activation: Activation::None,
    };
    let linear = Linear {
        input: output,
        output: 6,
        weight: (0..output * 6).map(|at| wave(at + 999)).collect(),
        bias: vec![-0.5; 6],
        activation: Activation::None,
    };
    let network = Network {
        input_channels: input,
        operations: vec![
            Operation::Pointwise(pointwise),
            Operation::GlobalMean,
            Operation::Linear(linear),
        ],
    };
    let images = 5;
    let values = (0..images * input * pixels).map(|at| 20.0 + wave(at * at % 10_007));
    let values: Vec<f32> = values.collect();
    let packed = PackedNetwork::pack(&network).unwrap();
    let mean_error = |quantised: &PackedNetwork| {
        let run = |packed: PackedNetwork| {
            let mut engine = Engine::with_packed(packed, settings(size, images)).unwrap();
            engine.run(&values).unwrap().to_vec()
        };
        let (found, expected) = (run(quantised.clone()), run(packed.clone()));
        let of_class = |class: usize| {
            let errors = found.iter().zip(&expected).skip(class).step_by(6);
            errors.map(|(a, b)| a - b).sum::<f32>() / images as f32
        };
        (0..6)
            .map(|class| of_class(class).abs())
            .fold(0.0, f32::max)
    };
    let mut files = Vec::new();
    for threads in 1..=3 {
        let settings = settings(size, images).with_threads(threads);
        let mut calibration = Calibration::new(packed.clone(), settings).unwrap();
        // In two runs, the second shorter.
        let (first, second) = values.split_at(3 * input * pixels);
        calibration.observe(first).unwrap();
        calibration.observe(second).unwrap();
        let found = calibration.finish().unwrap();
        let quantised = packed.quantise(&found).unwrap();
        let error = mean_error(&quantised);
        assert!(error < 0.02, "{error}");
        let mut file = Vec::new();
        quantised.write("", &mut file).unwrap();
        files.push(file);

        let without = serde_json::to_string(&found).unwrap();
        let without: Quantisation = serde_json::from_str(&without).unwrap();
        let error = mean_error(&packed.quantise(&without).unwrap());
        assert!(error > 0.1, "{error}");
    }
    assert!(files.windows(2).all(|pair| pair[0] == pair[1]));
    // Means that are no numbers are not used.
    let ranges = vec![ValueRange::new(0.0, 21.0), None, None];
    let plain = Quantisation::new(ranges);
    let odd = plain.clone().with_means(vec![vec![f32::NAN; input]]);
    let bytes = |quantisation: &Quantisation| {
        let mut file = Vec::new();
        let quantised = packed.quantise(quantisation).unwrap();
        quantised.write("", &mut file).unwrap();
        file
    };
    assert_eq!(bytes(&odd), bytes(&plain));
}

/// Of every instruction set the same bits: sums are exact, and what is around them is computed in the
/// same order.
#[test]
fn instruction_sets_do_not_change_a_bit() {
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    for (index, network) in every_kind().iter().enumerate() {
        for size in [(64, 64), (40, 33), (19, 27), (7, 9)] {
            let images = signal("images", 2 * 3 * size.0 * size.1);
            let packed = calibrated(network, size, &images);
            let mut results = InstructionSet::available()
                // Which does not fuse multiplications and additions.
                .filter(|set| *set != InstructionSet::Portable)
                .map(|set| {
                    let settings = settings(size, 2).with_instruction_set(set);
                    let mut engine = Engine::with_packed(packed.clone(), settings).unwrap();
                    (set, bits(engine.run(&images).unwrap()))
                });
            if let Some((first, expected)) = results.next() {
                for (set, found) in results {
                    assert_eq!(found, expected, "network {index}, {size:?}: {first}, {set}");
                }
            }
        }
    }
}
