//! The dense convolution of the caller's images.

use alloc::vec::Vec;

use crate::{
    kernels::{
        activation::Finish,
        convolution::ConvolutionRow,
        pixel_target::PixelTarget,
        rounding::{RoundRun, ToBytes},
        sum_target::Finished,
        word_products::ByteConvolutionRow,
    },
    memory::ValueId,
    padding::Padding,
    simd::{LANES, byte_sums::QUAD},
};

use super::{Context, Map, PANEL, Panel, Step, panels, producer::panels_of};

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
    /// How the image is rounded, and where the scales of weights in bytes are, if they are.
    pub(crate) bytes: Option<(ToBytes, usize)>,
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
        bytes: Option<(ToBytes, usize)>,
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
            bytes,
            finish,
            taps: taps.collect(),
        }
    }

    fn padded_width(&self) -> usize {
        self.input.width + self.padding.left + self.padding.right
    }

    /// Bytes of a padded row in a window of bytes, with what the last quad reads beyond it.
    fn byte_row(&self) -> usize {
        (self.padded_width() + QUAD).next_multiple_of(LANES)
    }

    /// Floats of [`PlanarConvolution::gather`]'s window.
    pub(super) fn window(&self) -> usize {
        let rows = self.input.channels * self.kernel;
        match self.bytes {
            // And a vector for the end of a row.
            Some(_) => rows * self.byte_row() / size_of::<f32>() + 2 * LANES,
            None => rows * self.padded_width(),
        }
    }

    /// Copies the padded input rows under an output row, `[channel][kernel row][column]`; as bytes, if
    /// they are rounded.
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
        if let Some((rounding, _)) = self.bytes {
            // SAFETY: as above.
            unsafe { self.gather_bytes(context, global, row, window, rounding) };
            return;
        }
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

    /// [`gather`](Self::gather) for bytes.
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn gather_bytes(
        &self,
        context: &Context<'_>,
        global: usize,
        row: usize,
        window: *mut f32,
        rounding: ToBytes,
    ) {
        let Map {
            channels,
            height,
            width,
        } = self.input;
        let length = self.byte_row();
        let rows = channels * self.kernel;
        // SAFETY: rows of the window, and the vector behind them; one row of the image each.
        unsafe {
            let bytes = window.cast::<u8>();
            let end = window.add(rows * length / size_of::<f32>());
            bytes.write_bytes(rounding.zero as u8, rows * length);
            let round = |vectors, input, output| RoundRun {
                vectors,
                input,
                factors: core::ptr::null(),
                rounding,
                output,
            };
            for index in 0..rows {
                let y = row * self.stride + index % self.kernel;
                if y < self.padding.top || y >= self.padding.top + height {
                    continue;
                }
                let y = y - self.padding.top;
                let channel = global * channels + index / self.kernel;
                let from = context.input.add((channel * height + y) * width);
                let to = bytes.add(index * length + self.padding.left);
                context.run(round(width / LANES, from, to));
                let whole = width / LANES * LANES;
                if whole < width {
                    end.write_bytes(0, LANES);
                    end.copy_from_nonoverlapping(from.add(whole), width - whole);
                    let last = end.add(LANES).cast::<u8>();
                    context.run(round(1, end.cast_const(), last));
                    to.add(whole).copy_from_nonoverlapping(last, width - whole);
                }
            }
        }
    }

    /// Computes one output row of some blocks, a panel or two, from a gathered window.
    ///
    /// # Safety
    ///
    /// As [`Step::execute`]; the target must have room for the row.
    pub(super) unsafe fn row(
        &self,
        context: &Context<'_>,
        group: Panel,
        window: *const f32,
        (output, plane): (*mut f32, usize),
    ) {
        let pixels = PixelTarget {
            output,
            plane,
            row: self.output.width,
            gap: 0,
            shortcut: core::ptr::null(),
        };
        let finish = self.finish;
        // SAFETY: as above.
        unsafe {
            if self.bytes.is_some() {
                let target = Finished { pixels, finish };
                context.run_bytes(self.byte_run(context, group, window, target));
                return;
            }
            for panel in panels_of(group, PANEL) {
                let at = (panel.first - group.first) * plane;
                context.run(self.float_row(context, panel, window, (output.add(at), plane)));
            }
        }
    }

    /// The run of one output row of bytes, for one or two panels.
    pub(super) fn byte_run<T>(
        &self,
        context: &Context<'_>,
        group: Panel,
        window: *const f32,
        target: T,
    ) -> ByteConvolutionRow<T> {
        let channel = group.first * LANES;
        let rows = self.input.channels * self.kernel;
        let scales = self.bytes.map_or(self.bias, |(_, scales)| scales);
        // A quad of weights takes the room of a float.
        let weights = self.weights + channel * rows;
        ByteConvolutionRow {
            pixels: self.output.width,
            input: window.cast(),
            plane: self.byte_row(),
            planes: rows,
            weights: context.weight(weights).cast(),
            scales: context.weight(scales + channel),
            bias: context.weight(self.bias + channel),
            target,
            blocks: group.blocks,
        }
    }

    /// The kernel call for one output row of one panel of floats, from a gathered window.
    fn float_row(
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
            panels: panels(convolution.output.blocks(), 2 * PANEL).collect(),
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
                let output = (output, map.plane());
                self.convolution.row(context, panel, scratch, output);
            }
        }
    }
}
