//! Pointwise convolutions of bytes, and that of an image.

use crate::simd::{
    Arithmetic, ByteSums, Floats, Kernel, LANES, QUAD, QuadKernel, QuadVector, Vector,
};

use super::{ByteTarget, COMPLETED, Finished, IntegerRows, QuadRow, even_pieces};

/// A convolution of neighbouring pixels, of an input and weights that are rounded to bytes, with sums
/// in integers: so many `QUADS` of four neighbouring bytes are multiplied in each of some planes, `STEP`
/// bytes farther on for each pixel.
///
/// The tile is 5 pixels × 16 channels, or 10 × 8: beside it stand the weights, an input, the
/// products and the ones by which AVX2 adds them. Where there are 32 registers of 16 sums, it is
/// 12 × 32.
#[derive(Clone, Copy)]
pub(crate) struct ByteProducts<T, const STEP: usize, const QUADS: usize> {
    pub(crate) pixels: usize,
    /// What the first pixel reads in the first plane.
    pub(crate) input: *const u8,
    /// Bytes from one plane to the next.
    pub(crate) plane: usize,
    pub(crate) planes: usize,
    /// Panel after panel, `[plane][quad][channel of the panel][byte of the quad]`.
    pub(crate) weights: *const i8,
    /// By which a sum is multiplied before the bias is added; `[channel]`.
    pub(crate) scales: *const f32,
    /// `[channel]`.
    pub(crate) bias: *const f32,
    pub(crate) target: T,
    /// Blocks of one or two panels: 1 to 4.
    pub(crate) blocks: usize,
}

/// A 1×1 convolution as [`PointwiseRun`](super::PointwiseRun): planes are blocks of the input,
/// `[pixel][lane]`.
pub(crate) type BytePointwiseRun<T> = ByteProducts<T, LANES, { LANES / QUAD }>;

/// A 3×3 convolution of stride 2, one output row: planes are the padded rows under the kernel,
/// `[channel][kernel row]`. The fourth weight of a row of the kernel is 0.
pub(crate) type ByteConvolutionRow<T> = ByteProducts<T, 2, 1>;

impl<const STEP: usize, const QUADS: usize> Kernel for ByteProducts<Finished, STEP, QUADS> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        self.all::<V>();
    }
}

impl<const STEP: usize, const QUADS: usize> Kernel for ByteProducts<IntegerRows, STEP, QUADS> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        self.all::<V>();
    }
}

impl<const STEP: usize, const QUADS: usize> QuadKernel for ByteProducts<QuadRow, STEP, QUADS> {
    #[inline(always)]
    fn run<V: QuadVector>(self) {
        self.all::<V>();
    }
}

impl<T: Copy, const STEP: usize, const QUADS: usize> ByteProducts<T, STEP, QUADS> {
    #[inline(always)]
    fn all<V: Vector>(self)
    where
        T: ByteTarget<V::Sums> + ByteTarget<V::PairSums>,
    {
        match self.blocks {
            1 => self.panels::<V, V::Sums, 1>(0),
            2 => self.panels::<V, V::PairSums, 1>(0),
            3 => {
                self.panels::<V, V::PairSums, 1>(0);
                self.panels::<V, V::Sums, 1>(2);
            }
            _ if V::PairSums::IS_WIDE => self.panels::<V, V::PairSums, 2>(0),
            _ => {
                self.panels::<V, V::PairSums, 1>(0);
                self.panels::<V, V::PairSums, 1>(2);
            }
        }
    }

    /// One or two panels that begin with this block.
    #[inline(always)]
    fn panels<V: Vector, S: ByteSums, const P: usize>(self, block: usize)
    where
        T: ByteTarget<S>,
    {
        let mut completed = 0;
        let units = self.pixels.div_ceil(T::TOGETHER);
        for (unit, units) in even_pieces(units, S::TILE / T::TOGETHER) {
            let pixel = unit * T::TOGETHER;
            let pixels = (units * T::TOGETHER).min(self.pixels - pixel);
            // SAFETY: the step that made the run vouches for its pointers.
            unsafe {
                match pixels {
                    1 => self.tile::<S, P, 1>(block, pixel),
                    2 => self.tile::<S, P, 2>(block, pixel),
                    3 => self.tile::<S, P, 3>(block, pixel),
                    4 => self.tile::<S, P, 4>(block, pixel),
                    5 => self.tile::<S, P, 5>(block, pixel),
                    6 if S::TILE > 5 => self.tile::<S, P, 6>(block, pixel),
                    7 if S::TILE > 5 => self.tile::<S, P, 7>(block, pixel),
                    8 if S::TILE > 5 => self.tile::<S, P, 8>(block, pixel),
                    9 if S::TILE > 5 => self.tile::<S, P, 9>(block, pixel),
                    10 if S::TILE > 5 => self.tile::<S, P, 10>(block, pixel),
                    11 if S::TILE > 10 => self.tile::<S, P, 11>(block, pixel),
                    12 if S::TILE > 10 => self.tile::<S, P, 12>(block, pixel),
                    _ => {}
                }
                let end = pixel + pixels;
                if end - completed >= COMPLETED || end == self.pixels {
                    let blocks = (block, P * S::BLOCKS);
                    self.target.complete::<V>(blocks, completed, end);
                    completed = end;
                }
            }
        }
    }

    /// # Safety
    ///
    /// The run's pointers must be valid for the panels' blocks and `M` pixels from this one.
    #[inline(always)]
    unsafe fn tile<S: ByteSums, const P: usize, const M: usize>(self, block: usize, pixel: usize)
    where
        T: ByteTarget<S>,
    {
        let depth = self.planes * QUADS * QUAD;
        // SAFETY: all within the run's input, weights, scales, bias and target.
        unsafe {
            let mut sums = [[S::zero(); M]; P];
            let mut input = self.input.add(pixel * STEP);
            let mut weights = self.weights.add(block * LANES * depth);
            for _ in 0..self.planes {
                for quad in 0..QUADS {
                    let mut columns = [S::load_quads(weights.cast()); P];
                    for (p, column) in columns.iter_mut().enumerate().skip(1) {
                        let panel = weights.add(p * S::BLOCKS * LANES * depth);
                        *column = S::load_quads(panel.cast());
                    }
                    for m in 0..M {
                        let inputs = S::spread(input.add(m * STEP + quad * QUAD));
                        for (row, column) in sums.iter_mut().zip(columns) {
                            row[m] = row[m].add_products(inputs, column);
                        }
                    }
                    weights = weights.add(S::BLOCKS * LANES * QUAD);
                }
                input = input.add(self.plane);
            }
            for (p, sums) in sums.into_iter().enumerate() {
                let block = block + p * S::BLOCKS;
                let scale = S::Floats::load(self.scales.add(block * LANES));
                let bias = S::Floats::load(self.bias.add(block * LANES));
                let mut results = [scale; M];
                for (result, sum) in results.iter_mut().zip(sums) {
                    // Rounded twice on every processor, so that all give the same.
                    *result = sum.to_floats().mul(scale).add(bias);
                }
                self.target.put(block, pixel, M, results);
            }
        }
    }
}
