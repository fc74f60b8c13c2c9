//! The inverted residual (Sandler et al., MobileNetV2, arXiv 1801.04381), which without its
//! expansion is the depthwise separable convolution (Howard et al., MobileNets, arXiv 1704.04861).
//!
//! ```text
//! E3K7          expansion 3, depthwise kernel 7
//! H288K3        288 hidden channels
//! E1K3          no expanding convolution
//! E6K5s         squeeze-excite of a quarter of the hidden channels
//! E6K5s24       squeeze-excite of 24 channels
//! E6K5s24(swish,sigmoid)  with this activation and gate
//! E1K3a         the activation after the last 1×1 convolution too
//! E6K3n         no shortcut
//! ```

use std::fmt::Write as _;

use crate::error::ArchitectureError;
use crate::graph::PartBuilder;
use crate::limits::{MAX_EXPANSION, MAX_HIDDEN, MAX_KERNEL};
use crate::style::Style;
use crate::text::{Problem, number};
use crate::validate::{Place, odd_kernel, out_of_range, range};
use crate::{Activation, Gate, PlacedBlock};

/// The hidden width of an inverted residual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expansion {
    /// Input channels times this factor (`E3`). A factor of 1 has no expanding convolution.
    Times(usize),
    /// This many channels, whatever the input has (`H288`).
    To(usize),
}

impl Expansion {
    /// Hidden channels of a block whose input has `channels`.
    pub fn hidden(self, channels: usize) -> usize {
        match self {
            // Saturates, so that a network may be looked at before it is validated.
            Self::Times(factor) => channels.saturating_mul(factor),
            Self::To(hidden) => hidden,
        }
    }
}

/// The channels between the two convolutions of a squeeze-excite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SqueezedWidth {
    /// A quarter of the hidden channels, rounded down (`s`).
    Quarter,
    /// This many (`s24`).
    To(usize),
}

/// Squeeze-excite (Hu et al., arXiv 1709.01507) on the hidden tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqueezeExcite {
    /// Channels between its two convolutions.
    pub width: SqueezedWidth,
    /// Between its two convolutions.
    pub activation: Activation,
    /// What makes factors of what the second convolution computes.
    pub gate: Gate,
}

impl SqueezeExcite {
    /// MobileNetV3's and SCARLET's: a quarter of the channels, ReLU and h-sigmoid.
    pub const QUARTER: Self = Self {
        width: SqueezedWidth::Quarter,
        activation: Activation::Relu,
        gate: Gate::HSigmoid,
    };

    /// Channels between the convolutions, of a block with so many hidden ones.
    pub fn inner(&self, hidden: usize) -> usize {
        match self.width {
            SqueezedWidth::Quarter => hidden / 4,
            SqueezedWidth::To(inner) => inner,
        }
    }
}

/// Expand, depthwise convolution, optional squeeze-excite, project; and a shortcut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InvertedResidual {
    /// Side of the depthwise kernel; odd.
    pub kernel: usize,
    /// Hidden width.
    pub expansion: Expansion,
    /// On the hidden tensor, if at all.
    pub squeeze_excite: Option<SqueezeExcite>,
    /// After the expanding and the depthwise convolution.
    pub activation: Activation,
    /// Whether the activation also comes after the projecting convolution, which otherwise is
    /// linear.
    pub activate_output: bool,
    /// Whether the input is added to the output where both have the same shape.
    pub shortcut: bool,
}

impl InvertedResidual {
    /// A block of SCARLET's: h-swish, no squeeze-excite, a shortcut where the shapes allow one.
    pub const fn new(kernel: usize, expansion: Expansion) -> Self {
        Self {
            kernel,
            expansion,
            squeeze_excite: None,
            activation: Activation::HSwish,
            activate_output: false,
            shortcut: true,
        }
    }

    /// Whether the block begins with an expanding 1×1 convolution. A factor of 1 has none.
    pub fn has_expansion(&self) -> bool {
        self.expansion != Expansion::Times(1)
    }
}

