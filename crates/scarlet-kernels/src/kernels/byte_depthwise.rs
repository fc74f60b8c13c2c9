//! Depthwise convolutions of bytes.

use crate::simd::{
    LANES,
    byte_sums::QUAD,
    quads::{QuadKernel, QuadSums, QuadVector},
    vector::Floats,
};

use super::{
    quad_target::{PixelBytes, QuadTarget},
    sum_target::Finished,
    tile::{even_pieces, unrolled},
};

/// The largest kernel of a [`ByteDepthwiseRow`].
pub(crate) const LARGEST_KERNEL: usize = 7;

/// One output row of a depthwise convolution of bytes, for one panel of one or two blocks.
///
/// Four neighbouring pixels of a channel are multiplied by four neighbouring weights at a time. The
/// sums are exact, and smaller than the integers that floats hold.
#[derive(Clone, Copy)]
pub(crate) struct ByteDepthwiseRow<T> {
    /// Output pixels.
    pub(crate) pixels: usize,
    /// Under each row of the kernel a row `[four pixels][channel of the panel][pixel of the four]`,
    /// with zeros around the image, and one quad more.
    pub(crate) rows: [*const u8; LARGEST_KERNEL],
    /// Which of the first four pixels is under the first weight for the first output pixel.
    pub(crate) first: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    /// `[kernel row][four kernel columns][channel of the panel][column of the four]`.
    pub(crate) weights: *const u8,
    /// What sums start from: less what zeros add to them. `[channel]`.
    pub(crate) start: *const i32,
    /// By which a sum is multiplied before the bias is added; `[channel]`.
    pub(crate) scales: *const f32,
    /// `[channel]`.
    pub(crate) bias: *const f32,
    pub(crate) target: T,
    /// Blocks of the panel: 1 or 2.
    pub(crate) blocks: usize,
}

/// Gives a macro the kernels, strides and first pixels that there are: if as many columns of padding are
/// on either side, or one more on the right.
macro_rules! for_kinds {
    ($macro:ident!($($arguments:tt)*)) => {
        $macro!(
            $($arguments)*,
            (3, 1, 3) (5, 1, 2) (7, 1, 1)
            (3, 2, 3) (3, 2, 0) (5, 2, 2) (5, 2, 3) (7, 2, 1) (7, 2, 2)
        )
    };
}

/// Calls a method with the kernel, the stride and the first pixel as constants.
macro_rules! with_constants {
    ($row:ident, $sums:ty, $(($kernel:literal, $stride:literal, $first:literal))*) => {
        match ($row.kernel, $row.stride, $row.first) {
            $(($kernel, $stride, $first) => $row.row::<$sums, $kernel, $stride, $first>(),)*
            _ => {}
        }
    };
}

macro_rules! is_one_of {
    ($kind:expr, $($known:tt)*) => {
        matches!($kind, $($known)|*)
    };
}

/// Whether there is a [`ByteDepthwiseRow`] of this kind.
pub(crate) fn has_byte_depthwise(kernel: usize, stride: usize, first: usize) -> bool {
    for_kinds!(is_one_of!((kernel, stride, first)))
}

macro_rules! kernel_for {
    ($target:ty) => {
        impl QuadKernel for ByteDepthwiseRow<$target> {
            #[inline(always)]
            fn run<V: QuadVector>(self) {
                match self.blocks {
                    1 => for_kinds!(with_constants!(self, V::Sums)),
                    _ => for_kinds!(with_constants!(self, V::PairSums)),
                }
                let (blocks, target) = (self.blocks, &self.target);
                // SAFETY: the step that made the row vouches for its pointers.
                unsafe { QuadTarget::<V::Sums>::complete::<V>(target, blocks, self.pixels) }
            }
        }
    };
}

kernel_for!(Finished);
kernel_for!(PixelBytes);

impl<T: Copy> ByteDepthwiseRow<T> {
    #[inline(always)]
    fn row<S: QuadSums, const K: usize, const STRIDE: usize, const FIRST: usize>(self)
    where
        T: QuadTarget<S>,
    {
        for (quad, quads) in even_pieces(self.pixels.div_ceil(QUAD), 2) {
            // SAFETY: the step that made the row vouches for its pointers.
            unsafe {
                match quads {
                    1 => self.tile::<S, K, STRIDE, FIRST, 4>(quad * QUAD),
                    _ => self.tile::<S, K, STRIDE, FIRST, 8>(quad * QUAD),
                }
            }
        }
    }

    /// `M` pixels, or as many as there are.
    ///
    /// # Safety
    ///
    /// The row's pointers must be valid for the quads of these pixels.
    #[inline(always)]
    unsafe fn tile<
        S: QuadSums,
        const K: usize,
        const STRIDE: usize,
        const FIRST: usize,
        const M: usize,
    >(
        &self,
        pixel: usize,
    ) where
        T: QuadTarget<S>,
    {
        let quad = S::BLOCKS * LANES * QUAD;
        // Quads of a kernel row's weights, and of the input under it.
        let parts = K.div_ceil(QUAD);
        let last = FIRST + (M - 1) * STRIDE + (parts - 1) * QUAD;
        let inputs = last / QUAD + if last.is_multiple_of(QUAD) { 1 } else { 2 };
        // SAFETY: all within the rows, the weights and the target.
        unsafe {
            let mut sums = [S::load(self.start); M];
            let mut weights = self.weights;
            for row in self.rows.into_iter().take(K) {
                let row = row.add(pixel * STRIDE / QUAD * quad);
                let mut quads = [S::load_words(row); 8];
                for (index, to) in quads.iter_mut().enumerate().take(inputs).skip(1) {
                    *to = S::load_words(row.add(index * quad));
                }
                for part in 0..parts {
                    let column = S::load_words(weights);
                    weights = weights.add(quad);
                    unrolled!(m in 0..M => {
                        let from = FIRST + m * STRIDE + part * QUAD;
                        let (first, next) = (quads[from / QUAD], quads[(from / QUAD + 1) % 8]);
                        let window = match from % QUAD {
                            0 => first,
                            1 => S::window::<8>(first, next),
                            2 => S::window::<16>(first, next),
                            _ => S::window::<24>(first, next),
                        };
                        sums[m] = sums[m].add_products(window, column);
                    });
                }
            }
            let (scale, bias) = (S::Floats::load(self.scales), S::Floats::load(self.bias));
            let mut results = [scale; M];
            for (result, sum) in results.iter_mut().zip(sums) {
                *result = sum.finish(scale, bias);
            }
            let count = M.min(self.pixels - pixel);
            self.target.put(0, pixel, count, results);
        }
    }
}
