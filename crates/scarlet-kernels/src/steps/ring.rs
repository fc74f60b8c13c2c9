//! The rows that a depthwise convolution reads.

use crate::{padding::Padding, simd::LANES};

use super::Map;

/// Pixels that fill some tiles of a pointwise convolution.
const CHUNK_PIXELS: usize = 24;

/// Sizes of a ring of padded rows, `[block][row][pixel][lane]`: whole chunks, enough for the kernel while
/// the next chunk is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ring {
    /// Rows that are made at a time: more of the narrow ones, so that the pixels make whole tiles.
    pub(super) chunk: usize,
    pub(super) rows: usize,
    /// Floats of a row.
    pub(super) pitch: usize,
    /// Floats of a block.
    pub(super) plane: usize,
    padding: Padding,
    width: usize,
}

impl Ring {
    pub(super) fn new(input: Map, kernel: usize, padding: Padding) -> Self {
        let chunk = CHUNK_PIXELS.div_ceil(input.width).min(input.height);
        let needed = (kernel - 1).next_multiple_of(chunk) + chunk;
        let rows = needed.min(input.height.next_multiple_of(chunk));
        let pitch = (padding.left + input.width + padding.right) * LANES;
        Self {
            chunk,
            rows,
            pitch,
            plane: rows * pitch,
            padding,
            width: input.width,
        }
    }

    /// Where the pixels of an input row begin within a block.
    pub(super) fn pixels(&self, row: usize) -> usize {
        row % self.rows * self.pitch + self.padding.left * LANES
    }

    /// Makes the columns of padding zero in so many blocks.
    ///
    /// # Safety
    ///
    /// The ring must have so many blocks.
    pub(super) unsafe fn clear_padding(&self, ring: *mut f32, blocks: usize) {
        let (left, right) = (self.padding.left, self.padding.right);
        for row in 0..blocks * self.rows {
            // SAFETY: the columns of a row.
            unsafe {
                let row = ring.add(row * self.pitch);
                row.write_bytes(0, left * LANES);
                row.add((left + self.width) * LANES)
                    .write_bytes(0, right * LANES);
            }
        }
    }
}
