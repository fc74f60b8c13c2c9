//! How the format lays out what an operation reads: zeros around maps, orders of weights, and factors.

use scarlet_kernels::Padding;

use crate::elementary::{Conv, Elementary, Form, Kind, Value};

/// What h-swish divides by.
pub(super) const SIX: f32 = 6.0;

/// What each value is multiplied by, where it is rounded. LiteRT's operation for h-swish takes bytes one
/// by one, and long, but sums and products of bytes many at a time: x · relu6(x + 3) is six times
/// h-swish, and the convolution that reads it can divide by that for nothing, in the step of its
/// weights. Where something else reads it, there is no factor.
pub(super) fn factors(network: &Elementary) -> Vec<f32> {
    let mut factors = vec![1.0; network.values.len()];
    // Whether convolutions alone read a value, or what passes a factor on to convolutions.
    let mut is_divided = vec![false; network.values.len()];
    let readers = |value: usize| {
        network
            .steps
            .iter()
            .filter(move |it| it.inputs.contains(&value))
    };
    for value in (0..network.values.len()).rev() {
        let mut readers = readers(value).peekable();
        is_divided[value] = readers.peek().is_some()
            && readers.all(|step| match step.kind {
                Kind::Conv(_) => true,
                Kind::Mean => is_divided[step.output],
                Kind::Scale => step.inputs[0] == value && is_divided[step.output],
                _ => false,
            });
    }
    for step in &network.steps {
        factors[step.output] = match step.kind {
            Kind::HSwish if is_divided[step.output] => SIX,
            Kind::Mean | Kind::Scale => factors[step.inputs[0]],
            _ => 1.0,
        };
    }
    factors
}

/// Zeros around a map, in the words of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zeros {
    None,
    Same,
    /// Rows above and below, columns on the left and on the right, by an operation of its own.
    Explicit([i32; 2], [i32; 2]),
}

impl Zeros {
    pub(super) fn of(conv: &Conv, read: &Value, made: &Value) -> Self {
        let Padding { top, left, .. } = conv.padding;
        // Zeros that no kernel reaches are left out.
        let reached = |before: usize, size: usize, places: usize| {
            let after = ((places - 1) * conv.stride + conv.kernel).saturating_sub(before + size);
            [before, after]
        };
        let rows = reached(top, read.height, made.height);
        let columns = reached(left, read.width, made.width);
        let same = Padding::same(conv.kernel, conv.stride, read.height, read.width);
        if rows == [same.top, same.bottom] && columns == [same.left, same.right] {
            return Self::Same;
        }
        if [rows, columns] == [[0; 2]; 2] {
            return Self::None;
        }
        Self::Explicit(rows.map(|it| it as i32), columns.map(|it| it as i32))
    }
}

/// The shape of a convolution's weights, as [`channels_last`] orders them.
pub(super) fn kernel_shape(conv: &Conv, has_matrices: bool) -> Vec<i32> {
    let sizes = match conv.form {
        Form::Depthwise => vec![1, conv.kernel, conv.kernel, conv.output],
        Form::Linear if has_matrices => vec![conv.output, conv.input],
        _ => vec![conv.output, conv.kernel, conv.kernel, conv.input],
    };
    sizes.into_iter().map(|size| size as i32).collect()
}

/// A convolution's weights `[output, row, column, input]`, or `[row, column, channel]` of a
/// depthwise one.
pub(super) fn channels_last<T: Copy>(conv: &Conv, weight: &[T]) -> Vec<T> {
    let places = conv.kernel * conv.kernel;
    let (outer, inner) = match conv.form {
        Form::Depthwise => (1, conv.output),
        _ => (conv.output, conv.input),
    };
    let mut ordered = Vec::with_capacity(weight.len());
    for kernel in weight.chunks_exact((inner * places).max(1)).take(outer) {
        for place in 0..places {
            ordered.extend(kernel[place..].iter().step_by(places));
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elementary::Clamp;

    fn conv(form: Form, input: usize, output: usize, kernel: usize) -> Conv {
        Conv {
            input,
            output,
            kernel,
            stride: 1,
            padding: Padding::all(kernel / 2),
            form,
            weight: Vec::new(),
            bias: Vec::new(),
            clamp: Clamp::None,
        }
    }

    #[test]
    fn channels_come_last() {
        let weights: Vec<usize> = (0..2 * 3 * 4).collect();
        let dense = conv(Form::Dense, 3, 2, 2);
        let ordered = channels_last(&dense, &weights);
        let mut expected = Vec::new();
        for output in 0..2 {
            for place in 0..4 {
                expected.extend((0..3).map(|input| (output * 3 + input) * 4 + place));
            }
        }
        assert_eq!(ordered, expected);
        let depthwise = conv(Form::Depthwise, 6, 6, 2);
        let ordered = channels_last(&depthwise, &weights);
        assert_eq!(ordered[..7], [0, 4, 8, 12, 16, 20, 1]);
    }

    #[test]
    fn zeros_are_added_where_same_is_something_else() {
        let zeros = |kernel, stride, size: usize| {
            let conv = Conv {
                stride,
                ..conv(Form::Dense, 3, 8, kernel)
            };
            let value = |side| Value {
                name: String::new(),
                channels: 3,
                height: side,
                width: side,
            };
            Zeros::of(&conv, &value(size), &value(size.div_ceil(stride)))
        };
        assert_eq!(zeros(3, 1, 10), Zeros::Same);
        assert_eq!(zeros(3, 2, 11), Zeros::Same);
        assert_eq!(zeros(3, 2, 10), Zeros::Explicit([1, 0], [1, 0]));
        assert_eq!(zeros(5, 2, 10), Zeros::Explicit([2, 1], [2, 1]));
        assert_eq!(zeros(7, 2, 97), Zeros::Same);
        assert_eq!(zeros(1, 2, 10), Zeros::Same);
    }
}
