//! The training kernels against slow references in f64, over random shapes.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod reference;

use proptest::prelude::*;
use reference::{Tensor, to_f32};
use scarlet_kernels::training::{
    self, ConvolutionShape, DepthwiseStage, Images, Norm, SqueezeExcite,
};
use scarlet_kernels::{Activation, Gate, Padding};

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, x| largest.max(x.abs()))
}

/// Compares with what is expected, in units of the largest expected magnitude.
#[track_caller]
fn assert_close(what: &str, found: &[f32], expected: &[f64]) {
    assert_sums_close(what, found, expected, 0.0);
}

/// As [`assert_close`], for sums of terms of about `scale`, which may cancel.
#[track_caller]
fn assert_sums_close(what: &str, found: &[f32], expected: &[f64], scale: f64) {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    let worst = pairs
        .map(|(&a, &b)| (f64::from(a) - b).abs())
        .fold(0.0, f64::max);
    let difference = worst / largest(expected).max(scale).max(1e-2);
    assert!(difference < 2e-5, "{what} is off by {difference:e}");
}

/// A tensor's values in one of the two layouts that kernels meet.
struct Stored {
    values: Vec<f32>,
    shape: [usize; 4],
    channels_first: bool,
}

impl Stored {
    fn new(tensor: &Tensor, channels_first: bool) -> Self {
        Self {
            values: if channels_first {
                to_f32(&tensor.channels_first())
            } else {
                to_f32(&tensor.values)
            },
            shape: tensor.shape,
            channels_first,
        }
    }

    fn view(&self) -> Images<'_> {
        let [_, channels, height, width] = self.shape;
        if self.channels_first {
            return Images::channels_first(&self.values, self.shape);
        }
        let plane = height * width;
        Images::new(&self.values, self.shape, [channels * plane, plane])
    }
}

/// Gamma between 0.5 and 1.5, and beta between -1 and 1, of `channels` channels.
fn parameters(channels: usize, seed: u64) -> [Vec<f32>; 2] {
    let values: Vec<f64> = reference::noise(seed).take(2 * channels).collect();
    let (gamma, beta) = values.split_at(channels);
    let gamma: Vec<f64> = gamma.iter().map(|x| 1.0 + 0.5 * x).collect();
    [to_f32(&gamma), to_f32(beta)]
}

fn norm(parameters: &[Vec<f32>; 2], activation: Activation) -> Norm<'_> {
    Norm {
        gamma: &parameters[0],
        beta: &parameters[1],
        epsilon: 1e-5,
        activation,
    }
}

const ACTIVATIONS: [Activation; 5] = [
    Activation::None,
    Activation::Relu,
    Activation::Relu6,
    Activation::HSwish,
    Activation::Swish,
];

fn activations() -> impl Strategy<Value = Activation> {
    prop::sample::select(ACTIVATIONS.to_vec())
}

/// Where a channel barely varies, a normalisation makes noise of rounding.
fn varies(x: &Tensor, norm: &Norm<'_>) -> bool {
    let (_, _, variances) = reference::batch_norm(x, norm);
    variances
        .iter()
        .all(|&variance| variance == 0.0 || variance > 1e-2)
}

#[derive(Debug, Clone)]
struct DepthwiseCase {
    shape: [usize; 4],
    convolution: ConvolutionShape,
    before: Option<Activation>,
    behind: Option<Activation>,
    layouts: [bool; 2],
    seed: u64,
}

/// Symmetric padding, or TensorFlow's.
fn padding(kernel: usize, stride: usize, [height, width]: [usize; 2], same: bool) -> Padding {
    if same {
        Padding::same(kernel, stride, height, width)
    } else {
        Padding::all(kernel / 2)
    }
}

