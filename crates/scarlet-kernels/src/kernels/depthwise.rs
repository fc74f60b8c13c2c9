//! Depthwise convolutions.

use crate::simd::{
    Kernel, LANES,
    bf16::{Bf16Kernel, Bf16Vector},
    byte_sums::QUAD,
    vector::{Floats, Vector},
};

use super::{
    activation::Finish,
    row_target::{Bf16Row, FloatRow, RowTarget},
    tile::{even_pieces, unrolled},
};

/// One output row of a depthwise convolution, for some blocks of channels.
#[derive(Clone, Copy)]
pub(crate) struct DepthwiseRow<T> {
    /// Output pixels.
    pub(crate) pixels: usize,
    /// Padded input rows, the last of which is followed by the first; in the first block.
    pub(crate) ring: *const f32,
    pub(crate) ring_rows: usize,
    /// Floats of a row in the ring.
    pub(crate) ring_pitch: usize,
    /// The rows of the kernel that lie within the image, and the row of the ring under the first
    /// one.
    pub(crate) first_row: usize,
    pub(crate) last_row: usize,
    pub(crate) first_slot: usize,
    /// Floats from one input block to the next.
    pub(crate) input_plane: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    /// `[block][kernel row][kernel column][lane]`.
    pub(crate) weights: *const f32,
    /// By which a sum is multiplied before the bias is added, or null; `[block][lane]`.
    pub(crate) scales: *const f32,
    /// `[block][lane]`.
    pub(crate) bias: *const f32,
    pub(crate) target: T,
    pub(crate) blocks: usize,
    pub(crate) finish: Finish,
}

impl Kernel for DepthwiseRow<FloatRow> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        self.all::<V, V::Part>();
    }
}

impl Bf16Kernel for DepthwiseRow<Bf16Row> {
    #[inline(always)]
    fn run<V: Bf16Vector>(self) {
        self.all::<V, V>();
    }
}

impl<T> DepthwiseRow<T> {
    #[inline(always)]
    fn all<V: Vector, P: Floats>(self)
    where
        T: RowTarget<P>,
    {
        match (self.kernel, self.stride) {
            (3, 1) => self.row::<V, P, 3, 1>(),
            (5, 1) => self.row::<V, P, 5, 1>(),
            (7, 1) => self.row::<V, P, 7, 1>(),
            (3, 2) => self.row::<V, P, 3, 2>(),
            (5, 2) => self.row::<V, P, 5, 2>(),
            (7, 2) => self.row::<V, P, 7, 2>(),
            _ => self.any_row::<V, P>(),
        }
    }

    #[inline(always)]
    fn row<V: Vector, P: Floats, const K: usize, const S: usize>(self)
    where
        T: RowTarget<P>,
    {
        for (block, lane) in self.parts::<P>() {
            let part = (block, lane);
            // SAFETY: the step that made the row vouches for its pointers.
            unsafe {
                let mut total = P::splat(0.0);
                for (pixel, pixels) in even_pieces(self.pixels, 8) {
                    total = total.add(match pixels {
                        1 => self.tile::<P, K, S, 1>(part, pixel),
                        2 => self.tile::<P, K, S, 2>(part, pixel),
                        3 => self.tile::<P, K, S, 3>(part, pixel),
                        4 => self.tile::<P, K, S, 4>(part, pixel),
                        5 => self.tile::<P, K, S, 5>(part, pixel),
                        6 => self.tile::<P, K, S, 6>(part, pixel),
                        7 => self.tile::<P, K, S, 7>(part, pixel),
                        _ => self.tile::<P, K, S, 8>(part, pixel),
                    });
                }
                self.target.put_total(&self, part, total);
                if lane + P::LENGTH == LANES {
                    self.target.complete::<V>(&self, block);
                }
            }
        }
    }

    /// A row with a kernel or a stride that is rare: the plain way.
    #[inline(always)]
    fn any_row<V: Vector, P: Floats>(self)
    where
        T: RowTarget<P>,
    {
        for (block, lane) in self.parts::<P>() {
            let part = (block, lane);
            let mut total = P::splat(0.0);
            for pixel in 0..self.pixels {
                // SAFETY: the step that made the row vouches for its pointers.
                total = total.add(unsafe { self.any_pixel::<P>(part, pixel) });
            }
            // SAFETY: likewise.
            unsafe {
                self.target.put_total(&self, part, total);
                if lane + P::LENGTH == LANES {
                    self.target.complete::<V>(&self, block);
                }
            }
        }
    }

    /// The blocks, or each one's parts: block and first lane.
    #[inline(always)]
    fn parts<P: Floats>(&self) -> impl Iterator<Item = (usize, usize)> + use<P, T> {
        let parts = LANES / P::LENGTH;
        (0..self.blocks * parts).map(move |part| (part / parts, part % parts * P::LENGTH))
    }

    /// # Safety
    ///
    /// The row's pointers must be valid for this pixel.
    #[inline(always)]
    unsafe fn any_pixel<V: Floats>(&self, part: (usize, usize), pixel: usize) -> V
    where
        T: RowTarget<V>,
    {
        let kernel = self.kernel;
        let (block, lane) = part;
        // SAFETY: all within the row's input, weights, bias and output.
        unsafe {
            let mut sum = [[self.start::<V>(part)]];
            let weights = self.weights.add(block * kernel * kernel * LANES + lane);
            for row in self.first_row..self.last_row {
                let input = self.input_row(part, row).add(pixel * self.stride * LANES);
                for column in 0..kernel {
                    let weight = V::load(weights.add((row * kernel + column) * LANES));
                    sum[0][0] = V::load(input.add(column * LANES)).mul_add(weight, sum[0][0]);
                }
            }
            self.scale::<V, 1>(part, &mut sum[0]);
            self.finish.at_once(&mut sum);
            self.target.put(part, pixel, sum[0][0]);
            sum[0][0]
        }
    }

