//! What networks are made of: a kind of block a file, with its fields, its limits, its text form
//! and its expansion into nodes of the [graph](crate::graph).

mod conv;
mod head;
mod inverted_residual;
mod linear;

pub use conv::Conv;
pub use head::{Head, HeadConv, HiddenLayer};
pub use inverted_residual::{Expansion, InvertedResidual, SqueezeExcite, SqueezedWidth};

use serde::{Deserialize, Serialize};

use crate::graph::{Graph, GraphBuilder, PartBuilder};
use crate::limits::MAX_CHANNELS;
use crate::style::Style;
use crate::text::Problem;
use crate::validate::{Place, range};
use crate::{Activation, Architecture, ArchitectureError, PlacedBlock};

pub(crate) use head::HeadToken;

/// What a word of a text may be.
const KNOWN: &str = "an operation such as E3K7 (expansion 3, kernel 7), E6K5s (with \
                         squeeze-excite), H288K3 (288 hidden channels), - (identity) or L (linear)";

/// What a block does, wherever it stands.
///
/// Its text form is also its JSON form:
///
/// | text | block |
/// |---|---|
/// | `E3K7` | inverted residual: hidden channels 3 × the input's, depthwise kernel 7 × 7 |
/// | `H288K3` | inverted residual of 288 hidden channels |
/// | `E1K3` | without expansion: a depthwise separable convolution |
/// | `E6K5s`, `E6K5s24` | with squeeze-excite of a quarter of the hidden channels, or of 24 |
/// | `E6K5s(swish,sigmoid)` | with that activation and gate in the squeeze-excite |
/// | `E1K3a` | the activation after the last 1×1 convolution too |
/// | `E6K3n` | no shortcut, where the shapes would allow one |
/// | `-` | identity: nothing |
/// | `L` | linear 1×1 convolution: SCARLET's stabilizer |
/// | `C3` | 3 × 3 convolution, normalised and activated: a stem |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Operation {
    /// A dense convolution: the stem, or a 1×1 convolution.
    Conv(Conv),
    /// An inverted residual, or without its expansion a depthwise separable convolution; with a
    /// shortcut where its stride is 1 and its channels stay.
    InvertedResidual(InvertedResidual),
    /// The input, unchanged: the block's own stride and channels do not apply.
    Identity,
    /// A 1×1 convolution without bias, normalisation or activation, of the block's stride and
    /// channels: SCARLET's equivariant learnable stabilizer, or what is left of one.
    Linear,
}

/// One block: an operation, and the place in the network that it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Block {
    /// What the block does.
    pub operation: Operation,
    /// Output channels (not of an identity).
    pub channels: usize,
    /// Stride (not of an identity).
    pub stride: usize,
}

impl Operation {
    /// Its text form without its activation.
    pub(crate) fn core(&self, style: &Style) -> String {
        match self {
            Self::Conv(conv) => conv.text(),
            Self::InvertedResidual(block) => block.text(style),
            Self::Identity => "-".to_owned(),
            Self::Linear => "L".to_owned(),
        }
    }

    /// What comes after its convolutions, if anything does.
    pub(crate) fn activation(&self) -> Option<Activation> {
        match self {
            Self::Conv(conv) => Some(conv.activation),
            Self::InvertedResidual(block) => Some(block.activation),
            Self::Identity | Self::Linear => None,
        }
    }

    /// Whether it adds its input to its output where both have the same shape.
    pub(crate) fn wants_shortcut(&self) -> bool {
        match self {
            Self::InvertedResidual(block) => block.shortcut,
            Self::Conv(_) | Self::Identity | Self::Linear => false,
        }
    }

    /// The same with another activation, where it has one.
    pub fn with_activation(mut self, chosen: Activation) -> Self {
        match &mut self {
            Self::Conv(Conv { activation, .. })
            | Self::InvertedResidual(InvertedResidual { activation, .. }) => *activation = chosen,
            Self::Identity | Self::Linear => {}
        }
        self
    }

