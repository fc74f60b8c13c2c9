//! From floats to what pointwise convolutions of bytes or of bfloat16 read.

use crate::{
    kernels::rounding::{Bf16Run, RoundRun, ToBytes},
    memory::ValueId,
    simd::{LANES, bf16::PAIR},
};

use super::{Context, Map, Step};

/// Floats that the bytes of a pixel in a block take.
pub(crate) const BYTE_LANES: usize = LANES / size_of::<f32>();

/// Vectors of a task.
const TASK: usize = 1024;

/// What floats are rounded to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rounding {
    Bytes(ToBytes),
    Bf16,
}

impl Rounding {
    /// Floats that a pixel in a block takes.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Self::Bytes(_) => BYTE_LANES,
            Self::Bf16 => LANES / PAIR,
        }
    }

    /// How it is done, to bytes.
    pub(crate) fn to_bytes(self) -> Option<ToBytes> {
        match self {
            Self::Bytes(rounding) => Some(rounding),
            Self::Bf16 => None,
        }
    }

    /// Rounds some pixels of one block, after multiplying them by factors of its lanes, unless that is
    /// null.
    ///
    /// # Safety
    ///
    /// So many pixels must be readable, and writable, at the pointers, and the factors.
    pub(super) unsafe fn run(
        self,
        context: &Context<'_>,
        vectors: usize,
        input: *const f32,
        factors: *const f32,
        output: *mut f32,
    ) {
        // SAFETY: as above.
        unsafe {
            match self {
                Self::Bytes(rounding) => context.run(RoundRun {
                    vectors,
                    input,
                    factors,
                    rounding,
                    output: output.cast(),
                }),
                Self::Bf16 => context.run_bf16(Bf16Run {
                    vectors,
                    input,
                    factors,
                    output: output.cast(),
                }),
            }
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
                let lanes = self.rounding.lanes();
                let output = context.value(self.output, image).add(pixel * lanes);
                let factors = self.factors.map_or(core::ptr::null(), |factors| {
                    context
                        .value(factors, image)
                        .add(block * LANES)
                        .cast_const()
                });
                self.rounding.run(context, pixels, input, factors, output);
            }
        }
    }
}
