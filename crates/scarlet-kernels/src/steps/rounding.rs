//! From floats to the bytes that pointwise convolutions of bytes read.

use crate::{ValueRange, kernels::RoundRun, memory::ValueId, simd::LANES};

use super::{Context, Map, Step};

/// Floats that the bytes of a pixel in a block take.
pub(crate) const BYTE_LANES: usize = LANES / size_of::<f32>();

/// Vectors of a task.
const TASK: usize = 1024;

/// How floats are rounded to bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounding(pub(crate) ValueRange);

impl Rounding {
    /// The run of some pixels of one block.
    pub(super) fn run(self, vectors: usize, input: *const f32, output: *mut f32) -> RoundRun {
        RoundRun {
            vectors,
            input,
            factors: std::ptr::null(),
            per_unit: 1.0 / self.0.step(),
            zero: f32::from(self.0.zero()),
            output: output.cast(),
        }
    }
}

/// Rounds a map, after multiplying its channels by factors if there are some.
pub(crate) struct RoundStep {
    pub(crate) input: ValueId,
    pub(crate) factors: Option<ValueId>,
    pub(crate) output: ValueId,
    pub(crate) map: Map,
    pub(crate) rounding: Rounding,
}

impl RoundStep {
    /// Blocks of a task, and pixels.
    fn task(&self) -> (usize, usize) {
        let pixels = self.map.pixels();
        (
            (TASK / pixels).clamp(1, self.map.blocks()),
            pixels.min(TASK),
        )
    }
}

impl Step for RoundStep {
    fn tasks(&self, images: usize) -> usize {
        let (blocks, pixels) = self.task();
        images * self.map.blocks().div_ceil(blocks) * self.map.pixels().div_ceil(pixels)
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, _scratch: *mut f32) {
        let (blocks, length) = self.task();
        let all = self.map.pixels();
        let pieces = all.div_ceil(length);
        let groups = self.map.blocks().div_ceil(blocks);
        let (image, part) = context.image_and_part(task, groups * pieces);
        let (group, pixel) = (part / pieces * blocks, part % pieces * length);
        let pixels = length.min(all - pixel);
        for block in group..(group + blocks).min(self.map.blocks()) {
            let pixel = block * all + pixel;
            // SAFETY: pixels of a block of an image in each value; tasks differ in theirs.
            unsafe {
                let input = context.value(self.input, image).add(pixel * LANES);
                let output = context.value(self.output, image).add(pixel * BYTE_LANES);
                let mut run = self.rounding.run(pixels, input, output);
                if let Some(factors) = self.factors {
                    run.factors = context.value(factors, image).add(block * LANES);
                }
                context.run(run);
            }
        }
    }
}
