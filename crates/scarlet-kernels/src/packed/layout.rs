//! Which weight lies where.

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    memory::LINE,
    network::{Convolution, Depthwise, Linear, Network, Operation, Pointwise, SqueezeExcite},
    simd::{LANES, bf16::PAIR, byte_sums::QUAD},
    steps::{PANEL, dense::DENSE_PANEL, panels},
};

use super::precision::{Numbers, Precision};

/// One array of weights as a matrix `[row][column]`, and its place.
///
/// It is packed as `[panel][column][row of the panel]`, where a panel is a few blocks of eight
/// rows: what a kernel multiplies with one value of its input is side by side. Where kernels take a few
/// values at a time, so many neighbouring columns of a row are side by side. The rows are filled up with zeros to whole blocks, and the columns where the input has channels of padding.
pub(super) struct Array {
    pub(super) name: &'static str,
    rows: usize,
    columns: usize,
    padded_columns: usize,
    /// Blocks of a panel.
    panel: usize,
    /// Columns of a row that are side by side.
    together: usize,
    pub(super) precision: Precision,
    /// In floats.
    pub(super) place: Range<usize>,
}

impl Array {
    fn matrix(name: &'static str, rows: usize, columns: usize, panel: usize) -> Self {
        Self {
            name,
            rows,
            columns,
            padded_columns: columns,
            panel,
            together: 1,
            precision: Precision::Float32,
            place: 0..0,
        }
    }

    /// The same, rounded.
    fn rounded(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Biases, and room behind them for so many numbers more of each output: scales, where weights are
    /// bytes, and what sums start from.
    fn biases(name: &'static str, values: usize, more: usize) -> Self {
        Self {
            padded_columns: 1 + more,
            ..Self::matrix(name, values, 1, usize::MAX)
        }
    }

    /// Values before packing. Those of a matrix that does not fit into memory have no number:
    /// nobody has so many.
    pub(super) fn values(&self) -> usize {
        self.rows.saturating_mul(self.columns)
    }
}

/// Gives every array its place.
#[derive(Default)]
pub(super) struct Layout {
    next: usize,
}

impl Layout {
    /// Floats of all arrays so far.
    pub(super) fn floats(&self) -> usize {
        self.next
    }

    /// Places the arrays of all operations, one after the other, each from a cache line on. `look`
    /// is given each one's operation's index, its sizes and place, and what stands for it in
    /// `network`, and says what stands for it in the result.
    pub(super) fn place<W, U, E>(
        &mut self,
        network: &Network<W>,
        numbers: &Numbers,
        mut look: impl FnMut(usize, Array, &W) -> Result<U, E>,
    ) -> Result<Network<U>, E> {
        let operations = network.operations.iter().enumerate();
        let operations = operations.map(|(index, operation)| {
            let precision = numbers.of(index, operation);
            self.operation(operation, precision, &mut |array, weights| {
                look(index, array, weights)
            })
        });
        Ok(Network {
            input_channels: network.input_channels,
            operations: operations.collect::<Result<_, E>>()?,
        })
    }

