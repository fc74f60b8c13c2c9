//! Sums over the values of one channel, and what is made of them alone.

use crate::simd::{Kernel, LANES, vector::Vector};

use super::elementwise::run;

/// Sums are taken over so many values in f32, and between such runs in f64: large batches do not
/// lose digits. Short enough for a second pass to find the run in the first-level cache.
pub(super) const RUN: usize = 4096;

/// Vectors summed up side by side, so that additions need not wait for each other.
const ABREAST: usize = 4;

/// Adds up, within a run and in f32, the terms of all values. `vector` gives the terms of eight
/// values at a place and `single` those of one.
#[inline(always)]
pub(super) fn sum_run<V: Vector, const N: usize>(
    length: usize,
    vector: impl Fn(usize) -> [V; N],
    single: impl Fn(usize) -> [f32; N],
) -> [f32; N] {
    let mut sums = [[V::splat(0.0); N]; ABREAST];
    let mut at = 0;
    while at + ABREAST * LANES <= length {
        for (index, sums) in sums.iter_mut().enumerate() {
            let terms = vector(at + index * LANES);
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum = sum.add(term);
            }
        }
        at += ABREAST * LANES;
    }
    while at + LANES <= length {
        for (sum, term) in sums[0].iter_mut().zip(vector(at)) {
            *sum = sum.add(term);
        }
        at += LANES;
    }
    let [first, second, third, fourth] = sums;
    let mut totals: [f32; N] =
        std::array::from_fn(|n| lane_sum(first[n].add(second[n]).add(third[n].add(fourth[n]))));
    while at < length {
        for (total, term) in totals.iter_mut().zip(single(at)) {
            *total += term;
        }
        at += 1;
    }
    totals
}

#[inline(always)]
fn lane_sum<V: Vector>(vector: V) -> f32 {
    let mut lanes = [0.0; LANES];
    // SAFETY: the array has eight floats.
    unsafe { vector.store(lanes.as_mut_ptr()) };
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

#[inline(always)]
pub(super) fn load<V: Vector>(values: &[f32], at: usize) -> V {
    let values = &values[at..at + LANES];
    // SAFETY: these are eight floats.
    unsafe { V::load(values.as_ptr()) }
}

/// Number, mean and sum of squared distances from it, of values seen so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    pub(super) count: f64,
    pub(super) mean: f64,
    pub(super) squares: f64,
}

impl Moments {
    /// Takes in more values; run by run, merged as by Chan, Golub and LeVeque (1979), which
    /// stays exact where the mean is large against the deviation.
    pub(super) fn add(&mut self, values: &[f32]) {
        run(AddMoments {
            values,
            moments: self,
        });
    }

    /// Mean and biased variance.
    pub(super) fn rounded(&self) -> [f32; 2] {
        [
            self.mean as f32,
            (self.squares / self.count.max(1.0)) as f32,
        ]
    }
}

pub(super) struct AddMoments<'a> {
    pub(super) values: &'a [f32],
    pub(super) moments: &'a mut Moments,
}

impl Kernel for AddMoments<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        for values in self.values.chunks(RUN) {
            let [total] = sum_run(
                values.len(),
                |at| [load::<V>(values, at)],
                |at| [values[at]],
            );
            let middle = total / values.len() as f32;
            // Around a rounded mean, hence the first-order term too.
            let [off, squares] = sum_run(
                values.len(),
                |at| {
                    let distance = load::<V>(values, at).add(V::splat(-middle));
                    [distance, distance.mul(distance)]
                },
                |at| {
                    let distance = values[at] - middle;
                    [distance, distance * distance]
                },
            );
            let count = values.len() as f64;
            let (off, squares) = (f64::from(off), f64::from(squares));
            let mean = f64::from(middle) + off / count;
            let squares = (squares - off * off / count).max(0.0);
            let seen = &mut *self.moments;
            let (delta, together) = (mean - seen.mean, seen.count + count);
            seen.squares += squares + delta * delta * seen.count * count / together;
            seen.mean += delta * count / together;
            seen.count = together;
        }
    }
}

/// The sum of each of some planes of so many pixels, which follow each other.
pub(super) fn totals(planes: &[f32], pixels: usize, sums: &mut [f64]) {
    run(Totals {
        planes,
        pixels,
        sums,
    });
}

pub(super) struct Totals<'a> {
    pub(super) planes: &'a [f32],
    pub(super) pixels: usize,
    pub(super) sums: &'a mut [f64],
}

impl Kernel for Totals<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        for (plane, sum) in self.planes.chunks_exact(self.pixels).zip(self.sums) {
            *sum = 0.0;
            for values in plane.chunks(RUN) {
                let [total] = sum_run(
                    values.len(),
                    |at| [load::<V>(values, at)],
                    |at| [values[at]],
                );
                *sum += f64::from(total);
            }
        }
    }
}

/// The sum of the products of each of some planes with its counterpart.
pub(super) fn dots(left: &[f32], right: &[f32], pixels: usize, sums: &mut [f64]) {
    run(Dots {
        left,
        right,
        pixels,
        sums,
    });
}

pub(super) struct Dots<'a> {
    pub(super) left: &'a [f32],
    pub(super) right: &'a [f32],
    pub(super) pixels: usize,
    pub(super) sums: &'a mut [f64],
}

impl Kernel for Dots<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let planes =
            (self.left.chunks_exact(self.pixels)).zip(self.right.chunks_exact(self.pixels));
        for ((left, right), sum) in planes.zip(self.sums) {
            *sum = 0.0;
            for (left, right) in left.chunks(RUN).zip(right.chunks(RUN)) {
                let [total] = sum_run(
                    left.len().min(right.len()),
                    |at| [load::<V>(left, at).mul(load(right, at))],
                    |at| [left[at] * right[at]],
                );
                *sum += f64::from(total);
            }
        }
    }
}