    /// Reads what [`core`](Self::core) writes.
    pub(crate) fn parse(text: &str, style: &Style) -> Result<Self, Problem<Self>> {
        match text {
            "-" => return Ok(Self::Identity),
            "L" => return Ok(Self::Linear),
            _ => {}
        }
        if let Some(read) = InvertedResidual::parse(text, style) {
            return read
                .map(Self::InvertedResidual)
                .map_err(|problem| problem.map(Self::InvertedResidual));
        }
        if let Some(read) = Conv::parse(text, style) {
            return read
                .map(Self::Conv)
                .map_err(|problem| problem.map(Self::Conv));
        }
        Err(Problem::new(KNOWN, nearest(text, style)))
    }
}

impl PlacedBlock {
    /// Adds the block's operations to a part of a graph; `in_stem` for the names that the
    /// separable convolution after the stem has.
    fn expand(&self, part: &mut PartBuilder<'_>, in_stem: bool) {
        let (channels, stride) = (self.channels_out, self.stride);
        match &self.operation {
            Operation::Conv(conv) => conv.expand(part, channels, stride),
            Operation::InvertedResidual(block) if in_stem => {
                block.expand(part, self, &inverted_residual::SEPARABLE_NAMES);
            }
            Operation::InvertedResidual(block) => {
                block.expand(part, self, &inverted_residual::NAMES);
            }
            Operation::Identity => {}
            Operation::Linear => linear::expand(part, channels, stride),
        }
    }

    /// Checks the block's own numbers.
    pub(crate) fn validate(&self, place: Place) -> Result<(), ArchitectureError> {
        match &self.operation {
            Operation::Conv(conv) => conv.validate(place),
            Operation::InvertedResidual(block) => block.validate(place, self.channels_in),
            Operation::Identity | Operation::Linear => Ok(()),
        }
    }
}

impl Block {
    /// Checks the block's place; an identity's too, so that it can be exchanged for any other
    /// operation.
    pub(crate) fn validate_place(&self, place: Place) -> Result<(), ArchitectureError> {
        range(place, "channels", self.channels, 1, MAX_CHANNELS)?;
        range(place, "stride", self.stride, 1, 2)
    }
}

impl Graph {
    /// The graph of a network.
    ///
    /// That of a [valid](Architecture::validate) network passes every [check](Self::check). Another
    /// network may be looked at too, but its graph promises nothing.
    pub fn of(architecture: &Architecture) -> Self {
        let mut graph = GraphBuilder::new(
            architecture.input_channels,
            architecture.padding,
            architecture.batch_norm,
        );
        let style = Style::of(architecture);
        let before = architecture.blocks_before_layers();
        for (index, block) in architecture.placed_blocks().iter().enumerate() {
            let layer = index.checked_sub(before);
            let (name, label) = match (layer, &block.operation) {
                (Some(layer), operation) => {
                    (format!("mb_module.{layer}"), style.operation(operation))
                }
                (None, Operation::InvertedResidual(it)) => {
                    ("separable_conv".to_owned(), it.label_in_stem())
                }
                (None, Operation::Conv(conv)) => ("stem".to_owned(), conv.label()),
                (None, operation) => (format!("stem.{index}"), style.operation(operation)),
            };
            block.expand(&mut graph.part(name, layer, label), layer.is_none());
        }
        architecture.head.expand(&mut graph, architecture.classes);
        graph.finish()
    }
}

/// The customary operation most like `text`, if any is.
fn nearest(text: &str, style: &Style) -> Option<Operation> {
    const FURTHEST: usize = 2;
    if text.chars().count() > 8 {
        return None;
    }
    let wanted = text.to_lowercase();
    let mut candidates = vec![Operation::Identity, Operation::Linear];
    for squeeze_excite in [None, Some(SqueezeExcite::QUARTER)] {
        for factor in [3, 6, 1] {
            for kernel in [3, 5, 7] {
                candidates.push(Operation::InvertedResidual(InvertedResidual {
                    squeeze_excite,
                    activation: style.activation,
                    ..InvertedResidual::new(kernel, Expansion::Times(factor))
                }));
            }
        }
    }
    candidates
        .into_iter()
        .map(|operation| {
            let name = operation.core(&Style::SCARLET).to_lowercase();
            (strsim::damerau_levenshtein(&name, &wanted), operation)
        })
        .filter(|(distance, _)| *distance <= FURTHEST)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, operation)| operation)
}
