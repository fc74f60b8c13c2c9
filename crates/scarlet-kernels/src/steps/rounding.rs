//! From floats to the bytes that pointwise convolutions of bytes read.

use crate::{
    Activation, ValueRange,
    kernels::{RoundRun, ToBytes},
    memory::ValueId,
    simd::LANES,
};

use super::{Context, Map, Step};

/// Floats that the bytes of a pixel in a block take.
pub(crate) const BYTE_LANES: usize = LANES / size_of::<f32>();

/// Vectors of a task.
const TASK: usize = 1024;

/// How floats are rounded to bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounding(pub(super) ToBytes);

impl Rounding {
    /// To the values of a range.
    pub(crate) fn new(range: ValueRange) -> Self {
        let zero = f32::from(range.zero());
        Self(ToBytes {
            per_unit: 1.0 / range.step(),
            offset: zero,
            zero,
            low: 0.0,
            high: 255.0,
            is_limited: true,
        })
    }

    /// To the values of a range, of numbers in its steps that are counted from its lowest value, behind
    /// an activation that only limits them.
    pub(crate) fn of_steps(range: ValueRange, activation: Activation) -> Self {
        let zero = f32::from(range.zero());
        let largest = (6.0 / range.step() + zero).round_ties_even().min(255.0);
        let (low, high) = match activation {
            Activation::Relu => (zero, 255.0),
            Activation::Relu6 => (zero, largest),
            _ => (0.0, 255.0),
        };
        Self(ToBytes {
            per_unit: 1.0,
            offset: 0.0,
            zero,
            low,
            high,
            is_limited: true,
        })
    }

    /// The same for values no farther from 0 than this.
    pub(crate) fn of_values_within(mut self, bound: f32) -> Self {
        // Where instructions from floats to integers have none.
        const LARGEST: f32 = (1 << 30) as f32;
        let is_within = bound * self.0.per_unit < LARGEST;
        self.0.is_limited = !(is_within && self.0.low == 0.0 && self.0.high == 255.0);
        self
    }

    /// The byte of 0.
    pub(super) fn zero(self) -> u8 {
        self.0.zero as u8
    }

    /// The run of some pixels of one block.
    pub(super) fn run<T>(self, vectors: usize, input: *const f32, output: *mut T) -> RoundRun {
        RoundRun {
            vectors,
            input,
            factors: std::ptr::null(),
            rounding: self.0,
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
