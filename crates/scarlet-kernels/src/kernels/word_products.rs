//! Pointwise convolutions of bytes and of bfloat16, and that of an image of bytes.

use crate::simd::{
    LANES,
    bf16::{Bf16Kernel, Bf16Vector},
    byte_sums::{ByteKernel, ByteVector},
    sums::{Sums, WORD},
    vector::{Floats, Vector},
};

use super::{
    COMPLETED,
    sum_target::{Bf16Pixels, Finished, IntegerRows, SumTarget},
    tile::{Scaled, Waiting, even_pieces, waiting, with_pixels},
};

/// A convolution of neighbouring pixels, of an input and weights that come in words: of bytes, with sums
/// in integers, or of bfloat16, with sums in floats. So many neighbouring `WORDS` are multiplied in each of
/// some planes, `STEP` bytes farther on for each pixel.
///
/// The tile is 5 pixels × 16 channels, or 10 × 8: beside it stand the weights, an input, the
/// products and the ones by which AVX2 adds those of bytes. Where there are 32 registers of 16 sums, it
/// is 12 × 32.
#[derive(Clone, Copy)]
pub(crate) struct WordProducts<T, const STEP: usize, const WORDS: usize> {
    pub(crate) pixels: usize,
    /// What the first pixel reads in the first plane.
    pub(crate) input: *const u8,
    /// Bytes from one plane to the next.
    pub(crate) plane: usize,
    pub(crate) planes: usize,
    /// Panel after panel, `[plane][word][channel of the panel][input of the word]`.
    pub(crate) weights: *const u8,
    /// By which sums in integers are multiplied before the bias is added; `[channel]`.
    pub(crate) scales: *const f32,
    /// `[channel]`.
    pub(crate) bias: *const f32,
    pub(crate) target: T,
    /// Blocks of one or two panels: 1 to 4.
    pub(crate) blocks: usize,
}

/// A 1×1 convolution as [`PointwiseRun`](super::pointwise::PointwiseRun), of bytes: planes are blocks of the input,
/// `[pixel][lane]`.
pub(crate) type BytePointwiseRun<T> = WordProducts<T, LANES, { LANES / WORD }>;

/// The same of bfloat16.
pub(crate) type Bf16PointwiseRun<T> = WordProducts<T, { 2 * LANES }, { 2 * LANES / WORD }>;

/// A 3×3 convolution of stride 2, one output row: planes are the padded rows under the kernel,
/// `[channel][kernel row]`. The fourth weight of a row of the kernel is 0.
pub(crate) type ByteConvolutionRow<T> = WordProducts<T, 2, 1>;

impl<const STEP: usize, const WORDS: usize> ByteKernel for WordProducts<Finished, STEP, WORDS> {
    #[inline(always)]
    fn run<V: ByteVector>(self) {
        self.all::<V, V::Sums, V::PairSums>();
    }
}

impl Bf16Kernel for Bf16PointwiseRun<Finished> {
    #[inline(always)]
    fn run<V: Bf16Vector>(self) {
        self.all::<V, V::Bf16, V::PairBf16>();
    }
}

impl Bf16Kernel for Bf16PointwiseRun<Bf16Pixels> {
    #[inline(always)]
    fn run<V: Bf16Vector>(self) {
        self.all::<V, V::Bf16, V::PairBf16>();
    }
}

impl<const STEP: usize, const WORDS: usize> ByteKernel for WordProducts<IntegerRows, STEP, WORDS> {
    // They have quads, and rows of floats for kernels of depthwise convolutions that are rare.
    const IS_FOR_VNNI: bool = false;

    #[inline(always)]
    fn run<V: ByteVector>(self) {
        self.all::<V, V::Sums, V::PairSums>();
    }
}

