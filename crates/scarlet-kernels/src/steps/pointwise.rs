//! Pointwise convolutions that are not part of a [`DepthwiseStep`](super::depthwise::DepthwiseStep).

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    engine::EngineSettings,
    kernels::{
        elementwise::{ScaleRun, SumRun},
        pixel_target::PixelTarget,
        sum_target::Bf16Pixels,
        word_products::Bf16PointwiseRun,
    },
    memory::ValueId,
    simd::LANES,
};

use super::{
    Context, Map, Panel, Step, panels,
    pointwise_weights::{Factors, PointwiseWeights},
    rounding::Rounding,
};

/// Input bytes that are multiplied by all panels before the next pixels: half of a common
/// second-level cache.
const INPUT_BYTES: usize = 256 << 10;

/// Weights that each thread can afford to read in full.
const SHARED_WEIGHT_BYTES: usize = 256 << 10;

/// Pixels that are rounded at a time, while they are in the first-level cache.
const ROUNDED: usize = 96;

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

impl PointwiseStep {
    /// The floats between two blocks of a map in floats.
    fn plane(&self) -> usize {
        self.pixels * LANES
    }

    /// Applies the factors to some pixels of the input.
    ///
    /// # Safety
    ///
    /// These pixels must be the task's alone.
    unsafe fn scale(
        &self,
        context: &Context<'_>,
        image: usize,
        factors: ValueId,
        pixels: &Range<usize>,
    ) {
        for block in 0..self.weights.input_blocks {
            // SAFETY: as above; the factors of a block.
            unsafe {
                let at = block * self.plane() + pixels.start * LANES;
                let input = context.value(self.input, image).add(at);
                context.run(ScaleRun {
                    vectors: pixels.len(),
                    input,
                    factor: context.value(factors, image).add(block * LANES),
                    output: input,
                });
            }
        }
    }

    /// Where some pixels of the input begin, and the floats from one block to the next.
    ///
    /// # Safety
    ///
    /// They must be pixels of the input.
    unsafe fn input(
        &self,
        context: &Context<'_>,
        image: usize,
        pixel: usize,
    ) -> (*const f32, usize) {
        let lanes = self.weights.input_lanes();
        // SAFETY: as above.
        let from = unsafe { context.value(self.input, image).add(pixel * lanes) };
        (from, self.pixels * lanes)
    }

    /// Computes some pixels of a panel in floats.
    ///
    /// # Safety
    ///
    /// As [`Step::execute`]; the target must have room for them.
    unsafe fn multiply(
        &self,
        context: &Context<'_>,
        (image, panel): (usize, Panel),
        (output, plane): (*mut f32, usize),
        shortcut: *const f32,
        pixels: Range<usize>,
    ) {
        let target = PixelTarget {
            output,
            plane,
            row: pixels.len(),
            gap: 0,
            shortcut,
        };
        // SAFETY: as above.
        unsafe {
            let from = self.input(context, image, pixels.start);
            self.weights
                .multiply(context, panel, from, target, pixels.len());
        }
    }

    /// Computes some pixels of a panel of the map that is the target.
    ///
    /// # Safety
    ///
    /// As [`Step::execute`]; the scratch must have room for a [piece](ROUNDED) that waits to be rounded.
    unsafe fn to_map(
        &self,
        context: &Context<'_>,
        place: (usize, Panel),
        (output, shortcut): (Option<ValueId>, Option<ValueId>),
        pixels: Range<usize>,
        scratch: *mut f32,
        rounded: Option<(ValueId, Rounding)>,
    ) {
        let (image, panel) = place;
        let length = match rounded {
            Some(_) => ROUNDED,
            None => pixels.len().max(1),
        };
        for first in pixels.clone().step_by(length) {
            let pixels = first..(first + length).min(pixels.end);
            let at = panel.first * self.plane() + first * LANES;
            // SAFETY: pixels of the panel in each value.
            unsafe {
                let shortcut = shortcut.map_or(core::ptr::null(), |shortcut| {
                    context.value(shortcut, image).add(at).cast_const()
                });
                let (floats, plane) = match output {
                    Some(output) => (context.value(output, image).add(at), self.plane()),
                    None => (scratch, ROUNDED * LANES),
                };
                self.multiply(context, place, (floats, plane), shortcut, pixels.clone());
                let Some((rounded, rounding)) = rounded else {
                    continue;
                };
                for block in 0..panel.blocks {
                    let pixel = (panel.first + block) * self.pixels + first;
                    let to = context.value(rounded, image);
                    let to = to.add(pixel * rounding.lanes());
                    let floats = floats.add(block * plane);
                    rounding.run(context, pixels.len(), floats, core::ptr::null(), to);
                }
            }
        }
    }

