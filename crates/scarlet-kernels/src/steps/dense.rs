//! Fully connected layers, of squeeze-excite and of the classifier.

use alloc::vec::Vec;

use crate::{
    kernels::{
        activation::Finish,
        dense::{Bf16Weights, ByteWeights, DenseRun, FloatWeights},
    },
    memory::ValueId,
    simd::LANES,
};

use super::{Context, Panel, Step, pointwise_weights::Factors};

/// Blocks of a panel of packed weights.
pub(crate) const DENSE_PANEL: usize = 4;

/// A matrix times one vector of each image.
pub(crate) struct DenseStep {
    pub(crate) input: ValueId,
    pub(crate) output: ValueId,
    pub(crate) depth: usize,
    /// Panel after panel, `[input][output of the panel]`.
    pub(crate) weights: usize,
    pub(crate) bias: usize,
    /// The numbers of the weights; the input is in floats.
    pub(crate) factors: Factors,
    pub(crate) panels: Vec<Panel>,
    pub(crate) finish: Finish,
}

impl Step for DenseStep {
    fn tasks(&self, _images: usize) -> usize {
        self.panels.len()
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, _scratch: *mut f32) {
        let panel = self.panels[task];
        let channel = panel.first * LANES;
        let first = channel * self.depth;
        // SAFETY: the panel lies within the planned output and weights; tasks differ in theirs.
        unsafe {
            match self.factors {
                Factors::Floats => {
                    let weights = FloatWeights(context.weight(self.weights + first));
                    context.run(self.run(context, panel, weights));
                }
                Factors::Bf16 => {
                    let weights = context.weight(self.weights).cast::<u16>().add(first);
                    context.run(self.run(context, panel, Bf16Weights(weights)));
                }
                Factors::Bytes(scales) => {
                    let weights = ByteWeights {
                        weights: context.weight(self.weights).cast::<i8>().add(first),
                        scales: context.weight(scales + channel),
                    };
                    context.run(self.run(context, panel, weights));
                }
            }
        }
    }
}

impl DenseStep {
    fn run<W>(&self, context: &Context<'_>, panel: Panel, weights: W) -> DenseRun<W> {
        let channel = panel.first * LANES;
        DenseRun {
            vectors: context.images,
            input: context.value(self.input, 0),
            input_stride: context.values[self.input.0].stride,
            depth: self.depth,
            weights,
            bias: context.weight(self.bias + channel),
            // SAFETY: the panel lies within the planned output.
            output: unsafe { context.value(self.output, 0).add(channel) },
            output_stride: context.values[self.output.0].stride,
            blocks: panel.blocks,
            finish: self.finish,
        }
    }
}
