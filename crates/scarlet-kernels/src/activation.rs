//! [`Activation`] and [`Gate`]: nonlinearities by name.

use serde::{Deserialize, Serialize};

/// A nonlinearity, applied to every value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x`.
    None,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x · relu6(x + 3) / 6` (Howard et al., MobileNetV3, arXiv 1905.02244).
    HSwish,
    /// `x / (1 + e^-x)`, also called SiLU (Ramachandran et al., arXiv 1710.05941).
    Swish,
}

/// What turns a number into a factor between 0 and 1, at the end of a squeeze-excite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// `relu6(x + 3) / 6` (Howard et al., MobileNetV3, arXiv 1905.02244).
    HSigmoid,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
}

/// What networks were before they could say otherwise, and files of them do not say: `relu` inside
/// of a squeeze-excite, `h_sigmoid` at its end, and nothing behind a fully connected layer.
pub(crate) mod unsaid {
    use super::{Activation, Gate};

    pub(crate) fn inner() -> Activation {
        Activation::Relu
    }

    pub(crate) fn is_inner(activation: &Activation) -> bool {
        *activation == inner()
    }

    pub(crate) fn gate() -> Gate {
        Gate::HSigmoid
    }

    pub(crate) fn is_gate(other: &Gate) -> bool {
        *other == gate()
    }

    pub(crate) fn linear() -> Activation {
        Activation::None
    }

    pub(crate) fn is_linear(activation: &Activation) -> bool {
        *activation == linear()
    }
}
