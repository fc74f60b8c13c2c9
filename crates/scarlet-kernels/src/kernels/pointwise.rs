//! Pointwise convolutions: matrix products of pixels with packed weights.

use crate::simd::{Kernel, LANES, Vector};

use super::{Finish, even_pieces};

/// A 1×1 convolution of neighbouring pixels to one panel of one or two blocks of channels.
///
/// The tile is 6 pixels × 16 channels, or 8 × 8: with its weights it fits into sixteen vector
/// registers. 4 × 24 would need fewer loads and just fit, but the compiler then spills sums.
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
    /// First pixel of the panel's first block.
    pub(crate) output: *mut f32,
    /// Floats from one output block to the next.
    pub(crate) output_plane: usize,
    /// Output pixels that are neighbours, and the floats between two such rows.
    pub(crate) row: usize,
    pub(crate) gap: usize,
    /// Blocks of the panel: 1 or 2.
    pub(crate) blocks: usize,
    pub(crate) finish: Finish,
    /// Laid out like the output and added to it, unless null.
    pub(crate) shortcut: *const f32,
}

/// Input blocks that are multiplied at a time. The weights of a longer product do not stay in
/// the first-level cache from one tile to the next.
const DEPTH: usize = 28;

impl Kernel for PointwiseRun {
    #[inline(always)]
    fn run<V: Vector>(self) {
        match self.blocks {
            1 => self.panel::<V, 1>(12),
            _ => self.panel::<V, 2>(6),
        }
    }
}

impl PointwiseRun {
    #[inline(always)]
    fn panel<V: Vector, const B: usize>(self, tile_pixels: usize) {
        for (first_block, blocks) in even_pieces(self.input_blocks, DEPTH) {
            for (pixel, pixels) in even_pieces(self.pixels, tile_pixels) {
                let tile = Tile {
                    run: self,
                    pixel,
                    first_block,
                    blocks,
                };
                // SAFETY: the step that made the run vouches for its pointers.
                unsafe {
                    match pixels {
                        1 => tile.compute::<V, B, 1>(),
                        2 => tile.compute::<V, B, 2>(),
                        3 => tile.compute::<V, B, 3>(),
                        4 => tile.compute::<V, B, 4>(),
                        5 => tile.compute::<V, B, 5>(),
                        6 => tile.compute::<V, B, 6>(),
                        7 if B < 2 => tile.compute::<V, B, 7>(),
                        8 if B < 2 => tile.compute::<V, B, 8>(),
                        9 if B < 2 => tile.compute::<V, B, 9>(),
                        10 if B < 2 => tile.compute::<V, B, 10>(),
                        11 if B < 2 => tile.compute::<V, B, 11>(),
                        12 if B < 2 => tile.compute::<V, B, 12>(),
                        _ => {}
                    }
                }
            }
        }
    }
}

/// A few pixels, and a few of the input blocks.
struct Tile {
    run: PointwiseRun,
    pixel: usize,
    first_block: usize,
    blocks: usize,
}

impl Tile {
    /// # Safety
    ///
    /// The run's pointers must be valid for `M` pixels from this one.
    #[inline(always)]
    unsafe fn compute<V: Vector, const B: usize, const M: usize>(self) {
        let run = self.run;
        let offset = self.pixel * LANES;
        let is_first = self.first_block == 0;
        let is_last = self.first_block + self.blocks == run.input_blocks;
        // SAFETY: all within the run's input, weights, bias, output and shortcut.
        unsafe {
            let mut outputs = [0; M];
            let (mut row, mut column) = (0, self.pixel);
            if run.gap > 0 {
                (row, column) = (self.pixel / run.row, self.pixel % run.row);
            }
            for (m, output) in outputs.iter_mut().enumerate() {
                *output = (self.pixel + m) * LANES + row * run.gap;
                column += 1;
                if column == run.row {
                    (row, column) = (row + 1, 0);
                }
            }
            let mut sums = [[V::splat(0.0); B]; M];
            for (row, output) in sums.iter_mut().zip(outputs) {
                for (b, sum) in row.iter_mut().enumerate() {
                    *sum = if is_first {
                        V::load(run.bias.add(b * LANES))
                    } else {
                        V::load(run.output.add(b * run.output_plane + output))
                    };
                }
            }
            let mut input = run.input.add(self.first_block * run.input_plane + offset);
            let mut weights = run.weights.add(self.first_block * LANES * B * LANES);
            for _ in 0..self.blocks {
                for lane in 0..LANES {
                    let mut columns = [V::splat(0.0); B];
                    for (b, column) in columns.iter_mut().enumerate() {
                        *column = V::load(weights.add((lane * B + b) * LANES));
                    }
                    for (m, row) in sums.iter_mut().enumerate() {
                        let value = V::splat(*input.add(m * LANES + lane));
                        for (sum, column) in row.iter_mut().zip(columns) {
                            *sum = value.mul_add(column, *sum);
                        }
                    }
                }
                input = input.add(run.input_plane);
                weights = weights.add(LANES * B * LANES);
            }
            if is_last {
                run.finish.apply(&mut sums);
                if !run.shortcut.is_null() {
                    for (row, output) in sums.iter_mut().zip(outputs) {
                        for (b, sum) in row.iter_mut().enumerate() {
                            let at = b * run.output_plane + output;
                            *sum = sum.add(V::load(run.shortcut.add(at)));
                        }
                    }
                }
            }
            for (row, output) in sums.iter().zip(outputs) {
                for (b, sum) in row.iter().enumerate() {
                    sum.store(run.output.add(b * run.output_plane + output));
                }
            }
        }
    }
}
