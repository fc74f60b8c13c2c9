//! Random networks of every operation against the plain computation in double precision, with
//! each instruction set, and the same bits for every number of threads and for all instruction
//! sets that round a multiply-add once.
#![allow(clippy::unwrap_used)]

mod common;

use proptest::prelude::*;
use scarlet_kernels::{
    Activation, Convolution, Depthwise, Engine, EngineSettings, Gate, InstructionSet, Linear,
    Network, Operation, Padding, PaddingRule, Pointwise, SqueezeExcite,
};

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::None),
        Just(Activation::Relu),
        Just(Activation::Relu6),
        Just(Activation::HSwish),
        Just(Activation::Swish),
    ]
}

fn gate() -> impl Strategy<Value = Gate> {
    prop_oneof![Just(Gate::HSigmoid), Just(Gate::Sigmoid)]
}

/// Weights of about unit variance at the output.
fn weight(name: &str, length: usize, fan_in: usize) -> Vec<f32> {
    let scale = 1.0 / (fan_in as f32).sqrt();
    let values = common::signal(name, length).into_iter();
    values.map(|x| x * scale).collect()
}

fn pointwise(
    input: usize,
    output: usize,
    stride: usize,
    activation: Activation,
    seed: &str,
) -> Operation {
    Operation::Pointwise(Pointwise {
        input,
        output,
        stride,
        weight: weight(&format!("{seed}.weight"), output * input, input),
        bias: weight(&format!("{seed}.bias"), output, 4),
        activation,
    })
}

fn depthwise(
    channels: usize,
    (kernel, stride): (usize, usize),
    padding: PaddingRule,
    activation: Activation,
    seed: &str,
) -> Operation {
    let taps = kernel * kernel;
    Operation::Depthwise(Depthwise {
        channels,
        kernel,
        stride,
        padding,
        weight: weight(&format!("{seed}.weight"), channels * taps, taps),
        bias: weight(&format!("{seed}.bias"), channels, 4),
        activation,
    })
}

fn squeeze_excite(
    (channels, squeezed): (usize, usize),
    (activation, gate): (Activation, Gate),
    seed: &str,
) -> Operation {
    let matrix = channels * squeezed;
    Operation::SqueezeExcite(SqueezeExcite {
        channels,
        squeezed,
        squeeze_weight: weight(&format!("{seed}.squeeze"), matrix, channels),
        squeeze_bias: weight(&format!("{seed}.squeeze.bias"), squeezed, 4),
        excite_weight: weight(&format!("{seed}.excite"), matrix, squeezed),
        excite_bias: weight(&format!("{seed}.excite.bias"), channels, 1),
        activation,
        gate,
    })
}

fn linear(input: usize, output: usize, activation: Activation, seed: &str) -> Operation {
    Operation::Linear(Linear {
        input,
        output,
        weight: weight(&format!("{seed}.weight"), output * input, input),
        bias: weight(&format!("{seed}.bias"), output, 4),
        activation,
    })
}

/// Compares engines of all instruction sets and some thread counts with the reference.
fn check(
    network: &Network,
    batch: usize,
    (height, width): (usize, usize),
) -> Result<(), TestCaseError> {
    let image = network.input_channels * height * width;
    let input = common::signal("input", batch * image);
    let expected: Vec<f64> = input
        .chunks_exact(image)
        .flat_map(|image| common::reference(network, height, width, image))
        .collect();
    let largest = expected.iter().fold(1f64, |max, x| max.max(x.abs()));
    let mut fused: Option<Vec<f32>> = None;
    for set in InstructionSet::available() {
        let mut single: Option<Vec<f32>> = None;
        for threads in [1, 2, 3] {
            let settings = EngineSettings {
                batch,
                height,
                width,
                threads,
                instruction_set: Some(set),
            };
            let mut engine = Engine::new(network, settings).unwrap();
            engine.run(&input).unwrap();
            let output = engine.run(&input).unwrap().to_vec();
            prop_assert_eq!(output.len(), expected.len());
            for (index, (&a, &b)) in output.iter().zip(&expected).enumerate() {
                let error = (f64::from(a) - b).abs();
                prop_assert!(
                    error <= 2e-5 * largest,
                    "{set}, {threads} threads, value {index}: {a} instead of {b}"
                );
            }
            // Fewer images than the engine is made for give what they give among many.
            let first = engine.run(&input[..image]).unwrap();
            prop_assert_eq!(first, &output[..first.len()]);
            match &single {
                Some(single) => prop_assert_eq!(single, &output, "{} threads", threads),
                None => single = Some(output),
            }
        }
        if cfg!(target_arch = "aarch64") || set != InstructionSet::Portable {
            match &fused {
                Some(fused) => prop_assert_eq!(Some(fused), single.as_ref(), "{}", set),
                None => fused = single,
            }
        }
    }
    Ok(())
}

