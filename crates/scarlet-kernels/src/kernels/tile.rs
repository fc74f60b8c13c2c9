//! Tiles: neighbouring pixels whose sums are computed in registers; and where the sums go from there.

use core::mem::MaybeUninit;

use crate::simd::{sums::Sums, vector::Floats};

/// The most pixels whose sums wait in memory until they are finished together.
const WAITING: usize = 24;

/// How many of them do, given the most of a tile: a few small tiles, so that the loop that finishes them seldom
/// begins and ends, or a single large one, next to which the products of the next one are computed.
pub(super) const fn waiting(tile: usize) -> usize {
    if tile < 12 { WAITING } else { tile }
}

/// The sums of neighbouring pixels, of so many panels, when they have left the registers.
///
/// So the products alone, which sums are made of, are compiled for each number of pixels of a tile. What is
/// done to the sums afterwards is a loop over pixels, the same for all: written out for each number, it would
/// be most of a kernel.
pub(super) struct Waiting<S, const P: usize>([[MaybeUninit<S>; WAITING]; P]);

impl<S: Copy, const P: usize> Waiting<S, P> {
    /// None yet.
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self([const { [const { MaybeUninit::uninit() }; WAITING] }; P])
    }

    /// Takes the sums of a tile whose first pixel is in this place.
    ///
    /// # Safety
    ///
    /// There must be so many places.
    #[inline(always)]
    pub(super) unsafe fn put<const M: usize>(&mut self, place: usize, sums: [[S; M]; P]) {
        debug_assert!(place + M <= WAITING);
        for (to, sums) in self.0.iter_mut().zip(sums) {
            // SAFETY: the caller vouches for the places.
            unsafe { to.as_mut_ptr().add(place).cast::<[S; M]>().write(sums) }
        }
    }

    /// Those of one panel.
    #[inline(always)]
    pub(super) fn panel(&self, panel: usize) -> *const S {
        self.0[panel].as_ptr().cast()
    }
}

/// What neighbouring pixels came to.
pub(super) trait Results: Copy {
    type Floats: Floats;

    /// # Safety
    ///
    /// The pixel must be one of them.
    unsafe fn get(self, pixel: usize) -> Self::Floats;
}

/// Sums that are yet to be scaled.
#[derive(Clone, Copy)]
pub(crate) struct Scaled<S: Sums> {
    pub(super) sums: *const S,
    pub(super) scale: S::Floats,
    pub(super) bias: S::Floats,
}

impl<S: Sums> Results for Scaled<S> {
    type Floats = S::Floats;

    #[inline(always)]
    unsafe fn get(self, pixel: usize) -> S::Floats {
        // SAFETY: the caller vouches for the pixel.
        let sum = unsafe { self.sums.add(pixel).read() };
        sum.finish(self.scale, self.bias)
    }
}

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

pub(super) use unrolled;

/// Evaluates an expression that takes the number of a tile's pixels, 1 to `$largest`, as a constant.
macro_rules! with_pixels {
    ($pixels:expr, 1..=$largest:expr, $constant:ident => $value:expr) => {
        with_pixels!($pixels, $largest, $constant, $value, 1 2 3 4 5 6 7 8 9 10 11 12)
    };
    ($pixels:expr, $largest:expr, $constant:ident, $value:expr, $($number:literal)*) => {
        match $pixels {
            $($number if const { $number <= $largest } => {
                const $constant: usize = $number;
                $value
            })*
            // There are no others.
            _ => {}
        }
    };
}

pub(super) use with_pixels;

/// [`Ord::min`], which constants cannot be made by yet.
pub(super) const fn smaller(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

/// Cuts `total` into the fewest pieces of at most `largest`, as even as can be: an even cut
/// leaves no piece so small that its additions wait for each other.
#[inline(always)]
pub(super) fn even_pieces(total: usize, largest: usize) -> impl Iterator<Item = (usize, usize)> {
    let pieces = total.div_ceil(largest).max(1);
    let (small, larger) = (total / pieces, total % pieces);
    (0..pieces).scan(0, move |start, piece| {
        let length = small + usize::from(piece < larger);
        let from = *start;
        *start += length;
        Some((from, length))
    })
}