impl<T: Copy, const STEP: usize, const WORDS: usize> WordProducts<T, STEP, WORDS> {
    #[inline(always)]
    fn all<V: Vector, S: Sums, P: Sums>(self)
    where
        T: SumTarget<S> + SumTarget<P>,
    {
        if V::IS_NARROW {
            let pairs = self.blocks / 2 * 2;
            for block in 0..pairs {
                self.panels::<V, S, 1, 2>(block);
            }
            if self.blocks > pairs {
                self.panels::<V, S, 1, 1>(pairs);
            }
            return;
        }
        match self.blocks {
            1 => self.panels::<V, S, 1, 1>(0),
            2 => self.panels::<V, P, 1, 2>(0),
            3 => {
                self.panels::<V, P, 1, 2>(0);
                self.panels::<V, S, 1, 1>(2);
            }
            _ if P::IS_WIDE => self.panels::<V, P, 2, 2>(0),
            _ => {
                self.panels::<V, P, 1, 2>(0);
                self.panels::<V, P, 1, 2>(2);
            }
        }
    }

    /// `P` panels that begin with this block, or only this one of a panel's `W` blocks.
    #[inline(always)]
    fn panels<V: Vector, S: Sums, const P: usize, const W: usize>(self, block: usize)
    where
        T: SumTarget<S>,
    {
        let mut sums = Waiting::<S, P>::new();
        let (mut first, mut completed) = (0, 0);
        for (pixel, pixels) in even_pieces(self.pixels, S::TILE) {
            // SAFETY: the step that made the run vouches for its pointers; another tile has room.
            unsafe {
                with_pixels!(pixels, 1..=S::TILE, M => {
                    sums.put(pixel - first, self.sums::<S, P, W, M>(block, pixel));
                });
                let end = pixel + pixels;
                if end - first + S::TILE <= waiting(S::TILE) && end < self.pixels {
                    continue;
                }
                // Opaque, or the compiler would take what is the same for all tiles out of the loop, into
                // registers that the sums need.
                let run = core::hint::black_box(&self);
                for p in 0..P {
                    let block = block + p * S::BLOCKS;
                    let results = Scaled {
                        sums: sums.panel(p),
                        scale: S::Floats::load(run.scales.add(block * LANES)),
                        bias: S::Floats::load(run.bias.add(block * LANES)),
                    };
                    run.target.put(block, (first, end - first), results);
                }
                first = end;
                if end - completed >= COMPLETED || end == self.pixels {
                    let blocks = (block, P * S::BLOCKS);
                    self.target.complete::<V>(blocks, completed, end);
                    completed = end;
                }
            }
        }
    }

    /// The sums of `M` pixels of each panel.
    ///
    /// # Safety
    ///
    /// The run's pointers must be valid for the panels' blocks and `M` pixels from this one.
    #[inline(always)]
    pub(super) unsafe fn sums<S: Sums, const P: usize, const W: usize, const M: usize>(
        self,
        block: usize,
        pixel: usize,
    ) -> [[S; M]; P] {
        // Bytes of an output channel's weights.
        let depth = self.planes * WORDS * WORD;
        let mut sums = [[S::zero(); M]; P];
        // SAFETY: all within the run's input, weights and bias.
        unsafe {
            for (p, row) in sums.iter_mut().enumerate() {
                let block = block + p * S::BLOCKS;
                *row = [S::start(S::Floats::load(self.bias.add(block * LANES))); M];
            }
            let mut input = self.input.add(pixel * STEP);
            let (first, within) = (block / W * W, block % W);
            let at = first * LANES * depth + within * LANES * WORD;
            let mut weights = self.weights.add(at);
            for _ in 0..self.planes {
                for word in 0..WORDS {
                    let mut columns = [S::load_words(weights); P];
                    for (p, column) in columns.iter_mut().enumerate().skip(1) {
                        let panel = weights.add(p * S::BLOCKS * LANES * depth);
                        *column = S::load_words(panel);
                    }
                    for m in 0..M {
                        let inputs = S::spread(input.add(m * STEP + word * WORD));
                        for (row, column) in sums.iter_mut().zip(columns) {
                            row[m] = row[m].add_products(inputs, column);
                        }
                    }
                    weights = weights.add(W * LANES * WORD);
                }
                input = input.add(self.plane);
            }
        }
        sums
    }
}
