//! How the planes of one channel are laid out for the inner loops of depthwise convolutions.
//!
//! Planes are copied into scratch memory with zeros around them. With stride 2, even and odd
//! columns lie apart (two *phases*), so that neighbouring outputs read neighbouring values. Tiny
//! planes of several images lie side by side, so that vectors stay full; what the vectors compute
//! between them is thrown away. Kernel rows and columns that would only ever meet padding are
//! left out: on a plane of 1×1 a 7×7 kernel has one weight.

use std::ops::Range;

use crate::Padding;
use crate::simd::LANES;

/// Columns of a scratch row that images side by side may take: rows of a few kilobytes.
const WIDEST: usize = 256;

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

/// One axis of a convolution, with the kernel cut down to what meets the image.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) stride: usize,
    /// The kernel's rows (or columns) that are used.
    pub(super) kernel: Range<usize>,
    /// Padding in front that the used part needs.
    pub(super) before: usize,
    /// For the gradient by the input.
    pub(super) phases: Vec<Phase>,
}

/// The inputs `phase + stride · q`, and the kernel's part that reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phase {
    /// How many there are.
    pub(super) inputs: usize,
    /// The kernel's rows in the order in which the output's gradient meets them.
    pub(super) taps: Vec<usize>,
    /// The output whose gradient the first input meets first; before the first one if negative.
    pub(super) offset: isize,
}

impl Axis {
    fn new(input: usize, kernel: usize, stride: usize, before: usize, after: usize) -> Self {
        let output = (input + before + after).saturating_sub(kernel) / stride + 1;
        // Output `o` reads input `o · stride + k − before`.
        let first = before.saturating_sub((output - 1) * stride).min(kernel);
        let used = first..kernel.min(input + before).max(first);
        let before = before - first;
        let phases = (0..stride)
            .map(|phase| Phase::new(input, &used, stride, before, phase))
            .collect();
        Self {
            input,
            output,
            stride,
            kernel: used,
            before,
            phases,
        }
    }

    /// Inputs with padding that the outputs read.
    pub(super) fn padded(&self) -> usize {
        (self.output - 1) * self.stride + self.kernel.len()
    }

    /// Of which so many are in one phase.
    fn padded_in_phase(&self) -> usize {
        self.padded().div_ceil(self.stride)
    }

    /// Zeros in front of the output's gradient that the phases read.
    pub(super) fn gradient_before(&self) -> usize {
        let offsets = self.phases.iter().map(|phase| phase.offset);
        offsets.min().unwrap_or(0).min(0).unsigned_abs()
    }

    /// The end of what the phases read of the output's gradient, counted from its first value.
    pub(super) fn gradient_end(&self) -> usize {
        let end = |phase: &Phase| {
            let read = phase.inputs + phase.taps.len().max(1) - 1;
            read.saturating_add_signed(phase.offset)
        };
        self.phases
            .iter()
            .map(end)
            .max()
            .unwrap_or(0)
            .max(self.output)
    }
}

impl Phase {
    fn new(
        input: usize,
        kernel: &Range<usize>,
        stride: usize,
        before: usize,
        phase: usize,
    ) -> Self {
        // Input `phase + stride · q` is read by output `o` at kernel row `k` (counted in the used
        // part) where `stride · o + k = phase + stride · q + before`; so k has the remainder of
        // `phase + before`.
        let remainder = (phase + before) % stride;
        let mut taps: Vec<usize> = kernel.clone().skip(remainder).step_by(stride).collect();
        taps.reverse();
        let base = (phase + before - remainder) / stride;
        Self {
            inputs: input.saturating_sub(phase).div_ceil(stride),
            offset: base as isize - (taps.len().max(1) - 1) as isize,
            taps,
        }
    }
}

/// Where everything lies in the scratch memory of one thread.
#[derive(Debug, Clone)]
pub(super) struct Geometry {
    pub(super) vertical: Axis,
    pub(super) horizontal: Axis,
    /// Images side by side.
    pub(super) group: usize,
    /// From one image to the next in a row.
    segment: usize,
    /// Columns of a phase in a row of the padded input.
    source_phase: usize,
    /// Columns of a row of the padded gradient.
    gradient_pitch: usize,
}

