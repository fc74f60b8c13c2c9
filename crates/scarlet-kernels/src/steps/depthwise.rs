//! Depthwise convolutions together with the operation in front of them.

use crate::{
    EngineSettings, Padding,
    kernels::{DepthwiseRow, Finish, LARGEST_DEPTHWISE},
    memory::ValueId,
    simd::LANES,
};

use super::{Context, Map, PANEL, Panel, PlanarConvolution, PointwiseWeights, Step, panels};

/// What makes the rows that a depthwise convolution reads.
pub(crate) enum Producer {
    /// They are there: only padding is added.
    Copy(ValueId),
    /// A pointwise convolution of a map.
    Pointwise {
        input: ValueId,
        weights: PointwiseWeights,
    },
    /// A dense convolution of the engine's input.
    Convolution(PlanarConvolution),
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
    /// `[block][kernel row][kernel column][lane]`.
    pub(crate) weights: usize,
    pub(crate) bias: usize,
    pub(crate) finish: Finish,
    pub(crate) to: ValueId,
    /// Where the sums of rows go, `[row][channel]`, for the mean.
    pub(crate) row_sums: Option<ValueId>,
    pub(crate) panels: Vec<Panel>,
    /// Output rows of a task.
    pub(crate) stripe: usize,
}

impl DepthwiseStep {
    /// The panels, and the output rows of a task, that keep all threads evenly busy: more stripes
    /// make finer tasks, but the rows where stripes meet are made twice.
    pub(crate) fn tasks_for(
        input: Map,
        output: Map,
        kernel: usize,
        stride: usize,
        settings: &EngineSettings,
    ) -> (Vec<Panel>, usize) {
        let threads = settings.threads;
        let panels = panels(output.blocks(), PANEL);
        let rounds_of_rows = |stripes: usize| {
            let rows = output.height.div_ceil(stripes);
            let made = ((rows - 1) * stride + kernel).min(input.height);
            (settings.batch * panels.len() * stripes).div_ceil(threads) * made
        };
        let stripes = (1..=output.height.min(4 * threads))
            .min_by_key(|&stripes| rounds_of_rows(stripes))
            .unwrap_or(1);
        (panels, output.height.div_ceil(stripes))
    }

    fn stripes(&self) -> usize {
        self.output.height.div_ceil(self.stripe)
    }

    fn padded_width(&self) -> usize {
        self.input.width + self.padding.left + self.padding.right
    }

    /// Floats of one block of the ring.
    fn ring_plane(&self) -> usize {
        self.kernel * self.padded_width() * LANES
    }

    /// Where an input row lies within a block of the ring.
    fn ring_row(&self, row: usize) -> usize {
        row % self.kernel * self.padded_width() * LANES
    }

    /// Makes one input row.
    ///
    /// # Safety
    ///
    /// As [`Step::execute`].
    unsafe fn produce(
        &self,
        context: &Context<'_>,
        image: usize,
        panel: Panel,
        row: usize,
        ring: *mut f32,
        window: *mut f32,
    ) {
        let plane = self.ring_plane();
        let (width, input_plane) = (self.input.width, self.input.plane());
        // SAFETY: a row of the ring; a row of each block of the input.
        unsafe {
            let to = ring.add(self.ring_row(row) + self.padding.left * LANES);
            match &self.producer {
                Producer::Copy(input) => {
                    let from = context.value(*input, image).add(row * width * LANES);
                    for block in 0..panel.blocks {
                        to.add(block * plane).copy_from_nonoverlapping(
                            from.add((panel.first + block) * input_plane),
                            width * LANES,
                        );
                    }
                }
                Producer::Pointwise { input, weights } => {
                    let from = context.value(*input, image).add(row * width * LANES);
                    let from = (from.cast_const(), input_plane);
                    context.run(weights.run(context, panel, from, (to, plane), width));
                }
                Producer::Convolution(convolution) => {
                    convolution.gather(context, image, row, window);
                    context.run(convolution.row(context, panel, window, (to, plane)));
                }
            }
        }
    }
}

impl Step for DepthwiseStep {
    fn tasks(&self, images: usize) -> usize {
        images * self.panels.len() * self.stripes()
    }

    fn scratch(&self) -> usize {
        let largest = self.panels.iter().map(|panel| panel.blocks).max();
        let window = match &self.producer {
            Producer::Convolution(convolution) => convolution.window(),
            _ => 0,
        };
        largest.unwrap_or(0) * self.ring_plane() + window
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, scratch: *mut f32) {
        let stripes = self.stripes();
        let (stripe, rest) = (task % stripes, task / stripes);
        let (image, panel) = (rest % context.images, rest / context.images);
        let panel = self.panels[panel];
        let rows = stripe * self.stripe..((stripe + 1) * self.stripe).min(self.output.height);
        let (ring, plane) = (scratch, self.ring_plane());
        // SAFETY: the scratch holds the ring and the window behind it; rows and blocks lie within
        // the planned output; tasks differ in their image, panel or stripe.
        unsafe {
            let window = ring.add(panel.blocks * plane);
            // The columns of padding are zero; those between are written before they are read.
            for row in 0..panel.blocks * self.kernel {
                let row = ring.add(row * self.padded_width() * LANES);
                row.write_bytes(0, self.padding.left * LANES);
                row.add((self.padding.left + self.input.width) * LANES)
                    .write_bytes(0, self.padding.right * LANES);
            }
            let top = |row: usize| (row * self.stride) as isize - self.padding.top as isize;
            let mut made = top(rows.start).max(0) as usize;
            for row in rows {
                let top = top(row);
                let inside = |y: isize| y.clamp(0, self.input.height as isize) as usize;
                let (first, last) = (inside(top), inside(top + self.kernel as isize));
                while made < last {
                    self.produce(context, image, panel, made, ring, window);
                    made += 1;
                }
                let mut inputs = [ring.cast_const(); LARGEST_DEPTHWISE];
                let kernel_row = |y: usize| (y as isize - top) as usize;
                for y in first..last {
                    inputs[kernel_row(y)] = ring.add(self.ring_row(y));
                }
                let channel = panel.first * LANES;
                let at = panel.first * self.output.plane() + row * self.output.width * LANES;
                let sums = self.row_sums.map_or(std::ptr::null_mut(), |sums| {
                    let row = row * self.output.blocks() * LANES;
                    context.value(sums, image).add(row + channel)
                });
                let is_empty = first >= last;
                context.run(DepthwiseRow {
                    pixels: self.output.width,
                    rows: inputs,
                    first_row: if is_empty { 0 } else { kernel_row(first) },
                    last_row: if is_empty { 0 } else { kernel_row(last) },
                    input_plane: plane,
                    kernel: self.kernel,
                    stride: self.stride,
                    weights: context.weight(self.weights + channel * self.kernel * self.kernel),
                    bias: context.weight(self.bias + channel),
                    output: context.value(self.to, image).add(at),
                    output_plane: self.output.plane(),
                    blocks: panel.blocks,
                    finish: self.finish,
                    sums,
                });
            }
        }
    }
}
