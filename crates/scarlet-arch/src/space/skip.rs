//! [`Skip`]: what a layer does that is skipped.

use serde::{Deserialize, Serialize};

use crate::Operation;

/// What a layer does that is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skip {
    /// Nothing: the plain network.
    Identity,
    /// A linear 1×1 convolution of the layer's channels and stride: SCARLET's stabilizer.
    Linear,
}

impl Skip {
    /// The layer's operation.
    pub fn operation(self) -> Operation {
        match self {
            Self::Identity => Operation::Identity,
            Self::Linear => Operation::Linear,
        }
    }
}

/// Whether a choice leaves its layer out.
pub(super) fn is_skip(operation: &Operation) -> bool {
    matches!(operation, Operation::Identity | Operation::Linear)
}