    /// What sums start from: the bias, unless they are to be scaled before.
    ///
    /// # Safety
    ///
    /// The block must be one of the row's.
    #[inline(always)]
    unsafe fn start<V: Floats>(&self, (block, lane): (usize, usize)) -> V {
        match self.scales.is_null() {
            // SAFETY: the bias of a block.
            true => unsafe { V::load(self.bias.add(block * LANES + lane)) },
            false => V::splat(0.0),
        }
    }

    /// Scales sums, if they are to be, and adds the bias.
    ///
    /// # Safety
    ///
    /// The block must be one of the row's.
    #[inline(always)]
    unsafe fn scale<V: Floats, const M: usize>(
        &self,
        (block, lane): (usize, usize),
        sums: &mut [V; M],
    ) {
        if self.scales.is_null() {
            return;
        }
        // SAFETY: the scales and the bias of a block.
        unsafe {
            let scale = V::load(self.scales.add(block * LANES + lane));
            let bias = V::load(self.bias.add(block * LANES + lane));
            for sum in sums {
                // Rounded twice on every processor, so that all give the same.
                *sum = sum.mul(scale).add(bias);
            }
        }
    }

    /// The padded input row of a block under a row of the kernel.
    ///
    /// # Safety
    ///
    /// It must lie within the image.
    #[inline(always)]
    unsafe fn input_row(&self, (block, lane): (usize, usize), row: usize) -> *const f32 {
        let slot = self.first_slot + (row - self.first_row);
        // The ring has as many rows as the kernel, or all that there are.
        let slot = if slot < self.ring_rows {
            slot
        } else {
            slot - self.ring_rows
        };
        // SAFETY: a row of the ring.
        unsafe {
            self.ring
                .add(block * self.input_plane + slot * self.ring_pitch + lane)
        }
    }

    /// `M` pixels of a block, finished or yet [to be](Finish::is_long); returns their sum. Each input
    /// vector is loaded once and multiplied into all outputs under whose kernel row it lies; a kernel row's weights stay in registers.
    ///
    /// # Safety
    ///
    /// The row's pointers must be valid for `M` pixels from this one.
    #[inline(always)]
    unsafe fn tile<V: Floats, const K: usize, const S: usize, const M: usize>(
        &self,
        part: (usize, usize),
        pixel: usize,
    ) -> V
    where
        T: RowTarget<V>,
    {
        let (block, lane) = part;
        // SAFETY: all within the row's input, weights, bias and output.
        unsafe {
            let mut sums = [[self.start::<V>(part); M]; 1];
            let weights = self.weights.add(block * K * K * LANES + lane);
            for row in self.first_row..self.last_row {
                let input = self.input_row(part, row).add(pixel * S * LANES);
                let weights = weights.add(row * K * LANES);
                // With stride 2, the even columns of the kernel meet the even columns of the
                // input, and the odd the odd: two kernels of stride 1.
                for phase in 0..S {
                    let taps = (K - phase).div_ceil(S);
                    let mut kernel = [V::splat(0.0); K];
                    for (tap, weight) in kernel.iter_mut().enumerate().take(taps) {
                        *weight = V::load(weights.add((tap * S + phase) * LANES));
                    }
                    unrolled!(position in 0..M + taps - 1 => {
                        let value = V::load(input.add((position * S + phase) * LANES));
                        for (tap, &weight) in kernel.iter().enumerate().take(taps) {
                            if position >= tap && position - tap < M {
                                let sum = &mut sums[0][position - tap];
                                *sum = value.mul_add(weight, *sum);
                            }
                        }
                    });
                }
            }
            self.scale::<V, M>(part, &mut sums[0]);
            self.finish.at_once(&mut sums);
            let mut total = V::splat(0.0);
            for (t, sum) in sums[0].iter().enumerate() {
                self.target.put(part, pixel + t, *sum);
                total = total.add(*sum);
            }
            total
        }
    }
}

/// Weights in bytes, `[kernel row][four kernel columns][channel of the panel][column of the four]`, as
/// floats, `[block][kernel row][kernel column][lane]`.
#[derive(Clone, Copy)]
pub(crate) struct TapsRun {
    pub(crate) kernel: usize,
    /// Blocks of the panel.
    pub(crate) blocks: usize,
    pub(crate) weights: *const i8,
    pub(crate) output: *mut f32,
}

impl Kernel for TapsRun {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let quads = self.kernel.div_ceil(QUAD);
        let mut output = self.output;
        for block in 0..self.blocks {
            for row in 0..self.kernel {
                for column in 0..self.kernel {
                    let quad = (row * quads + column / QUAD) * self.blocks + block;
                    // SAFETY: the step that made the run vouches for its pointers.
                    unsafe {
                        let words = self.weights.add(quad * LANES * QUAD).cast::<i32>();
                        for lane in 0..LANES {
                            let word = i32::from_le(words.add(lane).read_unaligned());
                            let byte = word << (24 - 8 * (column % QUAD)) >> 24;
                            output.add(lane).write(byte as f32);
                        }
                        output = output.add(LANES);
                    }
                }
            }
        }
    }
}
