//! Depthwise convolutions together with the operation in front of them.

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    kernels::{
        activation::Finish,
        depthwise::{DepthwiseRow, TapsRun},
        pixel_target::PixelTarget,
        rounding::{IntegerRun, ToBytes},
        row_target::{Bf16Row, FloatRow},
        sum_target::IntegerRows,
    },
    memory::ValueId,
    padding::Padding,
    simd::{LANES, byte_sums::QUAD},
};

use super::{
    Context, Map, PANEL, Panel, Step,
    producer::{Producer, panels_of},
    ring::Ring,
    rounding::{BYTE_LANES, Rounding},
};

/// A depthwise convolution of bytes that is computed in floats, which hold its sums exactly.
pub(crate) struct BytesAsFloats {
    pub(crate) rounding: ToBytes,
    /// What is done to the sums of a producer of bytes before they are rounded, still in registers.
    pub(crate) input_finish: Option<Finish>,
    /// Of the convolution's weights.
    pub(crate) scales: usize,
}

/// A depthwise convolution, fed row by row.
///
/// A task takes a panel of channels and a stripe of output rows, makes the input rows one after
/// the other into a ring of as many rows as the kernel has, and convolves as soon as the ring
/// holds what an output row needs. So the tensor between the two operations never exists, and
/// what stands for it stays in the first or second cache.
pub(crate) struct DepthwiseStep {
    pub(crate) producer: Producer,
    pub(crate) input: Map,
    pub(crate) output: Map,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: Padding,
    /// `[block][kernel row][kernel column][lane]`, unless they are bytes.
    pub(crate) weights: usize,
    pub(crate) bias: usize,
    pub(crate) bytes: Option<BytesAsFloats>,
    pub(crate) finish: Finish,
    pub(crate) to: ValueId,
    /// How the output is rounded, if it is.
    pub(crate) rounding: Option<Rounding>,
    /// Whether the instruction set has products of bfloat16.
    pub(crate) has_bf16_products: bool,
    /// Where the sums of rows go, `[row][channel]`, for the mean.
    pub(crate) row_sums: Option<ValueId>,
    /// The blocks of a task: a panel or two.
    pub(crate) groups: Vec<Panel>,
    /// Output rows of a task.
    pub(crate) stripe: usize,
}

impl DepthwiseStep {
    fn stripes(&self) -> usize {
        self.output.height.div_ceil(self.stripe)
    }

    fn ring(&self) -> Ring {
        Ring::new(self.input, self.kernel, self.padding)
    }

    /// Whether the output is rounded before it is stored: not with other sets than those for which bfloat16
    /// is more than a way to store weights.
    fn is_rounded_in_registers(&self) -> bool {
        let is_bf16 = matches!(self.rounding, Some(Rounding::Bf16));
        is_bf16 && self.has_bf16_products && !self.finish.is_long()
    }

    /// Floats of one block of an output row that waits to be rounded.
    fn row_plane(&self) -> usize {
        match self.rounding {
            Some(_) if !self.is_rounded_in_registers() => self.output.width * LANES,
            _ => 0,
        }
    }

    /// Floats of the weights of one block, where they are bytes.
    fn taps(&self) -> usize {
        match self.bytes {
            Some(_) => self.kernel * self.kernel * LANES,
            None => 0,
        }
    }

    /// The weights of some blocks in floats, and their scales, if they are bytes: then `taps` has room
    /// for them.
    ///
    /// # Safety
    ///
    /// As [`Step::execute`].
    unsafe fn weights(
        &self,
        context: &Context<'_>,
        group: Panel,
        taps: *mut f32,
    ) -> (*const f32, *const f32) {
        let channel = group.first * LANES;
        let Some(bytes) = &self.bytes else {
            let weights = context.weight(self.weights + channel * self.kernel * self.kernel);
            return (weights, core::ptr::null());
        };
        let quads = self.kernel * self.kernel.div_ceil(QUAD);
        for panel in panels_of(group, PANEL) {
            let block = panel.first - group.first;
            // SAFETY: the weights of a panel; room as above.
            unsafe {
                context.run(TapsRun {
                    kernel: self.kernel,
                    blocks: panel.blocks,
                    weights: context
                        .weight(self.weights + panel.first * LANES * quads)
                        .cast(),
                    output: taps.add(block * self.taps()),
                });
            }
        }
        (taps, context.weight(bytes.scales + channel))
    }

