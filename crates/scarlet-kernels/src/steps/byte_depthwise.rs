//! Depthwise convolutions of bytes together with the operation in front of them.

use alloc::vec::Vec;

use crate::{
    kernels::{
        activation::Finish,
        byte_depthwise::{ByteDepthwiseRow, LARGEST_KERNEL, has_byte_depthwise},
        elementwise::SumRun,
        pixel_target::PixelTarget,
        quad_target::{PixelBytes, QuadRow},
        rounding::{QuadRun, RoundRun, ToBytes},
        sum_target::Finished,
    },
    memory::ValueId,
    padding::Padding,
    simd::{LANES, byte_sums::QUAD, instruction_set::InstructionSet},
};

use super::{
    Context, Map, PANEL, Panel, Step,
    producer::{Producer, panels_of},
    rounding::BYTE_LANES,
};

/// A depthwise convolution of bytes, fed row by row; as [`DepthwiseStep`](super::depthwise::DepthwiseStep), but
/// the ring holds bytes, four neighbouring pixels of a channel side by side.
pub(crate) struct ByteDepthwiseStep {
    pub(crate) producer: Producer,
    /// How the producer's rows are rounded.
    pub(crate) input_rounding: ToBytes,
    /// What is done to the sums of a producer of bytes before they are rounded, still in registers.
    pub(crate) input_finish: Option<Finish>,
    pub(crate) input: Map,
    pub(crate) output: Map,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: Padding,
    /// `[panel][kernel row][four kernel columns][channel][column of the four]`.
    pub(crate) weights: usize,
    pub(crate) bias: usize,
    pub(crate) scales: usize,
    /// What sums start from, as integers.
    pub(crate) starts: usize,
    pub(crate) finish: Finish,
    pub(crate) to: ValueId,
    /// How the output is rounded to bytes, if it is.
    pub(crate) rounding: Option<ToBytes>,
    /// Where the sums of rows go, `[row][channel]`, for the mean.
    pub(crate) row_sums: Option<ValueId>,
    /// The blocks of a task: a panel or two.
    pub(crate) groups: Vec<Panel>,
    /// Output rows of a task.
    pub(crate) stripe: usize,
}

impl ByteDepthwiseStep {
    /// Whether there are kernels for it.
    pub(crate) fn suits(
        instructions: Option<InstructionSet>,
        kernel: usize,
        stride: usize,
        padding: Padding,
    ) -> bool {
        instructions.is_some_and(InstructionSet::has_quads)
            && padding.left <= QUAD
            && has_byte_depthwise(kernel, stride, first(padding))
    }

    fn stripes(&self) -> usize {
        self.output.height.div_ceil(self.stripe)
    }

    /// Quads of a row: one of zeros on the left, the row, and as many on the right as kernels read.
    fn row_quads(&self) -> usize {
        let last = self.output.width.next_multiple_of(QUAD) - 1;
        let read = first(self.padding) + last * self.stride + self.kernel.next_multiple_of(QUAD);
        // The quad behind the last one is read too.
        let read = read.div_ceil(QUAD) + 1;
        read.max(1 + self.input.width.div_ceil(QUAD))
    }

    /// Bytes of a panel's row.
    fn row(&self) -> usize {
        self.row_quads() * PANEL * LANES * QUAD
    }

    /// Bytes of a panel in the ring.
    fn ring_panel(&self) -> usize {
        self.ring_rows() * self.row()
    }

    /// Rows of the ring.
    fn ring_rows(&self) -> usize {
        self.kernel.min(self.input.height)
    }

    /// Floats of one block of a row that waits to be rounded.
    fn float_row(&self) -> usize {
        self.input.width.max(self.output.width) * LANES
    }

    /// Makes an input row.
    ///
    /// # Safety
    ///
    /// As [`Step::execute`]; `to` must have room for it, panel after panel.
    unsafe fn produce(
        &self,
        context: &Context<'_>,
        image: usize,
        group: Panel,
        row: usize,
        to: *mut u8,
        (floats, window): (*mut f32, *mut f32),
    ) {
        let target = QuadRow {
            output: to,
            // Columns of padding are in a quad of their own.
            lead: usize::from(self.padding.left > 0),
            panel: self.ring_panel(),
            finish: self.input_finish.unwrap_or(Finish::None),
            rounding: self.input_rounding,
        };
        // SAFETY: a row of each block of the input; room as above.
        unsafe {
            match &self.producer {
                Producer::Pointwise { input, weights } if self.input_finish.is_some() => {
                    let width = self.input.width;
                    let from = context.value(*input, image).add(row * width * BYTE_LANES);
                    let input = (from.cast_const(), self.input.pixels() * BYTE_LANES);
                    context.run_quads(weights.byte_run(context, group, input, target, width));
                    return;
                }
                Producer::Convolution(convolution) if self.input_finish.is_some() => {
                    convolution.gather(context, image, row, window);
                    context.run_quads(convolution.byte_run(context, group, window, target));
                    return;
                }
                _ => {}
            }
            let plane = self.float_row();
            let rows = row..row + 1;
            let floats_to = (floats, plane, plane);
            self.producer
                .rows(context, image, self.input, group, rows, floats_to, window);
            context.run_quads(QuadRun {
                pixels: self.input.width,
                input: floats,
                input_plane: plane,
                blocks: group.blocks,
                output: target,
            });
        }
    }

