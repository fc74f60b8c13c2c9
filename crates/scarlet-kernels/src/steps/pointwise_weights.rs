//! Packed weights of pointwise convolutions.

use crate::{
    kernels::{
        activation::Finish,
        pixel_target::PixelTarget,
        pointwise::PointwiseRun,
        sum_target::Finished,
        word_products::{Bf16PointwiseRun, BytePointwiseRun, WordProducts},
    },
    simd::{LANES, bf16::PAIR, sums::WORD},
};

use super::{Context, PANEL, Panel, rounding::BYTE_LANES};

/// The numbers that the products of a matrix are of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Factors {
    Floats,
    Bf16,
    /// With the offset of the scales of the weights.
    Bytes(usize),
}

/// Packed weights of a pointwise convolution: panel after panel, in the order in which
/// [`PointwiseRun`] or [`WordProducts`] reads them; then the biases.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PointwiseWeights {
    pub(crate) weights: usize,
    pub(crate) bias: usize,
    pub(crate) factors: Factors,
    pub(crate) input_blocks: usize,
    pub(crate) finish: Finish,
}

impl PointwiseWeights {
    /// Floats of a pixel in a block of the input, whatever its numbers are.
    pub(super) fn input_lanes(&self) -> usize {
        match self.factors {
            Factors::Floats => LANES,
            Factors::Bf16 => LANES / PAIR,
            Factors::Bytes(_) => BYTE_LANES,
        }
    }

    /// Bytes of all channels of an input pixel, or of an output channel's weights.
    pub(super) fn depth_bytes(&self) -> usize {
        self.input_blocks * self.input_lanes() * size_of::<f32>()
    }

    /// Blocks of the panels that are computed together: of words, two panels as they are packed.
    pub(crate) fn panel(&self) -> usize {
        match self.factors {
            Factors::Floats => PANEL,
            Factors::Bf16 | Factors::Bytes(_) => 2 * PANEL,
        }
    }

    /// Computes neighbouring pixels of one [panel](Self::panel). The input is given by its first pixel and the
    /// floats from one block to the next.
    ///
    /// # Safety
    ///
    /// So many pixels must lie within the input and the target.
    pub(super) unsafe fn multiply(
        &self,
        context: &Context<'_>,
        panel: Panel,
        (input, input_plane): (*const f32, usize),
        target: PixelTarget,
        pixels: usize,
    ) {
        let channel = panel.first * LANES;
        let weights = self.weights + channel * self.input_blocks * self.input_lanes();
        let (weights, bias) = (context.weight(weights), context.weight(self.bias + channel));
        let (input_blocks, blocks, finish) = (self.input_blocks, panel.blocks, self.finish);
        let finished = Finished {
            pixels: target,
            finish,
        };
        let from = (input, input_plane);
        // SAFETY: as above; the panel lies within the packed weights.
        unsafe {
            match self.factors {
                Factors::Floats => context.run(PointwiseRun {
                    pixels,
                    input,
                    input_plane,
                    input_blocks,
                    weights,
                    bias,
                    target,
                    blocks,
                    finish,
                }),
                Factors::Bf16 => {
                    let run: Bf16PointwiseRun<_> =
                        self.word_run(context, panel, from, finished, pixels);
                    context.run_bf16(run);
                }
                Factors::Bytes(_) => {
                    context.run_bytes(self.byte_run(context, panel, from, finished, pixels));
                }
            }
        }
    }

    /// The run of neighbouring pixels of one or two panels of weights in bytes. The input is given as
    /// to [`multiply`](Self::multiply).
    pub(super) fn byte_run<T>(
        &self,
        context: &Context<'_>,
        panel: Panel,
        input: (*const f32, usize),
        target: T,
        pixels: usize,
    ) -> BytePointwiseRun<T> {
        self.word_run(context, panel, input, target, pixels)
    }

    /// The same of weights in words.
    pub(super) fn word_run<T, const STEP: usize, const WORDS: usize>(
        &self,
        context: &Context<'_>,
        panel: Panel,
        (input, input_plane): (*const f32, usize),
        target: T,
        pixels: usize,
    ) -> WordProducts<T, STEP, WORDS> {
        let channel = panel.first * LANES;
        let weights = self.weights + channel * self.input_blocks * self.input_lanes();
        let scales = match self.factors {
            Factors::Bytes(scales) => scales,
            // Not used.
            Factors::Floats | Factors::Bf16 => self.bias,
        };
        WordProducts {
            pixels,
            input: input.cast(),
            plane: input_plane * WORD,
            planes: self.input_blocks,
            weights: context.weight(weights).cast(),
            scales: context.weight(scales + channel),
            bias: context.weight(self.bias + channel),
            target,
            blocks: panel.blocks,
        }
    }
}