/// A kernel's side, one of `kernels`, and less padding than that.
fn kernel(kernels: impl Strategy<Value = usize>) -> impl Strategy<Value = (usize, Padding)> {
    kernels.prop_flat_map(|kernel| {
        let side = || 0..kernel.min(5);
        let sides = (side(), side(), side(), side());
        sides.prop_map(move |(top, bottom, left, right)| {
            let sides = Padding {
                top,
                bottom,
                left,
                right,
            };
            (kernel, sides)
        })
    })
}

/// Batch, height, width.
fn sizes() -> impl Strategy<Value = (usize, usize, usize)> {
    prop_oneof![
        Just((1, 1, 1)),
        (1..10usize, 1..12usize, 1..12usize),
        (1..3usize, 1..40usize, 1..40usize),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pointwise_matches(
        (batch, height, width) in sizes(),
        input in 1..40usize,
        output in 1..70usize,
        stride in 1..4usize,
        activation in activation(),
    ) {
        let network = Network {
            input_channels: input,
            operations: vec![pointwise(input, output, stride, activation, "p")],
        };
        check(&network, batch, (height, width))?;
    }

    /// Products so long that they are cut, with so many weights that tasks are panels.
    #[test]
    fn long_pointwise_matches(
        height in 1..9usize,
        width in 1..9usize,
        input in 200..500usize,
        output in 150..200usize,
    ) {
        let network = Network {
            input_channels: input,
            operations: vec![pointwise(input, output, 1, Activation::HSwish, "p")],
        };
        check(&network, 2, (height, width))?;
    }

    #[test]
    fn depthwise_matches(
        (batch, height, width) in sizes(),
        channels in 1..40usize,
        (kernel, padding) in kernel(prop_oneof![Just(3usize), Just(5), Just(7)]),
        stride in 1..3usize,
        activation in activation(),
    ) {
        prop_assume!(height + padding.top + padding.bottom >= kernel);
        prop_assume!(width + padding.left + padding.right >= kernel);
        let network = Network {
            input_channels: channels,
            operations: vec![depthwise(channels, (kernel, stride), padding.into(), activation, "d")],
        };
        check(&network, batch, (height, width))?;
    }

    /// Kernels and strides without code of their own, alone and fed by another operation.
    #[test]
    fn rare_depthwise_matches(
        (batch, height, width) in sizes(),
        channels in 1..20usize,
        (kernel, padding) in kernel(prop_oneof![Just(1usize), 1..14usize]),
        stride in 1..5usize,
        activation in activation(),
        (is_expanded, is_excited) in (any::<bool>(), any::<bool>()),
    ) {
        prop_assume!(height + padding.top + padding.bottom >= kernel);
        prop_assume!(width + padding.left + padding.right >= kernel);
        let mut operations = Vec::new();
        if is_expanded {
            operations.push(pointwise(channels, channels, 1, Activation::Swish, "p"));
        }
        operations.push(depthwise(channels, (kernel, stride), padding.into(), activation, "d"));
        if is_excited {
            let kinds = (Activation::Swish, Gate::Sigmoid);
            operations.push(squeeze_excite((channels, 3), kinds, "se"));
        }
        check(&Network { input_channels: channels, operations }, batch, (height, width))?;
    }

    #[test]
    fn convolution_matches(
        (batch, height, width) in sizes(),
        input in 1..5usize,
        output in 1..40usize,
        (kernel, padding) in kernel(prop_oneof![1..6usize, Just(7), Just(9), Just(11)]),
        stride in 1..4usize,
        activation in activation(),
        is_separable in any::<bool>(),
    ) {
        prop_assume!(height + padding.top + padding.bottom >= kernel);
        prop_assume!(width + padding.left + padding.right >= kernel);
        let mut operations = vec![Operation::Convolution(Convolution {
            input,
            output,
            kernel,
            stride,
            padding: padding.into(),
            weight: weight("c.weight", output * input * kernel * kernel, input * kernel * kernel),
            bias: weight("c.bias", output, 4),
            activation,
        })];
        if is_separable {
            operations.push(depthwise(output, (3, 1), PaddingRule::all(1), activation, "d"));
        }
        check(&Network { input_channels: input, operations }, batch, (height, width))?;
    }

    /// An inverted residual with all its parts, and a head.
    #[test]
    fn whole_blocks_match(
        (batch, height, width) in sizes(),
        input in 1..24usize,
        hidden in 1..60usize,
        squeezed in 0..20usize,
        kernel in prop_oneof![Just(3usize), Just(5), Just(7)],
        stride in 1..3usize,
        same in any::<bool>(),
        activation in activation(),
        excite in (activation(), gate()),
        (output, head) in (activation(), activation()),
        classes in 1..50usize,
    ) {
        let padding = match same {
            true => PaddingRule::Same,
            false => PaddingRule::all(kernel / 2),
        };
        let mut operations = vec![
            pointwise(input, input, 1, Activation::None, "start"),
            pointwise(input, hidden, 1, activation, "expand"),
            depthwise(hidden, (kernel, stride), padding, activation, "depthwise"),
        ];
        if squeezed > 0 {
            operations.push(squeeze_excite((hidden, squeezed), excite, "se"));
        }
        operations.push(pointwise(hidden, input, 1, output, "project"));
        if stride == 1 {
            operations.push(Operation::Add(0));
        }
        operations.extend([
            pointwise(input, 37, 1, Activation::Relu6, "head"),
            Operation::GlobalMean,
            linear(37, 43, head, "hidden"),
            linear(43, classes, Activation::None, "classifier"),
        ]);
        check(&Network { input_channels: input, operations }, batch, (height, width))?;
    }

    /// What cannot be merged: shortcuts to tensors that are needed twice, means and scales by
    /// themselves.
    #[test]
    fn unmerged_operations_match(
        (batch, height, width) in sizes(),
        channels in 1..30usize,
        activation in activation(),
        added in activation(),
        excite in (activation(), gate()),
    ) {
        let operations = vec![
            pointwise(channels, channels, 1, activation, "0"),
            depthwise(channels, (3, 1), PaddingRule::all(1), activation, "1"),
            squeeze_excite((channels, 3), excite, "2"),
            pointwise(channels, channels, 1, added, "3"),
            Operation::Add(0),
            Operation::Add(1),
            Operation::Add(2),
            Operation::Add(3),
            squeeze_excite((channels, 5), excite, "8"),
            squeeze_excite((channels, 1), excite, "9"),
            Operation::GlobalMean,
            linear(channels, 9, activation, "11"),
            linear(9, 70, Activation::None, "12"),
        ];
        check(&Network { input_channels: channels, operations }, batch, (height, width))?;
    }
}

/// Images of any side, odd at any stride, through all parts of a network: a first convolution of
/// stride 2, blocks of it with every kernel, squeeze-excite, shortcuts, and two fully connected
/// layers.
#[test]
fn images_of_any_side_match() {
    let swish = Activation::Swish;
    for (height, width) in [(97, 97), (61, 50), (33, 35), (18, 17), (7, 1)] {
        for padding in [None, Some(PaddingRule::Same)] {
            let padding = |kernel: usize| padding.unwrap_or(PaddingRule::all(kernel / 2));
            let block = |operations: &mut Vec<Operation>, kernel: usize, stride: usize| {
                let shortcut = operations.len() - 1;
                let name = |part: &str| format!("{shortcut}.{part}");
                operations.extend([
                    pointwise(9, 20, 1, swish, &name("expand")),
                    depthwise(
                        20,
                        (kernel, stride),
                        padding(kernel),
                        swish,
                        &name("depthwise"),
                    ),
                    squeeze_excite((20, 3), (swish, Gate::Sigmoid), &name("se")),
                    // With an activation, as the blocks of some networks have it.
                    pointwise(20, 9, 1, Activation::Relu6, &name("project")),
                ]);
                if stride == 1 {
                    operations.push(Operation::Add(shortcut));
                }
            };
            let mut operations = vec![Operation::Convolution(Convolution {
                input: 2,
                output: 9,
                kernel: 5,
                stride: 2,
                padding: padding(5),
                weight: weight("c.weight", 9 * 2 * 25, 50),
                bias: weight("c.bias", 9, 4),
                activation: swish,
            })];
            for (kernel, stride) in [(3, 1), (5, 2), (7, 1), (3, 2), (9, 2), (1, 2)] {
                block(&mut operations, kernel, stride);
            }
            operations.extend([
                pointwise(9, 30, 1, swish, "head"),
                Operation::GlobalMean,
                linear(30, 17, Activation::HSwish, "hidden"),
                linear(17, 5, Activation::None, "classifier"),
            ]);
            let network = Network {
                input_channels: 2,
                operations,
            };
            check(&network, 2, (height, width)).unwrap();
        }
    }
}

/// A batch of several passes through large early steps and then heavy late ones.
#[test]
fn passes_match() {
    let operations = vec![
        pointwise(3, 20, 1, Activation::HSwish, "0"),
        depthwise(20, (3, 2), PaddingRule::all(1), Activation::HSwish, "1"),
        pointwise(20, 24, 1, Activation::None, "2"),
        depthwise(24, (3, 2), PaddingRule::all(1), Activation::Relu, "3"),
        pointwise(24, 300, 1, Activation::HSwish, "4"),
        depthwise(300, (5, 2), PaddingRule::all(2), Activation::HSwish, "5"),
        squeeze_excite((300, 75), (Activation::Swish, Gate::Sigmoid), "6"),
        pointwise(300, 300, 1, Activation::None, "7"),
        pointwise(300, 500, 1, Activation::Relu6, "8"),
        Operation::GlobalMean,
        linear(500, 10, Activation::None, "10"),
    ];
    let network = Network {
        input_channels: 3,
        operations,
    };
    for batch in [1, 2, 5, 9] {
        check(&network, batch, (32, 30)).unwrap();
    }
}