    fn operation<W, U, E>(
        &mut self,
        operation: &Operation<W>,
        precision: Precision,
        look: &mut dyn FnMut(Array, &W) -> Result<U, E>,
    ) -> Result<Operation<U>, E> {
        let is_bytes = precision == Precision::Int8;
        let mut place = |array: Array, weights: &W| self.array(array, weights, look);
        Ok(match operation {
            Operation::Convolution(c) => {
                let taps = c.kernel.saturating_mul(c.kernel);
                let columns = c.input.saturating_mul(taps);
                let mut weight = Array::matrix("weight", c.output, columns, PANEL);
                if is_bytes {
                    // Each row of a kernel is a quad.
                    let rows = c.input.saturating_mul(c.kernel);
                    weight.padded_columns = rows.saturating_mul(QUAD);
                }
                Operation::Convolution(Convolution {
                    weight: place(weight.rounded(precision), &c.weight)?,
                    bias: place(Array::biases("bias", c.output, is_bytes.into()), &c.bias)?,
                    input: c.input,
                    output: c.output,
                    kernel: c.kernel,
                    stride: c.stride,
                    padding: c.padding,
                    activation: c.activation,
                })
            }
            Operation::Depthwise(c) => {
                let taps = c.kernel.saturating_mul(c.kernel);
                let mut weight = Array::matrix("weight", c.channels, taps, 1).rounded(precision);
                if is_bytes {
                    let row = c.kernel.div_ceil(QUAD) * QUAD;
                    weight.padded_columns = c.kernel.saturating_mul(row);
                }
                Operation::Depthwise(Depthwise {
                    weight: place(weight, &c.weight)?,
                    bias: place(
                        Array::biases("bias", c.channels, 2 * usize::from(is_bytes)),
                        &c.bias,
                    )?,
                    channels: c.channels,
                    kernel: c.kernel,
                    stride: c.stride,
                    padding: c.padding,
                    activation: c.activation,
                })
            }
            Operation::Pointwise(c) => {
                let mut weight = Array::matrix("weight", c.output, c.input, PANEL);
                weight.padded_columns = c.input.div_ceil(LANES).saturating_mul(LANES);
                if precision == Precision::Bfloat16 {
                    weight.together = PAIR;
                }
                Operation::Pointwise(Pointwise {
                    weight: place(weight.rounded(precision), &c.weight)?,
                    bias: place(Array::biases("bias", c.output, is_bytes.into()), &c.bias)?,
                    input: c.input,
                    output: c.output,
                    stride: c.stride,
                    activation: c.activation,
                })
            }
            Operation::SqueezeExcite(c) => {
                let (channels, squeezed) = (c.channels, c.squeezed);
                let matrix = |name, rows, columns| {
                    Array::matrix(name, rows, columns, DENSE_PANEL).rounded(precision)
                };
                let biases = |name, values| Array::biases(name, values, is_bytes.into());
                Operation::SqueezeExcite(SqueezeExcite {
                    squeeze_weight: place(
                        matrix("squeeze weight", squeezed, channels),
                        &c.squeeze_weight,
                    )?,
                    squeeze_bias: place(biases("squeeze bias", squeezed), &c.squeeze_bias)?,
                    excite_weight: place(
                        matrix("excite weight", channels, squeezed),
                        &c.excite_weight,
                    )?,
                    excite_bias: place(biases("excite bias", channels), &c.excite_bias)?,
                    channels,
                    squeezed,
                    activation: c.activation,
                    gate: c.gate,
                })
            }
            Operation::Linear(c) => {
                let weight = Array::matrix("weight", c.output, c.input, DENSE_PANEL);
                Operation::Linear(Linear {
                    weight: place(weight.rounded(precision), &c.weight)?,
                    bias: place(Array::biases("bias", c.output, is_bytes.into()), &c.bias)?,
                    input: c.input,
                    output: c.output,
                    activation: c.activation,
                })
            }
            Operation::Add(from) => Operation::Add(*from),
            Operation::GlobalMean => Operation::GlobalMean,
        })
    }

