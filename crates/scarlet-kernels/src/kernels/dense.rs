//! Matrix products of single vectors: squeeze-excite and the classifier.

use crate::simd::{Kernel, LANES, prefetch, vector::Vector};

use super::{activation::Finish, tile::even_pieces};

/// Bytes between the weights in use and those that are asked for from memory: there are so many
/// weights, each used once or twice, that the product is as fast as they arrive.
const AHEAD: usize = 4096;

/// The weights of one panel, `[input][output of the panel]`.
pub(crate) trait DenseWeights: Copy {
    /// Eight weights, the first of which has this index.
    ///
    /// # Safety
    ///
    /// They must be there.
    unsafe fn load<V: Vector>(self, index: usize) -> V;

    /// Asks for the weights that will be in use after some others.
    fn prefetch(self, index: usize);

    /// What the sums of outputs start from, given their biases: these, unless sums are to be scaled.
    #[inline(always)]
    fn start<V: Vector>(bias: V) -> V {
        bias
    }

    /// The outputs, from the sums of the outputs from this one on and their biases.
    ///
    /// # Safety
    ///
    /// They must be the panel's.
    #[inline(always)]
    unsafe fn finish<V: Vector>(self, _output: usize, sum: V, _bias: V) -> V {
        sum
    }
}

/// Weights in floats.
#[derive(Clone, Copy)]
pub(crate) struct FloatWeights(pub(crate) *const f32);

impl DenseWeights for FloatWeights {
    #[inline(always)]
    unsafe fn load<V: Vector>(self, index: usize) -> V {
        // SAFETY: the caller vouches for them.
        unsafe { V::load(self.0.add(index)) }
    }

    #[inline(always)]
    fn prefetch(self, index: usize) {
        prefetch(self.0.wrapping_add(index).wrapping_byte_add(AHEAD));
    }
}

/// Weights in bytes, and what one unit of them stands for, for each output.
#[derive(Clone, Copy)]
pub(crate) struct ByteWeights {
    pub(crate) weights: *const i8,
    pub(crate) scales: *const f32,
}

impl DenseWeights for ByteWeights {
    #[inline(always)]
    unsafe fn load<V: Vector>(self, index: usize) -> V {
        // SAFETY: the caller vouches for them.
        unsafe { V::load_bytes(self.weights.add(index)) }
    }

    #[inline(always)]
    fn prefetch(self, index: usize) {
        prefetch(self.weights.wrapping_add(index + AHEAD).cast());
    }

    #[inline(always)]
    fn start<V: Vector>(_bias: V) -> V {
        V::splat(0.0)
    }

    #[inline(always)]
    unsafe fn finish<V: Vector>(self, output: usize, sum: V, bias: V) -> V {
        // SAFETY: the caller vouches for the outputs.
        sum.mul_add(unsafe { V::load(self.scales.add(output)) }, bias)
    }
}

/// Weights in bfloat16.
#[derive(Clone, Copy)]
pub(crate) struct Bf16Weights(pub(crate) *const u16);

impl DenseWeights for Bf16Weights {
    #[inline(always)]
    unsafe fn load<V: Vector>(self, index: usize) -> V {
        // SAFETY: the caller vouches for them.
        unsafe { V::load_bf16(self.0.add(index)) }
    }

    #[inline(always)]
    fn prefetch(self, index: usize) {
        prefetch(self.0.wrapping_add(index).wrapping_byte_add(AHEAD).cast());
    }
}

/// Some vectors times one panel of at most four blocks of outputs.
#[derive(Clone, Copy)]
pub(crate) struct DenseRun<W> {
    pub(crate) vectors: usize,
    pub(crate) input: *const f32,
    /// Floats from one input vector to the next.
    pub(crate) input_stride: usize,
    /// Length of an input vector.
    pub(crate) depth: usize,
    pub(crate) weights: W,
    /// `[output of the panel]`.
    pub(crate) bias: *const f32,
    pub(crate) output: *mut f32,
    /// Floats from one output vector to the next.
    pub(crate) output_stride: usize,
    /// Blocks of the panel: 1 to 4.
    pub(crate) blocks: usize,
    pub(crate) finish: Finish,
}

impl<W: DenseWeights> Kernel for DenseRun<W> {
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

impl<W: DenseWeights> DenseRun<W> {
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
            let mut biases = [V::splat(0.0); B];
            for (b, bias) in biases.iter_mut().enumerate() {
                *bias = V::load(self.bias.add(b * LANES));
            }
            let mut sums = [[V::splat(0.0); B]; M];
            for row in &mut sums {
                for (sum, &bias) in row.iter_mut().zip(&biases) {
                    *sum = W::start(bias);
                }
            }
            let input = self.input.add(vector * self.input_stride);
            for index in 0..self.depth {
                let mut columns = [V::splat(0.0); B];
                for (b, column) in columns.iter_mut().enumerate() {
                    let weight = (index * B + b) * LANES;
                    *column = self.weights.load(weight);
                    if b % 2 == 0 {
                        self.weights.prefetch(weight);
                    }
                }
                for (m, row) in sums.iter_mut().enumerate() {
                    let value = V::splat(*input.add(m * self.input_stride + index));
                    for (sum, column) in row.iter_mut().zip(columns) {
                        *sum = value.mul_add(column, *sum);
                    }
                }
            }
            for row in &mut sums {
                for (b, sum) in row.iter_mut().enumerate() {
                    *sum = self.weights.finish(b * LANES, *sum, biases[b]);
                }
            }
            self.finish.at_once(&mut sums);
            let output = self.output.add(vector * self.output_stride);
            for (m, row) in sums.iter().enumerate() {
                let output = output.add(m * self.output_stride);
                for (b, sum) in row.iter().enumerate() {
                    sum.store(output.add(b * LANES));
                }
                self.finish.afterwards::<V>(output, B);
            }
        }
    }
}
