//! The operations, of random shapes.

use burn::tensor::Tensor;
use proptest::prelude::*;
use scarlet_ops::{
    Activation, BatchStatistics, DepthwiseStage, Gate, Norm, Padding, SqueezeExcite, add,
    batch_norm_train, conv2d, depthwise_conv2d, pointwise_conv2d, squeeze_excite,
};

use crate::compare::Operation;

/// A batch of images, and in which order it lies in memory.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    shape: [usize; 4],
    channels_first: bool,
}

impl Batch {
    fn length(&self) -> usize {
        self.shape.iter().product()
    }

    fn channels(&self) -> usize {
        self.shape[1]
    }

    fn images(&self, flat: &Tensor<1>) -> Tensor<4> {
        let [batch, channels, height, width] = self.shape;
        if self.channels_first {
            let stored = flat.clone().reshape([channels, batch, height, width]);
            return stored.swap_dims(0, 1);
        }
        flat.clone().reshape(self.shape)
    }
}

fn batches() -> impl Strategy<Value = Batch> {
    (
        1..10usize,
        1..12usize,
        2..12usize,
        2..12usize,
        any::<bool>(),
    )
        .prop_map(|(batch, channels, height, width, channels_first)| Batch {
            shape: [batch, channels, height, width],
            channels_first,
        })
}

fn activations() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::None),
        Just(Activation::Relu),
        Just(Activation::Relu6),
        Just(Activation::HSwish),
        Just(Activation::Swish),
    ]
}

fn gates() -> impl Strategy<Value = Gate> {
    prop_oneof![Just(Gate::HSigmoid), Just(Gate::Sigmoid)]
}

fn paddings() -> impl Strategy<Value = Padding> {
    let side = 0..4usize;
    (side.clone(), side.clone(), side.clone(), side).prop_map(|(top, bottom, left, right)| {
        Padding {
            top,
            bottom,
            left,
            right,
        }
    })
}

/// Kernel, stride and a padding with which a kernel of 7 still fits.
fn kernels() -> impl Strategy<Value = (usize, usize, Padding)> {
    let kernel = prop_oneof![Just(1usize), Just(3), Just(5), Just(7)];
    (kernel, 1..3usize, paddings()).prop_map(|(kernel, stride, mut padding)| {
        padding.bottom = padding.bottom.max(kernel / 2);
        padding.top = padding.top.max(kernel / 2);
        padding.left = padding.left.max(kernel / 2);
        padding.right = padding.right.max(kernel / 2);
        (kernel, stride, padding)
    })
}

/// The activation itself if it has no kinks, or the one whose kinks are far from 0.
fn smooth(activation: Activation) -> Activation {
    match activation {
        Activation::None | Activation::Swish => activation,
        _ => Activation::HSwish,
    }
}

fn flat(tensor: Tensor<4>) -> Tensor<1> {
    tensor.flatten(0, 3)
}

fn norm([gamma, beta]: [&Tensor<1>; 2], activation: Activation) -> Norm {
    Norm {
        gamma: gamma.clone(),
        beta: beta.clone(),
        epsilon: 1e-3,
        activation,
    }
}

fn pair(statistics: BatchStatistics) -> [Tensor<1>; 2] {
    [statistics.mean, statistics.variance]
}

macro_rules! arbitrary {
    ($type:ident, $strategy:expr, $map:expr) => {
        impl Arbitrary for $type {
            type Parameters = ();
            type Strategy = BoxedStrategy<Self>;

            fn arbitrary_with((): ()) -> Self::Strategy {
                $strategy.prop_map($map).boxed()
            }
        }
    };
}

#[derive(Debug, Clone)]
pub struct AdditionCase {
    input: Batch,
    other_first: bool,
}

arbitrary!(AdditionCase, (batches(), any::<bool>()), |(
    input,
    other_first,
)| Self {
    input,
    other_first
});

impl Operation for AdditionCase {
    fn lengths(&self) -> Vec<usize> {
        vec![self.input.length(); 2]
    }

    fn run(&self, inputs: &[Tensor<1>]) -> (Tensor<1>, Vec<Tensor<1>>) {
        let other = Batch {
            channels_first: self.other_first,
            ..self.input
        };
        let sum = add(self.input.images(&inputs[0]), other.images(&inputs[1]));
        (flat(sum), Vec::new())
    }
}

#[derive(Debug, Clone)]
pub struct PointwiseCase {
    input: Batch,
    channels: usize,
}

arbitrary!(PointwiseCase, (batches(), 1..20usize), |(
    input,
    channels,
)| Self {
    input,
    channels
});

impl Operation for PointwiseCase {
    fn lengths(&self) -> Vec<usize> {
        vec![self.input.length(), self.channels * self.input.channels()]
    }

    fn run(&self, inputs: &[Tensor<1>]) -> (Tensor<1>, Vec<Tensor<1>>) {
        let weight = (inputs[1].clone()).reshape([self.channels, self.input.channels(), 1, 1]);
        let output = pointwise_conv2d(self.input.images(&inputs[0]), weight);
        (flat(output), Vec::new())
    }
}

#[derive(Debug, Clone)]
pub struct ConvolutionCase {
    input: Batch,
    channels: usize,
    kernel: usize,
    stride: usize,
    padding: Padding,
}

arbitrary!(ConvolutionCase, (batches(), 1..6usize, kernels()), |(
    input,
    channels,
    (kernel, stride, padding),
)| {
    Self {
        input,
        channels,
        kernel,
        stride,
        padding,
    }
});

impl ConvolutionCase {
    fn weight(&self) -> [usize; 4] {
        let channels = [self.channels, self.input.channels()];
        [channels[0], channels[1], self.kernel, self.kernel]
    }
}

