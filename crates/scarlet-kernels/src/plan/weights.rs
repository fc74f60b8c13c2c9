//! How many floats the packed weights of operations are.

use crate::{
    network::Operation,
    packed::precision::Precision,
    simd::{LANES, byte_sums::QUAD},
};

use super::Planner;

impl Planner<'_> {
    /// Floats of an operation's packed weights.
    pub(super) fn packed_floats(&self, index: usize) -> usize {
        let operation = &self.network.operations[index];
        let precision = self.numbers.of(index, operation);
        let floats = |rows, columns| matrix_floats(rows, columns, precision);
        match operation {
            Operation::Convolution(c) if precision == Precision::Int8 => {
                floats(c.output, c.input * c.kernel * QUAD)
            }
            Operation::Convolution(c) => floats(c.output, c.input * c.kernel * c.kernel),
            Operation::Depthwise(c) if precision == Precision::Int8 => {
                let row = c.kernel.next_multiple_of(QUAD);
                floats(c.channels, c.kernel * row) + c.channels
            }
            Operation::Depthwise(c) => floats(c.channels, c.kernel * c.kernel),
            Operation::Pointwise(c) => floats(c.output, c.input.next_multiple_of(LANES)),
            Operation::SqueezeExcite(c) => {
                floats(c.squeezed, c.channels) + floats(c.channels, c.squeezed)
            }
            Operation::Linear(c) => floats(c.output, c.input),
            Operation::Add(_) | Operation::GlobalMean => 0,
        }
    }
}

/// Floats of a packed matrix and its biases, and of scales if there are some.
pub(super) fn matrix_floats(rows: usize, columns: usize, precision: Precision) -> usize {
    let rows = rows.next_multiple_of(LANES);
    let weights = rows * columns * precision.bytes() / size_of::<f32>();
    let more = usize::from(precision == Precision::Int8);
    weights + (1 + more) * rows
}
