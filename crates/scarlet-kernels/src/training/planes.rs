//! Copies of planes into scratch memory and out of it, whole, or with even and odd columns apart.

use crate::simd::LANES;

/// Evaluates `$call` with the constant `$width` for widths that small images come to, where a copy
/// is a single instruction, and `$other` for all others.
macro_rules! with_width {
    ($of:expr, $width:ident => $call:expr, $other:expr) => {
        match $of {
            1 => {
                const $width: usize = 1;
                $call
            }
            2 => {
                const $width: usize = 2;
                $call
            }
            4 => {
                const $width: usize = 4;
                $call
            }
            8 => {
                const $width: usize = 8;
                $call
            }
            16 => {
                const $width: usize = 16;
                $call
            }
            _ => $other,
        }
    };
}

pub(super) use with_width;

/// Where rows of planes lie in scratch memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The first row of the first plane.
    pub(super) start: usize,
    /// From one row of a plane to the next.
    pub(super) pitch: usize,
    /// From one plane to the next.
    pub(super) segment: usize,
}

/// Copies the first `used` rows and columns of planes of this shape to a place.
pub(super) fn copy_in(
    planes: &[f32],
    [height, width]: [usize; 2],
    used: [usize; 2],
    to: &mut [f32],
    place: Place,
) {
    if [height, width] == [1, 1] && place.segment == 1 {
        return to[place.start..][..planes.len()].copy_from_slice(planes);
    }
    if used[1] == width {
        with_width!(width, WIDTH => return copy_in_of::<WIDTH>(planes, height, used[0], to, place), ());
    }
    for (image, plane) in planes.chunks_exact(height * width).enumerate() {
        for (y, row) in plane.chunks_exact(width).take(used[0]).enumerate() {
            let at = place.start + y * place.pitch + image * place.segment;
            copy_row(&row[..used[1]], &mut to[at..at + used[1]]);
        }
    }
}

#[inline(always)]
fn copy_in_of<const WIDTH: usize>(
    planes: &[f32],
    height: usize,
    used: usize,
    to: &mut [f32],
    place: Place,
) {
    let rows = planes.as_chunks::<WIDTH>().0;
    for (image, plane) in rows.chunks_exact(height).enumerate() {
        let at = place.start + image * place.segment;
        for (y, row) in plane.iter().take(used).enumerate() {
            let at = at + y * place.pitch;
            to[at..at + WIDTH].copy_from_slice(row);
        }
    }
}

/// Copies planes of this shape from a place.
pub(super) fn copy_out(
    from: &[f32],
    place: Place,
    planes: &mut [f32],
    [height, width]: [usize; 2],
) {
    if [height, width] == [1, 1] && place.segment == 1 {
        return planes.copy_from_slice(&from[place.start..][..planes.len()]);
    }
    with_width!(width, WIDTH => return copy_out_of::<WIDTH>(from, place, planes, height), ());
    for (image, plane) in planes.chunks_exact_mut(height * width).enumerate() {
        for (y, row) in plane.chunks_exact_mut(width).enumerate() {
            let at = place.start + y * place.pitch + image * place.segment;
            copy_row(&from[at..at + width], row);
        }
    }
}

#[inline(always)]
fn copy_out_of<const WIDTH: usize>(from: &[f32], place: Place, planes: &mut [f32], height: usize) {
    let rows = planes.as_chunks_mut::<WIDTH>().0;
    for (image, plane) in rows.chunks_exact_mut(height).enumerate() {
        let at = place.start + image * place.segment;
        for (y, row) in plane.iter_mut().enumerate() {
            let at = at + y * place.pitch;
            row.copy_from_slice(&from[at..at + WIDTH]);
        }
    }
}

/// As [`copy_in`], with even columns to the place and odd ones to another that begins at `odd`.
#[inline(always)]
pub(super) fn part_in_of<const WIDTH: usize>(
    planes: &[f32],
    height: usize,
    used: usize,
    to: &mut [f32],
    place: Place,
    odd: usize,
) {
    let rows = planes.as_chunks::<WIDTH>().0;
    for (image, plane) in rows.chunks_exact(height).enumerate() {
        for (y, row) in plane.iter().take(used).enumerate() {
            let at = image * place.segment + y * place.pitch;
            let even = &mut to[place.start + at..][..WIDTH.div_ceil(2)];
            for (column, place) in even.iter_mut().enumerate() {
                *place = row[2 * column];
            }
            let odd = &mut to[odd + at..][..WIDTH / 2];
            for (column, place) in odd.iter_mut().enumerate() {
                *place = row[2 * column + 1];
            }
        }
    }
}

