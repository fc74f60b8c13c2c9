//! Where the pixels of pointwise convolutions go.

use crate::simd::{
    Kernel, LANES,
    vector::{Arithmetic, Floats, Vector},
};

use super::{activation::Finish, elementwise::AddRun, tile::Results};

/// Neighbouring pixels of one panel of a pointwise convolution's output, or rows of them.
#[derive(Clone, Copy)]
pub(crate) struct PixelTarget {
    /// First pixel of the panel's first block.
    pub(crate) output: *mut f32,
    /// Floats from one output block to the next.
    pub(crate) plane: usize,
    /// Output pixels that are neighbours, and the floats between two such rows.
    pub(crate) row: usize,
    pub(crate) gap: usize,
    /// Laid out like the output and added to it, unless null.
    pub(crate) shortcut: *const f32,
}

impl PixelTarget {
    /// Where some pixels are within a block.
    #[inline(always)]
    pub(super) fn pixels<const M: usize>(&self, pixel: usize) -> [usize; M] {
        let mut outputs = [0; M];
        let (mut row, mut column) = (0, pixel);
        if self.gap > 0 {
            (row, column) = (pixel / self.row, pixel % self.row);
        }
        for (m, output) in outputs.iter_mut().enumerate() {
            *output = (pixel + m) * LANES + row * self.gap;
            column += 1;
            if column == self.row {
                (row, column) = (row + 1, 0);
            }
        }
        outputs
    }

    /// Stores some neighbouring pixels of the first block, or of two, given by the first one and their number,
    /// with what is to be done to them unless that is [long](Finish::is_long), and with the shortcut added if
    /// `adds`.
    ///
    /// # Safety
    ///
    /// The pixels must be among the target's, and the results those of so many.
    #[inline(always)]
    pub(super) unsafe fn put<R: Results>(
        &self,
        finish: Finish,
        adds: bool,
        (first, count): (usize, usize),
        results: R,
    ) {
        macro_rules! with_finish {
            ($finish:expr) => {{
                let (mut row, mut until_gap) = (0, count);
                if self.gap > 0 {
                    (row, until_gap) = (first / self.row, self.row - first % self.row);
                }
                let mut at = first * LANES + row * self.gap;
                let mut pixel = 0;
                while pixel < count {
                    let end = count.min(pixel + until_gap);
                    while pixel < end {
                        // SAFETY: as above.
                        unsafe {
                            let mut result = $finish.once(results.get(pixel));
                            if adds {
                                let shortcut = self.shortcut.add(at);
                                result = result.add(R::Floats::load_blocks(shortcut, self.plane));
                            }
                            result.store_blocks(self.output.add(at), self.plane);
                        }
                        at += LANES;
                        pixel += 1;
                    }
                    at += self.gap;
                    until_gap = self.row;
                }
            }};
        }
        match finish {
            Finish::Relu => with_finish!(Finish::Relu),
            Finish::Relu6 => with_finish!(Finish::Relu6),
            Finish::HSwish => with_finish!(Finish::HSwish),
            _ => with_finish!(Finish::None),
        }
    }

    /// The target from another block of the panel on.
    ///
    /// # Safety
    ///
    /// The block must be one of the panel's.
    #[inline(always)]
    pub(super) unsafe fn block(&self, block: usize) -> Self {
        let at = block * self.plane;
        // SAFETY: as above.
        unsafe {
            Self {
                output: self.output.add(at),
                shortcut: match self.shortcut.is_null() {
                    true => self.shortcut,
                    false => self.shortcut.add(at),
                },
                ..*self
            }
        }
    }

    /// Completes pixels whose sums are stored, where the finish is a long one: applies it, and adds
    /// the shortcut.
    ///
    /// # Safety
    ///
    /// The pixels and blocks must be among the target's.
    #[inline(always)]
    pub(super) unsafe fn complete<V: Vector>(
        &self,
        finish: Finish,
        blocks: usize,
        first: usize,
        end: usize,
    ) {
        for block in 0..blocks {
            let mut pixel = first;
            while pixel < end {
                // To the end of the row, if rows are not neighbours too.
                let (row, vectors) = match self.gap {
                    0 => (0, end - pixel),
                    _ => (pixel / self.row, self.row - pixel % self.row),
                };
                let vectors = vectors.min(end - pixel);
                let at = pixel * LANES + row * self.gap;
                // SAFETY: as above.
                unsafe {
                    let target = self.block(block);
                    let output = target.output.add(at);
                    finish.afterwards::<V>(output, vectors);
                    if !target.shortcut.is_null() {
                        let shortcut = AddRun {
                            vectors,
                            left: output,
                            right: target.shortcut.add(at),
                            output,
                        };
                        shortcut.run::<V>();
                    }
                }
                pixel += vectors;
            }
        }
    }

    /// # Safety
    ///
    /// The pixels must be among the target's.
    #[inline(always)]
    pub(super) unsafe fn add_shortcut<V: Floats, const M: usize>(
        &self,
        sums: &mut [V; M],
        pixels: [usize; M],
    ) {
        if self.shortcut.is_null() {
            return;
        }
        for (sum, pixel) in sums.iter_mut().zip(pixels) {
            // SAFETY: as above.
            *sum = sum.add(unsafe { V::load_blocks(self.shortcut.add(pixel), self.plane) });
        }
    }

    /// # Safety
    ///
    /// The pixels must be among the target's.
    #[inline(always)]
    pub(super) unsafe fn store<V: Floats, const M: usize>(
        &self,
        sums: &[V; M],
        pixels: [usize; M],
    ) {
        for (sum, pixel) in sums.iter().zip(pixels) {
            // SAFETY: as above.
            unsafe { sum.store_blocks(self.output.add(pixel), self.plane) };
        }
    }
}
