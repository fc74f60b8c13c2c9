//! How the operations live in Burn's graph.

use burn::tensor::{DType, Device, Tensor, TensorData, activation};
use scarlet_ops::{
    Activation, DepthwiseStage, Gate, Norm, Padding, SqueezeExcite, activate, batch_norm_train,
    conv2d, depthwise_conv2d, hard_sigmoid, pointwise_conv2d, squeeze_excite,
};

use crate::compare::{assert_close, devices, noise, values};

const SHAPE: [usize; 4] = [3, 6, 5, 7];

fn random<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    let length = shape.iter().product();
    let values: Vec<f32> = noise(seed).take(length).map(|x| x as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn norm(seed: u64, device: &Device) -> Norm {
    Norm {
        gamma: random(seed, [6], device),
        beta: random(seed + 1, [6], device),
        epsilon: 1e-5,
        activation: Activation::HSwish,
    }
}

fn stage(device: &Device) -> DepthwiseStage {
    DepthwiseStage {
        norm_before: Some(norm(3, device)),
        weight: random(5, [6, 1, 3, 3], device),
        stride: 1,
        padding: Padding::all(1),
        norm_after: norm(7, device),
    }
}

/// A tensor may be an operation's input any number of times, and its own output's factor.
#[test]
fn gradients_of_a_tensor_that_is_used_often_add_up() {
    for device in devices() {
        let device = device.autodiff();
        let x = || random(1, SHAPE, &device).require_grad();
        let weight = random(2, [6, 6, 1, 1], &device);

        let (once, again, thrice) = (x(), x(), x());
        let stage = |x: Tensor<4>| stage(&device).train(x).output;
        let gradient =
            |leaf: &Tensor<4>, loss: Tensor<1>| values(leaf.grad(&loss.backward()).unwrap());
        let a = gradient(&once, stage(once.clone()).sum());
        let b = gradient(
            &again,
            pointwise_conv2d(again.clone(), weight.clone()).sum(),
        );
        let sum = stage(thrice.clone()) + pointwise_conv2d(thrice.clone(), weight) + thrice.clone();
        let all = gradient(&thrice, sum.sum());
        let expected: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b + 1.0).collect();
        assert_close("the sum of three gradients", &all, &expected, 1e-5);
        assert_eq!(values(x()), values(thrice), "an input that was written to");
    }
}

/// Buffers that are handed back belong to nobody: what a caller holds stays as it is.
#[test]
fn tensors_that_the_caller_keeps_are_left_alone() {
    for device in devices() {
        let device = device.autodiff();
        // Large enough for the kernels to reuse its memory.
        let shape = [4, 6, 32, 32];
        let x = random(1, shape, &device).require_grad();
        let hidden = depthwise_conv2d(
            x.clone(),
            random(2, [6, 1, 3, 3], &device).require_grad(),
            1,
            Padding::all(1),
        );
        let (output, _) = batch_norm_train(hidden.clone(), norm(3, &device));
        let before = [x.clone(), hidden.clone(), output.clone()].map(values);
        let gradients = output.clone().sum().backward();
        let gradient = x.grad(&gradients).unwrap();
        let held = values(gradient.clone());
        for _ in 0..3 {
            let x = random(4, shape, &device).require_grad();
            let (output, _) = batch_norm_train(x, norm(5, &device));
            output.sum().backward();
        }
        assert_eq!([x, hidden, output].map(values), before);
        assert_eq!(values(gradient), held);
    }
}

/// With gradient checkpointing an input may be computed a second time.
#[test]
fn checkpointing_changes_no_gradient() {
    for device in devices() {
        let gradient = |device: Device| {
            let x = random(1, SHAPE, &device).require_grad();
            let cheap = activation::relu(x.clone()).mul_scalar(1.5);
            let output = stage(&device).train(cheap).output;
            let weight = random(2, [4, 6, 1, 1], &device);
            let loss = pointwise_conv2d(activation::sigmoid(output), weight).sum();
            values(x.grad(&loss.backward()).unwrap())
        };
        let plain = gradient(device.clone().autodiff());
        let again = gradient(device.autodiff().gradient_checkpointing());
        assert_eq!(plain, again);
    }
}

/// PyTorch 2.15's, of `relu`, `relu6`, `hardswish` and `hardsigmoid`, at their kinks and around.
const SLOPES: [(f64, [f64; 4]); 8] = [
    (-4.0, [0.0, 0.0, 0.0, 0.0]),
    (-3.0, [0.0, 0.0, 0.0, 0.0]),
    (-1.5, [0.0, 0.0, 0.0, 1.0 / 6.0]),
    (0.0, [0.0, 0.0, 0.5, 1.0 / 6.0]),
    (1.5, [1.0, 1.0, 1.0, 1.0 / 6.0]),
    (3.0, [1.0, 1.0, 1.0, 0.0]),
    (6.0, [1.0, 0.0, 1.0, 0.0]),
    (7.0, [1.0, 0.0, 1.0, 0.0]),
];
const CURVES: [Activation; 3] = [Activation::Relu, Activation::Relu6, Activation::HSwish];

fn slopes_of(curve: usize) -> Vec<f64> {
    SLOPES.iter().map(|(_, slopes)| slopes[curve]).collect()
}

