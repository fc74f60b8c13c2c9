//! What makes the rows that a depthwise convolution reads.

use core::ops::Range;

use crate::{kernels::pixel_target::PixelTarget, memory::ValueId, simd::LANES};

use super::{
    Context, Map, Panel, convolution::PlanarConvolution, panels,
    pointwise_weights::PointwiseWeights,
};

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

impl Producer {
    /// Floats of scratch memory that [`rows`](Self::rows) needs.
    pub(super) fn window(&self) -> usize {
        match self {
            Self::Convolution(convolution) => convolution.window(),
            _ => 0,
        }
    }

    /// Makes rows of some blocks of a map: from `to` on, so many floats from a row to the next and from
    /// a block to the next.
    ///
    /// # Safety
    ///
    /// As [`Step::execute`](super::Step::execute); the rows must be the map's, `to` must have room for
    /// them, and `window` for what this says.
    #[expect(
        clippy::too_many_arguments,
        reason = "where rows come from, which, and where they go"
    )]
    pub(super) unsafe fn rows(
        &self,
        context: &Context<'_>,
        image: usize,
        map: Map,
        group: Panel,
        rows: Range<usize>,
        (to, row_length, plane): (*mut f32, usize, usize),
        window: *mut f32,
    ) {
        let width = map.width;
        // SAFETY: rows of each block of the input, and of what the caller vouches for.
        unsafe {
            match self {
                Self::Copy(input) => {
                    let from = context.value(*input, image);
                    for block in 0..group.blocks {
                        for (index, row) in rows.clone().enumerate() {
                            let at = (group.first + block) * map.plane() + row * width * LANES;
                            to.add(block * plane + index * row_length)
                                .copy_from_nonoverlapping(from.add(at), width * LANES);
                        }
                    }
                }
                Self::Pointwise { input, weights } => {
                    let lanes = weights.input_lanes();
                    let from = context.value(*input, image).add(rows.start * width * lanes);
                    let input = (from.cast_const(), map.pixels() * lanes);
                    let pixels = rows.len() * width;
                    for panel in panels_of(group, weights.panel()) {
                        let pixels_to = PixelTarget {
                            output: to.add((panel.first - group.first) * plane),
                            plane,
                            row: width,
                            gap: match rows.len() {
                                1 => 0,
                                _ => row_length - width * LANES,
                            },
                            shortcut: core::ptr::null(),
                        };
                        weights.multiply(context, panel, input, pixels_to, pixels);
                    }
                }
                Self::Convolution(convolution) => {
                    for (index, row) in rows.enumerate() {
                        convolution.gather(context, image, row, window);
                        let to = (to.add(index * row_length), plane);
                        convolution.row(context, group, window, to);
                    }
                }
            }
        }
    }
}

/// The panels of a group of blocks.
pub(super) fn panels_of(group: Panel, largest: usize) -> impl Iterator<Item = Panel> {
    panels(group.blocks, largest).map(move |panel| Panel {
        first: group.first + panel.first,
        ..panel
    })
}
