//! Matrix products of single vectors: squeeze-excite and the classifier.

use crate::simd::{Kernel, LANES, Vector, prefetch};

use super::{Finish, even_pieces};

/// Floats between the weights in use and those that are asked for from memory: there are so many
/// weights, each used once or twice, that the product is as fast as they arrive.
const AHEAD: usize = 1024;

/// Some vectors times one panel of at most four blocks of outputs.
#[derive(Clone, Copy)]
pub(crate) struct DenseRun {
    pub(crate) vectors: usize,
    pub(crate) input: *const f32,
    /// Floats from one input vector to the next.
    pub(crate) input_stride: usize,
    /// Length of an input vector.
    pub(crate) depth: usize,
    /// `[input][output of the panel]`.
    pub(crate) weights: *const f32,
    /// `[output of the panel]`.
    pub(crate) bias: *const f32,
    pub(crate) output: *mut f32,
    /// Floats from one output vector to the next.
    pub(crate) output_stride: usize,
    /// Blocks of the panel: 1 to 4.
    pub(crate) blocks: usize,
    pub(crate) finish: Finish,
}

impl Kernel for DenseRun {
    #[inline(always)]
    fn run<V: Vector>(self) {
        for (vector, vectors) in even_pieces(self.vectors, 3) {
            // SAFETY: the step that made the run vouches for its pointers.
            unsafe {
                match self.blocks {
                    1 => self.rows::<V, 1>(vector, vectors),
                    2 => self.rows::<V, 2>(vector, vectors),
                    3 => self.rows::<V, 3>(vector, vectors),
                    _ => self.rows::<V, 4>(vector, vectors),
                }
            }
        }
    }
}

impl DenseRun {
    /// # Safety
    ///
    /// The run's pointers must be valid for the vectors.
    #[inline(always)]
    unsafe fn rows<V: Vector, const B: usize>(self, vector: usize, vectors: usize) {
        // SAFETY: as above.
        unsafe {
            match vectors {
                1 => self.tile::<V, B, 1>(vector),
                2 => self.tile::<V, B, 2>(vector),
                _ => self.tile::<V, B, 3>(vector),
            }
        }
    }

    /// # Safety
    ///
    /// The run's pointers must be valid for `M` vectors from this one.
    #[inline(always)]
    unsafe fn tile<V: Vector, const B: usize, const M: usize>(self, vector: usize) {
        // SAFETY: all within the run's input, weights, bias and output.
        unsafe {
            let mut sums = [[V::splat(0.0); B]; M];
            for row in &mut sums {
                for (b, sum) in row.iter_mut().enumerate() {
                    *sum = V::load(self.bias.add(b * LANES));
                }
            }
            let input = self.input.add(vector * self.input_stride);
            let mut weights = self.weights;
            for index in 0..self.depth {
                let mut columns = [V::splat(0.0); B];
                for (b, column) in columns.iter_mut().enumerate() {
                    *column = V::load(weights.add(b * LANES));
                    if b % 2 == 0 {
                        prefetch(weights.wrapping_add(AHEAD + b * LANES));
                    }
                }
                for (m, row) in sums.iter_mut().enumerate() {
                    let value = V::splat(*input.add(m * self.input_stride + index));
                    for (sum, column) in row.iter_mut().zip(columns) {
                        *sum = value.mul_add(column, *sum);
                    }
                }
                weights = weights.add(B * LANES);
            }
            self.finish.apply(&mut sums);
            let output = self.output.add(vector * self.output_stride);
            for (m, row) in sums.iter().enumerate() {
                for (b, sum) in row.iter().enumerate() {
                    sum.store(output.add(m * self.output_stride + b * LANES));
                }
            }
        }
    }
}