/// In `f64`, as on other devices, everything is done by Burn's operations.
#[test]
fn slopes_at_kinks_are_pytorchs_with_and_without_kernels() {
    let (count, at) = (SLOPES.len(), SLOPES.map(|(x, _)| x));
    for (device, dtype) in devices().into_iter().flat_map(both) {
        let device = device.autodiff();
        let leaf = |values: &[f64]| {
            let data = TensorData::new(values.to_vec(), [values.len()]);
            Tensor::<1>::from_data(data, (&device, dtype)).require_grad()
        };
        let check = |what: &str, leaf: &Tensor<1>, loss: Tensor<1>, expected: Vec<f64>| {
            let found = values(leaf.grad(&loss.backward()).unwrap());
            assert_close(&format!("{what}, {dtype:?}"), &found, &expected, 1e-6);
        };
        // [2, count, 3, 3]
        let x = || {
            let images = random(1, [2, count, 3, 3], &device);
            images.cast(dtype)
        };
        for (curve, activation) in CURVES.into_iter().enumerate() {
            let points = leaf(&at);
            let output = activate(activation, points.clone());
            check("activate", &points, output.sum(), slopes_of(curve));
            // Every value of a channel is its shift, wherever the input is.
            let (gamma, beta) = (leaf(&[0.0; 8]), leaf(&at));
            let norm = Norm {
                gamma,
                beta: beta.clone(),
                epsilon: 1e-5,
                activation,
            };
            let (output, _) = batch_norm_train(x(), norm.clone());
            let expected = slopes_of(curve).iter().map(|slope| 18.0 * slope).collect();
            check("batch_norm_train", &beta, output.sum(), expected);
            let stage = DepthwiseStage {
                norm_before: None,
                weight: random(2, [count, 1, 3, 3], &device).cast(dtype),
                stride: 1,
                padding: Padding::all(1),
                norm_after: norm,
            };
            let output = stage.train(x()).output;
            let expected = slopes_of(curve).iter().map(|slope| 18.0 * slope).collect();
            check("DepthwiseStage", &beta, output.sum(), expected);
        }
        let points = leaf(&at);
        let output = hard_sigmoid(points.clone());
        check("hard_sigmoid", &points, output.sum(), slopes_of(3));
        let excite_bias = leaf(&at);
        let layers = SqueezeExcite {
            squeeze_weight: Tensor::zeros([1, count, 1, 1], (&device, dtype)),
            squeeze_bias: Tensor::zeros([1], (&device, dtype)),
            excite_weight: Tensor::zeros([count, 1, 1, 1], (&device, dtype)),
            excite_bias: excite_bias.clone(),
            activation: Activation::Relu,
            gate: Gate::HSigmoid,
        };
        let output = squeeze_excite(Tensor::ones([2, count, 3, 3], (&device, dtype)), layers);
        let expected = slopes_of(3).iter().map(|slope| 18.0 * slope).collect();
        check("squeeze_excite", &excite_bias, output.sum(), expected);
    }
}

fn both(device: Device) -> [(Device, DType); 2] {
    [(device.clone(), DType::F32), (device, DType::F64)]
}

/// What is not tracked stays so.
#[test]
fn constants_have_no_graph() {
    for device in devices() {
        let device = device.autodiff();
        let trained = stage(&device).train(random(1, SHAPE, &device));
        assert!(!trained.output.is_require_grad());
        let x = random(1, SHAPE, &device).require_grad();
        let trained = stage(&device).train(x.clone());
        let statistics =
            trained.norm_after.mean.sum() + trained.norm_before.unwrap().variance.sum();
        let loss = trained.output.sum() + statistics;
        let plain = stage(&device).train(x.clone()).output.sum();
        assert_eq!(
            values(x.grad(&loss.backward()).unwrap()),
            values(x.grad(&plain.backward()).unwrap()),
            "statistics are constants"
        );
    }
}

/// Results are the same to the bit on any number of threads.
#[test]
fn the_number_of_threads_changes_nothing() {
    // Large enough for every operation to be cut into several tasks.
    let shape = [5, 6, 40, 36];
    for device in devices() {
        let device = device.autodiff();
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(|| {
                let x = random(1, shape, &device).require_grad();
                let stem = random(2, [6, 6, 3, 3], &device).require_grad();
                let weight = random(9, [48, 6, 1, 1], &device).require_grad();
                let hidden = conv2d(x.clone(), stem.clone(), 2, Padding::all(1));
                let hidden = stage(&device).train(hidden).output;
                let layers = SqueezeExcite {
                    squeeze_weight: random(10, [2, 6, 1, 1], &device),
                    squeeze_bias: random(11, [2], &device),
                    excite_weight: random(12, [6, 2, 1, 1], &device),
                    excite_bias: random(13, [6], &device),
                    activation: Activation::Swish,
                    gate: Gate::Sigmoid,
                };
                let hidden = squeeze_excite(hidden, layers);
                let output = pointwise_conv2d(hidden, weight.clone());
                let cotangent = random(14, output.dims(), &device);
                let gradients = (output.clone() * cotangent).sum().backward();
                let gradients =
                    [x, stem, weight].map(|leaf| values(leaf.grad(&gradients).unwrap()));
                (values(output), gradients)
            })
        };
        let one = run(1);
        for threads in [2, 3, 7] {
            assert!(run(threads) == one, "{threads} threads");
        }
    }
}
