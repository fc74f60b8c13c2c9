//! [`Network`]: what to compute, as plain data.

pub(crate) mod shapes;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    activation::{Activation, Gate, unsaid},
    padding::PaddingRule,
};

/// A dense convolution of a whole image; only as the first operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Convolution<W = Vec<f32>> {
    /// Input channels.
    pub input: usize,
    /// Output channels.
    pub output: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step between outputs, in both directions.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: PaddingRule,
    /// `[output, input, kernel, kernel]`.
    pub weight: W,
    /// `[output]`.
    pub bias: W,
    /// Applied to the sum.
    pub activation: Activation,
}

/// A convolution of each channel with its own kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Depthwise<W = Vec<f32>> {
    /// Channels.
    pub channels: usize,
    /// Side of the kernel; 3, 5 and 7 are fast.
    pub kernel: usize,
    /// Step between outputs, in both directions; 1 and 2 are fast.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: PaddingRule,
    /// `[channels, kernel, kernel]`.
    pub weight: W,
    /// `[channels]`.
    pub bias: W,
    /// Applied to the sum.
    pub activation: Activation,
}

/// A 1×1 convolution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointwise<W = Vec<f32>> {
    /// Input channels.
    pub input: usize,
    /// Output channels.
    pub output: usize,
    /// Step between the pixels that are used, in both directions.
    pub stride: usize,
    /// `[output, input]`.
    pub weight: W,
    /// `[output]`.
    pub bias: W,
    /// Applied to the sum.
    pub activation: Activation,
}

/// Squeeze-excite (Hu et al., arXiv 1709.01507): each channel times
/// `gate(excite(activation(squeeze(mean))))`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqueezeExcite<W = Vec<f32>> {
    /// Channels.
    pub channels: usize,
    /// Channels between the two matrices.
    pub squeezed: usize,
    /// `[squeezed, channels]`.
    pub squeeze_weight: W,
    /// `[squeezed]`.
    pub squeeze_bias: W,
    /// `[channels, squeezed]`.
    pub excite_weight: W,
    /// `[channels]`.
    pub excite_bias: W,
    /// Applied between the two matrices.
    #[serde(default = "unsaid::inner", skip_serializing_if = "unsaid::is_inner")]
    pub activation: Activation,
    /// Applied last.
    #[serde(default = "unsaid::gate", skip_serializing_if = "unsaid::is_gate")]
    pub gate: Gate,
}

/// A fully connected layer, behind [`Operation::GlobalMean`] or another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear<W = Vec<f32>> {
    /// Input values.
    pub input: usize,
    /// Output values.
    pub output: usize,
    /// `[output, input]`.
    pub weight: W,
    /// `[output]`.
    pub bias: W,
    /// Applied to the sum.
    #[serde(default = "unsaid::linear", skip_serializing_if = "unsaid::is_linear")]
    pub activation: Activation,
}

/// One operation; its input is the output of the one before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation<W = Vec<f32>> {
    /// Dense convolution; only as the first operation.
    Convolution(Convolution<W>),
    /// Depthwise convolution.
    Depthwise(Depthwise<W>),
    /// 1×1 convolution.
    Pointwise(Pointwise<W>),
    /// Squeeze-excite.
    SqueezeExcite(SqueezeExcite<W>),
    /// Adds the output of the operation with this index.
    Add(usize),
    /// The mean over all pixels of each channel.
    GlobalMean,
    /// Fully connected layer.
    Linear(Linear<W>),
}

impl<W> Operation<W> {
    /// The kind, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Convolution(_) => "convolution",
            Self::Depthwise(_) => "depthwise",
            Self::Pointwise(_) => "pointwise",
            Self::SqueezeExcite(_) => "squeeze-excite",
            Self::Add(_) => "add",
            Self::GlobalMean => "mean",
            Self::Linear(_) => "linear",
        }
    }
}

/// A network whose batch normalisations are folded: operations, one after the other.
///
/// `W` is what an array of weights is: its values, or in a
/// [`PackedNetwork`](crate::PackedNetwork) the place where they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network<W = Vec<f32>> {
    /// Channels of the input, which is `[images, channels, height, width]`.
    pub input_channels: usize,
    /// The operations in the order of execution.
    pub operations: Vec<Operation<W>>,
}

impl<W> Network<W> {
    /// Of each operation, whether a shortcut adds its output.
    pub(crate) fn shared(&self) -> Vec<bool> {
        let mut shared = vec![false; self.operations.len()];
        for operation in &self.operations {
            if let Operation::Add(from) = operation
                && let Some(shared) = shared.get_mut(*from)
            {
                *shared = true;
            }
        }
        shared
    }
}
