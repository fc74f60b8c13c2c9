//! Depthwise convolutions.

use crate::simd::{Kernel, LANES, Vector};

use super::{Finish, even_pieces};

/// Largest kernel side.
pub(crate) const LARGEST: usize = 7;

/// A loop of at most 14 turns, written out: the compiler deems its body too large to unroll, but
/// only then are the sums in registers.
macro_rules! unrolled {
    ($index:ident in 0..$end:expr => $body:block) => {
        unrolled!($index, $end, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    ($index:ident, $end:expr, $body:block, $($value:literal)*) => {
        $(if $value < $end {
            let $index: usize = $value;
            $body
        })*
    };
}

/// One output row of a depthwise convolution, for some blocks of channels.
#[derive(Clone, Copy)]
pub(crate) struct DepthwiseRow {
    /// Output pixels.
    pub(crate) pixels: usize,
    /// The padded input row under each row of the kernel, in the first block; those outside the
    /// image are not in `first_row..last_row`.
    pub(crate) rows: [*const f32; LARGEST],
    pub(crate) first_row: usize,
    pub(crate) last_row: usize,
    /// Floats from one input block to the next.
    pub(crate) input_plane: usize,
    /// 3, 5 or 7.
    pub(crate) kernel: usize,
    /// 1 or 2.
    pub(crate) stride: usize,
    /// `[block][kernel row][kernel column][lane]`.
    pub(crate) weights: *const f32,
    /// `[block][lane]`.
    pub(crate) bias: *const f32,
    pub(crate) output: *mut f32,
    /// Floats from one output block to the next.
    pub(crate) output_plane: usize,
    pub(crate) blocks: usize,
    pub(crate) finish: Finish,
    /// Where the sum over the row goes, `[block][lane]`, unless null.
    pub(crate) sums: *mut f32,
}

impl Kernel for DepthwiseRow {
    #[inline(always)]
    fn run<V: Vector>(self) {
        match (self.kernel, self.stride) {
            (3, 1) => self.row::<V, 3, 1>(),
            (5, 1) => self.row::<V, 5, 1>(),
            (7, 1) => self.row::<V, 7, 1>(),
            (3, 2) => self.row::<V, 3, 2>(),
            (5, 2) => self.row::<V, 5, 2>(),
            (7, 2) => self.row::<V, 7, 2>(),
            _ => {}
        }
    }
}

impl DepthwiseRow {
    #[inline(always)]
    fn row<V: Vector, const K: usize, const S: usize>(self) {
        for block in 0..self.blocks {
            // SAFETY: the step that made the row vouches for its pointers.
            unsafe {
                let mut total = V::splat(0.0);
                for (pixel, pixels) in even_pieces(self.pixels, 8) {
                    total = total.add(match pixels {
                        1 => self.tile::<V, K, S, 1>(block, pixel),
                        2 => self.tile::<V, K, S, 2>(block, pixel),
                        3 => self.tile::<V, K, S, 3>(block, pixel),
                        4 => self.tile::<V, K, S, 4>(block, pixel),
                        5 => self.tile::<V, K, S, 5>(block, pixel),
                        6 => self.tile::<V, K, S, 6>(block, pixel),
                        7 => self.tile::<V, K, S, 7>(block, pixel),
                        _ => self.tile::<V, K, S, 8>(block, pixel),
                    });
                }
                if !self.sums.is_null() {
                    total.store(self.sums.add(block * LANES));
                }
            }
        }
    }

    /// `T` pixels of a block; returns their sum. Each input vector is loaded once and multiplied
    /// into all outputs under whose kernel row it lies; a kernel row's weights stay in registers.
    ///
    /// # Safety
    ///
    /// The row's pointers must be valid for `T` pixels from this one.
    #[inline(always)]
    unsafe fn tile<V: Vector, const K: usize, const S: usize, const T: usize>(
        &self,
        block: usize,
        pixel: usize,
    ) -> V {
        // SAFETY: all within the row's input, weights, bias and output.
        unsafe {
            let mut sums = [[V::load(self.bias.add(block * LANES)); T]; 1];
            let weights = self.weights.add(block * K * K * LANES);
            for row in self.first_row..self.last_row {
                let input = self.rows[row].add(block * self.input_plane + pixel * S * LANES);
                let weights = weights.add(row * K * LANES);
                // With stride 2, the even columns of the kernel meet the even columns of the
                // input, and the odd the odd: two kernels of stride 1.
                for phase in 0..S {
                    let taps = (K - phase).div_ceil(S);
                    let mut kernel = [V::splat(0.0); K];
                    for (tap, weight) in kernel.iter_mut().enumerate().take(taps) {
                        *weight = V::load(weights.add((tap * S + phase) * LANES));
                    }
                    unrolled!(position in 0..T + taps - 1 => {
                        let value = V::load(input.add((position * S + phase) * LANES));
                        for (tap, &weight) in kernel.iter().enumerate().take(taps) {
                            if position >= tap && position - tap < T {
                                let sum = &mut sums[0][position - tap];
                                *sum = value.mul_add(weight, *sum);
                            }
                        }
                    });
                }
            }
            self.finish.apply(&mut sums);
            let output = self.output.add(block * self.output_plane + pixel * LANES);
            let mut total = V::splat(0.0);
            for (t, sum) in sums[0].iter().enumerate() {
                sum.store(output.add(t * LANES));
                total = total.add(*sum);
            }
            total
        }
    }
}
