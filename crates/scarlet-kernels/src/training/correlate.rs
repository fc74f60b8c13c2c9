//! The two inner loops of depthwise convolutions, on one channel in scratch memory.

use crate::simd::{Kernel, LANES, vector::Vector};

/// Filters a channel:
/// `output[y][x] = Σ weights[ky][kx] · source[start + y·step + ky·pitch + columns[kx] + x]`.
///
/// Whole vectors are computed: the output's rows are `vectors` vectors long.
pub(super) struct Correlate<'a> {
    pub(super) source: &'a [f32],
    pub(super) start: usize,
    /// From one output row's place in the source to the next.
    pub(super) step: usize,
    /// From one kernel row's place in the source to the next.
    pub(super) pitch: usize,
    /// Where a kernel's column starts in the source.
    pub(super) columns: &'a [usize],
    /// Row by row.
    pub(super) weights: &'a [f32],
    pub(super) rows: usize,
    pub(super) vectors: usize,
    pub(super) output: &'a mut [f32],
}

/// Sums the products that a kernel's weights got:
/// `sums[ky][kx][lane] += Σ gradient[g + y·gp + x] · source[y·step + ky·pitch + columns[kx] + x]`,
/// each lane over the `x` that fall on it.
pub(super) struct CorrelateWeights<'a> {
    pub(super) source: &'a [f32],
    pub(super) step: usize,
    pub(super) pitch: usize,
    pub(super) columns: &'a [usize],
    pub(super) gradient: &'a [f32],
    pub(super) gradient_start: usize,
    pub(super) gradient_pitch: usize,
    pub(super) kernel_rows: usize,
    pub(super) rows: usize,
    pub(super) vectors: usize,
    /// [`LANES`] for each weight.
    pub(super) sums: &'a mut [f32],
}

impl Kernel for Correlate<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let kernel_width = self.columns.len();
        if self.rows == 0 || self.vectors == 0 || kernel_width == 0 || self.weights.is_empty() {
            self.output[..self.rows * self.vectors * LANES].fill(0.0);
            return;
        }
        let kernel_rows = self.weights.len() / kernel_width;
        let furthest = self.columns.iter().copied().max().unwrap_or(0);
        let end = self.start
            + (self.rows - 1) * self.step
            + (kernel_rows - 1) * self.pitch
            + furthest
            + self.vectors * LANES;
        assert!(end <= self.source.len());
        assert!(self.rows * self.vectors * LANES <= self.output.len());
        // Vectors in flight: enough that no product waits for the one before it.
        if self.vectors == 1 {
            self.in_rows::<V, 1>(8);
        } else {
            self.in_rows::<V, 2>(4);
        }
    }
}

impl Correlate<'_> {
    /// Goes through the rows `high` at a time, as evenly as can be.
    #[inline(always)]
    fn in_rows<V: Vector, const WIDE: usize>(&mut self, high: usize) {
        let pieces = self.rows.div_ceil(high);
        let (small, larger) = (self.rows / pieces, self.rows % pieces);
        let mut row = 0;
        for piece in 0..pieces {
            let high = small + usize::from(piece < larger);
            let mut vector = 0;
            while vector + WIDE <= self.vectors {
                self.tile_of::<V, WIDE>(high, row, vector);
                vector += WIDE;
            }
            while vector < self.vectors {
                self.tile_of::<V, 1>(high, row, vector);
                vector += 1;
            }
            row += high;
        }
    }

    #[inline(always)]
    fn tile_of<V: Vector, const WIDE: usize>(&mut self, high: usize, row: usize, vector: usize) {
        match high {
            1 => self.tile::<V, 1, WIDE>(row, vector),
            2 => self.tile::<V, 2, WIDE>(row, vector),
            3 => self.tile::<V, 3, WIDE>(row, vector),
            4 => self.tile::<V, 4, WIDE>(row, vector),
            5 => self.tile::<V, 5, WIDE>(row, vector),
            6 => self.tile::<V, 6, WIDE>(row, vector),
            7 => self.tile::<V, 7, WIDE>(row, vector),
            _ => self.tile::<V, 8, WIDE>(row, vector),
        }
    }

    #[inline(always)]
    fn tile<V: Vector, const HIGH: usize, const WIDE: usize>(&mut self, row: usize, vector: usize) {
        let mut sums = [[V::splat(0.0); WIDE]; HIGH];
        let corner = self.start + row * self.step + vector * LANES;
        for (ky, weights) in self.weights.chunks_exact(self.columns.len()).enumerate() {
            for (&weight, &column) in weights.iter().zip(self.columns) {
                let weight = V::splat(weight);
                let at = corner + ky * self.pitch + column;
                for (y, sums) in sums.iter_mut().enumerate() {
                    for (x, sum) in sums.iter_mut().enumerate() {
                        // SAFETY: `run` checked the furthest of these places.
                        let value = unsafe {
                            V::load(self.source.as_ptr().add(at + y * self.step + x * LANES))
                        };
                        *sum = value.mul_add(weight, *sum);
                    }
                }
            }
        }
        for (y, sums) in sums.iter().enumerate() {
            for (x, &sum) in sums.iter().enumerate() {
                let at = ((row + y) * self.vectors + vector + x) * LANES;
                // SAFETY: `run` checked the size of the output.
                unsafe { sum.store(self.output.as_mut_ptr().add(at)) }
            }
        }
    }
}

