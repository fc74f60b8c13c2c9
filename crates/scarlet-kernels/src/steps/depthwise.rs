//! Depthwise convolutions together with the operation in front of them.

use std::ops::Range;

use crate::{
    Padding,
    kernels::{DepthwiseRow, Finish, IntegerRows, IntegerRun, PixelTarget, TapsRun, ToBytes},
    memory::ValueId,
    simd::{LANES, QUAD},
};

use super::{
    BYTE_LANES, Context, Map, PANEL, Panel, Producer, Rounding, Step, producer::panels_of,
};

/// Pixels that fill some tiles of a pointwise convolution.
const CHUNK_PIXELS: usize = 24;

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
    /// Where the sums of rows go, `[row][channel]`, for the mean.
    pub(crate) row_sums: Option<ValueId>,
    /// The blocks of a task: a panel or two.
    pub(crate) groups: Vec<Panel>,
    /// Output rows of a task.
    pub(crate) stripe: usize,
}

impl DepthwiseStep {
    /// The output rows of a task, such that all threads are evenly busy.
    ///
    /// Stripes of rows keep what a thread makes in its own cache up to the next step, but the
    /// rows where they meet are made twice; panels of channels make nothing twice.
    pub(crate) fn stripe_for(
        (input, output): (Map, Map),
        (kernel, stride): (usize, usize),
        padding: Padding,
        panels: usize,
        threads: usize,
    ) -> usize {
        let made = |first: usize, last: usize| {
            let top = (first * stride).saturating_sub(padding.top);
            let bottom = ((last - 1) * stride + kernel).saturating_sub(padding.top);
            bottom.min(input.height).saturating_sub(top)
        };
        let cost = |&stripe: &usize| {
            let starts = (0..output.height).step_by(stripe);
            let most = starts
                .clone()
                .map(|first| made(first, (first + stripe).min(output.height)))
                .max();
            let stripes = starts.len();
            let cost = (panels * stripes).div_ceil(threads) * most.unwrap_or(0);
            // A fifth more for handing the result to other threads.
            cost * if stripes.is_multiple_of(threads) {
                5
            } else {
                6
            }
        };
        let stripes = 1..=output.height.min(4 * threads);
        let candidates = stripes.map(|stripes| output.height.div_ceil(stripes));
        candidates.min_by_key(cost).unwrap_or(output.height)
    }

    fn stripes(&self) -> usize {
        self.output.height.div_ceil(self.stripe)
    }

    fn padded_width(&self) -> usize {
        self.input.width + self.padding.left + self.padding.right
    }

    /// Input rows that are made at a time: more of the narrow ones, so that the pixels make
    /// whole tiles.
    fn chunk(&self) -> usize {
        CHUNK_PIXELS
            .div_ceil(self.input.width)
            .min(self.input.height)
    }

    /// Rows of the ring: whole chunks, enough for the kernel while the next chunk is made.
    fn ring_rows(&self) -> usize {
        let chunk = self.chunk();
        let needed = (self.kernel - 1).next_multiple_of(chunk) + chunk;
        needed.min(self.input.height.next_multiple_of(chunk))
    }

    /// Floats of one block of the ring.
    fn ring_plane(&self) -> usize {
        self.ring_rows() * self.padded_width() * LANES
    }

    /// Floats of one block of an output row that waits to be rounded.
    fn row_plane(&self) -> usize {
        match self.rounding {
            Some(_) => self.output.width * LANES,
            None => 0,
        }
    }

