//! Which weight lies where.

use std::ops::Range;

use crate::{
    Convolution, Depthwise, Linear, Network, Operation, Pointwise, SqueezeExcite,
    memory::LINE,
    simd::LANES,
    steps::{DENSE_PANEL, PANEL, panels},
};

use super::Offset;

/// One array of weights as a matrix `[row][column]`, and its place.
///
/// It is packed as `[panel][column][row of the panel]`, where a panel is a few blocks of eight
/// rows: what a kernel multiplies with one value of its input is side by side. The rows are
/// filled up with zeros to whole blocks, and the columns where the input has channels of padding.
pub(super) struct Array {
    pub(super) name: &'static str,
    rows: usize,
    columns: usize,
    padded_columns: usize,
    /// Blocks of a panel.
    panel: usize,
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
            place: 0..0,
        }
    }

    fn vector(name: &'static str, values: usize) -> Self {
        Self::matrix(name, values, 1, 1)
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

    /// Places the arrays of all operations, one after the other, each from a cache line on, after
    /// `look` saw it: its operation's index, its sizes and place, and what stands for it in
    /// `network`.
    pub(super) fn place<W, E>(
        &mut self,
        network: &Network<W>,
        mut look: impl FnMut(usize, Array, &W) -> Result<(), E>,
    ) -> Result<Network<Offset>, E> {
        let operations = network.operations.iter().enumerate();
        let operations = operations.map(|(index, operation)| {
            self.operation(operation, &mut |array, weights| look(index, array, weights))
        });
        Ok(Network {
            input_channels: network.input_channels,
            operations: operations.collect::<Result<_, E>>()?,
        })
    }

    fn operation<W, E>(
        &mut self,
        operation: &Operation<W>,
        look: &mut dyn FnMut(Array, &W) -> Result<(), E>,
    ) -> Result<Operation<Offset>, E> {
        let mut place = |array: Array, weights: &W| self.array(array, weights, look);
        Ok(match operation {
            Operation::Convolution(c) => {
                let taps = c.kernel.saturating_mul(c.kernel);
                let weight = Array::matrix("weight", c.output, c.input.saturating_mul(taps), PANEL);
                Operation::Convolution(Convolution {
                    weight: place(weight, &c.weight)?,
                    bias: place(Array::vector("bias", c.output), &c.bias)?,
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
                Operation::Depthwise(Depthwise {
                    weight: place(Array::matrix("weight", c.channels, taps, 1), &c.weight)?,
                    bias: place(Array::vector("bias", c.channels), &c.bias)?,
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
                Operation::Pointwise(Pointwise {
                    weight: place(weight, &c.weight)?,
                    bias: place(Array::vector("bias", c.output), &c.bias)?,
                    input: c.input,
                    output: c.output,
                    stride: c.stride,
                    activation: c.activation,
                })
            }
            Operation::SqueezeExcite(c) => {
                let squeeze = (c.squeezed, c.channels);
                let matrix =
                    |name, (rows, columns)| Array::matrix(name, rows, columns, DENSE_PANEL);
                Operation::SqueezeExcite(SqueezeExcite {
                    squeeze_weight: place(matrix("squeeze weight", squeeze), &c.squeeze_weight)?,
                    squeeze_bias: place(
                        Array::vector("squeeze bias", c.squeezed),
                        &c.squeeze_bias,
                    )?,
                    excite_weight: place(
                        matrix("excite weight", (c.channels, c.squeezed)),
                        &c.excite_weight,
                    )?,
                    excite_bias: place(Array::vector("excite bias", c.channels), &c.excite_bias)?,
                    channels: c.channels,
                    squeezed: c.squeezed,
                })
            }
            Operation::Linear(c) => Operation::Linear(Linear {
                weight: place(
                    Array::matrix("weight", c.output, c.input, DENSE_PANEL),
                    &c.weight,
                )?,
                bias: place(Array::vector("bias", c.output), &c.bias)?,
                input: c.input,
                output: c.output,
            }),
            Operation::Add(from) => Operation::Add(*from),
            Operation::GlobalMean => Operation::GlobalMean,
        })
    }

    fn array<W, E>(
        &mut self,
        mut array: Array,
        weights: &W,
        look: &mut dyn FnMut(Array, &W) -> Result<(), E>,
    ) -> Result<Offset, E> {
        // Sizes that no memory holds end beyond all memory.
        let rows = array.rows.div_ceil(LANES).saturating_mul(LANES);
        let floats = rows.saturating_mul(array.padded_columns);
        let start = self.next;
        let end = start.saturating_add(floats);
        self.next = end.checked_next_multiple_of(LINE).unwrap_or(usize::MAX);
        array.place = start..end;
        look(array, weights)?;
        Ok(start)
    }
}

/// Packs an array's values into its place, which is zero.
pub(super) fn pack_matrix(values: &[f32], array: &Array, mut to: &mut [f32]) {
    if values.is_empty() {
        return;
    }
    for panel in panels(array.rows.div_ceil(LANES), array.panel) {
        let width = panel.blocks * LANES;
        let (packed, rest) = to.split_at_mut(width * array.padded_columns);
        let rows = values.chunks_exact(array.columns);
        for (lane, row) in rows.skip(panel.first * LANES).take(width).enumerate() {
            for (to, &from) in packed[lane..].iter_mut().step_by(width).zip(row) {
                *to = from;
            }
        }
        to = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(array: &Array) -> Vec<f32> {
        let values: Vec<f32> = (1..=array.values()).map(|i| i as f32).collect();
        let rows = array.rows.next_multiple_of(LANES);
        let mut to = vec![0.0; rows * array.padded_columns];
        pack_matrix(&values, array, &mut to);
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
    fn a_vector_is_only_filled_up() {
        let packed = packed(&Array::vector("bias", 9));
        let expected: Vec<f32> = (1..=9).map(|i| i as f32).chain([0.0; 7]).collect();
        assert_eq!(packed, expected);
    }
}
