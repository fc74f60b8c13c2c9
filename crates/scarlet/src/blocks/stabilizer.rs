//! SCARLET's equivariant learnable stabilizer.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use scarlet_ops::Padding;

use crate::random::FirstWeights;

/// The equivariant learnable stabilizer (Chu et al., arXiv 1908.06022): a 1×1 convolution
/// without bias, normalisation or activation, which stands on a layer's skip while a supernet
/// trains and is folded away exactly afterwards (see [`fold`](crate::fold)).
///
/// At a layer that downsamples or changes channels it takes the layer's stride and channels:
/// our reading, the paper does not say.
#[derive(Module, Debug)]
pub struct Stabilizer {
    /// `[channels_out, channels_in, 1, 1]`.
    pub weight: Param<Tensor<4>>,
    stride: usize,
}

impl Stabilizer {
    /// A stabilizer initialised as the networks' convolutions are: normal with standard
    /// deviation `sqrt(2 / channels_out)`.
    pub fn new(channels_in: usize, channels_out: usize, stride: usize, device: &Device) -> Self {
        let weights = &mut FirstWeights::Device;
        Self::with_weights(channels_in, channels_out, stride, weights, device)
    }

    pub(crate) fn with_weights(
        channels_in: usize,
        channels_out: usize,
        stride: usize,
        weights: &mut FirstWeights,
        device: &Device,
    ) -> Self {
        let deviation = (2.0 / channels_out as f64).sqrt();
        Self {
            weight: weights.normal(deviation, [channels_out, channels_in, 1, 1], device),
            stride,
        }
    }

    /// The same stabilizer with the identity matrix as its weight, padded with zeros where the
    /// channels differ: training then starts from a plain skip.
    pub fn with_identity(mut self) -> Self {
        // Without drawing the weight that is replaced.
        let [channels_out, channels_in, ..] = self.weight.lazy_shape().dims::<4>();
        let side = channels_out.max(channels_in);
        let eye = Tensor::<2>::eye(side, &self.weight.lazy_device())
            .slice([0..channels_out, 0..channels_in])
            .reshape([channels_out, channels_in, 1, 1]);
        self.weight = Param::from_tensor(eye);
        self
    }

    /// Stride of the convolution.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// `[batch, channels_in, height, width]` to
    /// `[batch, channels_out, ceil(height / stride), ceil(width / stride)]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let weight = self.weight.val();
        match self.stride {
            1 => scarlet_ops::pointwise_conv2d(x, weight),
            stride => scarlet_ops::conv2d(x, weight, stride, Padding::default()),
        }
    }
}
