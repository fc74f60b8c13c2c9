//! What an engine executes: steps, cut into tasks that may run on any thread in any order.

pub(crate) mod byte_depthwise;
pub(crate) mod convolution;
pub(crate) mod dense;
pub(crate) mod depthwise;
pub(crate) mod elementwise;
#[cfg(feature = "std")]
pub(crate) mod observe;
pub(crate) mod pointwise;
pub(crate) mod pointwise_weights;
pub(crate) mod producer;
mod ring;
pub(crate) mod rounding;
pub(crate) mod stripes;
pub(crate) mod transfer;

use crate::{
    memory::{Value, ValueId},
    simd::{
        Kernel, LANES, bf16::Bf16Kernel, byte_sums::ByteKernel, instruction_set::InstructionSet,
        quads::QuadKernel,
    },
};

/// One step of an engine.
pub(crate) trait Step: Send + Sync {
    /// Number of tasks for so many images. They must write to different places.
    fn tasks(&self, images: usize) -> usize;

    /// Floats of scratch memory that a task needs.
    fn scratch(&self) -> usize {
        0
    }

    /// Executes one task.
    ///
    /// # Safety
    ///
    /// The context's memory must be that of the step's plan, all steps before this one must be
    /// done, no other thread may execute the same task, and `scratch` must be this thread's own.
    unsafe fn execute(&self, context: &Context<'_>, task: usize, scratch: *mut f32);
}

/// The memory that steps work on, and the images of the present pass.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) instructions: InstructionSet,
    pub(crate) weights: *const f32,
    pub(crate) arena: *mut f32,
    pub(crate) values: &'a [Value],
    pub(crate) input: *const f32,
    pub(crate) output: *mut f32,
    pub(crate) first_image: usize,
    pub(crate) images: usize,
    /// Runs of images that belong to a thread each, or 1 if threads share the images.
    pub(crate) groups: usize,
}

// SAFETY: the pointers are used on several threads as `Step::execute` demands: tasks of one step
// write to different places, and steps are separated by barriers.
unsafe impl Sync for Context<'_> {}

impl Context<'_> {
    /// The image and the part of it that a task stands for, where every image has so many parts.
    /// A group's tasks follow each other, and in it the images of one part, which use the same
    /// weights.
    fn image_and_part(&self, task: usize, parts: usize) -> (usize, usize) {
        let size = self.images.div_ceil(self.groups);
        let (group, rest) = (task / (size * parts), task % (size * parts));
        let images = size.min(self.images - group * size);
        (group * size + rest % images, rest / images)
    }

    /// Where an image's part of a value starts. Images count from 0 in each pass.
    fn value(&self, id: ValueId, image: usize) -> *mut f32 {
        let value = &self.values[id.0];
        let slot = (self.first_image + image) % value.images;
        // SAFETY: within the arena, by `memory::place`.
        unsafe { self.arena.add(value.offset + slot * value.stride) }
    }

    /// Packed weights from an offset on.
    fn weight(&self, offset: usize) -> *const f32 {
        // SAFETY: offsets come from the packing of this engine's weights.
        unsafe { self.weights.add(offset) }
    }

    /// Runs a kernel.
    ///
    /// # Safety
    ///
    /// As the kernel demands of its pointers.
    unsafe fn run(&self, kernel: impl Kernel) {
        // SAFETY: the engine checked that the instruction set is available.
        unsafe { self.instructions.run(kernel) }
    }

    /// Runs a kernel of bytes.
    ///
    /// # Safety
    ///
    /// As the kernel demands of its pointers.
    unsafe fn run_bytes(&self, kernel: impl ByteKernel) {
        // SAFETY: the engine checked that the instruction set is available.
        unsafe { self.instructions.run_bytes(kernel) }
    }

    /// Runs a kernel of bfloat16.
    ///
    /// # Safety
    ///
    /// As the kernel demands of its pointers.
    unsafe fn run_bf16(&self, kernel: impl Bf16Kernel) {
        // SAFETY: the engine checked that the instruction set is available.
        unsafe { self.instructions.run_bf16(kernel) }
    }

    /// Runs a kernel of bfloat16 that only sets with products of that have.
    ///
    /// # Safety
    ///
    /// As the kernel demands of its pointers; the instruction set must have them.
    unsafe fn run_bf16_products(&self, kernel: impl Bf16Kernel) {
        // SAFETY: the engine checked that the instruction set is available.
        unsafe { self.instructions.run_bf16_products(kernel) }
    }

    /// Runs a kernel of quads.
    ///
    /// # Safety
    ///
    /// As the kernel demands of its pointers; the instruction set must have them.
    unsafe fn run_quads(&self, kernel: impl QuadKernel) {
        // SAFETY: the engine checked that the instruction set is available.
        unsafe { self.instructions.run_quads(kernel) }
    }
}

/// Sizes of a tensor of blocks of eight channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Map {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Map {
    pub(crate) fn blocks(self) -> usize {
        self.channels.div_ceil(LANES)
    }

    pub(crate) fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Floats of one block of channels.
    pub(crate) fn plane(self) -> usize {
        self.pixels() * LANES
    }

    /// Floats of one image.
    pub(crate) fn image(self) -> usize {
        self.blocks() * self.plane()
    }
}

/// Some blocks of channels that one kernel computes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panel {
    pub(crate) first: usize,
    pub(crate) blocks: usize,
}

/// Blocks of the panels of convolutions; see [`PointwiseRun`](crate::kernels::pointwise::PointwiseRun).
pub(crate) const PANEL: usize = 2;

/// Panels of `largest` blocks, and one for the rest.
pub(crate) fn panels(blocks: usize, largest: usize) -> impl Iterator<Item = Panel> {
    let starts = (0..blocks).step_by(largest);
    starts.map(move |first| Panel {
        first,
        blocks: largest.min(blocks - first),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_cover_all_blocks_once() {
        for blocks in 1..100 {
            for largest in 1..5 {
                let mut next = 0;
                for panel in panels(blocks, largest) {
                    assert_eq!(panel.first, next);
                    assert!((1..=largest).contains(&panel.blocks));
                    next += panel.blocks;
                }
                assert_eq!(next, blocks);
            }
        }
    }
}
