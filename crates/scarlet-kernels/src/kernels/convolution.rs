//! Dense convolutions of planar images.

use crate::simd::{Kernel, LANES, Vector};

use super::{Finish, even_pieces};

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
            1 => self.panel::<V, 1>(8),
            _ => self.panel::<V, 2>(6),
        }
    }
}

impl ConvolutionRow<'_> {
    #[inline(always)]
    fn panel<V: Vector, const B: usize>(self, tile_pixels: usize) {
        for (pixel, pixels) in even_pieces(self.pixels, tile_pixels) {
            // SAFETY: the step that made the row vouches for its pointers.
            unsafe {
                match pixels {
                    1 => self.tile::<V, B, 1>(pixel),
                    2 => self.tile::<V, B, 2>(pixel),
                    3 => self.tile::<V, B, 3>(pixel),
                    4 => self.tile::<V, B, 4>(pixel),
                    5 => self.tile::<V, B, 5>(pixel),
                    6 => self.tile::<V, B, 6>(pixel),
                    7 if B < 2 => self.tile::<V, B, 7>(pixel),
                    8 if B < 2 => self.tile::<V, B, 8>(pixel),
                    _ => {}
                }
            }
        }
    }

    /// # Safety
    ///
    /// The row's pointers must be valid for `M` pixels from this one.
    #[inline(always)]
    unsafe fn tile<V: Vector, const B: usize, const M: usize>(self, pixel: usize) {
        // SAFETY: all within the row's input, weights, bias and output.
        unsafe {
            let mut sums = [[V::splat(0.0); B]; M];
            for row in &mut sums {
                for (b, sum) in row.iter_mut().enumerate() {
                    *sum = V::load(self.bias.add(b * LANES));
                }
            }
            let input = self.input.add(pixel * self.stride);
            let mut weights = self.weights;
            for &tap in self.taps {
                let mut columns = [V::splat(0.0); B];
                for (b, column) in columns.iter_mut().enumerate() {
                    *column = V::load(weights.add(b * LANES));
                }
                for (m, row) in sums.iter_mut().enumerate() {
                    let value = V::splat(*input.add(tap + m * self.stride));
                    for (sum, column) in row.iter_mut().zip(columns) {
                        *sum = value.mul_add(column, *sum);
                    }
                }
                weights = weights.add(B * LANES);
            }
            self.finish.apply(&mut sums);
            for (m, row) in sums.iter().enumerate() {
                for (b, sum) in row.iter().enumerate() {
                    sum.store(self.output.add(b * self.output_plane + (pixel + m) * LANES));
                }
            }
        }
    }
}
