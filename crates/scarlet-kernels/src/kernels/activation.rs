//! Activations on vectors.

use crate::{
    Activation, Gate,
    simd::{Floats, logistic, swish},
};

/// What is done to a sum before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    None,
    Relu,
    Relu6,
    HSwish,
    Swish,
    /// `relu6(x + 3) / 6`.
    HSigmoid,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
}

impl From<Activation> for Finish {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::None => Self::None,
            Activation::Relu => Self::Relu,
            Activation::Relu6 => Self::Relu6,
            Activation::HSwish => Self::HSwish,
            Activation::Swish => Self::Swish,
        }
    }
}

impl From<Gate> for Finish {
    fn from(gate: Gate) -> Self {
        match gate {
            Gate::HSigmoid => Self::HSigmoid,
            Gate::Sigmoid => Self::Sigmoid,
        }
    }
}

impl Finish {
    /// Applied to each of the vectors; one decision for all of them.
    #[inline(always)]
    pub(super) fn apply<V: Floats, const N: usize, const M: usize>(self, values: &mut [[V; N]; M]) {
        match self {
            Self::None => {}
            Self::Relu => map(values, |x| x.max(V::splat(0.0))),
            Self::Relu6 => map(values, |x| x.max(V::splat(0.0)).min(V::splat(6.0))),
            Self::HSwish => map(values, |x| x.mul(h_sigmoid(x))),
            Self::Swish => map(values, swish),
            Self::HSigmoid => map(values, h_sigmoid),
            Self::Sigmoid => map(values, logistic),
        }
    }
}

/// `min(max(x/6 + 1/2, 0), 1)`, which is `relu6(x + 3) / 6` in fewer instructions.
#[inline(always)]
fn h_sigmoid<V: Floats>(x: V) -> V {
    x.mul_add(V::splat(1.0 / 6.0), V::splat(0.5))
        .max(V::splat(0.0))
        .min(V::splat(1.0))
}

#[inline(always)]
fn map<V: Floats, const N: usize, const M: usize>(
    values: &mut [[V; N]; M],
    function: impl Fn(V) -> V,
) {
    for row in values {
        for value in row {
            *value = function(*value);
        }
    }
}