fn depthwise_cases() -> impl Strategy<Value = DepthwiseCase> {
    let sides = prop_oneof![1..6usize, 1..20usize];
    let shape = (1..10usize, 1..5usize, sides.clone(), sides);
    let kernel = prop::sample::select(vec![1, 3, 5, 7]);
    let norms = [(); 2].map(|()| prop::option::of(activations()));
    let layouts = [any::<bool>(), any::<bool>()];
    let convolution = (kernel, 1..4usize, any::<bool>());
    (shape, convolution, norms, layouts, any::<u64>()).prop_map(
        |((batch, channels, height, width), convolution, [before, behind], layouts, seed)| {
            let (kernel, stride, same) = convolution;
            DepthwiseCase {
                shape: [batch, channels, height, width],
                convolution: ConvolutionShape {
                    kernel,
                    stride,
                    padding: padding(kernel, stride, [height, width], same),
                },
                before,
                behind,
                layouts,
                seed,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn depthwise_stage(case in depthwise_cases()) {
        let DepthwiseCase { shape, convolution, seed, .. } = case;
        let ConvolutionShape { kernel, stride, padding } = convolution;
        let channels = shape[1];
        let x = Tensor::noise(shape, seed);
        let weight = Tensor::noise([channels, 1, kernel, kernel], seed ^ 1);
        let learned = [parameters(channels, seed ^ 2), parameters(channels, seed ^ 3)];
        let before = case.before.map(|activation| norm(&learned[0], activation));
        let behind = case.behind.map(|activation| norm(&learned[1], activation));

        // The chain in f64.
        let activated = match &before {
            Some(norm) => reference::batch_norm(&x, norm).0,
            None => x.clone(),
        };
        let convolved = reference::convolution(&activated, &weight, channels, convolution);
        let output = match &behind {
            Some(norm) => reference::batch_norm(&convolved, norm).0,
            None => convolved.clone(),
        };
        for (norm, x) in [(&before, &x), (&behind, &convolved)] {
            if let Some(norm) = norm {
                prop_assume!(!reference::is_near_kink(x, norm) && varies(x, norm));
            }
        }
        let gradient = Tensor::noise(output.shape, seed ^ 4);
        let (by_convolved, by_behind) = match &behind {
            Some(norm) => {
                let (x, gamma, beta) = reference::batch_norm_backward(&convolved, norm, &gradient);
                (x, Some((gamma, beta)))
            }
            None => (gradient.clone(), None),
        };
        let (by_activated, by_weight) = reference::convolution_backward(
            &activated, &weight, channels, convolution, &by_convolved,
        );
        let (by_x, by_before) = match &before {
            Some(norm) => {
                let (x, gamma, beta) = reference::batch_norm_backward(&x, norm, &by_activated);
                (x, Some((gamma, beta)))
            }
            None => (by_activated, None),
        };

        // And by the kernels.
        let weights = to_f32(&weight.values);
        let stage =
            DepthwiseStage {
                norm_before: before,
                weight: &weights,
                kernel,
                stride,
                padding,
                norm_after: behind,
            };
        let stored = Stored::new(&x, case.layouts[0]);
        let found = stage.forward(stored.view());
        prop_assert_eq!(found.shape, output.shape);
        assert_close("output", &found.output, &output.channels_first());
        let stored_gradient = Stored::new(&gradient, case.layouts[1]);
        let gradients = stage.backward(
            stored.view(),
            found.convolved.as_deref(),
            found.norm_before.as_ref(),
            found.norm_after.as_ref(),
            stored_gradient.view(),
        );
        // Gradients cancel in front of a normalisation, to which the scale of its input is
        // nothing: rounding is to be measured against the terms that cancel.
        let amplified = match &behind {
            Some(norm) => {
                let (_, _, variances) = reference::batch_norm(&convolved, norm);
                let least = variances.iter().copied().fold(f64::INFINITY, f64::min);
                1.5 / (least + norm.epsilon).sqrt()
            }
            None => 0.0,
        };
        let (by_x_terms, by_weight_terms) = reference::convolution_backward(
            &activated.map(f64::abs),
            &weight.map(f64::abs),
            channels,
            convolution,
            &by_convolved.map(|x| x.abs() + amplified),
        );
        let scale = largest(&by_x_terms.values);
        assert_sums_close("gradient by input", &gradients.input, &by_x.channels_first(), scale);
        let scale = largest(&by_weight_terms.values);
        assert_sums_close("gradient by weight", &gradients.weight, &by_weight.values, scale);
        let scale = by_x_terms.values.iter().sum::<f64>() / channels as f64;
        for (found, expected) in [(gradients.norm_before, by_before), (gradients.norm_after, by_behind)] {
            prop_assert_eq!(found.is_some(), expected.is_some());
            if let (Some(found), Some((gamma, beta))) = (found, expected) {
                let scale = scale.max((shape[0] * shape[2] * shape[3]) as f64);
                assert_sums_close("gradient by gamma", &found.gamma, &gamma, scale);
                assert_sums_close("gradient by beta", &found.beta, &beta, scale);
            }
        }
    }

    #[test]
    fn batch_norm(
        (batch, channels, height, width) in (1..10usize, 1..5usize, 1..9usize, 1..9usize),
        activation in activations(),
        layouts in [any::<bool>(), any::<bool>()],
        seed: u64,
    ) {
        let x = Tensor::noise([batch, channels, height, width], seed);
        let learned = parameters(channels, seed ^ 1);
        let norm = norm(&learned, activation);
        prop_assume!(!reference::is_near_kink(&x, &norm) && varies(&x, &norm));
        let (output, means, variances) = reference::batch_norm(&x, &norm);
        let gradient = Tensor::noise(x.shape, seed ^ 2);
        let (by_x, by_gamma, by_beta) = reference::batch_norm_backward(&x, &norm, &gradient);

        let stored = Stored::new(&x, layouts[0]);
        let found = training::batch_norm(stored.view(), &norm);
        assert_close("output", &found.output, &output.channels_first());
        assert_close("mean", &found.statistics.mean, &means);
        assert_close("variance", &found.statistics.variance, &variances);
        let stored_gradient = Stored::new(&gradient, layouts[1]);
        let (found_x, learned) = training::batch_norm_backward(
            stored.view(), &norm, &found.statistics, stored_gradient.view(),
        );
        assert_sums_close("gradient by input", &found_x, &by_x.channels_first(), 1.0);
        let scale = (batch * height * width) as f64;
        assert_sums_close("gradient by gamma", &learned.gamma, &by_gamma, scale);
        assert_sums_close("gradient by beta", &learned.beta, &by_beta, scale);
    }

    #[test]
    fn pointwise(
        (batch, inputs, outputs) in (1..10usize, 1..40usize, 1..40usize),
        (height, width) in (1..9usize, 1..40usize),
        layouts in [any::<bool>(), any::<bool>()],
        seed: u64,
    ) {
        let x = Tensor::noise([batch, inputs, height, width], seed);
        let weight = Tensor::noise([outputs, inputs, 1, 1], seed ^ 1);
        let shape = ConvolutionShape { kernel: 1, stride: 1, padding: Padding::default() };
        let output = reference::convolution(&x, &weight, 1, shape);
        let gradient = Tensor::noise(output.shape, seed ^ 2);
        let (by_x, by_weight) =
            reference::convolution_backward(&x, &weight, 1, shape, &gradient);

        let (stored, weight) = (Stored::new(&x, layouts[0]), to_f32(&weight.values));
        let stored_gradient = Stored::new(&gradient, layouts[1]);
        let found = training::pointwise(stored.view(), &weight, outputs);
        assert_close("output", &found, &output.channels_first());
        let found =
            training::pointwise_input_gradient(stored_gradient.view(), &weight, inputs);
        assert_close("gradient by input", &found, &by_x.channels_first());
        let found = training::pointwise_weight_gradient(stored.view(), stored_gradient.view());
        assert_close("gradient by weight", &found, &by_weight.values);
    }

    #[test]
    fn convolution(
        (batch, inputs, outputs) in (1..4usize, 1..5usize, 1..9usize),
        (height, width) in (1..15usize, 1..15usize),
        (kernel, stride, same) in (prop::sample::select(vec![1, 3, 5]), 1..4usize, any::<bool>()),
        layouts in [any::<bool>(), any::<bool>()],
        seed: u64,
    ) {
        let padding = padding(kernel, stride, [height, width], same);
        let shape = ConvolutionShape { kernel, stride, padding };
        let x = Tensor::noise([batch, inputs, height, width], seed);
        let weight = Tensor::noise([outputs, inputs, kernel, kernel], seed ^ 1);
        let output = reference::convolution(&x, &weight, 1, shape);
        let gradient = Tensor::noise(output.shape, seed ^ 2);
        let (by_x, by_weight) =
            reference::convolution_backward(&x, &weight, 1, shape, &gradient);

        let (stored, weight) = (Stored::new(&x, layouts[0]), to_f32(&weight.values));
        let (found, found_shape) =
            training::convolution(stored.view(), &weight, outputs, shape);
        prop_assert_eq!(found_shape, output.shape);
        assert_close("output", &found, &output.channels_first());
        let stored_gradient = Stored::new(&gradient, layouts[1]);
        let (found_x, found_weight) = training::convolution_backward(
            stored.view(), &weight, shape, stored_gradient.view(), true,
        );
        assert_close("gradient by input", &found_x.unwrap(), &by_x.channels_first());
        assert_close("gradient by weight", &found_weight, &by_weight.values);
    }

    #[test]
    fn squeeze_excite(
        (batch, channels, height, width) in (1..10usize, 4..40usize, 1..9usize, 1..9usize),
        layouts in [any::<bool>(), any::<bool>()],
        activation in activations(),
        kind in prop::sample::select(vec![Gate::HSigmoid, Gate::Sigmoid]),
        seed: u64,
    ) {
        let (inner, size) = (channels / 4, height * width);
        let shape = [batch, channels, height, width];
        let x = Tensor::noise(shape, seed);
        // Wide enough for the h-sigmoid to be cut on both sides now and then.
        let weights = [(inner, channels), (channels, inner)].map(|(rows, columns)| {
            Tensor::noise([rows, columns, 1, 1], seed ^ rows as u64).map(|x| 4.0 * x)
        });
        let biases: [Vec<f32>; 2] = [(inner, 3), (channels, 4)]
            .map(|(length, n)| to_f32(&reference::noise(seed ^ n).take(length).collect::<Vec<_>>()));
        let one = ConvolutionShape { kernel: 1, stride: 1, padding: Padding::default() };
        let layer = |x: &Tensor, index: usize| {
            let mut y = reference::convolution(x, &weights[index], 1, one);
            let channels = y.shape[1];
            for (at, value) in y.values.iter_mut().enumerate() {
                *value += f64::from(biases[index][at % channels]);
            }
            y
        };
        let planes = |values: Vec<f64>| Tensor { shape: [batch, channels, 1, 1], values };
        let means = x.values.chunks(size).map(|plane| plane.iter().sum::<f64>() / size as f64);
        let mean = planes(means.collect());
        let squeezed = layer(&mean, 0);
        let inners = squeezed.map(|x| reference::value(activation, x));
        let excited = layer(&inners, 1);
        let gate = excited.map(|x| reference::gate(kind, x));
        let kinks = reference::kinks(activation);
        prop_assume!(
            squeezed.values.iter().all(|x| kinks.iter().all(|kink| (x - kink).abs() > 1e-4))
        );
        prop_assume!(excited.values.iter().all(|x| (x.abs() - 3.0).abs() > 1e-4));
        let gradient = Tensor::noise(shape, seed ^ 5);
        let mut output = x.clone();
        for (at, value) in output.values.iter_mut().enumerate() {
            *value *= gate.values[at / size];
        }
        // Backwards.
        let products = x.zip(&gradient, |x, gradient| x * gradient);
        let sums = planes(products.values.chunks(size).map(|plane| plane.iter().sum()).collect());
        let by_gate = sums.zip(&excited, |sum, x| sum * reference::gate_slope(kind, x));
        let (by_inner, by_excite) =
            reference::convolution_backward(&inners, &weights[1], 1, one, &by_gate);
        let by_squeezed =
            by_inner.zip(&squeezed, |gradient, x| gradient * reference::slope(activation, x));
        let (by_mean, by_squeeze) =
            reference::convolution_backward(&mean, &weights[0], 1, one, &by_squeezed);
        let mut by_x = gradient.clone();
        for (at, value) in by_x.values.iter_mut().enumerate() {
            let plane = at / size;
            *value = *value * gate.values[plane] + by_mean.values[plane] / size as f64;
        }
        let (terms, _) = reference::convolution_backward(
            &inners, &weights[1].map(f64::abs), 1, one, &by_gate.map(f64::abs),
        );
        let scale = largest(&terms.values) * batch as f64;
        // The gates' gradients are sums over planes, which may cancel too.
        let plane = |plane: &[f64]| plane.iter().map(|product| product.abs()).sum::<f64>();
        let by_gates: Vec<f64> = products.values.chunks(size).map(plane).collect();
        let bias_scale = largest(&by_gates) * batch as f64;
        let excite_scale = bias_scale * largest(&inners.values);
        let sum_images = |tensor: &Tensor| -> Vec<f64> {
            let channels = tensor.shape[1];
            (0..channels)
                .map(|channel| tensor.values.iter().skip(channel).step_by(channels).sum())
                .collect()
        };

        let [squeeze_weight, excite_weight] =
            weights.each_ref().map(|weight| to_f32(&weight.values));
        let kernel = SqueezeExcite {
            squeeze_weight: &squeeze_weight,
            squeeze_bias: &biases[0],
            excite_weight: &excite_weight,
            excite_bias: &biases[1],
            activation,
            gate: kind,
        };
        let stored = Stored::new(&x, layouts[0]);
        let found = kernel.forward(stored.view());
        assert_close("output", &found.output, &output.channels_first());
        let stored_gradient = Stored::new(&gradient, layouts[1]);
        let gradients = kernel.backward(
            stored.view(), &found.mean, &found.squeezed, &found.gate, stored_gradient.view(),
        );
        assert_close("gradient by input", &gradients.input, &by_x.channels_first());
        assert_sums_close(
            "squeeze weight", &gradients.squeeze_weight, &by_squeeze.values, scale,
        );
        let by_squeeze_bias = sum_images(&by_squeezed);
        assert_sums_close("squeeze bias", &gradients.squeeze_bias, &by_squeeze_bias, scale);
        assert_sums_close(
            "excite weight", &gradients.excite_weight, &by_excite.values, excite_scale,
        );
        let by_excite_bias = sum_images(&by_gate);
        assert_sums_close("excite bias", &gradients.excite_bias, &by_excite_bias, bias_scale);
    }
}

/// The references' own gradients, by finite differences.
#[test]
fn reference_gradients_are_slopes() {
    let shape = ConvolutionShape {
        kernel: 3,
        stride: 2,
        padding: Padding::all(1),
    };
    let x = Tensor::noise([3, 4, 5, 6], 1);
    let weight = Tensor::noise([4, 2, 3, 3], 2);
    let output = reference::convolution(&x, &weight, 2, shape);
    let gradient = Tensor::noise(output.shape, 3);
    let (by_x, by_weight) = reference::convolution_backward(&x, &weight, 2, shape, &gradient);
    let (dx, dw) = (Tensor::noise(x.shape, 4), Tensor::noise(weight.shape, 5));
    let along = reference::directional(&x, &dx, |x| {
        reference::convolution(x, &weight, 2, shape).dot(&gradient)
    });
    assert!((along - by_x.dot(&dx)).abs() < 1e-6, "{along}");
    let along = reference::directional(&weight, &dw, |weight| {
        reference::convolution(&x, weight, 2, shape).dot(&gradient)
    });
    assert!((along - by_weight.dot(&dw)).abs() < 1e-6, "{along}");

    for activation in ACTIVATIONS {
        // Wide enough that every part of the curves is met.
        let learned = [vec![3.0f32; 4], vec![1.0f32; 4]];
        let norm = norm(&learned, activation);
        let gradient = Tensor::noise(x.shape, 6);
        let (by_x, by_gamma, by_beta) = reference::batch_norm_backward(&x, &norm, &gradient);
        let along = reference::directional(&x, &dx, |x| {
            reference::batch_norm(x, &norm).0.dot(&gradient)
        });
        assert!(
            (along - by_x.dot(&dx)).abs() < 1e-5,
            "{activation:?}: {along}"
        );
        let moved = |gamma: f32, beta: f32| {
            let learned = [vec![gamma; 4], vec![beta; 4]];
            reference::batch_norm(&x, &self::norm(&learned, activation))
                .0
                .dot(&gradient)
        };
        let step = 1.0 / 65536.0;
        let along = (moved(3.0 + step, 1.0) - moved(3.0 - step, 1.0)) / (2.0 * f64::from(step));
        let total: f64 = by_gamma.iter().sum();
        assert!(
            (along - total).abs() < 1e-3,
            "{activation:?}: {along} {total}"
        );
        let along = (moved(3.0, 1.0 + step) - moved(3.0, 1.0 - step)) / (2.0 * f64::from(step));
        let total: f64 = by_beta.iter().sum();
        assert!(
            (along - total).abs() < 1e-3,
            "{activation:?}: {along} {total}"
        );
    }
}

/// Channels whose mean is large against their deviation keep their variance.
#[test]
fn variance_survives_a_large_mean() {
    let x = Tensor::noise([4, 1, 64, 64], 9).map(|x| f64::from((x + 1000.0) as f32));
    let learned = parameters(1, 1);
    let norm = norm(&learned, Activation::None);
    let (_, means, variances) = reference::batch_norm(&x, &norm);
    let values = to_f32(&x.values);
    let found = training::batch_norm(Images::channels_first(&values, x.shape), &norm).statistics;
    assert!((f64::from(found.mean[0]) - means[0]).abs() < 1e-3);
    assert!((f64::from(found.variance[0]) / variances[0] - 1.0).abs() < 1e-4);
}

/// Bit for bit, everything, on any number of threads.
#[test]
fn results_do_not_depend_on_threads() {
    let [batch, channels, side] = [5, 37, 19];
    let random = |shape, seed| to_f32(&Tensor::noise(shape, seed).values);
    let x = random([channels, batch, side, side], 1);
    let view = Images::channels_first(&x, [batch, channels, side, side]);
    let learned = [parameters(channels, 2), parameters(channels, 3)];
    let weight = random([channels, 1, 5, 5], 4);
    let stage = DepthwiseStage {
        norm_before: Some(norm(&learned[0], Activation::HSwish)),
        weight: &weight,
        kernel: 5,
        stride: 2,
        padding: Padding::all(2),
        norm_after: Some(norm(&learned[1], Activation::Swish)),
    };
    let filters = random([96, channels, 1, 1], 5);
    let [squeeze, excite] = [[9, channels, 1, 1], [channels, 9, 1, 1]].map(|s| random(s, 6));
    let gate = SqueezeExcite {
        squeeze_weight: &squeeze,
        squeeze_bias: &[0.1; 9],
        excite_weight: &excite,
        excite_bias: &[0.2; 37],
        activation: Activation::Swish,
        gate: Gate::Sigmoid,
    };
    let run = || -> Vec<Vec<f32>> {
        let depthwise = stage.forward(view);
        let behind = Images::channels_first(&depthwise.output, depthwise.shape);
        let gradients = stage.backward(
            view,
            depthwise.convolved.as_deref(),
            depthwise.norm_before.as_ref(),
            depthwise.norm_after.as_ref(),
            behind,
        );
        let pointwise = training::pointwise(view, &filters, 96);
        let gradient = Images::channels_first(&pointwise, [batch, 96, side, side]);
        let gated = gate.forward(view);
        let by_gate = gate.backward(view, &gated.mean, &gated.squeezed, &gated.gate, view);
        vec![
            depthwise.output.clone(),
            gradients.input,
            gradients.weight,
            gradients.norm_before.unwrap().gamma,
            gradients.norm_after.unwrap().beta,
            training::pointwise_input_gradient(gradient, &filters, channels),
            training::pointwise_weight_gradient(view, gradient),
            pointwise.clone(),
            gated.output,
            by_gate.input,
            by_gate.squeeze_weight,
        ]
    };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(run)
    };
    let alone = on(1);
    for threads in [2, 3, 8] {
        assert!(on(threads) == alone, "{threads} threads");
    }
}