    /// The same where the map is rounded to bfloat16 before it is stored.
    ///
    /// # Safety
    ///
    /// As [`Step::execute`].
    unsafe fn to_bf16_map(
        &self,
        context: &Context<'_>,
        (image, panel): (usize, Panel),
        (output, shortcut): (Option<ValueId>, Option<ValueId>),
        pixels: Range<usize>,
        rounded: ValueId,
    ) {
        let at = panel.first * self.plane() + pixels.start * LANES;
        // SAFETY: pixels of the panel in each value.
        unsafe {
            let floats = |id| context.value(id, image).add(at);
            let target = Bf16Pixels {
                output: context.value(rounded, image).cast::<u16>().add(at),
                floats: output.map_or(core::ptr::null_mut(), floats),
                shortcut: shortcut.map_or(core::ptr::null(), |id| floats(id).cast_const()),
                plane: self.plane(),
                finish: self.weights.finish,
            };
            let from = self.input(context, image, pixels.start);
            let weights = &self.weights;
            let run: Bf16PointwiseRun<_> =
                weights.word_run(context, panel, from, target, pixels.len());
            context.run_bf16(run);
        }
    }

    /// Computes the mean of a panel over all pixels.
    ///
    /// # Safety
    ///
    /// As [`Step::execute`]; the scratch must have room for the panel.
    unsafe fn to_mean(
        &self,
        context: &Context<'_>,
        place: (usize, Panel),
        output: ValueId,
        scratch: *mut f32,
    ) {
        let (image, panel) = place;
        let plane = self.plane();
        // SAFETY: the panel in the scratch and in the output.
        unsafe {
            let target = (scratch, plane);
            self.multiply(context, place, target, core::ptr::null(), 0..self.pixels);
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

impl Step for PointwiseStep {
    fn tasks(&self, images: usize) -> usize {
        images * self.pieces.len() * self.panels.len().div_ceil(self.panels_per_task)
    }

    fn scratch(&self) -> usize {
        match self.target {
            Target::Map { output: None, .. } => self.weights.panel() * ROUNDED * LANES,
            Target::Map { .. } => 0,
            Target::Mean(_) => self.weights.panel() * self.plane(),
        }
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, scratch: *mut f32) {
        let groups = self.panels.len().div_ceil(self.panels_per_task);
        let (image, part) = context.image_and_part(task, self.pieces.len() * groups);
        let (piece, group) = (part % self.pieces.len(), part / self.pieces.len());
        let pixels = &self.pieces[piece];
        let from = group * self.panels_per_task;
        let to = (from + self.panels_per_task).min(self.panels.len());
        let is_bf16 = matches!(self.weights.factors, Factors::Bf16);
        // SAFETY: pixels and panels lie within the planned input, output and weights; tasks differ in
        // their image, pixels or panels. With factors, these pixels are one task's alone.
        unsafe {
            if let Some(factors) = self.factors {
                self.scale(context, image, factors, pixels);
            }
            for &panel in &self.panels[from..to] {
                let (place, pixels) = ((image, panel), pixels.clone());
                match self.target {
                    Target::Map {
                        output,
                        shortcut,
                        rounded: Some((rounded, Rounding::Bf16)),
                    } if is_bf16 && !self.weights.finish.is_long() => {
                        let floats = (output, shortcut);
                        self.to_bf16_map(context, place, floats, pixels, rounded);
                    }
                    Target::Map {
                        output,
                        shortcut,
                        rounded,
                    } => {
                        let floats = (output, shortcut);
                        self.to_map(context, place, floats, pixels, scratch, rounded);
                    }
                    Target::Mean(output) => self.to_mean(context, place, output, scratch),
                }
            }
        }
    }
}
