//! [`EngineError`].

use alloc::string::String;

use crate::simd::instruction_set::InstructionSet;

/// Why a network cannot be turned into an engine, or an engine not be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// An operation's weights or biases have another length than its sizes ask for.
    #[error(
        "operation {operation} ({kind}): {what} has {found} values, but its sizes ask for {expected}"
    )]
    WeightLength {
        /// Index of the operation.
        operation: usize,
        /// Kind of the operation.
        kind: &'static str,
        /// Which array.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
    },
    /// An operation does not take what the operations before it make.
    #[error("operation {operation} ({kind}) takes {expected}, but is given {found}")]
    ShapeMismatch {
        /// Index of the operation.
        operation: usize,
        /// Kind of the operation.
        kind: &'static str,
        /// What reaches it.
        found: String,
        /// What it takes.
        expected: String,
    },
    /// There are no kernels for these sizes.
    #[error("operation {operation} ({kind}): {what} of {found} is not supported; use {supported}")]
    Unsupported {
        /// Index of the operation.
        operation: usize,
        /// Kind of the operation.
        kind: &'static str,
        /// Which property.
        what: &'static str,
        /// Its value.
        found: usize,
        /// What would be supported.
        supported: &'static str,
    },
    /// An operation's kernel does not fit into its padded input.
    #[error(
        "operation {operation} ({kind}): a kernel of side {kernel} does not fit into the padded \
         input of {height}×{width}; use larger images"
    )]
    ImageTooSmall {
        /// Index of the operation.
        operation: usize,
        /// Kind of the operation.
        kind: &'static str,
        /// Side of the kernel.
        kernel: usize,
        /// Height of the input with its padding.
        height: usize,
        /// Width of the input with its padding.
        width: usize,
    },
    /// An operation's output is larger than any memory.
    #[error(
        "operation {operation} ({kind}): a map of {channels}×{height}×{width} is too large; use \
         smaller images"
    )]
    MapTooLarge {
        /// Index of the operation.
        operation: usize,
        /// Kind of the operation.
        kind: &'static str,
        /// Channels of the output.
        channels: usize,
        /// Height of the padded input.
        height: usize,
        /// Width of the padded input.
        width: usize,
    },
    /// The system gave no memory.
    #[error("there are no {bytes} bytes of memory for the network; use a smaller batch or image")]
    Memory {
        /// Bytes asked for.
        bytes: usize,
    },
    /// A dense convolution somewhere else than at the start.
    #[error(
        "operation {operation} (convolution): only the first operation may be a dense \
         convolution; use pointwise and depthwise convolutions behind it"
    )]
    ConvolutionNotFirst {
        /// Index of the operation.
        operation: usize,
    },
    /// A shortcut to an operation that has not run yet.
    #[error("operation {operation} (add) adds the output of operation {from}, which comes later")]
    ShortcutFromLater {
        /// Index of the operation.
        operation: usize,
        /// Index of the operation whose output it adds.
        from: usize,
    },
    /// A network without operations, or without input channels.
    #[error("the network has no {what}")]
    Empty {
        /// What is missing.
        what: &'static str,
    },
    /// A setting that must be positive is zero.
    #[error("the engine's {setting} is 0; it must be at least 1")]
    ZeroSetting {
        /// Which setting.
        setting: &'static str,
    },
    /// The processor lacks the instruction set asked for.
    #[error("this processor has no {0}; leave the instruction set to detection")]
    MissingInstructionSet(InstructionSet),
    /// An input that is no whole number of images, or too many.
    #[error(
        "the input has {found} values; give 1 to {batch} images of {image} values each \
         ([channels, height, width])"
    )]
    InputLength {
        /// Values given.
        found: usize,
        /// Values of one image.
        image: usize,
        /// Largest number of images.
        batch: usize,
    },
    /// A network is to be rounded, or calibrated, that is quantised.
    #[error("the network is quantised already; take the one that it was made of")]
    QuantisedBefore,
    /// A network is to be rounded, or calibrated, whose weights are in bfloat16.
    #[error("the network is in bfloat16 already; take the one that it was made of")]
    Bf16Before,
    /// Ranges for another network.
    #[error(
        "the calibration is of a network of {found} operations, but this one has {expected}; \
         calibrate this network"
    )]
    OtherCalibration {
        /// Operations that the calibration speaks of.
        found: usize,
        /// Operations of the network.
        expected: usize,
    },
    /// A range for an operation whose input is not rounded.
    #[error(
        "operation {operation} ({kind}) has a range for its input, but only pointwise convolutions \
         round theirs; calibrate this network"
    )]
    NotQuantised {
        /// Index of the operation.
        operation: usize,
        /// Kind of the operation.
        kind: &'static str,
    },
    /// A calibration without images.
    #[error("nothing was observed; calibrate with at least one image")]
    NothingObserved,
    /// An image with values that are no numbers, or infinite.
    #[error("value {place} of the images is not finite; calibrate with images that are normalised")]
    ImageNotFinite {
        /// Its index among all values.
        place: usize,
    },
    /// Values that have no range.
    #[error("what reaches operation {operation} is not finite; check the weights")]
    NotFinite {
        /// Index of the operation.
        operation: usize,
    },
}
