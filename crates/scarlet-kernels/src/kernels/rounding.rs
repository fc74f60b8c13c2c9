//! From floats to bytes and to bfloat16.

use crate::simd::{
    Kernel, LANES,
    bf16::{Bf16Kernel, Bf16Sums, Bf16Vector},
    byte_sums::QUAD,
    quads::{QuadKernel, QuadSums, QuadVector},
    vector::{Arithmetic, Floats, Vector},
};

use crate::{activation::Activation, quantisation::ValueRange};

use super::{activation::Finish, quad_target::QuadRow};

/// How a float becomes a byte: value · `per_unit` + `offset`, within the limits, to the nearest
/// integer, ties to the even one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ToBytes {
    /// Bytes for one unit of a value.
    pub(crate) per_unit: f32,
    pub(crate) offset: f32,
    /// The byte of 0.
    pub(crate) zero: f32,
    /// Integers between 0 and 255.
    pub(crate) low: f32,
    pub(crate) high: f32,
    /// Whether values may be beyond what [`QuadSums::pack`] limits to 0 and 255 by itself, or the limits
    /// are others.
    pub(crate) is_limited: bool,
}

impl ToBytes {
    /// To the values of a range.
    pub(crate) fn new(range: ValueRange) -> Self {
        let zero = f32::from(range.zero());
        Self {
            per_unit: 1.0 / range.step(),
            offset: zero,
            zero,
            low: 0.0,
            high: 255.0,
            is_limited: true,
        }
    }

    /// To the values of a range, of numbers in its steps that are counted from its lowest value, behind
    /// an activation that only limits them.
    pub(crate) fn of_steps(range: ValueRange, activation: Activation) -> Self {
        let zero = f32::from(range.zero());
        let largest = libm::rintf(6.0 / range.step() + zero).min(255.0);
        let (low, high) = match activation {
            Activation::Relu => (zero, 255.0),
            Activation::Relu6 => (zero, largest),
            _ => (0.0, 255.0),
        };
        Self {
            per_unit: 1.0,
            offset: 0.0,
            zero,
            low,
            high,
            is_limited: true,
        }
    }

    /// The same for values no farther from 0 than this.
    pub(crate) fn of_values_within(mut self, bound: f32) -> Self {
        // Where instructions from floats to integers have none.
        const LARGEST: f32 = (1 << 30) as f32;
        let is_within = bound * self.per_unit < LARGEST;
        self.is_limited = !(is_within && self.low == 0.0 && self.high == 255.0);
        self
    }

    /// A value that was multiplied and shifted already, within the limits.
    #[inline(always)]
    pub(super) fn limit<F: Floats>(&self, value: F) -> F {
        value.max(F::splat(self.low)).min(F::splat(self.high))
    }

    /// A sum for [`QuadSums::pack`], with what is to be done to it; `finish` is one
    /// [for registers](Finish::is_for_registers).
    #[inline(always)]
    pub(super) fn packable<F: Floats>(&self, finish: Finish, sum: F) -> F {
        let value = self.finished(finish, sum);
        match self.is_limited {
            true => self.limit(value),
            false => value,
        }
    }

    /// A sum with what is to be done to it, in steps: where that is nothing, it is in steps already.
    #[inline(always)]
    fn finished<F: Floats>(&self, finish: Finish, sum: F) -> F {
        match finish {
            Finish::None => sum,
            _ => self.steps(finish.in_registers(sum)),
        }
    }

    #[inline(always)]
    fn steps<F: Floats>(&self, value: F) -> F {
        // Rounded twice on every processor, so that all give the same.
        value
            .mul(F::splat(self.per_unit))
            .add(F::splat(self.offset))
    }

    /// A value within the limits, yet to be rounded.
    #[inline(always)]
    fn scaled<F: Floats>(&self, value: F) -> F {
        self.limit(self.steps(value))
    }

    /// As [`packable`](Self::packable), for [`integer`](Self::integer), and that.
    #[inline(always)]
    pub(super) fn finished_integer<F: Floats>(&self, finish: Finish, sum: F) -> F {
        self.integer(self.limit(self.finished(finish, sum)))
    }

    /// The nearest byte to a value within the limits, less that of 0, as a float.
    #[inline(always)]
    fn integer<F: Floats>(&self, value: F) -> F {
        // With this added, floats between 0 and 255 have no fraction: the addition rounds.
        const TO_INTEGER: f32 = 12_582_912.0;
        let byte = value.add(F::splat(TO_INTEGER));
        byte.add(F::splat(-(TO_INTEGER + self.zero)))
    }
}

