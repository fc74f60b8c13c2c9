//! Shortcuts, means and the scaling of squeeze-excite, where no other step does them on its way.

use crate::{
    kernels::elementwise::{AddRun, ScaleRun, SumRun},
    memory::ValueId,
    simd::LANES,
};

use super::{Context, Map, Step};

/// Adds two maps.
pub(crate) struct AddStep {
    pub(crate) left: ValueId,
    pub(crate) right: ValueId,
    pub(crate) output: ValueId,
    pub(crate) map: Map,
}

impl Step for AddStep {
    fn tasks(&self, images: usize) -> usize {
        images * self.map.blocks()
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, _scratch: *mut f32) {
        let (image, block) = context.image_and_part(task, self.map.blocks());
        let at = block * self.map.plane();
        // SAFETY: a block of an image in each value; tasks differ in block or image.
        unsafe {
            context.run(AddRun {
                vectors: self.map.pixels(),
                left: context.value(self.left, image).add(at),
                right: context.value(self.right, image).add(at),
                output: context.value(self.output, image).add(at),
            });
        }
    }
}

/// Multiplies each channel by its own factor.
pub(crate) struct ScaleStep {
    pub(crate) input: ValueId,
    pub(crate) factors: ValueId,
    pub(crate) output: ValueId,
    pub(crate) map: Map,
}

impl Step for ScaleStep {
    fn tasks(&self, images: usize) -> usize {
        images * self.map.blocks()
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, _scratch: *mut f32) {
        let (image, block) = context.image_and_part(task, self.map.blocks());
        let at = block * self.map.plane();
        // SAFETY: a block of an image in each value; tasks differ in block or image.
        unsafe {
            context.run(ScaleRun {
                vectors: self.map.pixels(),
                input: context.value(self.input, image).add(at),
                factor: context.value(self.factors, image).add(block * LANES),
                output: context.value(self.output, image).add(at),
            });
        }
    }
}

/// The mean over all pixels, from a map or from the sums of its rows.
pub(crate) struct MeanStep {
    pub(crate) input: ValueId,
    pub(crate) output: ValueId,
    pub(crate) blocks: usize,
    /// Vectors of a block to add up.
    pub(crate) vectors: usize,
    /// Floats from one vector of a block to the next.
    pub(crate) stride: usize,
    /// Floats from one block to the next.
    pub(crate) plane: usize,
    pub(crate) pixels: usize,
}

/// Blocks of a task: a mean is so little work that finer tasks cost more than they give.
const MEAN_BLOCKS: usize = 16;

impl Step for MeanStep {
    fn tasks(&self, images: usize) -> usize {
        images * self.blocks.div_ceil(MEAN_BLOCKS)
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, _scratch: *mut f32) {
        let groups = self.blocks.div_ceil(MEAN_BLOCKS);
        let (image, group) = context.image_and_part(task, groups);
        let from = group * MEAN_BLOCKS;
        for block in from..(from + MEAN_BLOCKS).min(self.blocks) {
            // SAFETY: blocks of an image in each value; tasks differ in blocks or image.
            unsafe {
                context.run(SumRun {
                    vectors: self.vectors,
                    input: context.value(self.input, image).add(block * self.plane),
                    stride: self.stride,
                    factor: 1.0 / self.pixels as f32,
                    output: context.value(self.output, image).add(block * LANES),
                });
            }
        }
    }
}
