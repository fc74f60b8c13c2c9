//! Fully connected layers, of squeeze-excite and of the classifier.

use crate::{
    kernels::{DenseRun, Finish},
    memory::ValueId,
    simd::LANES,
};

use super::{Context, Panel, Step};

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
        // SAFETY: the panel lies within the planned output and weights; tasks differ in theirs.
        unsafe {
            context.run(DenseRun {
                vectors: context.images,
                input: context.value(self.input, 0),
                input_stride: context.values[self.input.0].stride,
                depth: self.depth,
                weights: context.weight(self.weights + channel * self.depth),
                bias: context.weight(self.bias + channel),
                output: context.value(self.output, 0).add(channel),
                output_stride: context.values[self.output.0].stride,
                blocks: panel.blocks,
                finish: self.finish,
            });
        }
    }
}
