//! How the operations live in Burn's graph.

use burn::tensor::{Device, Tensor, TensorData, activation};
use scarlet_ops::{
    Activation, DepthwiseStage, Norm, Padding, SqueezeExcite, batch_norm_train, conv2d,
    depthwise_conv2d, pointwise_conv2d, squeeze_excite,
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
        before: Some(norm(3, device)),
        weight: random(5, [6, 1, 3, 3], device),
        stride: 1,
        padding: Padding::all(1),
        behind: norm(7, device),
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

/// What is not tracked stays so.
#[test]
fn constants_have_no_graph() {
    for device in devices() {
        let device = device.autodiff();
        let trained = stage(&device).train(random(1, SHAPE, &device));
        assert!(!trained.output.is_require_grad());
        let x = random(1, SHAPE, &device).require_grad();
        let trained = stage(&device).train(x.clone());
        let statistics = trained.behind.mean.sum() + trained.before.unwrap().variance.sum();
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
