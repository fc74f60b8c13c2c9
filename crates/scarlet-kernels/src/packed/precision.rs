//! [`Precision`]: which numbers a network is made of.

use crate::{EngineError, Operation, Quantisation};

/// The numbers that most of a network's weights are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// Floats of 32 bits.
    Float32,
    /// bfloat16: floats of 16 bits, of which 8 are the exponent.
    Bfloat16,
    /// Integers of 8 bits.
    Int8,
}

impl Precision {
    /// Bytes of a number.
    pub fn bytes(self) -> usize {
        match self {
            Self::Float32 => 4,
            Self::Bfloat16 => 2,
            Self::Int8 => 1,
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Float32 => "f32",
            Self::Bfloat16 => "bf16",
            Self::Int8 => "int8",
        })
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
