//! Nonlinearities and their derivatives.

use crate::activation::{Activation, Gate};
use crate::simd::logistic::{logistic, swish};

/// A nonlinearity and its derivative.
///
/// Of a single float, in operations that the compiler makes vectors of, and never fuses: with every
/// instruction set the same.
pub(super) trait Curve: Copy {
    fn value(x: f32) -> f32;
    /// At a kink that of the level side, as PyTorch has it.
    fn slope(x: f32) -> f32;
}

#[derive(Clone, Copy)]
pub(super) struct Straight;
#[derive(Clone, Copy)]
pub(super) struct Relu;
#[derive(Clone, Copy)]
pub(super) struct Relu6;
#[derive(Clone, Copy)]
pub(super) struct HSwish;
#[derive(Clone, Copy)]
pub(super) struct Swish;

// Comparisons instead of `f32::clamp`, whose rule for NaN costs more instructions.
#[inline(always)]
fn relu6(x: f32) -> f32 {
    let x = if x > 0.0 { x } else { 0.0 };
    if x < 6.0 { x } else { 6.0 }
}

impl Curve for Straight {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x
    }
    #[inline(always)]
    fn slope(_: f32) -> f32 {
        1.0
    }
}

impl Curve for Relu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        if x > 0.0 { x } else { 0.0 }
    }
    #[inline(always)]
    fn slope(x: f32) -> f32 {
        if x > 0.0 { 1.0 } else { 0.0 }
    }
}

impl Curve for Relu6 {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        relu6(x)
    }
    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let below = if x < 6.0 { 1.0 } else { 0.0 };
        if x > 0.0 { below } else { 0.0 }
    }
}

impl Curve for HSwish {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * (relu6(x + 3.0) * (1.0 / 6.0))
    }
    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let below = if x < 3.0 { x * (1.0 / 3.0) + 0.5 } else { 1.0 };
        if x > -3.0 { below } else { 0.0 }
    }
}

impl Curve for Swish {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        swish(x)
    }
    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let factor = logistic(x);
        factor * (1.0 + x * (1.0 - factor))
    }
}

/// Evaluates `$call` with the curve `$curve` of an activation.
macro_rules! with_curve {
    ($activation:expr, $curve:ident => $call:expr) => {
        match $activation {
            Activation::None => {
                type $curve = $crate::training::curves::Straight;
                $call
            }
            Activation::Relu => {
                type $curve = $crate::training::curves::Relu;
                $call
            }
            Activation::Relu6 => {
                type $curve = $crate::training::curves::Relu6;
                $call
            }
            Activation::HSwish => {
                type $curve = $crate::training::curves::HSwish;
                $call
            }
            Activation::Swish => {
                type $curve = $crate::training::curves::Swish;
                $call
            }
        }
    };
}
pub(super) use with_curve;

/// An activation of one value.
pub(super) fn activation(activation: Activation, x: f32) -> f32 {
    with_curve!(activation, C => C::value(x))
}

/// The derivative of an activation.
pub(super) fn activation_slope(activation: Activation, x: f32) -> f32 {
    with_curve!(activation, C => C::slope(x))
}

/// The factor that a number becomes.
pub(super) fn gate(gate: Gate, x: f32) -> f32 {
    match gate {
        Gate::HSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Gate::Sigmoid => logistic(x),
    }
}

/// The derivative of a gate where it has a value; that of the level side at a kink.
pub(super) fn gate_slope(gate: Gate, value: f32) -> f64 {
    let value = f64::from(value);
    match gate {
        Gate::HSigmoid if value <= 0.0 || value >= 1.0 => 0.0,
        Gate::HSigmoid => 1.0 / 6.0,
        Gate::Sigmoid => value * (1.0 - value),
    }
}