impl Geometry {
    pub(super) fn new(
        [height, width]: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: Padding,
    ) -> Self {
        let vertical = Axis::new(height, kernel, stride, padding.top, padding.bottom);
        let horizontal = Axis::new(width, kernel, stride, padding.left, padding.right);
        let inputs = width.div_ceil(stride);
        let segment = (horizontal.padded_in_phase())
            .max(horizontal.output + horizontal.gradient_before())
            .max(horizontal.gradient_end())
            .max(inputs);
        let alone = horizontal.output.max(inputs).next_multiple_of(LANES);
        let group = if segment < alone {
            (WIDEST / segment).max(1)
        } else {
            1
        };
        let widest = if group > 1 { group * segment } else { alone };
        let widest = widest.next_multiple_of(LANES);
        Self {
            source_phase: widest + (horizontal.kernel.len() / stride + 1).next_multiple_of(LANES),
            gradient_pitch: (horizontal.gradient_before() + widest + horizontal.before + 2)
                .next_multiple_of(LANES),
            vertical,
            horizontal,
            group,
            segment,
        }
    }

    /// `[height, width]` of the output.
    pub(super) fn output(&self) -> [usize; 2] {
        [self.vertical.output, self.horizontal.output]
    }

    fn stride(&self) -> usize {
        self.horizontal.stride
    }

    pub(super) fn source_pitch(&self) -> usize {
        self.source_phase * self.stride()
    }

    pub(super) fn source_length(&self) -> usize {
        self.vertical.padded() * self.source_pitch()
    }

    pub(super) fn gradient_pitch(&self) -> usize {
        self.gradient_pitch
    }

    pub(super) fn gradient_length(&self) -> usize {
        (self.vertical.gradient_before() + self.vertical.gradient_end()) * self.gradient_pitch
    }

    /// Where the gradient's first value lies.
    pub(super) fn gradient_start(&self) -> usize {
        self.gradient_place(0, 0)
    }

    /// Where the gradient at `(row, column)` lies, which may be in the zeros in front.
    pub(super) fn gradient_place(&self, row: isize, column: isize) -> usize {
        let row = self.vertical.gradient_before().saturating_add_signed(row);
        let column = self
            .horizontal
            .gradient_before()
            .saturating_add_signed(column);
        row * self.gradient_pitch + column
    }

    /// Where the kernel's used columns start in a row of the padded input.
    pub(super) fn columns(&self) -> Vec<usize> {
        (0..self.horizontal.kernel.len())
            .map(|column| column % self.stride() * self.source_phase + column / self.stride())
            .collect()
    }

    /// Vectors of a row in which each of `images` images has `width` values.
    pub(super) fn vectors(&self, images: usize, width: usize) -> usize {
        let width = if images > 1 {
            images * self.segment
        } else {
            width
        };
        width.div_ceil(LANES)
    }

    /// Copies planes into the padded input, around which it must be zero.
    pub(super) fn fill_source(&self, planes: &[f32], source: &mut [f32]) {
        let (rows, columns) = (&self.vertical, &self.horizontal);
        // Beyond this, nothing is read.
        let [height, width] = [rows, columns].map(|axis| {
            let read = axis.padded().saturating_sub(axis.before);
            axis.input.min(read)
        });
        if height == 0 || width == 0 {
            return;
        }
        let plane = [rows.input, columns.input];
        let start = rows.before * self.source_pitch();
        if self.stride() == 1 {
            let place = self.place(start + columns.before, self.source_pitch());
            return copy_in(planes, plane, [height, width], source, place);
        }
        if self.stride() == 2 && width == columns.input {
            let [even, odd] = [0, 1].map(|column| start + self.source_column(column));
            let place = self.place(even, self.source_pitch());
            with_width!(width, WIDTH => {
                return part_in_of::<WIDTH>(planes, plane[0], height, source, place, odd);
            }, ());
        }
        for (image, plane) in planes.chunks_exact(plane[0] * plane[1]).enumerate() {
            let places = source[start..].chunks_exact_mut(self.source_pitch());
            for (row, place) in plane.chunks_exact(columns.input).zip(places) {
                self.fill_row(&row[..width], image, place);
            }
        }
    }

    /// Where the first image's column lies in a row of the padded input, which has the phases one
    /// after the other.
    fn source_column(&self, column: usize) -> usize {
        let padded = column + self.horizontal.before;
        padded % self.stride() * self.source_phase + padded / self.stride()
    }

