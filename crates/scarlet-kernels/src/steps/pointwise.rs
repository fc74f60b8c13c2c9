//! Pointwise convolutions that are not part of a [`DepthwiseStep`](super::DepthwiseStep).

use std::ops::Range;

use crate::{
    kernels::{Finish, PointwiseRun, SumRun},
    memory::ValueId,
    simd::LANES,
};

use super::{Context, Map, PANEL, Panel, Step, panels};

/// Input bytes that are multiplied by all panels before the next pixels: half of a common
/// second-level cache.
const INPUT_BYTES: usize = 256 << 10;

/// Weights that each thread can afford to read in full.
const SHARED_WEIGHT_BYTES: usize = 256 << 10;

/// Packed weights of a pointwise convolution: panel after panel, `[input channel][channel of the
/// panel]`; then the biases.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PointwiseWeights {
    pub(crate) weights: usize,
    pub(crate) bias: usize,
    pub(crate) input_blocks: usize,
    pub(crate) finish: Finish,
}

impl PointwiseWeights {
    /// The run of some pixels for one panel.
    pub(super) fn run(
        &self,
        context: &Context<'_>,
        panel: Panel,
        input: (*const f32, usize),
        output: (*mut f32, usize),
        pixels: usize,
    ) -> PointwiseRun {
        let channel = panel.first * LANES;
        PointwiseRun {
            pixels,
            input: input.0,
            input_plane: input.1,
            input_blocks: self.input_blocks,
            weights: context.weight(self.weights + channel * self.input_blocks * LANES),
            bias: context.weight(self.bias + channel),
            output: output.0,
            output_plane: output.1,
            blocks: panel.blocks,
            finish: self.finish,
            shortcut: std::ptr::null(),
        }
    }
}

/// Where a pointwise convolution's result goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// To a map, after adding another map of the same sizes.
    Map {
        output: ValueId,
        shortcut: Option<ValueId>,
    },
    /// Its mean over all pixels, to a vector.
    Mean(ValueId),
}

/// A pointwise convolution of a whole map.
pub(crate) struct PointwiseStep {
    weights: PointwiseWeights,
    input: ValueId,
    target: Target,
    pixels: usize,
    panels: Vec<Panel>,
    /// Pieces of the pixels; as many tasks each for all panels, or one piece and tasks by panels.
    pieces: Vec<Range<usize>>,
    panels_per_task: usize,
}

impl PointwiseStep {
    pub(crate) fn new(
        weights: PointwiseWeights,
        input: ValueId,
        target: Target,
        output: Map,
        threads: usize,
    ) -> Self {
        let panels = panels(output.blocks(), PANEL);
        let pixels = output.pixels();
        let depth = weights.input_blocks * LANES;
        let input_bytes = pixels * depth * size_of::<f32>();
        let weight_bytes = depth * output.blocks() * LANES * size_of::<f32>();
        let by_pixels = matches!(target, Target::Map { .. })
            && (weight_bytes <= SHARED_WEIGHT_BYTES || input_bytes > 2 * INPUT_BYTES);
        let (pieces, panels_per_task) = if by_pixels {
            let pieces = input_bytes
                .div_ceil(INPUT_BYTES)
                .next_multiple_of(4 * threads);
            (cut(pixels, pieces), panels.len())
        } else {
            (cut(pixels, 1), 1)
        };
        Self {
            weights,
            input,
            target,
            pixels,
            panels,
            pieces,
            panels_per_task,
        }
    }
}

/// Cuts pixels into about so many pieces, at multiples of a tile.
fn cut(pixels: usize, pieces: usize) -> Vec<Range<usize>> {
    let length = pixels.div_ceil(pieces).next_multiple_of(LANES);
    (0..pixels)
        .step_by(length)
        .map(|from| from..(from + length).min(pixels))
        .collect()
}

impl Step for PointwiseStep {
    fn tasks(&self, images: usize) -> usize {
        images * self.pieces.len() * self.panels.len().div_ceil(self.panels_per_task)
    }

    fn scratch(&self) -> usize {
        match self.target {
            Target::Map { .. } => 0,
            Target::Mean(_) => PANEL * self.pixels * LANES,
        }
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, scratch: *mut f32) {
        // Pieces of one image follow each other, and images before the next panels, so that what
        // is shared, an image or weights, stays in the caches.
        let pieces = &self.pieces[task % self.pieces.len()];
        let rest = task / self.pieces.len();
        let (image, group) = (rest % context.images, rest / context.images);
        let from = group * self.panels_per_task;
        let to = (from + self.panels_per_task).min(self.panels.len());
        let (start, pixels) = (pieces.start * LANES, pieces.len());
        let plane = self.pixels * LANES;
        for &panel in &self.panels[from..to] {
            // SAFETY: pixels and panels lie within the planned input, output and weights; tasks
            // differ in their image, pixels or panels.
            unsafe {
                let input = context.value(self.input, image).add(start);
                let at = panel.first * plane + start;
                let run = |output| {
                    self.weights
                        .run(context, panel, (input, plane), output, pixels)
                };
                match self.target {
                    Target::Map { output, shortcut } => {
                        let mut run = run((context.value(output, image).add(at), plane));
                        if let Some(shortcut) = shortcut {
                            run.shortcut = context.value(shortcut, image).add(at);
                        }
                        context.run(run);
                    }
                    Target::Mean(output) => {
                        context.run(run((scratch, plane)));
                        for block in 0..panel.blocks {
                            let channel = (panel.first + block) * LANES;
                            context.run(SumRun {
                                vectors: self.pixels,
                                input: scratch.add(block * plane),
                                stride: LANES,
                                factor: 1.0 / self.pixels as f32,
                                output: context.value(output, image).add(channel),
                            });
                        }
                    }
                }
            }
        }
    }
}
