//! Pointwise convolutions of bytes.

use crate::simd::{ByteSums, Kernel, LANES, QUAD, Vector};

use super::{COMPLETED, Finish, PixelTarget, even_pieces};

/// A 1×1 convolution as [`PointwiseRun`](super::PointwiseRun), of an input and weights that are
/// rounded to bytes, with sums in integers and the result in floats.
///
/// The tile is 5 pixels × 16 channels, or 10 × 8: beside it stand the weights, an input, the
/// products and the ones by which AVX2 adds them.
#[derive(Clone, Copy)]
pub(crate) struct BytePointwiseRun {
    pub(crate) pixels: usize,
    /// First pixel of the first input block, `[pixel][lane]`.
    pub(crate) input: *const u8,
    /// Bytes from one input block to the next.
    pub(crate) input_plane: usize,
    pub(crate) input_blocks: usize,
    /// `[four input channels][channel of the panel][input channel of the four]`.
    pub(crate) weights: *const i8,
    /// By which a sum is multiplied before the bias is added; `[channel of the panel]`.
    pub(crate) scales: *const f32,
    /// `[channel of the panel]`.
    pub(crate) bias: *const f32,
    pub(crate) target: PixelTarget,
    /// Blocks of the panel: 1 or 2.
    pub(crate) blocks: usize,
    pub(crate) finish: Finish,
}

impl Kernel for BytePointwiseRun {
    #[inline(always)]
    fn run<V: Vector>(self) {
        match self.blocks {
            1 => self.panel::<V, 1>(10),
            _ => self.panel::<V, 2>(5),
        }
    }
}

impl BytePointwiseRun {
    #[inline(always)]
    fn panel<V: Vector, const B: usize>(self, tile_pixels: usize) {
        let mut completed = 0;
        for (pixel, pixels) in even_pieces(self.pixels, tile_pixels) {
            // SAFETY: the step that made the run vouches for its pointers.
            unsafe {
                match pixels {
                    1 => self.tile::<V, B, 1>(pixel),
                    2 => self.tile::<V, B, 2>(pixel),
                    3 => self.tile::<V, B, 3>(pixel),
                    4 => self.tile::<V, B, 4>(pixel),
                    5 => self.tile::<V, B, 5>(pixel),
                    6 if B < 2 => self.tile::<V, B, 6>(pixel),
                    7 if B < 2 => self.tile::<V, B, 7>(pixel),
                    8 if B < 2 => self.tile::<V, B, 8>(pixel),
                    9 if B < 2 => self.tile::<V, B, 9>(pixel),
                    10 if B < 2 => self.tile::<V, B, 10>(pixel),
                    _ => {}
                }
                let end = pixel + pixels;
                let is_due = end - completed >= COMPLETED || end == self.pixels;
                if is_due && self.finish.is_long() {
                    self.target.complete::<V>(self.finish, B, completed, end);
                    completed = end;
                }
            }
        }
    }

    /// # Safety
    ///
    /// The run's pointers must be valid for `M` pixels from this one.
    #[inline(always)]
    unsafe fn tile<V: Vector, const B: usize, const M: usize>(self, pixel: usize) {
        // SAFETY: all within the run's input, weights, scales, bias and target.
        unsafe {
            let mut sums = [[V::Sums::zero(); M]; B];
            let mut input = self.input.add(pixel * LANES);
            let mut weights = self.weights;
            for _ in 0..self.input_blocks {
                for quad in 0..LANES / QUAD {
                    let mut columns = [V::Sums::weights(weights); B];
                    for (b, column) in columns.iter_mut().enumerate().skip(1) {
                        *column = V::Sums::weights(weights.add(b * LANES * QUAD));
                    }
                    for m in 0..M {
                        let inputs = V::Sums::inputs(input.add(m * LANES + quad * QUAD));
                        for (row, column) in sums.iter_mut().zip(columns) {
                            row[m] = row[m].add_products(inputs, column);
                        }
                    }
                    weights = weights.add(B * LANES * QUAD);
                }
                input = input.add(self.input_plane);
            }
            let mut results = [[V::splat(0.0); M]; B];
            for (b, (results, sums)) in results.iter_mut().zip(sums).enumerate() {
                let scale = V::load(self.scales.add(b * LANES));
                let bias = V::load(self.bias.add(b * LANES));
                for (result, sum) in results.iter_mut().zip(sums) {
                    // Rounded twice on every processor, so that all give the same.
                    *result = V::from_sums(sum).mul(scale).add(bias);
                }
            }
            self.finish.at_once(&mut results);
            let outputs = self.target.pixels::<M>(pixel);
            for (b, results) in results.iter_mut().enumerate() {
                let target = self.target.block(b);
                if !self.finish.is_long() {
                    target.add_shortcut(results, outputs);
                }
                target.store(results, outputs);
            }
        }
    }
}