/// Rounds a run of vectors to bytes.
#[derive(Clone, Copy)]
pub(crate) struct RoundRun {
    pub(crate) vectors: usize,
    pub(crate) input: *const f32,
    /// One for each lane, or null for none.
    pub(crate) factors: *const f32,
    pub(crate) rounding: ToBytes,
    pub(crate) output: *mut u8,
}

impl Kernel for RoundRun {
    #[inline(always)]
    fn run<V: Vector>(self) {
        // SAFETY: the step that made the run vouches for its pointers.
        unsafe {
            let mut per_unit = V::splat(self.rounding.per_unit);
            if !self.factors.is_null() {
                per_unit = per_unit.mul(V::load(self.factors));
            }
            let offset = V::splat(self.rounding.offset);
            for index in 0..self.vectors {
                let at = index * LANES;
                let value = V::load(self.input.add(at)).mul(per_unit).add(offset);
                self.rounding.limit(value).store_bytes(self.output.add(at));
            }
        }
    }
}

/// Rounds a run of vectors to bfloat16, for products.
#[derive(Clone, Copy)]
pub(crate) struct Bf16Run {
    pub(crate) vectors: usize,
    pub(crate) input: *const f32,
    /// One for each lane, or null for none.
    pub(crate) factors: *const f32,
    pub(crate) output: *mut u16,
}

impl Bf16Kernel for Bf16Run {
    #[inline(always)]
    fn run<V: Bf16Vector>(self) {
        // SAFETY: the step that made the run vouches for its pointers.
        unsafe {
            let factors = match self.factors.is_null() {
                true => V::splat(1.0),
                false => V::load(self.factors),
            };
            for index in 0..self.vectors {
                let at = index * LANES;
                let value = V::load(self.input.add(at)).mul(factors);
                V::Bf16::store_factors(value, self.output.add(at), 0);
            }
        }
    }
}

/// Rounds a run of vectors in place, to floats that are integers: bytes less that of 0.
#[derive(Clone, Copy)]
pub(crate) struct IntegerRun {
    pub(crate) vectors: usize,
    pub(crate) values: *mut f32,
    pub(crate) rounding: ToBytes,
}

impl Kernel for IntegerRun {
    #[inline(always)]
    fn run<V: Vector>(self) {
        for index in 0..self.vectors {
            // SAFETY: the step that made the run vouches for its pointers.
            unsafe {
                let place = self.values.add(index * LANES);
                let value = self.rounding.scaled(V::load(place));
                self.rounding.integer(value).store(place);
            }
        }
    }
}

/// Rounds a row of pixels, `[block][pixel][lane]`, to a [`QuadRow`].
#[derive(Clone, Copy)]
pub(crate) struct QuadRun {
    pub(crate) pixels: usize,
    pub(crate) input: *const f32,
    /// Floats from one input block to the next.
    pub(crate) input_plane: usize,
    pub(crate) blocks: usize,
    pub(crate) output: QuadRow,
}

impl QuadKernel for QuadRun {
    #[inline(always)]
    fn run<V: QuadVector>(self) {
        let mut block = 0;
        while block < self.blocks {
            // SAFETY: the step that made the run vouches for its pointers.
            unsafe {
                match self.blocks - block {
                    1 => self.panel::<V::Sums>(block),
                    _ => self.panel::<V::PairSums>(block),
                }
            }
            block += 2;
        }
    }
}

impl QuadRun {
    /// # Safety
    ///
    /// The block must be the first of a panel.
    #[inline(always)]
    unsafe fn panel<S: QuadSums>(&self, block: usize) {
        let rounding = &self.output.rounding;
        // SAFETY: pixels of the row, and of the output, which holds whole quads.
        unsafe {
            let input = self.input.add(block * self.input_plane);
            let mut output = self.output.at(block, S::BLOCKS, 0);
            for first in (0..self.pixels).step_by(QUAD) {
                // Beyond the row there are zeros.
                let mut pixels = [S::Floats::splat(rounding.zero); QUAD];
                for (index, pixel) in pixels.iter_mut().enumerate() {
                    if first + index < self.pixels {
                        let at = input.add((first + index) * LANES);
                        *pixel = rounding.scaled(S::Floats::load_blocks(at, self.input_plane));
                    }
                }
                S::store_quads(S::pack(pixels), output);
                output = output.add(S::BLOCKS * LANES * QUAD);
            }
        }
    }
}