    /// The run of the rows under one output row, for one panel.
    fn run<T>(
        &self,
        context: &Context<'_>,
        panel: Panel,
        rows: [*const u8; LARGEST_KERNEL],
        target: T,
    ) -> ByteDepthwiseRow<T> {
        let channel = panel.first * LANES;
        let quads = self.kernel * self.kernel.div_ceil(QUAD);
        ByteDepthwiseRow {
            pixels: self.output.width,
            rows,
            first: first(self.padding),
            kernel: self.kernel,
            stride: self.stride,
            weights: context.weight(self.weights + channel * quads).cast(),
            start: context.weight(self.starts + channel).cast(),
            scales: context.weight(self.scales + channel),
            bias: context.weight(self.bias + channel),
            target,
            blocks: panel.blocks,
        }
    }

    /// Convolves the rows under one output row, for one panel.
    ///
    /// # Safety
    ///
    /// As [`Step::execute`]; the rows must be those of the panel.
    unsafe fn convolve(
        &self,
        context: &Context<'_>,
        image: usize,
        panel: Panel,
        row: usize,
        rows: [*const u8; LARGEST_KERNEL],
        floats: *mut f32,
    ) {
        let width = self.output.width;
        let pixel = panel.first * self.output.pixels() + row * width;
        // SAFETY: a row of the panel's blocks in the output.
        unsafe {
            let to = context.value(self.to, image);
            let bytes = to.add(pixel * BYTE_LANES).cast::<u8>();
            if let Some(rounding) = self.rounding
                && self.finish.is_for_registers()
            {
                context.run_quads(self.run(
                    context,
                    panel,
                    rows,
                    PixelBytes {
                        output: bytes,
                        plane: self.output.pixels() * LANES,
                        finish: self.finish,
                        rounding,
                    },
                ));
                return;
            }
            let (output, plane) = match self.rounding {
                Some(_) => (floats, self.float_row()),
                None => (to.add(pixel * LANES), self.output.plane()),
            };
            context.run_quads(self.run(
                context,
                panel,
                rows,
                Finished {
                    pixels: PixelTarget {
                        output,
                        plane,
                        row: width,
                        gap: 0,
                        shortcut: core::ptr::null(),
                    },
                    finish: self.finish,
                },
            ));
            for block in 0..panel.blocks {
                let output = output.add(block * plane);
                if let Some(sums) = self.row_sums {
                    let at = (row * self.output.blocks() + panel.first + block) * LANES;
                    context.run(SumRun {
                        vectors: width,
                        input: output,
                        stride: LANES,
                        factor: 1.0,
                        output: context.value(sums, image).add(at),
                    });
                }
                if let Some(rounding) = self.rounding {
                    context.run(RoundRun {
                        vectors: width,
                        input: output,
                        factors: core::ptr::null(),
                        rounding,
                        output: bytes.add(block * self.output.pixels() * LANES),
                    });
                }
            }
        }
    }
}

/// Which of four pixels is the first under a kernel at the left edge, where the image begins with
/// the next four.
fn first(padding: Padding) -> usize {
    QUAD.saturating_sub(padding.left) % QUAD
}

impl Step for ByteDepthwiseStep {
    fn tasks(&self, images: usize) -> usize {
        images * self.groups.len() * self.stripes()
    }

    fn scratch(&self) -> usize {
        let blocks = self.groups.iter().map(|group| group.blocks).max();
        let blocks = blocks.unwrap_or(0);
        // The ring, and a row of zeros.
        let bytes = blocks.div_ceil(PANEL) * self.ring_panel() + self.row();
        bytes / size_of::<f32>() + blocks * self.float_row() + self.producer.window()
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, scratch: *mut f32) {
        let parts = self.groups.len() * self.stripes();
        let (image, part) = context.image_and_part(task, parts);
        let (stripe, group) = (part / self.groups.len(), part % self.groups.len());
        let group = self.groups[group];
        let rows = stripe * self.stripe..((stripe + 1) * self.stripe).min(self.output.height);
        let (ring_rows, height) = (self.ring_rows(), self.input.height);
        let ring = scratch.cast::<u8>();
        let ring_bytes = group.blocks.div_ceil(PANEL) * self.ring_panel();
        // SAFETY: the scratch holds the ring, a row of zeros, floats and the window behind them; rows and
        // blocks lie within the planned output; tasks differ in their image, group or stripe.
        unsafe {
            let zeros = ring.add(ring_bytes);
            let floats = zeros.add(self.row()).cast::<f32>();
            let window = floats.add(group.blocks * self.float_row());
            // Around the image there are zeros; what is between is written before it is read.
            let zero = self.input_rounding.zero as u8;
            ring.write_bytes(zero, ring_bytes + self.row());
            let top = |row: usize| (row * self.stride) as isize - self.padding.top as isize;
            let inside = |y: isize| y.clamp(0, height as isize) as usize;
            let mut made = inside(top(rows.start));
            for row in rows {
                let top = top(row);
                while made < inside(top + self.kernel as isize) {
                    let to = ring.add(made % ring_rows * self.row());
                    self.produce(context, image, group, made, to, (floats, window));
                    made += 1;
                }
                for panel in panels_of(group, PANEL) {
                    let index = (panel.first - group.first) / PANEL;
                    let ring = ring.add(index * self.ring_panel()).cast_const();
                    let mut under = [zeros.cast_const(); LARGEST_KERNEL];
                    for (y, under) in (top..).zip(&mut under).take(self.kernel) {
                        if (0..height as isize).contains(&y) {
                            *under = ring.add(y as usize % ring_rows * self.row());
                        }
                    }
                    self.convolve(context, image, panel, row, under, floats);
                }
            }
        }
    }
}