    /// Makes some input rows of one chunk.
    ///
    /// # Safety
    ///
    /// As [`Step::execute`].
    unsafe fn produce(
        &self,
        context: &Context<'_>,
        image: usize,
        group: Panel,
        rows: Range<usize>,
        ring: (&Ring, *mut f32),
        window: *mut f32,
    ) {
        let (ring, start) = ring;
        let (plane, row) = (ring.plane, ring.pitch);
        // SAFETY: rows of the ring, which follow each other in a chunk; rows of each block of
        // the input.
        unsafe {
            let to = start.add(ring.pixels(rows.start));
            let count = rows.len();
            if let Some(bytes) = &self.bytes
                && let Some(finish) = bytes.input_finish
            {
                let width = self.input.width;
                let target = |index: usize, count: usize| IntegerRows {
                    pixels: PixelTarget {
                        output: to.add(index * row),
                        plane,
                        row: width,
                        gap: match count {
                            1 => 0,
                            _ => row - width * LANES,
                        },
                        shortcut: core::ptr::null(),
                    },
                    finish,
                    rounding: bytes.rounding,
                };
                match &self.producer {
                    Producer::Pointwise { input, weights } => {
                        let from = context.value(*input, image);
                        let from = from.add(rows.start * width * BYTE_LANES).cast_const();
                        let input = (from, self.input.pixels() * BYTE_LANES);
                        let (target, pixels) = (target(0, count), count * width);
                        context.run_bytes(weights.byte_run(context, group, input, target, pixels));
                        return;
                    }
                    Producer::Convolution(convolution) => {
                        for (index, row) in rows.enumerate() {
                            convolution.gather(context, image, row, window);
                            let target = target(index, 1);
                            context.run_bytes(convolution.byte_run(context, group, window, target));
                        }
                        return;
                    }
                    Producer::Copy(_) => {}
                }
            }
            self.producer.rows(
                context,
                image,
                self.input,
                group,
                rows,
                (to, row, plane),
                window,
            );
            if let Some(bytes) = &self.bytes {
                for index in 0..group.blocks * count {
                    context.run(IntegerRun {
                        vectors: self.input.width,
                        values: to.add(index / count * plane + index % count * row),
                        rounding: bytes.rounding,
                    });
                }
            }
        }
    }
}

impl DepthwiseStep {
    /// Where the first row of the kernel is over an output row.
    fn top(&self, row: usize) -> isize {
        (row * self.stride) as isize - self.padding.top as isize
    }

    /// The input rows under the kernel over an output row.
    fn rows_under(&self, row: usize) -> Range<usize> {
        let inside = |y: isize| y.clamp(0, self.input.height as isize) as usize;
        let top = self.top(row);
        inside(top)..inside(top + self.kernel as isize)
    }

    /// The run of an output row of a panel, given its weights and their scales.
    fn run<T>(
        &self,
        context: &Context<'_>,
        panel: Panel,
        row: usize,
        (ring, start): (&Ring, *mut f32),
        (weights, scales): (*const f32, *const f32),
        target: T,
    ) -> DepthwiseRow<T> {
        let under = self.rows_under(row);
        let kernel_row = |y: usize| match under.is_empty() {
            true => 0,
            false => (y as isize - self.top(row)) as usize,
        };
        DepthwiseRow {
            pixels: self.output.width,
            ring: start,
            ring_rows: ring.rows,
            ring_pitch: ring.pitch,
            first_slot: under.start % ring.rows,
            first_row: kernel_row(under.start),
            last_row: kernel_row(under.end),
            input_plane: ring.plane,
            kernel: self.kernel,
            stride: self.stride,
            weights,
            scales,
            bias: context.weight(self.bias + panel.first * LANES),
            target,
            blocks: panel.blocks,
            finish: self.finish,
        }
    }

