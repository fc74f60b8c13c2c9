//! Pointwise convolutions: matrix products of pixels with packed weights.

use crate::simd::{
    Kernel, LANES,
    vector::{Floats, Vector},
};

use super::{
    COMPLETED,
    activation::Finish,
    pixel_target::PixelTarget,
    tile::{even_pieces, with_pixels},
};

/// A 1×1 convolution of neighbouring pixels to one panel of one or two blocks of channels.
///
/// The tile is 6 pixels × 16 channels, or 12 × 8: with its weights it fits into sixteen vector
/// registers. Where a register holds four, it is 6 × 8. 4 × 24 would need fewer loads and just fit, but the compiler then spills sums.
/// Where 16 channels are one register, it is 12 × 16.
#[derive(Clone, Copy)]
pub(crate) struct PointwiseRun {
    pub(crate) pixels: usize,
    /// First pixel of the first input block.
    pub(crate) input: *const f32,
    /// Floats from one input block to the next.
    pub(crate) input_plane: usize,
    pub(crate) input_blocks: usize,
    /// `[input channel][channel of the panel]`.
    pub(crate) weights: *const f32,
    /// `[channel of the panel]`.
    pub(crate) bias: *const f32,
    pub(crate) target: PixelTarget,
    /// Blocks of the panel: 1 or 2.
    pub(crate) blocks: usize,
    pub(crate) finish: Finish,
}

/// Input blocks that are multiplied at a time. The weights of a longer product do not stay in
/// the first-level cache from one tile to the next.
const DEPTH: usize = 28;

impl Kernel for PointwiseRun {
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

impl PointwiseRun {
    /// All blocks of the panel, or one of its `W`.
    #[inline(always)]
    fn panel<V: Vector, P: Floats, const W: usize>(self, block: usize) {
        // SAFETY: the step that made the run vouches for the blocks.
        let target = unsafe { self.target.block(block) };
        for (first_block, blocks) in even_pieces(self.input_blocks, DEPTH) {
            let is_last = first_block + blocks == self.input_blocks;
            let mut completed = 0;
            for (pixel, pixels) in even_pieces(self.pixels, P::SUMS) {
                let tile = Tile {
                    run: PointwiseRun { target, ..self },
                    block,
                    pixel,
                    first_block,
                    blocks,
                };
                // SAFETY: the step that made the run vouches for its pointers.
                unsafe {
                    with_pixels!(pixels, 1..=P::SUMS, M => tile.compute::<P, W, M>());
                    let end = pixel + pixels;
                    let is_due = end - completed >= COMPLETED || end == self.pixels;
                    if is_last && is_due && self.finish.is_long() {
                        let (finish, blocks) = (self.finish, P::BLOCKS);
                        target.complete::<V>(finish, blocks, completed, end);
                        completed = end;
                    }
                }
            }
        }
    }
}

/// A few pixels, and a few of the input blocks.
struct Tile {
    /// With the target of the first block.
    run: PointwiseRun,
    /// The first block.
    block: usize,
    pixel: usize,
    first_block: usize,
    blocks: usize,
}

impl Tile {
    /// # Safety
    ///
    /// The run's pointers must be valid for `M` pixels from this one.
    #[inline(always)]
    unsafe fn compute<V: Floats, const W: usize, const M: usize>(self) {
        let run = self.run;
        let offset = self.pixel * LANES;
        let width = W * LANES;
        let channel = self.block * LANES;
        let is_first = self.first_block == 0;
        let is_last = self.first_block + self.blocks == run.input_blocks;
        // SAFETY: all within the run's input, weights, bias and target.
        unsafe {
            let outputs = run.target.pixels::<M>(self.pixel);
            let mut sums = [[V::splat(0.0); M]; 1];
            for (sum, output) in sums[0].iter_mut().zip(outputs) {
                *sum = if is_first {
                    V::load(run.bias.add(channel))
                } else {
                    V::load_blocks(run.target.output.add(output), run.target.plane)
                };
            }
            let mut input = run.input.add(self.first_block * run.input_plane + offset);
            let mut weights = run.weights.add(self.first_block * LANES * width + channel);
            for _ in 0..self.blocks {
                for lane in 0..LANES {
                    let column = V::load(weights.add(lane * width));
                    for (m, sum) in sums[0].iter_mut().enumerate() {
                        let value = V::splat(*input.add(m * LANES + lane));
                        *sum = value.mul_add(column, *sum);
                    }
                }
                input = input.add(run.input_plane);
                weights = weights.add(LANES * width);
            }
            if is_last {
                run.finish.at_once(&mut sums);
                if !run.finish.is_long() {
                    run.target.add_shortcut(&mut sums[0], outputs);
                }
            }
            run.target.store(&sums[0], outputs);
        }
    }
}
