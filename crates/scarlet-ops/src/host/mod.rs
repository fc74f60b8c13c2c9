//! The operations as an extension of Burn's CPU backends.

#![cfg_attr(
    feature = "ndarray",
    allow(deprecated, reason = "NdArray is supported while Burn has it")
)]

mod addition;
mod batch_norm;
mod convolution;
mod depthwise;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "ndarray")]
mod ndarray;
mod norm;
mod pointwise;
mod squeeze_excite;
mod storage;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::{
    Autodiff, Backend, DispatchDevice, ExtensionType, backend_extension, tensor::FloatTensor,
};
use burn::tensor::{DType, Device, Tensor};
use scarlet_kernels::training::ConvolutionShape;
use scarlet_kernels::{Activation, Gate, Padding};

use storage::HostBackend;

/// A normalisation without its tensors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormConstants {
    pub(crate) epsilon: f64,
    pub(crate) activation: Activation,
}

/// A depthwise stage without its tensors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DepthwiseShape {
    pub(crate) stride: usize,
    pub(crate) padding: Padding,
    pub(crate) norm_before: Option<NormConstants>,
    pub(crate) norm_after: Option<NormConstants>,
}

/// A squeeze-excite without its tensors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SqueezeExciteShape {
    pub(crate) activation: Activation,
    pub(crate) gate: Gate,
}

/// What a normalisation computes.
#[derive(ExtensionType)]
pub(crate) struct NormResult<B: Backend> {
    pub(crate) output: FloatTensor<B>,
    pub(crate) mean: FloatTensor<B>,
    pub(crate) variance: FloatTensor<B>,
}

/// What a depthwise stage computes. Where there is no normalisation, its tensors are empty.
#[derive(ExtensionType)]
pub(crate) struct DepthwiseResult<B: Backend> {
    pub(crate) output: FloatTensor<B>,
    pub(crate) before_mean: FloatTensor<B>,
    pub(crate) before_variance: FloatTensor<B>,
    pub(crate) after_mean: FloatTensor<B>,
    pub(crate) after_variance: FloatTensor<B>,
}

/// Whether the kernels can work on `x`, given the data types of all other tensors.
pub(crate) fn has_kernels(x: &Tensor<4>, others: impl IntoIterator<Item = DType>) -> bool {
    let is_f32 = |dtype| matches!(dtype, DType::F32);
    is_cpu(&x.device())
        && is_f32(x.dtype())
        && others.into_iter().all(is_f32)
        && x.dims().iter().all(|&side| side > 0)
}

/// Whether a device is this machine's processor, by one of Burn's devices that the kernels work on,
/// with or without gradients.
pub fn is_cpu(device: &Device) -> bool {
    fn is_cpu(device: &DispatchDevice) -> bool {
        match device {
            #[cfg(feature = "flex")]
            DispatchDevice::Flex(_) => true,
            #[cfg(feature = "ndarray")]
            DispatchDevice::NdArray(_) => true,
            DispatchDevice::Autodiff(inner) => is_cpu(inner),
            #[allow(unreachable_patterns, reason = "Burn may have no other device")]
            _ => false,
        }
    }
    is_cpu(device.as_dispatch())
}

/// Calls that reach the kernels through Burn's dispatch. Statistics are not differentiable.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff
)]
pub(crate) trait TrainingOps: Backend {
    fn addition(x: FloatTensor<Self>, y: FloatTensor<Self>) -> FloatTensor<Self>;

    fn pointwise(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;

    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        shape: ConvolutionShape,
    ) -> FloatTensor<Self>;

    fn batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        constants: NormConstants,
    ) -> NormResult<Self>;

    /// Where the shape has no normalisation, its parameters are not looked at (give tensors of
    /// length 0): the generated dispatch knows no optional tensors.
    fn depthwise(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        before_gamma: FloatTensor<Self>,
        before_beta: FloatTensor<Self>,
        after_gamma: FloatTensor<Self>,
        after_beta: FloatTensor<Self>,
        shape: DepthwiseShape,
    ) -> DepthwiseResult<Self>;

    fn squeeze_excite(
        x: FloatTensor<Self>,
        squeeze_weight: FloatTensor<Self>,
        squeeze_bias: FloatTensor<Self>,
        excite_weight: FloatTensor<Self>,
        excite_bias: FloatTensor<Self>,
        shape: SqueezeExciteShape,
    ) -> FloatTensor<Self>;
}

/// Implements [`TrainingOps`] by the functions of this module's files that are called `$function`.
///
/// One blanket implementation for all host backends would overlap with that for `Autodiff`.
macro_rules! training_ops {
    ($($function:tt)*) => {
        fn addition(x: FloatTensor<Self>, y: FloatTensor<Self>) -> FloatTensor<Self> {
            addition::$($function)*(x, y)
        }

        fn pointwise(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
            pointwise::$($function)*(x, weight)
        }

        fn convolution(
            x: FloatTensor<Self>,
            weight: FloatTensor<Self>,
            shape: ConvolutionShape,
        ) -> FloatTensor<Self> {
            convolution::$($function)*(x, weight, shape)
        }

        fn batch_norm(
            x: FloatTensor<Self>,
            gamma: FloatTensor<Self>,
            beta: FloatTensor<Self>,
            constants: NormConstants,
        ) -> NormResult<Self> {
            batch_norm::$($function)*(x, gamma, beta, constants)
        }

        fn depthwise(
            x: FloatTensor<Self>,
            weight: FloatTensor<Self>,
            before_gamma: FloatTensor<Self>,
            before_beta: FloatTensor<Self>,
            after_gamma: FloatTensor<Self>,
            after_beta: FloatTensor<Self>,
            shape: DepthwiseShape,
        ) -> DepthwiseResult<Self> {
            let norms = [before_gamma, before_beta, after_gamma, after_beta];
            depthwise::$($function)*(x, weight, norms, shape)
        }

        fn squeeze_excite(
            x: FloatTensor<Self>,
            squeeze_weight: FloatTensor<Self>,
            squeeze_bias: FloatTensor<Self>,
            excite_weight: FloatTensor<Self>,
            excite_bias: FloatTensor<Self>,
            shape: SqueezeExciteShape,
        ) -> FloatTensor<Self> {
            let layers = [squeeze_weight, squeeze_bias, excite_weight, excite_bias];
            squeeze_excite::$($function)*(x, layers, shape)
        }
    };
}

#[cfg(feature = "flex")]
impl TrainingOps for burn::backend::Flex {
    training_ops!(forward::<Self>);
}

#[cfg(feature = "ndarray")]
impl TrainingOps for burn::backend::NdArray {
    training_ops!(forward::<Self>);
}

impl<B: HostBackend, C: CheckpointStrategy> TrainingOps for Autodiff<B, C> {
    training_ops!(tracked::<B, C>);
}
