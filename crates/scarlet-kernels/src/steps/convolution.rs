//! The dense convolution of the caller's images.

use crate::{
    Padding,
    kernels::{ConvolutionRow, Finish},
    memory::ValueId,
    simd::LANES,
};

use super::{Context, Map, PANEL, Panel, Step, panels};

/// A dense convolution from the engine's input, which is planar.
#[derive(Debug, Clone)]
pub(crate) struct PlanarConvolution {
    pub(crate) input: Map,
    pub(crate) output: Map,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: Padding,
    pub(crate) weights: usize,
    pub(crate) bias: usize,
    pub(crate) finish: Finish,
    taps: Vec<usize>,
}

impl PlanarConvolution {
    #[expect(
        clippy::too_many_arguments,
        reason = "one for each property of a convolution"
    )]
    pub(crate) fn new(
        input: Map,
        output: Map,
        kernel: usize,
        stride: usize,
        padding: Padding,
        weights: usize,
        bias: usize,
        finish: Finish,
    ) -> Self {
        let width = input.width + padding.left + padding.right;
        let rows = 0..input.channels * kernel;
        let taps = rows.flat_map(|row| (0..kernel).map(move |column| row * width + column));
        Self {
            input,
            output,
            kernel,
            stride,
            padding,
            weights,
            bias,
            finish,
            taps: taps.collect(),
        }
    }

    fn padded_width(&self) -> usize {
        self.input.width + self.padding.left + self.padding.right
    }

    /// Floats of [`PlanarConvolution::gather`]'s window.
    pub(super) fn window(&self) -> usize {
        self.input.channels * self.kernel * self.padded_width()
    }

    /// Copies the padded input rows under an output row, `[channel][kernel row][column]`.
    ///
    /// # Safety
    ///
    /// As [`Step::execute`]; `window` must have room for [`PlanarConvolution::window`] floats.
    pub(super) unsafe fn gather(
        &self,
        context: &Context<'_>,
        image: usize,
        row: usize,
        window: *mut f32,
    ) {
        let Map {
            channels,
            height,
            width,
        } = self.input;
        let global = context.first_image + image;
        let padded = self.padded_width();
        for channel in 0..channels {
            for kernel_row in 0..self.kernel {
                // SAFETY: one padded row in the window, one row of the image.
                unsafe {
                    let to = window.add((channel * self.kernel + kernel_row) * padded);
                    let y = row * self.stride + kernel_row;
                    if y < self.padding.top || y >= self.padding.top + height {
                        to.write_bytes(0, padded);
                        continue;
                    }
                    let y = y - self.padding.top;
                    let from = context
                        .input
                        .add(((global * channels + channel) * height + y) * width);
                    to.write_bytes(0, self.padding.left);
                    to.add(self.padding.left)
                        .copy_from_nonoverlapping(from, width);
                    to.add(self.padding.left + width)
                        .write_bytes(0, self.padding.right);
                }
            }
        }
    }

    /// The kernel call for one output row of one panel, from a gathered window.
    pub(super) fn row(
        &self,
        context: &Context<'_>,
        panel: Panel,
        window: *const f32,
        output: (*mut f32, usize),
    ) -> ConvolutionRow<'_> {
        let channel = panel.first * LANES;
        ConvolutionRow {
            pixels: self.output.width,
            input: window,
            stride: self.stride,
            taps: &self.taps,
            weights: context.weight(self.weights + channel * self.taps.len()),
            bias: context.weight(self.bias + channel),
            output: output.0,
            output_plane: output.1,
            blocks: panel.blocks,
            finish: self.finish,
        }
    }
}

/// A dense convolution by itself: one task for each output row.
pub(crate) struct ConvolutionStep {
    convolution: PlanarConvolution,
    panels: Vec<Panel>,
    output: ValueId,
}

impl ConvolutionStep {
    pub(crate) fn new(convolution: PlanarConvolution, output: ValueId) -> Self {
        Self {
            panels: panels(convolution.output.blocks(), PANEL).collect(),
            convolution,
            output,
        }
    }
}

impl Step for ConvolutionStep {
    fn tasks(&self, images: usize) -> usize {
        images * self.convolution.output.height
    }

    fn scratch(&self) -> usize {
        self.convolution.window()
    }

    unsafe fn execute(&self, context: &Context<'_>, task: usize, scratch: *mut f32) {
        let map = self.convolution.output;
        let (image, row) = context.image_and_part(task, map.height);
        // SAFETY: the scratch holds a window; a row of an image in the output.
        unsafe {
            self.convolution.gather(context, image, row, scratch);
            for &panel in &self.panels {
                let at = panel.first * map.plane() + row * map.width * LANES;
                let output = context.value(self.output, image).add(at);
                context.run(
                    self.convolution
                        .row(context, panel, scratch, (output, map.plane())),
                );
            }
        }
    }
}