/// The opposite for every second row from `first` on: even and odd columns lie in slices of their
/// own, each with the distance between its rows.
#[inline(always)]
pub(super) fn join_out_of<const WIDTH: usize>(
    (even, even_pitch): (&[f32], usize),
    (odd, odd_pitch): (&[f32], usize),
    segment: usize,
    first: usize,
    planes: &mut [f32],
    height: usize,
) {
    let rows = planes.as_chunks_mut::<WIDTH>().0;
    for (image, plane) in rows.chunks_exact_mut(height).enumerate() {
        for (y, row) in plane.iter_mut().skip(first).step_by(2).enumerate() {
            let even = &even[y * even_pitch + image * segment..][..WIDTH.div_ceil(2)];
            let odd = &odd[y * odd_pitch + image * segment..][..WIDTH / 2];
            for (column, place) in row.iter_mut().enumerate() {
                *place = match column % 2 {
                    0 => even[column / 2],
                    _ => odd[column / 2],
                };
            }
        }
    }
}

/// Copies a row, which is mostly short: a call of `memcpy` would take longer than the copying.
#[inline(always)]
fn copy_row(from: &[f32], to: &mut [f32]) {
    copy_by::<LANES>(from, to, |from, to| {
        copy_by::<4>(from, to, |from, to| {
            for (to, &from) in to.iter_mut().zip(from) {
                *to = from;
            }
        });
    });
}

/// Copies `N` at a time, the last of them over some already copied; `short` copies rows that are
/// shorter than `N`.
#[inline(always)]
fn copy_by<const N: usize>(from: &[f32], to: &mut [f32], short: impl Fn(&[f32], &mut [f32])) {
    let length = from.len().min(to.len());
    let (from, to) = (&from[..length], &mut to[..length]);
    let (Some(last_from), Some(_)) = (from.last_chunk::<N>(), to.last_chunk::<N>()) else {
        return short(from, to);
    };
    let (chunks_from, chunks_to) = (from.as_chunks::<N>().0, to.as_chunks_mut::<N>().0);
    for (to, from) in chunks_to.iter_mut().zip(chunks_from) {
        *to = *from;
    }
    if let Some(last) = to.last_chunk_mut::<N>() {
        *last = *last_from;
    }
}

/// Parts a row into its even and odd columns.
#[inline(always)]
pub(super) fn part_pairs(row: &[f32], even: &mut [f32], odd: &mut [f32]) {
    let (full, rest) = row.as_chunks::<8>();
    let (even_full, even_rest) = even.split_at_mut(full.len() * 4);
    let (odd_full, odd_rest) = odd.split_at_mut(full.len() * 4);
    let (evens, odds) = (
        even_full.as_chunks_mut::<4>().0,
        odd_full.as_chunks_mut::<4>().0,
    );
    for ((eight, even), odd) in full.iter().zip(evens).zip(odds) {
        *even = [eight[0], eight[2], eight[4], eight[6]];
        *odd = [eight[1], eight[3], eight[5], eight[7]];
    }
    for (place, &value) in even_rest.iter_mut().zip(rest.iter().step_by(2)) {
        *place = value;
    }
    for (place, &value) in odd_rest.iter_mut().zip(rest.iter().skip(1).step_by(2)) {
        *place = value;
    }
}

/// The opposite of [`part_pairs`].
#[inline(always)]
pub(super) fn join_pairs(even: &[f32], odd: &[f32], row: &mut [f32]) {
    let (full, rest) = row.as_chunks_mut::<8>();
    let (even_full, even_rest) = even.split_at(full.len() * 4);
    let (odd_full, odd_rest) = odd.split_at(full.len() * 4);
    let (evens, odds) = (even_full.as_chunks::<4>().0, odd_full.as_chunks::<4>().0);
    for ((eight, e), o) in full.iter_mut().zip(evens).zip(odds) {
        *eight = [e[0], o[0], e[1], o[1], e[2], o[2], e[3], o[3]];
    }
    for (place, &value) in rest.iter_mut().step_by(2).zip(even_rest) {
        *place = value;
    }
    for (place, &value) in rest.iter_mut().skip(1).step_by(2).zip(odd_rest) {
        *place = value;
    }
}