impl Kernel for CorrelateWeights<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        if self.rows == 0 || self.vectors == 0 || self.kernel_rows == 0 || self.columns.is_empty() {
            return;
        }
        let furthest = self.columns.iter().copied().max().unwrap_or(0);
        let end = (self.rows - 1) * self.step
            + (self.kernel_rows - 1) * self.pitch
            + furthest
            + self.vectors * LANES;
        assert!(end <= self.source.len());
        let end =
            self.gradient_start + (self.rows - 1) * self.gradient_pitch + self.vectors * LANES;
        assert!(end <= self.gradient.len());
        assert!(self.kernel_rows * self.columns.len() * LANES <= self.sums.len());
        for ky in 0..self.kernel_rows {
            let mut kx = 0;
            while kx < self.columns.len() {
                let taps = (self.columns.len() - kx).min(7);
                // A narrow kernel is summed up in parts: as many sums in flight.
                match taps {
                    1 => self.taps::<V, 1, 4>(ky, kx),
                    2 => self.taps::<V, 2, 4>(ky, kx),
                    3 => self.taps::<V, 3, 2>(ky, kx),
                    4 => self.taps::<V, 4, 2>(ky, kx),
                    5 => self.taps::<V, 5, 2>(ky, kx),
                    6 => self.taps::<V, 6, 1>(ky, kx),
                    _ => self.taps::<V, 7, 1>(ky, kx),
                }
                kx += taps;
            }
        }
    }
}

