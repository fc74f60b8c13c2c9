//! [`Activation`] and [`Gate`]: what is done to every value.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::nearest_of;

/// A nonlinearity that is applied to every value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x · relu6(x + 3) / 6` (Howard et al., MobileNetV3, arXiv 1905.02244).
    HSwish,
    /// `x / (1 + e^−x)` (Ramachandran et al., arXiv 1710.05941), also known as SiLU.
    Swish,
}

/// What makes the factors, from 0 to 1, of a squeeze-excite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Gate {
    /// `relu6(x + 3) / 6` (Howard et al., MobileNetV3, arXiv 1905.02244).
    HSigmoid,
    /// `1 / (1 + e^−x)`.
    Sigmoid,
}

/// A name that no activation or gate has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no {kind} is named {name:?}{}; known: {known}", nearest.map_or_else(String::new, |it| format!(", did you mean {it:?}?")))]
#[non_exhaustive]
pub struct UnknownFunction {
    /// `activation` or `gate`.
    pub kind: &'static str,
    /// The name, shortened when it is very long.
    pub name: String,
    /// The known name most like it.
    pub nearest: Option<&'static str>,
    /// All names.
    pub known: &'static str,
}

macro_rules! named {
    ($type:ident, $kind:literal, $known:literal, $($variant:ident $name:literal),+) => {
        impl $type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name, as in texts and JSON.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl fmt::Display for $type {
            /// Its name, as in texts and JSON.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownFunction;

            fn from_str(name: &str) -> Result<Self, UnknownFunction> {
                let found = Self::ALL.iter().find(|it| it.name() == name);
                found.copied().ok_or_else(|| UnknownFunction {
                    kind: $kind,
                    name: name.chars().take(40).collect(),
                    nearest: alias(name)
                        .filter(|alias| Self::ALL.iter().any(|it| it.name() == *alias))
                        .or_else(|| nearest_of(name, Self::ALL.iter().map(|it| it.name()))),
                    known: $known,
                })
            }
        }

        impl TryFrom<String> for $type {
            type Error = UnknownFunction;

            fn try_from(name: String) -> Result<Self, UnknownFunction> {
                name.parse()
            }
        }

        impl From<$type> for &'static str {
            fn from(it: $type) -> Self {
                it.name()
            }
        }
    };
}

/// What others call the same function: PyTorch, Keras.
fn alias(name: &str) -> Option<&'static str> {
    match name.to_ascii_lowercase().replace(['_', '-'], "").as_str() {
        "silu" => Some("swish"),
        "hardswish" => Some("h-swish"),
        "hardsigmoid" => Some("h-sigmoid"),
        _ => None,
    }
}

named!(
    Activation,
    "activation",
    "relu, relu6, h-swish, swish",
    Relu "relu",
    Relu6 "relu6",
    HSwish "h-swish",
    Swish "swish"
);
named!(
    Gate,
    "gate",
    "h-sigmoid, sigmoid",
    HSigmoid "h-sigmoid",
    Sigmoid "sigmoid"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for &activation in Activation::ALL {
            assert_eq!(activation.name().parse(), Ok(activation));
            let json = serde_json::to_string(&activation).unwrap();
            assert_eq!(json, format!("{:?}", activation.name()));
            assert_eq!(
                serde_json::from_str::<Activation>(&json).unwrap(),
                activation
            );
        }
        for &gate in Gate::ALL {
            assert_eq!(gate.name().parse(), Ok(gate));
        }
    }

    #[test]
    fn a_name_that_is_not_known_is_answered_with_the_nearest() {
        assert_eq!(
            "hswish".parse::<Activation>().unwrap_err().to_string(),
            "no activation is named \"hswish\", did you mean \"h-swish\"?; known: relu, relu6, \
             h-swish, swish"
        );
        assert_eq!(
            "SiLU".parse::<Activation>().unwrap_err().nearest,
            Some("swish")
        );
        let hard = "hard_sigmoid".parse::<Gate>().unwrap_err();
        assert_eq!(hard.nearest, Some("h-sigmoid"));
        let error = "softmax".parse::<Gate>().unwrap_err();
        assert_eq!(error.nearest, None);
    }
}
