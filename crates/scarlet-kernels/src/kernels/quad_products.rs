//! Convolutions of bytes whose results are rounded to quads.

use crate::simd::{
    LANES,
    byte_sums::QUAD,
    quads::{QuadKernel, QuadSums, QuadVector},
    vector::Floats,
};

use super::{
    quad_target::{QuadRow, QuadTarget},
    tile::{even_pieces, with_pixels},
    word_products::WordProducts,
};

impl<const STEP: usize, const WORDS: usize> QuadKernel for WordProducts<QuadRow, STEP, WORDS> {
    #[inline(always)]
    fn run<V: QuadVector>(self) {
        match self.blocks {
            1 => self.quads::<V::Sums, 1, 1>(0),
            2 => self.quads::<V::PairSums, 1, 2>(0),
            3 => {
                self.quads::<V::PairSums, 1, 2>(0);
                self.quads::<V::Sums, 1, 1>(2);
            }
            _ => self.quads::<V::PairSums, 2, 2>(0),
        }
    }
}

impl<const STEP: usize, const WORDS: usize> WordProducts<QuadRow, STEP, WORDS> {
    /// `P` panels of `W` blocks that begin with this block. Their sums are rounded in the registers: of a few
    /// channels, that takes as long as the products.
    #[inline(always)]
    fn quads<S: QuadSums, const P: usize, const W: usize>(self, block: usize) {
        let quads = self.pixels.div_ceil(QUAD);
        for (quad, quads) in even_pieces(quads, S::TILE / QUAD) {
            let pixel = quad * QUAD;
            let pixels = (quads * QUAD).min(self.pixels - pixel);
            // SAFETY: the step that made the run vouches for its pointers.
            unsafe {
                with_pixels!(pixels, 1..=S::TILE, M => {
                    let sums = self.sums::<S, P, W, M>(block, pixel);
                    for (p, sums) in sums.into_iter().enumerate() {
                        let block = block + p * S::BLOCKS;
                        let scale = S::Floats::load(self.scales.add(block * LANES));
                        let bias = S::Floats::load(self.bias.add(block * LANES));
                        let mut results = [scale; M];
                        for (result, sum) in results.iter_mut().zip(sums) {
                            *result = sum.finish(scale, bias);
                        }
                        QuadTarget::<S>::put(&self.target, block, pixel, M, results);
                    }
                });
            }
        }
    }
}