impl CorrelateWeights<'_> {
    /// The sums of `TAPS` weights, in `PARTS` parts.
    #[inline(always)]
    fn taps<V: Vector, const TAPS: usize, const PARTS: usize>(&mut self, ky: usize, kx: usize) {
        let columns: [usize; TAPS] = std::array::from_fn(|tap| self.columns[kx + tap]);
        let mut sums = [[V::splat(0.0); TAPS]; PARTS];
        for y in 0..self.rows {
            let gradient = self.gradient_start + y * self.gradient_pitch;
            let source = y * self.step + ky * self.pitch;
            let mut vector = 0;
            while vector + PARTS <= self.vectors {
                for (part, sums) in sums.iter_mut().enumerate() {
                    self.step::<V, TAPS>(sums, gradient, source, vector + part, &columns);
                }
                vector += PARTS;
            }
            // Always the first part: with one found at run time, no sum could stay in a register.
            while vector < self.vectors {
                self.step::<V, TAPS>(&mut sums[0], gradient, source, vector, &columns);
                vector += 1;
            }
        }
        for tap in 0..TAPS {
            let mut total = sums[0][tap];
            for part in &sums[1..] {
                total = total.add(part[tap]);
            }
            let at = (ky * self.columns.len() + kx + tap) * LANES;
            // SAFETY: `run` checked the size of the sums.
            unsafe {
                let sum = self.sums.as_mut_ptr().add(at);
                V::load(sum).add(total).store(sum);
            }
        }
    }

    #[inline(always)]
    fn step<V: Vector, const TAPS: usize>(
        &self,
        sums: &mut [V; TAPS],
        gradient: usize,
        source: usize,
        vector: usize,
        columns: &[usize; TAPS],
    ) {
        // SAFETY: `run` checked the furthest of these places in both slices.
        unsafe {
            let gradient = V::load(self.gradient.as_ptr().add(gradient + vector * LANES));
            let source = self.source.as_ptr().add(source + vector * LANES);
            for (sum, &column) in sums.iter_mut().zip(columns) {
                *sum = V::load(source.add(column)).mul_add(gradient, *sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::instruction_set::InstructionSet;

    /// Whole numbers, small enough for every sum to be exact in every order.
    fn numbers(length: usize) -> Vec<f32> {
        (0..length)
            .map(|i| ((i * 37 + 11) % 17) as f32 - 8.0)
            .collect()
    }

    const PITCH: usize = 5 * LANES;

    #[test]
    fn every_instruction_set_filters_a_channel() {
        for (rows, vectors, columns) in [(1, 1, 3), (9, 2, 5), (13, 3, 7)] {
            let columns: Vec<usize> = (0..columns).collect();
            let weights = numbers(3 * columns.len());
            let source = numbers(32 * PITCH);
            let width = vectors * LANES;
            let expected: Vec<f32> = (0..rows * width)
                .map(|place| {
                    let corner = 2 + place / width * 2 * PITCH + place % width;
                    let taps = weights.iter().enumerate();
                    let tap = |(tap, weight): (usize, &f32)| {
                        let (ky, kx) = (tap / columns.len(), tap % columns.len());
                        weight * source[corner + ky * PITCH + columns[kx]]
                    };
                    taps.map(tap).sum()
                })
                .collect();
            for set in InstructionSet::available() {
                let mut output = vec![0.0; rows * width];
                let kernel = Correlate {
                    source: &source,
                    start: 2,
                    step: 2 * PITCH,
                    pitch: PITCH,
                    columns: &columns,
                    weights: &weights,
                    rows,
                    vectors,
                    output: &mut output,
                };
                // SAFETY: the set is available.
                unsafe { set.run(kernel) };
                assert_eq!(output, expected, "{set}, {rows} rows of {vectors}");
            }
        }
    }

    #[test]
    fn every_instruction_set_sums_up_the_gradients_of_weights() {
        for (rows, vectors, taps) in [(1, 1, 1), (5, 3, 3), (9, 4, 9)] {
            let columns: Vec<usize> = (0..taps).collect();
            let (source, gradient) = (numbers(16 * PITCH), numbers(16 * PITCH));
            let mut expected = vec![1.0; 2 * taps * LANES];
            for (place, sum) in expected.iter_mut().enumerate() {
                let (tap, lane) = (place / LANES, place % LANES);
                for (y, x) in (0..rows).flat_map(|y| (0..vectors).map(move |x| (y, x))) {
                    let x = x * LANES + lane;
                    let source = source[(y + tap / taps) * PITCH + columns[tap % taps] + x];
                    *sum += source * gradient[3 + y * PITCH + x];
                }
            }
            for set in InstructionSet::available() {
                let mut sums = vec![1.0; 2 * taps * LANES];
                let kernel = CorrelateWeights {
                    source: &source,
                    step: PITCH,
                    pitch: PITCH,
                    columns: &columns,
                    gradient: &gradient,
                    gradient_start: 3,
                    gradient_pitch: PITCH,
                    kernel_rows: 2,
                    rows,
                    vectors,
                    sums: &mut sums,
                };
                // SAFETY: the set is available.
                unsafe { set.run(kernel) };
                assert_eq!(sums, expected, "{set}, {rows} rows of {vectors}");
            }
        }
    }
}