    /// Convolves the rows under one output row, for one panel, given its weights and their scales.
    ///
    /// # Safety
    ///
    /// As [`Step::execute`]; the rows must be in the ring; `unrounded` must have room for a row that waits
    /// to be rounded.
    unsafe fn convolve(
        &self,
        context: &Context<'_>,
        (image, panel): (usize, Panel),
        row: usize,
        ring: (&Ring, *mut f32),
        weights: (*const f32, *const f32),
        unrounded: *mut f32,
    ) {
        let pixel = panel.first * self.output.pixels() + row * self.output.width;
        // SAFETY: a row of the panel's blocks in the output, and its sums.
        unsafe {
            let to = context.value(self.to, image);
            if self.is_rounded_in_registers() {
                let target = Bf16Row {
                    output: to.add(pixel * Rounding::Bf16.lanes()).cast(),
                    plane: self.output.plane(),
                };
                context.run_bf16_products(self.run(context, panel, row, ring, weights, target));
                return;
            }
            let (output, plane) = match self.rounding {
                Some(_) => (unrounded, self.row_plane()),
                None => (to.add(pixel * LANES), self.output.plane()),
            };
            let sums = self.row_sums.map_or(core::ptr::null_mut(), |sums| {
                let at = (row * self.output.blocks() + panel.first) * LANES;
                context.value(sums, image).add(at)
            });
            let target = FloatRow {
                output,
                plane,
                sums,
            };
            context.run(self.run(context, panel, row, ring, weights, target));
            let Some(rounding) = self.rounding else {
                return;
            };
            for block in 0..panel.blocks {
                let pixel = pixel + block * self.output.pixels();
                rounding.run(
                    context,
                    self.output.width,
                    output.add(block * plane),
                    core::ptr::null(),
                    to.add(pixel * rounding.lanes()),
                );
            }
        }
    }
}

impl Step for DepthwiseStep {
    fn tasks(&self, images: usize) -> usize {
        images * self.groups.len() * self.stripes()
    }

    fn scratch(&self) -> usize {
        let largest = self.groups.iter().map(|group| group.blocks).max();
        let block = self.ring().plane + self.row_plane() + self.taps();
        largest.unwrap_or(0) * block + self.producer.window()
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, scratch: *mut f32) {
        let parts = self.groups.len() * self.stripes();
        let (image, part) = context.image_and_part(task, parts);
        let (stripe, group) = (part / self.groups.len(), part % self.groups.len());
        let panel = self.groups[group];
        let rows = stripe * self.stripe..((stripe + 1) * self.stripe).min(self.output.height);
        let ring = self.ring();
        // SAFETY: the scratch holds the ring, a row, weights and the window behind it; rows and blocks lie
        // within the planned output; tasks differ in their image, panel or stripe.
        unsafe {
            let unrounded = scratch.add(panel.blocks * ring.plane);
            let taps = unrounded.add(panel.blocks * self.row_plane());
            let window = taps.add(panel.blocks * self.taps());
            let weights = self.weights(context, panel, taps);
            // The columns of padding are zero; those between are written before they are read.
            ring.clear_padding(scratch, panel.blocks);
            let ring = (&ring, scratch);
            let (chunk, height) = (ring.0.chunk, self.input.height);
            let mut made = self.rows_under(rows.start).start / chunk * chunk;
            for row in rows {
                let last = self.rows_under(row).end;
                while made < last {
                    let rows = made..(made + chunk).min(height);
                    self.produce(context, image, panel, rows, ring, window);
                    made += chunk;
                }
                self.convolve(context, (image, panel), row, ring, weights, unrounded);
            }
        }
    }
}
