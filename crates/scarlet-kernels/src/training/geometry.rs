//! How the planes of one channel are laid out for the inner loops of depthwise convolutions.
//!
//! Planes are copied into scratch memory with zeros around them. With stride 2, even and odd
//! columns lie apart (two *phases*), so that neighbouring outputs read neighbouring values. Tiny
//! planes of several images lie side by side, so that vectors stay full; what the vectors compute
//! between them is thrown away. Kernel rows and columns that would only ever meet padding are
//! left out: on a plane of 1×1 a 7×7 kernel has one weight.

use std::ops::Range;

use crate::padding::Padding;
use crate::simd::LANES;

use super::planes::{
    Place, copy_in, copy_out, join_out_of, join_pairs, part_in_of, part_pairs, with_width,
};

/// Columns of a scratch row that images side by side may take: rows of a few kilobytes.
const WIDEST: usize = 256;

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