/// What its nodes and their normalisations are called.
pub(super) struct Names {
    expand: [&'static str; 2],
    depthwise: [&'static str; 2],
    squeeze_excite: &'static str,
    project: [&'static str; 2],
}

/// In the layers, as in the released checkpoints.
pub(super) const NAMES: Names = Names {
    expand: ["conv1", "bn1"],
    depthwise: ["conv2", "bn2"],
    squeeze_excite: "mid_se",
    project: ["conv3", "bn3"],
};

/// After the stem. In the released checkpoints 2 and 5 are activations, which have no weights.
pub(super) const SEPARABLE_NAMES: Names = Names {
    depthwise: ["0", "1"],
    project: ["3", "4"],
    ..NAMES
};

impl InvertedResidual {
    pub(super) fn expand(&self, part: &mut PartBuilder<'_>, placed: &PlacedBlock, names: &Names) {
        let input = part.last();
        let hidden = self.expansion.hidden(part.channels());
        if self.has_expansion() {
            part.pointwise(names.expand[0], hidden)
                .norm(names.expand[1])
                .activation(self.activation);
        }
        part.depthwise(names.depthwise[0], self.kernel, placed.stride)
            .norm(names.depthwise[1])
            .activation(self.activation);
        if let Some(excite) = self.squeeze_excite {
            let inner = excite.inner(hidden);
            part.squeeze_excite(names.squeeze_excite, inner, excite.activation, excite.gate);
        }
        let project = part
            .pointwise(names.project[0], placed.channels_out)
            .norm(names.project[1]);
        if self.activate_output {
            project.activation(self.activation);
        }
        if let Some(input) = input.filter(|_| placed.has_shortcut()) {
            part.add("shortcut", input);
        }
    }

    /// What it does as the separable convolution after the stem, in words.
    pub(super) fn label_in_stem(&self) -> String {
        let squeeze_excite = match self.squeeze_excite {
            Some(_) => ", squeeze-excite",
            None => "",
        };
        format!("{0}×{0} depthwise{squeeze_excite}, 1×1", self.kernel)
    }

    pub(super) fn validate(&self, place: Place, channels: usize) -> Result<(), ArchitectureError> {
        odd_kernel(place, self.kernel)?;
        match self.expansion {
            Expansion::Times(factor) => range(place, "expansion", factor, 1, MAX_EXPANSION)?,
            Expansion::To(hidden) => range(place, "hidden channels", hidden, 1, MAX_HIDDEN)?,
        }
        let hidden = self.expansion.hidden(channels);
        range(place, "hidden channels", hidden, 1, MAX_HIDDEN)?;
        match self.squeeze_excite.map(|it| it.width) {
            Some(SqueezedWidth::Quarter) if hidden < 4 => Err(out_of_range(
                place,
                "hidden channels",
                hidden,
                "at least 4 with squeeze-excite, which squeezes them to a quarter",
            )),
            Some(SqueezedWidth::To(inner)) => {
                range(place, "squeezed channels", inner, 1, MAX_HIDDEN)
            }
            _ => Ok(()),
        }
    }

    /// Its text form without the activation; that of its squeeze-excite only where it is not the
    /// style's.
    pub(crate) fn text(&self, style: &Style) -> String {
        let width = match self.expansion {
            Expansion::Times(factor) => format!("E{factor}"),
            Expansion::To(hidden) => format!("H{hidden}"),
        };
        let mut text = format!("{width}K{}", self.kernel);
        if let Some(excite) = self.squeeze_excite {
            text.push('s');
            if let SqueezedWidth::To(inner) = excite.width {
                let _ = write!(text, "{inner}");
            }
            if (excite.activation, excite.gate) != style.squeeze_excite {
                let _ = write!(text, "({},{})", excite.activation, excite.gate);
            }
        }
        if self.activate_output {
            text.push('a');
        }
        if !self.shortcut {
            text.push('n');
        }
        text
    }

    /// Reads `E3K7s` or `H288K7s24an`; `None` when the text is of another kind.
    pub(crate) fn parse(text: &str, style: &Style) -> Option<Result<Self, Problem<Self>>> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (is_factor, rest) = match text.strip_prefix('E') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('H')?),
        };
        let (width, rest) = rest.split_once('K')?;
        let width = number(width)?;
        let (kernel, rest) = rest.split_at(digits(rest));
        let kernel = number(kernel)?;

        let mut expected = Vec::new();
        let (squeeze_excite, rest) = match rest.strip_prefix('s') {
            Some(rest) => {
                let (excite, rest) = parse_squeeze_excite(rest, style, &mut expected)?;
                (Some(excite), rest)
            }
            None => (None, rest),
        };
        let (activate_output, rest) = flag(rest, 'a');
        let (no_shortcut, rest) = flag(rest, 'n');
        if !rest.is_empty() {
            return None;
        }
        let nearest = Self {
            kernel: (kernel | 1).min(MAX_KERNEL),
            expansion: match is_factor {
                true => Expansion::Times(width.clamp(1, MAX_EXPANSION)),
                false => Expansion::To(width.clamp(1, MAX_HIDDEN)),
            },
            squeeze_excite,
            activation: style.activation,
            activate_output,
            shortcut: !no_shortcut,
        };
        if nearest.expansion.hidden(1) != width {
            expected.insert(
                0,
                match is_factor {
                    true => format!("an expansion factor from 1 to {MAX_EXPANSION}"),
                    false => format!("hidden channels from 1 to {MAX_HIDDEN}"),
                },
            );
        } else if nearest.kernel != kernel {
            expected.insert(0, format!("an odd kernel from 1 to {MAX_KERNEL}"));
        }
        Some(match expected.into_iter().next() {
            None => Ok(nearest),
            Some(expected) => Err(Problem::new(expected, Some(nearest))),
        })
    }
}

/// What follows an `s`: a number, and an activation and a gate in parentheses.
fn parse_squeeze_excite<'a>(
    text: &'a str,
    style: &Style,
    expected: &mut Vec<String>,
) -> Option<(SqueezeExcite, &'a str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (inner, mut rest) = text.split_at(digits);
    let width = match inner {
        "" => SqueezedWidth::Quarter,
        inner => {
            let inner = number(inner)?;
            let nearest = inner.clamp(1, MAX_HIDDEN);
            if nearest != inner {
                expected.push(format!("squeezed channels from 1 to {MAX_HIDDEN}"));
            }
            SqueezedWidth::To(nearest)
        }
    };
    let (mut activation, mut gate) = style.squeeze_excite;
    if let Some(inside) = rest.strip_prefix('(') {
        let (functions, after) = inside.split_once(')')?;
        match functions.split_once(',') {
            Some((first, second)) => {
                match first.parse() {
                    Ok(found) => activation = found,
                    Err(error) => expected.push(format!("an activation: {error}")),
                }
                match second.parse() {
                    Ok(found) => gate = found,
                    Err(error) => expected.push(format!("a gate: {error}")),
                }
            }
            None => expected.push("an activation and a gate, such as s(swish,sigmoid)".to_owned()),
        }
        rest = after;
    }
    let excite = SqueezeExcite {
        width,
        activation,
        gate,
    };
    Some((excite, rest))
}

fn flag(text: &str, letter: char) -> (bool, &str) {
    match text.strip_prefix(letter) {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}
