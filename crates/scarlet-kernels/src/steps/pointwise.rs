//! Pointwise convolutions that are not part of a [`DepthwiseStep`](super::DepthwiseStep).

use std::ops::Range;

use crate::{
    EngineSettings,
    kernels::{Finish, PointwiseRun, ScaleRun, SumRun},
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
            row: pixels,
            gap: 0,
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
    /// Factors of the input's channels, which are applied in place first.
    factors: Option<ValueId>,
    target: Target,
    pixels: usize,
    panels: Vec<Panel>,
    /// Pieces of the pixels; as many tasks each for all panels, or one piece and tasks by panels.
    pieces: Vec<Range<usize>>,
    panels_per_task: usize,
}

impl PointwiseStep {
    /// Whether tasks are pieces of the pixels: with few weights, which every thread can read, or
    /// more input than the cache holds. Else they are panels, so that each weight is read once.
    pub(crate) fn is_by_pixels(input_blocks: usize, output: Map) -> bool {
        let depth = input_blocks * LANES * size_of::<f32>();
        output.blocks() * LANES * depth <= SHARED_WEIGHT_BYTES
            || output.pixels() * depth > 2 * INPUT_BYTES
    }

    /// With `factors` or a map as target the step must be by pixels.
    pub(crate) fn new(
        weights: PointwiseWeights,
        (input, factors): (ValueId, Option<ValueId>),
        target: Target,
        output: Map,
        settings: &EngineSettings,
    ) -> Self {
        let panels = panels(output.blocks(), PANEL);
        let pixels = output.pixels();
        let by_pixels = matches!(target, Target::Map { .. })
            && Self::is_by_pixels(weights.input_blocks, output);
        let (pieces, panels_per_task) = if by_pixels {
            let input_bytes = pixels * weights.input_blocks * LANES * size_of::<f32>();
            let pieces = input_bytes.div_ceil(INPUT_BYTES);
            let pieces = match settings.threads_per_image() {
                1 => pieces,
                threads => pieces.next_multiple_of(4 * threads),
            };
            (cut(pixels, pieces), panels.len())
        } else {
            (cut(pixels, 1), 1)
        };
        Self {
            weights,
            input,
            factors,
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
        let groups = self.panels.len().div_ceil(self.panels_per_task);
        let (image, part) = context.image_and_part(task, self.pieces.len() * groups);
        let (pieces, group) = (
            &self.pieces[part % self.pieces.len()],
            part / self.pieces.len(),
        );
        let from = group * self.panels_per_task;
        let to = (from + self.panels_per_task).min(self.panels.len());
        let (start, pixels) = (pieces.start * LANES, pieces.len());
        let plane = self.pixels * LANES;
        if let Some(factors) = self.factors {
            for block in 0..self.weights.input_blocks {
                // SAFETY: these pixels of the input are this task's alone.
                unsafe {
                    let input = context.value(self.input, image).add(block * plane + start);
                    context.run(ScaleRun {
                        vectors: pixels,
                        input,
                        factor: context.value(factors, image).add(block * LANES),
                        output: input,
                    });
                }
            }
        }
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