    /// Where an input row lies within a block of the ring.
    fn ring_row(&self, row: usize) -> usize {
        row % self.ring_rows() * self.padded_width() * LANES
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
            return (weights, std::ptr::null());
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
        ring: *mut f32,
        window: *mut f32,
    ) {
        let plane = self.ring_plane();
        let row = self.padded_width() * LANES;
        // SAFETY: rows of the ring, which follow each other in a chunk; rows of each block of
        // the input.
        unsafe {
            let to = ring.add(self.ring_row(rows.start) + self.padding.left * LANES);
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
                        shortcut: std::ptr::null(),
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
                        context.run(weights.byte_run(context, group, input, target, pixels));
                        return;
                    }
                    Producer::Convolution(convolution) => {
                        for (index, row) in rows.enumerate() {
                            convolution.gather(context, image, row, window);
                            let target = target(index, 1);
                            context.run(convolution.byte_run(context, group, window, target));
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

impl Step for DepthwiseStep {
    fn tasks(&self, images: usize) -> usize {
        images * self.groups.len() * self.stripes()
    }

    fn scratch(&self) -> usize {
        let largest = self.groups.iter().map(|group| group.blocks).max();
        let block = self.ring_plane() + self.row_plane() + self.taps();
        largest.unwrap_or(0) * block + self.producer.window()
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, scratch: *mut f32) {
        let parts = self.groups.len() * self.stripes();
        let (image, part) = context.image_and_part(task, parts);
        let (stripe, group) = (part / self.groups.len(), part % self.groups.len());
        let panel = self.groups[group];
        let rows = stripe * self.stripe..((stripe + 1) * self.stripe).min(self.output.height);
        let (ring, plane) = (scratch, self.ring_plane());
        // SAFETY: the scratch holds the ring, a row, weights and the window behind it; rows and blocks lie
        // within the planned output; tasks differ in their image, panel or stripe.
        unsafe {
            let unrounded = ring.add(panel.blocks * plane);
            let taps = unrounded.add(panel.blocks * self.row_plane());
            let window = taps.add(panel.blocks * self.taps());
            let (weights, scales) = self.weights(context, panel, taps);
            // The columns of padding are zero; those between are written before they are read.
            for row in 0..panel.blocks * self.ring_rows() {
                let row = ring.add(row * self.padded_width() * LANES);
                row.write_bytes(0, self.padding.left * LANES);
                row.add((self.padding.left + self.input.width) * LANES)
                    .write_bytes(0, self.padding.right * LANES);
            }
            let top = |row: usize| (row * self.stride) as isize - self.padding.top as isize;
            let (chunk, height) = (self.chunk(), self.input.height);
            let mut made = top(rows.start).clamp(0, height as isize) as usize / chunk * chunk;
            for row in rows {
                let top = top(row);
                let inside = |y: isize| y.clamp(0, height as isize) as usize;
                let (first, last) = (inside(top), inside(top + self.kernel as isize));
                while made < last {
                    let rows = made..(made + chunk).min(height);
                    self.produce(context, image, panel, rows, ring, window);
                    made += chunk;
                }
                let kernel_row = |y: usize| (y as isize - top) as usize;
                let channel = panel.first * LANES;
                let pixel = panel.first * self.output.pixels() + row * self.output.width;
                let to = context.value(self.to, image);
                let (output, output_plane) = match self.rounding {
                    Some(_) => (unrounded, self.row_plane()),
                    None => (to.add(pixel * LANES), self.output.plane()),
                };
                let sums = self.row_sums.map_or(std::ptr::null_mut(), |sums| {
                    let row = row * self.output.blocks() * LANES;
                    context.value(sums, image).add(row + channel)
                });
                let is_empty = first >= last;
                context.run(DepthwiseRow {
                    pixels: self.output.width,
                    ring,
                    ring_rows: self.ring_rows(),
                    ring_pitch: self.padded_width() * LANES,
                    first_slot: first % self.ring_rows(),
                    first_row: if is_empty { 0 } else { kernel_row(first) },
                    last_row: if is_empty { 0 } else { kernel_row(last) },
                    input_plane: plane,
                    kernel: self.kernel,
                    stride: self.stride,
                    weights,
                    scales,
                    bias: context.weight(self.bias + channel),
                    output,
                    output_plane,
                    blocks: panel.blocks,
                    finish: self.finish,
                    sums,
                });
                if let Some(rounding) = self.rounding {
                    for block in 0..panel.blocks {
                        let pixel = pixel + block * self.output.pixels();
                        rounding.run(
                            context,
                            self.output.width,
                            output.add(block * output_plane),
                            std::ptr::null(),
                            to.add(pixel * rounding.lanes()),
                        );
                    }
                }
            }
        }
    }
}
