//! Dense convolutions of planar images.

use crate::simd::{
    Kernel, LANES,
    vector::{Floats, Vector},
};

use super::{
    activation::Finish,
    tile::{even_pieces, smaller, with_pixels},
};

/// The most pixels of a tile.
const TILE: usize = 8;

/// One output row of a dense convolution, for one panel of one or two blocks of channels.
#[derive(Clone, Copy)]
pub(crate) struct ConvolutionRow<'a> {
    pub(crate) pixels: usize,
    /// Padded input rows, planar.
    pub(crate) input: *const f32,
    /// Floats from one pixel's window to the next one's.
    pub(crate) stride: usize,
    /// Where each value of the kernel's window is, relative to the window.
    pub(crate) taps: &'a [usize],
    /// `[tap][channel of the panel]`.
    pub(crate) weights: *const f32,
    /// `[channel of the panel]`.
    pub(crate) bias: *const f32,
    pub(crate) output: *mut f32,
    /// Floats from one output block to the next.
    pub(crate) output_plane: usize,
    /// Blocks of the panel: 1 or 2.
    pub(crate) blocks: usize,
    pub(crate) finish: Finish,
}

impl Kernel for ConvolutionRow<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        match self.blocks {
            1 => self.panel::<V, V, 1>(0),
            _ if V::IS_NARROW => {
                self.panel::<V, V, 2>(0);
                self.panel::<V, V, 2>(1);
            }
            _ => self.panel::<V, V::Pair, 2>(0),
        }
    }
}

impl ConvolutionRow<'_> {
    /// All blocks of the panel, or one of its `W`.
    #[inline(always)]
    fn panel<V: Vector, P: Floats, const W: usize>(mut self, block: usize) {
        // SAFETY: the step that made the row vouches for the blocks.
        unsafe {
            self.weights = self.weights.add(block * LANES);
            self.bias = self.bias.add(block * LANES);
            self.output = self.output.add(block * self.output_plane);
        }
        for (pixel, pixels) in even_pieces(self.pixels, smaller(P::SUMS, TILE)) {
            // SAFETY: the step that made the row vouches for its pointers.
            unsafe {
                with_pixels!(pixels, 1..=smaller(P::SUMS, TILE), M => self.tile::<P, W, M>(pixel));
            }
        }
        for block in 0..P::BLOCKS {
            // SAFETY: as above.
            unsafe {
                let output = self.output.add(block * self.output_plane);
                self.finish.afterwards::<V>(output, self.pixels);
            }
        }
    }

    /// # Safety
    ///
    /// The row's pointers must be valid for `M` pixels from this one.
    #[inline(always)]
    unsafe fn tile<V: Floats, const W: usize, const M: usize>(self, pixel: usize) {
        // SAFETY: all within the row's input, weights, bias and output.
        unsafe {
            let mut sums = [[V::load(self.bias); M]; 1];
            let input = self.input.add(pixel * self.stride);
            let mut weights = self.weights;
            for &tap in self.taps {
                let column = V::load(weights);
                for (m, sum) in sums[0].iter_mut().enumerate() {
                    let value = V::splat(*input.add(tap + m * self.stride));
                    *sum = value.mul_add(column, *sum);
                }
                weights = weights.add(W * LANES);
            }
            self.finish.at_once(&mut sums);
            for (m, sum) in sums[0].iter().enumerate() {
                sum.store_blocks(self.output.add((pixel + m) * LANES), self.output_plane);
            }
        }
    }
}