    /// Parts a row's columns by phase.
    fn fill_row(&self, row: &[f32], image: usize, place: &mut [f32]) {
        let at = |column: usize| self.source_column(column) + image * self.segment;
        if self.stride() == 2 {
            let (even, odd) = (row.len().div_ceil(2), row.len() / 2);
            if at(0) < at(1) {
                let (front, back) = place.split_at_mut(at(1));
                part_pairs(row, &mut front[at(0)..][..even], &mut back[..odd]);
            } else {
                let (front, back) = place.split_at_mut(at(0));
                part_pairs(row, &mut back[..even], &mut front[at(1)..][..odd]);
            }
            return;
        }
        for (column, &value) in row.iter().enumerate() {
            place[at(column)] = value;
        }
    }

    /// Copies planes of the output's size into the padded gradient, around which it must be zero.
    pub(super) fn fill_gradient(&self, planes: &[f32], gradient: &mut [f32]) {
        let place = self.place(self.gradient_start(), self.gradient_pitch);
        copy_in(planes, self.output(), self.output(), gradient, place);
    }

    /// Copies the outputs of a correlation into the planes that they belong to.
    pub(super) fn drain_output(&self, rows: &[f32], planes: &mut [f32]) {
        let [height, width] = self.output();
        let images = planes.len() / (height * width);
        let place = self.place(0, self.vectors(images, width) * LANES);
        copy_out(rows, place, planes, [height, width]);
    }

    fn place(&self, start: usize, pitch: usize) -> Place {
        Place {
            start,
            pitch,
            segment: self.segment,
        }
    }

    /// Copies the input's gradient at one vertical phase into the planes; `rows` has each
    /// horizontal phase in a part of equal length.
    pub(super) fn drain_phase(&self, vertical: usize, rows: &[f32], planes: &mut [f32]) {
        let (height, width) = (self.vertical.input, self.horizontal.input);
        let (images, stride) = (planes.len() / (height * width), self.stride());
        let part = rows.len() / stride;
        if stride == 1 {
            let place = self.place(0, self.vectors(images, width) * LANES);
            return copy_out(rows, place, planes, [height, width]);
        }
        if stride == 2 && images > 0 {
            let pitches = [0, 1].map(|phase: usize| {
                let inputs = self.horizontal.phases[phase].inputs;
                self.vectors(images, inputs) * LANES
            });
            let (even, odd) = rows.split_at(part);
            let (even, odd) = ((even, pitches[0]), (odd, pitches[1]));
            with_width!(width, WIDTH => {
                return join_out_of::<WIDTH>(even, odd, self.segment, vertical, planes, height);
            }, ());
        }
        let phases: Vec<(&[f32], usize)> = (rows.chunks_exact(part).zip(&self.horizontal.phases))
            .map(|(rows, phase)| (rows, self.vectors(images, phase.inputs) * LANES))
            .collect();
        for (image, plane) in planes.chunks_exact_mut(height * width).enumerate() {
            let places = plane.chunks_exact_mut(width).skip(vertical).step_by(stride);
            for (y, place) in places.enumerate() {
                let row = |phase: usize| {
                    let (rows, pitch) = phases[phase];
                    let inputs = self.horizontal.phases[phase].inputs;
                    &rows[y * pitch + image * self.segment..][..inputs]
                };
                if stride == 2 {
                    join_pairs(row(0), row(1), place);
                    continue;
                }
                for (column, place) in place.iter_mut().enumerate() {
                    *place = row(column % stride)[column / stride];
                }
            }
        }
    }
}

/// Where rows of planes lie in scratch memory.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The first row of the first plane.
    start: usize,
    /// From one row of a plane to the next.
    pitch: usize,
    /// From one plane to the next.
    segment: usize,
}

/// Copies the first `used` rows and columns of planes of this shape to a place.
fn copy_in(
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
fn copy_out(from: &[f32], place: Place, planes: &mut [f32], [height, width]: [usize; 2]) {
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
fn part_in_of<const WIDTH: usize>(
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
fn join_out_of<const WIDTH: usize>(
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
fn part_pairs(row: &[f32], even: &mut [f32], odd: &mut [f32]) {
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
fn join_pairs(even: &[f32], odd: &[f32], row: &mut [f32]) {
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
