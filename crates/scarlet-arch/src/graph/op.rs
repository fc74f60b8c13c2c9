//! [`Op`]: what a node does.

use crate::{Activation, Gate, Padding};

/// What a node does.
///
/// Convolutions and matrices hold numbers only; their channels are those of the node's input and
/// output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// A convolution, then the node's batch normalisation, then an activation.
    Conv {
        /// Side of the kernel.
        kernel: usize,
        /// Step between outputs, in both directions.
        stride: usize,
        /// Groups of channels that do not see each other: 1 for a dense convolution, as many as
        /// there are channels for a depthwise one.
        groups: usize,
        /// Zeros around the input.
        padding: Padding,
        /// What is done to every value at the end.
        activation: Option<Activation>,
        /// Whether a bias of its own is added. With a batch normalisation there is none.
        bias: bool,
    },
    /// Squeeze-excite (Hu et al., arXiv 1709.01507): every channel times
    /// `gate(excite(activation(squeeze(mean))))`, where `squeeze` and `excite` are 1×1 convolutions
    /// with bias.
    SqueezeExcite {
        /// Channels between the two convolutions.
        inner: usize,
        /// What is done to every value between the two convolutions.
        activation: Activation,
        /// What makes factors of the values.
        gate: Gate,
    },
    /// The sum of two maps of the same shape: a shortcut.
    Add {
        /// Index of the node that made the other one.
        from: usize,
    },
    /// The mean of every channel, over all pixels.
    GlobalMean,
    /// A fully connected layer.
    Linear {
        /// What is done to every value at the end.
        activation: Option<Activation>,
        /// Whether a bias is added.
        bias: bool,
    },
}

impl Op {
    /// The name of a squeeze-excite's first convolution, below its own.
    pub const SQUEEZE: &str = "squeeze_conv";
    /// The name of a squeeze-excite's second convolution, below its own.
    pub const EXCITE: &str = "excite_conv";
}
