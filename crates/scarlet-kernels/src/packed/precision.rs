//! [`Precision`]: which numbers a network is made of.

use alloc::{borrow::ToOwned, string::String};
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{error::EngineError, network::Operation, quantisation::Quantisation};

/// The numbers that most of a network's weights are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Precision {
    /// Floats of 32 bits.
    #[default]
    #[serde(rename = "f32")]
    Float32,
    /// bfloat16: floats of 16 bits, of which 8 are the exponent.
    #[serde(rename = "bf16")]
    Bfloat16,
    /// Integers of 8 bits.
    #[serde(rename = "int8")]
    Int8,
}

impl Precision {
    /// All that there are.
    pub const ALL: [Self; 3] = [Self::Float32, Self::Bfloat16, Self::Int8];

    /// As it is written in settings and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Float32 => "f32",
            Self::Bfloat16 => "bf16",
            Self::Int8 => "int8",
        }
    }

    /// Whether it is [`Float32`](Self::Float32).
    pub fn is_float32(&self) -> bool {
        *self == Self::Float32
    }

    /// Bytes of a number.
    pub fn bytes(self) -> usize {
        match self {
            Self::Float32 => 4,
            Self::Bfloat16 => 2,
            Self::Int8 => 1,
        }
    }
}

impl core::fmt::Display for Precision {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of a [`Precision`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no number format: choose f32, bf16 or int8")]
pub struct UnknownPrecision(String);

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|precision| precision.name() == name);
        found.ok_or_else(|| UnknownPrecision(name.to_owned()))
    }
}

/// What is rounded to which numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Numbers {
    Floats,
    Bf16,
    Bytes(Quantisation),
}

impl Numbers {
    pub(crate) fn precision(&self) -> Precision {
        match self {
            Self::Floats => Precision::Float32,
            Self::Bf16 => Precision::Bfloat16,
            Self::Bytes(_) => Precision::Int8,
        }
    }

    /// What the weights of an operation, given its index, are rounded to.
    pub(crate) fn of<W>(&self, index: usize, operation: &Operation<W>) -> Precision {
        let is_rounded = match self {
            Self::Floats => false,
            Self::Bf16 => matches!(
                operation,
                Operation::Pointwise(_) | Operation::SqueezeExcite(_) | Operation::Linear(_)
            ),
            Self::Bytes(quantisation) => quantisation.rounds(index, operation),
        };
        match is_rounded {
            true => self.precision(),
            false => Precision::Float32,
        }
    }

    /// Refuses what is rounded already.
    ///
    /// # Errors
    ///
    /// Says to what it is rounded.
    pub(crate) fn check_unrounded(&self) -> Result<(), EngineError> {
        match self {
            Self::Floats => Ok(()),
            Self::Bf16 => Err(EngineError::Bf16Before),
            Self::Bytes(_) => Err(EngineError::QuantisedBefore),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_text_and_in_json() {
        for precision in Precision::ALL {
            let name = precision.to_string();
            assert_eq!(name.parse(), Ok(precision));
            assert_eq!(
                serde_json::to_value(precision).unwrap(),
                serde_json::json!(name)
            );
        }
        let error = "fp16".parse::<Precision>().unwrap_err().to_string();
        assert_eq!(
            error,
            "`fp16` is no number format: choose f32, bf16 or int8"
        );
    }
}
