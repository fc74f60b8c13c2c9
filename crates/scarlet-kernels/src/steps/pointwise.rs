//! Pointwise convolutions that are not part of a [`DepthwiseStep`](super::DepthwiseStep).

use std::ops::Range;

use crate::{
    EngineSettings,
    kernels::{
        Bf16PointwiseRun, BytePointwiseRun, Finish, Finished, PixelTarget, PointwiseRun, ScaleRun,
        SumRun, WordProducts,
    },
    memory::ValueId,
    simd::{LANES, PAIR, WORD},
};

use super::{BYTE_LANES, Context, Map, PANEL, Panel, Rounding, Step, panels};

/// Input bytes that are multiplied by all panels before the next pixels: half of a common
/// second-level cache.
const INPUT_BYTES: usize = 256 << 10;

/// Weights that each thread can afford to read in full.
const SHARED_WEIGHT_BYTES: usize = 256 << 10;

/// Pixels that are rounded at a time, while they are in the first-level cache.
const ROUNDED: usize = 96;

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
    fn depth_bytes(&self) -> usize {
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
                    context.run(self.byte_run(context, panel, from, finished, pixels));
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
    fn word_run<T, const STEP: usize, const WORDS: usize>(
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

/// Where a pointwise convolution's result goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// To a map, after adding another map of the same sizes; in floats, rounded, or both.
    Map {
        output: Option<ValueId>,
        shortcut: Option<ValueId>,
        rounded: Option<(ValueId, Rounding)>,
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
    /// more input than the cache holds, by the bytes of all input channels. Else they are panels, so that each weight is read once.
    pub(crate) fn is_by_pixels(depth_bytes: usize, output: Map) -> bool {
        output.blocks() * LANES * depth_bytes <= SHARED_WEIGHT_BYTES
            || output.pixels() * depth_bytes > 2 * INPUT_BYTES
    }

    /// With `factors` or a map as target the step must be by pixels.
    pub(crate) fn new(
        weights: PointwiseWeights,
        (input, factors): (ValueId, Option<ValueId>),
        target: Target,
        output: Map,
        settings: &EngineSettings,
    ) -> Self {
        let panels: Vec<Panel> = panels(output.blocks(), weights.panel()).collect();
        let pixels = output.pixels();
        let by_pixels = matches!(target, Target::Map { .. })
            && Self::is_by_pixels(weights.depth_bytes(), output);
        let (pieces, panels_per_task) = if by_pixels {
            let input_bytes = pixels * weights.depth_bytes();
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
            Target::Map { output: None, .. } => self.weights.panel() * ROUNDED * LANES,
            Target::Map { .. } => 0,
            Target::Mean(_) => self.weights.panel() * self.pixels * LANES,
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
        let input_lanes = self.weights.input_lanes();
        for &panel in &self.panels[from..to] {
            // SAFETY: pixels and panels lie within the planned input, output and weights; tasks
            // differ in their image, pixels or panels.
            unsafe {
                let input = context.value(self.input, image);
                let at = panel.first * plane;
                let multiply = |(output, plane), shortcut, pixels: Range<usize>| {
                    let target = PixelTarget {
                        output,
                        plane,
                        row: pixels.len(),
                        gap: 0,
                        shortcut,
                    };
                    let from = input.add(pixels.start * input_lanes).cast_const();
                    let from = (from, self.pixels * input_lanes);
                    self.weights
                        .multiply(context, panel, from, target, pixels.len());
                };
                match self.target {
                    Target::Map {
                        output,
                        shortcut,
                        rounded,
                    } => {
                        let length = match rounded {
                            Some(_) => ROUNDED,
                            None => pixels,
                        };
                        for first in pieces.clone().step_by(length) {
                            let pixels = first..(first + length).min(pieces.end);
                            let at = at + first * LANES;
                            let shortcut = shortcut.map_or(std::ptr::null(), |shortcut| {
                                context.value(shortcut, image).add(at).cast_const()
                            });
                            let (floats, plane) = match output {
                                Some(output) => (context.value(output, image).add(at), plane),
                                None => (scratch, ROUNDED * LANES),
                            };
                            multiply((floats, plane), shortcut, pixels.clone());
                            let Some((rounded, rounding)) = rounded else {
                                continue;
                            };
                            for block in 0..panel.blocks {
                                let pixel = (panel.first + block) * self.pixels + first;
                                let to = context.value(rounded, image);
                                let to = to.add(pixel * rounding.lanes());
                                let floats = floats.add(block * plane);
                                rounding.run(context, pixels.len(), floats, std::ptr::null(), to);
                            }
                        }
                    }
                    Target::Mean(output) => {
                        multiply((scratch, plane), std::ptr::null(), 0..pixels);
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
