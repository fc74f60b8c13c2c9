//! Between the caller's layout and the engine's.

use crate::{memory::ValueId, simd::LANES};

use super::{Context, Map, Step};

/// From `[channel][row][column]` to blocks of eight channels.
pub(crate) struct Import {
    pub(crate) output: ValueId,
    pub(crate) map: Map,
}

impl Step for Import {
    fn tasks(&self, images: usize) -> usize {
        images * self.map.blocks()
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, _scratch: *mut f32) {
        let (image, block) = context.image_and_part(task, self.map.blocks());
        let pixels = self.map.pixels();
        let first = block * LANES;
        let channels = (self.map.channels - first).min(LANES);
        // SAFETY: a block of an image in the input and in the value; lanes without a channel
        // stay zero only if nothing else used their memory, so they are written too.
        unsafe {
            let global = context.first_image + image;
            let input = context
                .input
                .add((global * self.map.channels + first) * pixels);
            let output = context
                .value(self.output, image)
                .add(block * self.map.plane());
            for lane in 0..LANES {
                for pixel in 0..pixels {
                    *output.add(pixel * LANES + lane) = if lane < channels {
                        *input.add(lane * pixels + pixel)
                    } else {
                        0.0
                    };
                }
            }
        }
    }
}

/// Back to `[channel][row][column]`, as the engine's result.
pub(crate) struct ExportMap {
    pub(crate) input: ValueId,
    pub(crate) map: Map,
}

impl Step for ExportMap {
    fn tasks(&self, images: usize) -> usize {
        images * self.map.channels
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, _scratch: *mut f32) {
        let (image, channel) = context.image_and_part(task, self.map.channels);
        let pixels = self.map.pixels();
        // SAFETY: a channel of an image in the value and in the output.
        unsafe {
            let input = context
                .value(self.input, image)
                .add(channel / LANES * self.map.plane() + channel % LANES);
            let global = context.first_image + image;
            let output = context
                .output
                .add((global * self.map.channels + channel) * pixels);
            for pixel in 0..pixels {
                *output.add(pixel) = *input.add(pixel * LANES);
            }
        }
    }
}

/// A vector without its padding, as the engine's result.
pub(crate) struct ExportVector {
    pub(crate) input: ValueId,
    pub(crate) channels: usize,
}

impl Step for ExportVector {
    fn tasks(&self, images: usize) -> usize {
        images
    }

    unsafe fn execute(&self, context: &Context<'_>, image: usize, _scratch: *mut f32) {
        let global = context.first_image + image;
        // SAFETY: an image's vector in the value and in the output.
        unsafe {
            context
                .output
                .add(global * self.channels)
                .copy_from_nonoverlapping(context.value(self.input, image), self.channels);
        }
    }
}

/// Every so many rows and columns of a map.
pub(crate) struct Subsample {
    pub(crate) input: ValueId,
    pub(crate) output: ValueId,
    pub(crate) stride: usize,
    pub(crate) from: Map,
    pub(crate) to: Map,
}

impl Step for Subsample {
    fn tasks(&self, images: usize) -> usize {
        images * self.from.blocks()
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, _scratch: *mut f32) {
        let (image, block) = context.image_and_part(task, self.from.blocks());
        // SAFETY: pixels of a block of an image in both values.
        unsafe {
            let input = context
                .value(self.input, image)
                .add(block * self.from.plane());
            let output = context
                .value(self.output, image)
                .add(block * self.to.plane());
            for row in 0..self.to.height {
                for column in 0..self.to.width {
                    let pixel = row * self.stride * self.from.width + column * self.stride;
                    output
                        .add((row * self.to.width + column) * LANES)
                        .copy_from_nonoverlapping(input.add(pixel * LANES), LANES);
                }
            }
        }
    }
}
