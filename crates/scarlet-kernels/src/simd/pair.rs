//! Two blocks in two vectors.

use super::{
    LANES,
    vector::{Arithmetic, Floats},
};

/// Two blocks of floats, for instruction sets whose registers hold no more than one; or twice as many
/// in steps that do not wait for each other.
#[derive(Clone, Copy)]
pub(crate) struct Pair<V>([V; 2]);

impl<V: Copy> Pair<V> {
    #[inline(always)]
    pub(crate) fn new(first: V, second: V) -> Self {
        Self([first, second])
    }

    #[inline(always)]
    pub(crate) fn halves(self) -> [V; 2] {
        self.0
    }

    #[inline(always)]
    fn zip(self, other: Self, combine: impl Fn(V, V) -> V) -> Self {
        let ([a, b], [c, d]) = (self.0, other.0);
        Self([combine(a, c), combine(b, d)])
    }
}

impl<V: Floats> Floats for Pair<V> {
    const BLOCKS: usize = 2;
    const SUMS: usize = V::SUMS / 2;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the pointer.
        unsafe { Self::load_blocks(from, LANES) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for the pointer.
        unsafe { self.store_blocks(to, LANES) }
    }

    #[inline(always)]
    unsafe fn load_blocks(from: *const f32, distance: usize) -> Self {
        // SAFETY: the caller vouches for both blocks.
        unsafe { Self([V::load(from), V::load(from.add(distance))]) }
    }

    #[inline(always)]
    unsafe fn store_blocks(self, to: *mut f32, distance: usize) {
        let [first, second] = self.0;
        // SAFETY: the caller vouches for both blocks.
        unsafe {
            first.store(to);
            second.store(to.add(distance));
        }
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, V::max)
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, V::min)
    }
}

impl<V: Arithmetic> Arithmetic for Pair<V> {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([V::splat(value); 2])
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        let ([a, b], [c, d]) = (self.0, factor.0);
        let [e, f] = addend.0;
        Self([a.mul_add(c, e), b.mul_add(d, f)])
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, V::add)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, V::mul)
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, V::div)
    }

    #[inline(always)]
    fn at_least(self, low: f32) -> Self {
        let [a, b] = self.0;
        Self([a.at_least(low), b.at_least(low)])
    }

    #[inline(always)]
    fn at_most(self, high: f32) -> Self {
        let [a, b] = self.0;
        Self([a.at_most(high), b.at_most(high)])
    }

    #[inline(always)]
    fn exponent(self) -> Self {
        let [a, b] = self.0;
        Self([a.exponent(), b.exponent()])
    }
}
