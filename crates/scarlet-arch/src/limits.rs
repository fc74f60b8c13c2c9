//! The largest networks this crate describes.
//!
//! Generous for anything that runs on a phone or a single GPU, and small enough that a hostile
//! description can neither overflow arithmetic nor ask for more memory than a machine has.

/// Layers of a network.
pub const MAX_LAYERS: usize = 512;
/// Blocks of a network: its layers, and those before them.
pub const MAX_BLOCKS: usize = MAX_LAYERS + 2;
/// Channels of an image.
pub const MAX_INPUT_CHANNELS: usize = 1024;
/// Channels of a block or the head.
pub const MAX_CHANNELS: usize = 16_384;
/// Hidden channels of an inverted residual.
pub const MAX_HIDDEN: usize = 65_536;
/// Factor between input and hidden channels of an inverted residual.
pub const MAX_EXPANSION: usize = 64;
/// Side of a depthwise kernel.
pub const MAX_KERNEL: usize = 31;
/// Classes of a classifier.
pub const MAX_CLASSES: usize = 1_000_000;
/// Height and width of an input, in pixels.
pub const MAX_RESOLUTION: usize = 8192;
/// Smallest side of a crop relative to the resized photograph.
pub const MIN_CROP_RATIO: f64 = 0.05;
/// Largest side of a crop relative to the resized photograph: beyond 1, with black around it.
pub const MAX_CROP_RATIO: f64 = MAX_RESOLUTION as f64;
/// Parameters of a network (4 GB in f32).
pub const MAX_PARAMETERS: u64 = 1_000_000_000;
/// Peak activation bytes of a network at its own resolution (16 GiB; see [`Cost`](crate::Cost)).
pub const MAX_ACTIVATION_BYTES: u64 = 1 << 34;
/// Characters of a network's name.
pub const MAX_NAME: usize = 200;
/// Bytes of a network's text form.
pub const MAX_TEXT: usize = 65_536;
/// Choices of a search space per layer: as many as a genome has digits for.
pub const MAX_CHOICES: usize = 36;
