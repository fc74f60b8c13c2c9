//! [`Number`]: what weights are.

use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Sub};

/// What weights are: `f32`, or `f64` where folding is to be exact.
pub trait Number:
    Copy
    + Debug
    + PartialEq
    + Into<f64>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + sealed::Sealed
{
    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;

    /// The square root.
    fn square_root(self) -> Self;
}

impl Number for f32 {
    fn from_f64(value: f64) -> Self {
        value as f32
    }

    fn square_root(self) -> Self {
        self.sqrt()
    }
}

impl Number for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }

    fn square_root(self) -> Self {
        self.sqrt()
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for f32 {}
    impl Sealed for f64 {}
}
