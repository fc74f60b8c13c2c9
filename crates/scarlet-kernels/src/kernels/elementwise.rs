//! Sums, sums over pixels, and products with one vector.

use crate::simd::{Kernel, LANES, vector::Vector};

/// Adds two runs of vectors.
#[derive(Clone, Copy)]
pub(crate) struct AddRun {
    pub(crate) vectors: usize,
    pub(crate) left: *const f32,
    pub(crate) right: *const f32,
    pub(crate) output: *mut f32,
}

impl Kernel for AddRun {
    #[inline(always)]
    fn run<V: Vector>(self) {
        for index in 0..self.vectors {
            let at = index * LANES;
            // SAFETY: the step that made the run vouches for its pointers.
            unsafe {
                let sum = V::load(self.left.add(at)).add(V::load(self.right.add(at)));
                sum.store(self.output.add(at));
            }
        }
    }
}

/// Multiplies a run of vectors by one vector.
#[derive(Clone, Copy)]
pub(crate) struct ScaleRun {
    pub(crate) vectors: usize,
    pub(crate) input: *const f32,
    pub(crate) factor: *const f32,
    pub(crate) output: *mut f32,
}

impl Kernel for ScaleRun {
    #[inline(always)]
    fn run<V: Vector>(self) {
        // SAFETY: the step that made the run vouches for its pointers.
        unsafe {
            let factor = V::load(self.factor);
            for index in 0..self.vectors {
                let at = index * LANES;
                let product = V::load(self.input.add(at)).mul(factor);
                product.store(self.output.add(at));
            }
        }
    }
}

/// The sum of some vectors at equal distances, times a number.
#[derive(Clone, Copy)]
pub(crate) struct SumRun {
    pub(crate) vectors: usize,
    pub(crate) input: *const f32,
    /// Floats from one vector to the next.
    pub(crate) stride: usize,
    pub(crate) factor: f32,
    pub(crate) output: *mut f32,
}

impl Kernel for SumRun {
    #[inline(always)]
    fn run<V: Vector>(self) {
        // SAFETY: the step that made the run vouches for its pointers.
        unsafe {
            // Four sums, so that additions need not wait for each other.
            let mut sums = [V::splat(0.0); 4];
            for index in 0..self.vectors {
                let sum = &mut sums[index % 4];
                *sum = sum.add(V::load(self.input.add(index * self.stride)));
            }
            let total = sums[0].add(sums[1]).add(sums[2].add(sums[3]));
            total.mul(V::splat(self.factor)).store(self.output);
        }
    }
}