    fn array<W, U, E>(
        &mut self,
        mut array: Array,
        weights: &W,
        look: &mut dyn FnMut(Array, &W) -> Result<U, E>,
    ) -> Result<U, E> {
        // Sizes that no memory holds end beyond all memory.
        let rows = array.rows.div_ceil(LANES).saturating_mul(LANES);
        // A whole number: there are eight rows in each block.
        let floats = rows.saturating_mul(array.padded_columns)
            / (Precision::Float32.bytes() / array.precision.bytes());
        let start = self.next;
        let end = start.saturating_add(floats);
        self.next = end.checked_next_multiple_of(LINE).unwrap_or(usize::MAX);
        array.place = start..end;
        look(array, weights)
    }
}

/// Packs an array's values, each rounded, into its place, which is zero.
pub(super) fn pack_matrix<T>(
    values: &[f32],
    array: &Array,
    mut to: &mut [T],
    round: impl Fn(f32) -> T,
) {
    if values.is_empty() {
        return;
    }
    for panel in panels(array.rows.div_ceil(LANES), array.panel) {
        let width = panel.blocks * LANES;
        let (packed, rest) = to.split_at_mut(width * array.padded_columns);
        let rows = values.chunks_exact(array.columns);
        for (lane, row) in rows.skip(panel.first * LANES).take(width).enumerate() {
            let places = packed.chunks_exact_mut(width * array.together);
            for (to, from) in places.zip(row.chunks(array.together)) {
                let to = &mut to[lane * array.together..];
                for (to, &from) in to.iter_mut().zip(from) {
                    *to = round(from);
                }
            }
        }
        to = rest;
    }
}

/// The values that [`pack_matrix`] packed in floats.
pub(super) fn unpack_matrix(array: &Array, mut from: &[f32]) -> Vec<f32> {
    let mut values = Vec::with_capacity(array.values());
    if array.columns == 0 {
        return values;
    }
    for panel in panels(array.rows.div_ceil(LANES), array.panel) {
        let width = panel.blocks * LANES;
        let (packed, rest) = from.split_at(width * array.padded_columns);
        for lane in 0..width.min(array.rows - panel.first * LANES) {
            let row = packed[lane..].iter().step_by(width);
            values.extend(row.take(array.columns));
        }
        from = rest;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(array: &Array) -> Vec<f32> {
        let values: Vec<f32> = (1..=array.values()).map(|i| i as f32).collect();
        let rows = array.rows.next_multiple_of(LANES);
        let mut to = vec![0.0; rows * array.padded_columns];
        pack_matrix(&values, array, &mut to, |value| value);
        to
    }

    #[test]
    fn a_panel_holds_its_rows_side_by_side() {
        // 17 rows: a panel of two blocks and one of a block, whose last seven rows are zeros.
        let mut array = Array::matrix("weight", 17, 3, 2);
        array.padded_columns = 8;
        let packed = packed(&array);
        for (row, column) in [(0, 0), (7, 2), (8, 1), (15, 2)] {
            assert_eq!(packed[column * 16 + row], (row * 3 + column + 1) as f32);
        }
        assert_eq!(packed[16 * 3..16 * 8], [0.0; 16 * 5]);
        let last = &packed[16 * 8..];
        assert_eq!((last[0], last[8], last[16]), (49.0, 50.0, 51.0));
        assert!(last[1..8].iter().chain(&last[24..]).all(|&x| x == 0.0));
    }

    #[test]
    fn columns_that_are_taken_together_are_side_by_side() {
        let mut array = Array::matrix("weight", 17, 4, 2);
        array.together = 2;
        let packed = packed(&array);
        // Row 3 of the first panel and the only one of the second.
        assert_eq!(packed[6..8], [13.0, 14.0]);
        assert_eq!(packed[32 + 6..][..2], [15.0, 16.0]);
        assert_eq!(packed[64..68], [65.0, 66.0, 0.0, 0.0]);
        assert_eq!(packed[64 + 16..][..2], [67.0, 68.0]);
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        for (rows, columns, padding) in [(17, 3, 5), (16, 8, 0), (1, 1, 7), (40, 5, 0), (3, 0, 0)] {
            for panel in [1, 2, 4] {
                let mut array = Array::matrix("weight", rows, columns, panel);
                array.padded_columns += padding;
                let expected: Vec<f32> = (1..=rows * columns).map(|i| i as f32).collect();
                assert_eq!(unpack_matrix(&array, &packed(&array)), expected);
            }
        }
    }

    #[test]
    fn a_vector_is_only_filled_up() {
        let packed = packed(&Array::biases("bias", 9, 0));
        let expected: Vec<f32> = (1..=9).map(|i| i as f32).chain([0.0; 7]).collect();
        assert_eq!(packed, expected);
    }
}