impl Operation for ConvolutionCase {
    fn lengths(&self) -> Vec<usize> {
        vec![self.input.length(), self.weight().iter().product()]
    }

    fn run(&self, inputs: &[Tensor<1>]) -> (Tensor<1>, Vec<Tensor<1>>) {
        let weight = inputs[1].clone().reshape(self.weight());
        let x = self.input.images(&inputs[0]);
        let output = conv2d(x, weight, self.stride, self.padding);
        (flat(output), Vec::new())
    }
}

#[derive(Debug, Clone)]
pub struct BatchNormCase {
    input: Batch,
    activation: Activation,
}

arbitrary!(BatchNormCase, (batches(), activations()), |(
    input,
    activation,
)| Self {
    input,
    activation
});

impl Operation for BatchNormCase {
    fn lengths(&self) -> Vec<usize> {
        let channels = self.input.channels();
        vec![self.input.length(), channels, channels]
    }

    fn run(&self, inputs: &[Tensor<1>]) -> (Tensor<1>, Vec<Tensor<1>>) {
        let norm = norm([&inputs[1], &inputs[2]], self.activation);
        let (output, statistics) = batch_norm_train(self.input.images(&inputs[0]), norm);
        (flat(output), pair(statistics).into())
    }

    fn smooth(&self) -> Self {
        Self {
            activation: smooth(self.activation),
            ..self.clone()
        }
    }

    fn scale(&self, input: usize, noise: f64) -> f64 {
        // A mean that is large against the deviation.
        if input == 0 { 2.0 * noise + 5.0 } else { noise }
    }
}

/// A depthwise convolution: alone, with what is behind it, or with both sides.
#[derive(Debug, Clone)]
pub struct DepthwiseCase {
    input: Batch,
    kernel: usize,
    stride: usize,
    padding: Padding,
    activation: Activation,
    norms: usize,
}

arbitrary!(
    DepthwiseCase,
    (batches(), kernels(), activations(), 0..3usize),
    |(input, (kernel, stride, padding), activation, norms)| Self {
        input,
        kernel,
        stride,
        padding,
        activation,
        norms,
    }
);

impl Operation for DepthwiseCase {
    fn lengths(&self) -> Vec<usize> {
        let channels = self.input.channels();
        let mut lengths = vec![self.input.length(), channels * self.kernel * self.kernel];
        lengths.extend(vec![channels; 2 * self.norms]);
        lengths
    }

    fn run(&self, inputs: &[Tensor<1>]) -> (Tensor<1>, Vec<Tensor<1>>) {
        let x = self.input.images(&inputs[0]);
        let weight =
            (inputs[1].clone()).reshape([self.input.channels(), 1, self.kernel, self.kernel]);
        let norm = |index: usize| norm([&inputs[index], &inputs[index + 1]], self.activation);
        if self.norms == 0 {
            let output = depthwise_conv2d(x, weight, self.stride, self.padding);
            return (flat(output), Vec::new());
        }
        let stage = DepthwiseStage {
            norm_before: (self.norms == 2).then(|| norm(4)),
            weight,
            stride: self.stride,
            padding: self.padding,
            norm_after: norm(2),
        };
        let trained = stage.train(x);
        let statistics = trained.norm_before.into_iter().chain([trained.norm_after]);
        (flat(trained.output), statistics.flat_map(pair).collect())
    }

    fn smooth(&self) -> Self {
        Self {
            activation: smooth(self.activation),
            ..self.clone()
        }
    }

    fn scale(&self, input: usize, noise: f64) -> f64 {
        // Gammas and betas away from 0, where all of a channel would sit on a kink, and weights
        // too: a single one of almost 0 makes a channel of almost no variance.
        if input >= 1 {
            noise + noise.signum() * 0.3
        } else {
            noise
        }
    }
}

#[derive(Debug, Clone)]
pub struct SqueezeExciteCase {
    input: Batch,
    inner: usize,
    activation: Activation,
    gate: Gate,
    /// Neither layer's result is near a kink.
    smooth: bool,
}

arbitrary!(
    SqueezeExciteCase,
    (batches(), 1..6usize, activations(), gates()),
    |(input, inner, activation, gate)| Self {
        input,
        inner,
        activation,
        gate,
        smooth: false,
    }
);

impl Operation for SqueezeExciteCase {
    fn lengths(&self) -> Vec<usize> {
        let (channels, inner) = (self.input.channels(), self.inner);
        let weight = channels * inner;
        vec![self.input.length(), weight, inner, weight, channels]
    }

    fn run(&self, inputs: &[Tensor<1>]) -> (Tensor<1>, Vec<Tensor<1>>) {
        let (channels, inner) = (self.input.channels(), self.inner);
        let layers = SqueezeExcite {
            squeeze_weight: inputs[1].clone().reshape([inner, channels, 1, 1]),
            squeeze_bias: inputs[2].clone(),
            excite_weight: inputs[3].clone().reshape([channels, inner, 1, 1]),
            excite_bias: inputs[4].clone(),
            activation: self.activation,
            gate: self.gate,
        };
        let output = squeeze_excite(self.input.images(&inputs[0]), layers);
        (flat(output), Vec::new())
    }

    fn smooth(&self) -> Self {
        Self {
            smooth: true,
            ..self.clone()
        }
    }

    fn scale(&self, input: usize, noise: f64) -> f64 {
        if self.smooth {
            return match input {
                // The bias decides on which side of a kink at 0 an inner value is; the others are
                // farther away.
                2 => 2.0 * noise.signum() + 0.5 * noise,
                1 | 3 => 0.1 * noise,
                _ => noise,
            };
        }
        // Gates on both sides of the h-sigmoid's limits, and inner values on both sides of 0.
        if input == 0 { noise + 0.5 } else { 3.0 * noise }
    }
}
