//! Every error says what is wrong, where, and how to mend it.
#![allow(clippy::unwrap_used)]

use scarlet_kernels::{
    Activation, Convolution, Depthwise, Engine, EngineError, EngineSettings, Gate, InstructionSet,
    Linear, Network, Operation, PaddingRule, Pointwise, SqueezeExcite,
};

fn pointwise(input: usize, output: usize) -> Pointwise {
    Pointwise {
        input,
        output,
        stride: 1,
        weight: vec![0.0; input * output],
        bias: vec![0.0; output],
        activation: Activation::None,
    }
}

fn depthwise(channels: usize, kernel: usize, stride: usize) -> Depthwise {
    Depthwise {
        channels,
        kernel,
        stride,
        padding: PaddingRule::all(0),
        weight: vec![0.0; channels * kernel * kernel],
        bias: vec![0.0; channels],
        activation: Activation::None,
    }
}

fn convolution() -> Convolution {
    Convolution {
        input: 3,
        output: 4,
        kernel: 3,
        stride: 1,
        padding: PaddingRule::all(1),
        weight: vec![0.0; 4 * 3 * 9],
        bias: vec![0.0; 4],
        activation: Activation::None,
    }
}

fn linear(input: usize, output: usize) -> Linear {
    Linear {
        input,
        output,
        weight: vec![0.0; input * output],
        bias: vec![0.0; output],
        activation: Activation::None,
    }
}

fn message(operations: Vec<Operation>) -> String {
    let network = Network {
        input_channels: 3,
        operations,
    };
    let error = Engine::new(&network, EngineSettings::new(4)).unwrap_err();
    error.to_string()
}

#[test]
fn wrong_networks_are_refused() {
    assert_eq!(message(vec![]), "the network has no operations");
    let mut wrong = pointwise(3, 2);
    wrong.weight.pop();
    assert_eq!(
        message(vec![Operation::Pointwise(wrong)]),
        "operation 0 (pointwise): weight has 5 values, but its sizes ask for 6"
    );
    let mut wrong = linear(3, 2);
    wrong.bias.push(0.0);
    assert_eq!(
        message(vec![Operation::GlobalMean, Operation::Linear(wrong)]),
        "operation 1 (linear): bias has 3 values, but its sizes ask for 2"
    );
    assert_eq!(
        message(vec![Operation::Pointwise(pointwise(5, 2))]),
        "operation 0 (pointwise) takes a map of 5 channels, but is given a map of 3×4×4"
    );
    assert_eq!(
        message(vec![Operation::Linear(linear(3, 2))]),
        "operation 0 (linear) takes a vector of 3, but is given a map of 3×4×4"
    );
    assert_eq!(
        message(vec![Operation::GlobalMean, Operation::GlobalMean]),
        "operation 1 (mean) takes a map, but is given a vector of 3"
    );
    assert_eq!(
        message(vec![
            Operation::Pointwise(pointwise(3, 3)),
            Operation::Pointwise(pointwise(3, 2)),
            Operation::Add(0)
        ]),
        "operation 2 (add) takes a map of 3×4×4, but is given a map of 2×4×4"
    );
    assert_eq!(
        message(vec![Operation::Add(0)]),
        "operation 0 (add) adds the output of operation 0, which comes later"
    );
    assert_eq!(
        message(vec![Operation::Depthwise(depthwise(3, 0, 1))]),
        "operation 0 (depthwise): a kernel side of 0 is not supported; use at least 1"
    );
    assert_eq!(
        message(vec![Operation::Depthwise(depthwise(3, 3, 0))]),
        "operation 0 (depthwise): a stride of 0 is not supported; use at least 1"
    );
    let mut wide = depthwise(3, 3, 1);
    wide.padding = PaddingRule::all(3);
    assert_eq!(
        message(vec![Operation::Depthwise(wide)]),
        "operation 0 (depthwise): a padding of 3 is not supported; use less than the kernel's side"
    );
    assert_eq!(
        message(vec![Operation::Depthwise(depthwise(3, 7, 1))]),
        "operation 0 (depthwise): a kernel of side 7 does not fit into the padded input of 4×4; \
         use larger images"
    );
    assert_eq!(
        message(vec![
            Operation::Pointwise(pointwise(3, 3)),
            Operation::Convolution(convolution())
        ]),
        "operation 1 (convolution): only the first operation may be a dense convolution; use \
         pointwise and depthwise convolutions behind it"
    );
    let squeeze_excite = SqueezeExcite {
        channels: 3,
        squeezed: 0,
        squeeze_weight: vec![],
        squeeze_bias: vec![],
        excite_weight: vec![],
        excite_bias: vec![0.0; 3],
        activation: Activation::Relu,
        gate: Gate::HSigmoid,
    };
    assert_eq!(
        message(vec![Operation::SqueezeExcite(squeeze_excite)]),
        "operation 0 (squeeze-excite): a squeezed width of 0 is not supported; use at least 1"
    );
}

#[test]
fn wrong_settings_are_refused() {
    let network = Network {
        input_channels: 3,
        operations: vec![Operation::Pointwise(pointwise(3, 2))],
    };
    let message = |settings| Engine::new(&network, settings).unwrap_err().to_string();
    let settings = EngineSettings::new(4);
    let foreign = match cfg!(target_arch = "aarch64") {
        true => InstructionSet::Avx2,
        false => InstructionSet::Neon,
    };
    assert_eq!(
        message(settings.clone().with_instruction_set(foreign)),
        format!("this processor has no {foreign}; leave the instruction set to detection")
    );
    assert_eq!(
        message(settings.clone().with_threads(0)),
        "the engine's number of threads is 0; it must be at least 1"
    );
    assert_eq!(
        message(settings.clone().with_batch(0)),
        "the engine's batch is 0; it must be at least 1"
    );
    assert_eq!(
        message(EngineSettings::new(0)),
        "the engine's height is 0; it must be at least 1"
    );
    assert_eq!(
        message(EngineSettings::new(1 << 20)),
        "operation 0 (pointwise): a map of 3×1048576×1048576 is too large; use smaller images"
    );
    let error = message(settings.clone().with_batch(usize::MAX));
    assert!(error.contains("use a smaller batch or image"), "{error}");
    let empty = Network {
        input_channels: 0,
        ..network.clone()
    };
    assert_eq!(
        Engine::new(&empty, settings).unwrap_err().to_string(),
        "the network has no input channels"
    );
}

#[test]
fn wrong_inputs_are_refused() {
    let network = Network {
        input_channels: 3,
        operations: vec![Operation::Pointwise(pointwise(3, 2))],
    };
    let mut engine = Engine::new(&network, EngineSettings::new(4).with_batch(2)).unwrap();
    for length in [0, 47, 49, 3 * 48] {
        let error = engine.run(&vec![0.0; length]).unwrap_err();
        assert_eq!(
            error,
            EngineError::InputLength {
                found: length,
                image: 48,
                batch: 2
            }
        );
        assert_eq!(
            error.to_string(),
            format!(
                "the input has {length} values; give 1 to 2 images of 48 values each ([channels, \
                 height, width])"
            )
        );
    }
    assert_eq!(engine.run(&[0.0; 96]).unwrap().len(), 2 * 2 * 16);
}
