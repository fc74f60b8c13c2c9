//! The fully connected layer between the mean and the classifier.

use burn::module::Module;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use scarlet_arch::Activation;

use crate::random::FirstWeights;
use scarlet_engine::kernels_activation;

/// A fully connected layer with an activation.
#[derive(Module, Debug)]
pub struct HiddenLayer {
    /// Weights `[inputs, outputs]`.
    pub linear: Linear,
    #[module(skip)]
    activation: Activation,
}

impl HiddenLayer {
    /// Initialised as the networks' 1×1 convolutions are: normal with standard deviation
    /// `sqrt(2 / outputs)`, biases 0.
    pub(crate) fn new(
        inputs: usize,
        layer: scarlet_arch::HiddenLayer,
        weights: &mut FirstWeights,
        device: &Device,
    ) -> Self {
        let outputs = layer.channels;
        let mut linear = LinearConfig::new(inputs, outputs)
            .with_bias(layer.bias)
            .init(device);
        let deviation = (2.0 / outputs as f64).sqrt();
        linear.weight = weights.normal(deviation, [inputs, outputs], device);
        linear.bias = (layer.bias).then(|| Initializer::Zeros.init([outputs], device));
        Self {
            linear,
            activation: layer.activation,
        }
    }

    /// `[batch, inputs]` to `[batch, outputs]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        scarlet_ops::activate(kernels_activation(self.activation), self.linear.forward(x))
    }
}
