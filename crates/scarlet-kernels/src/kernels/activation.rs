//! Activations on vectors.

use crate::{Activation, simd::Floats};

/// What is done to a sum before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    None,
    Relu,
    Relu6,
    HSwish,
    /// `relu6(x + 3) / 6`.
    HSigmoid,
}

impl From<Activation> for Finish {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::None => Self::None,
            Activation::Relu => Self::Relu,
            Activation::Relu6 => Self::Relu6,
            Activation::HSwish => Self::HSwish,
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
            Self::HSigmoid => map(values, h_sigmoid),
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
