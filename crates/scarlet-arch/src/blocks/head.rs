//! What makes logits of the last map.
//!
//! ```text
//! P1280    1×1 convolution, batch normalisation and activation before the mean
//! F1280    fully connected layer with bias and activation after the mean
//! F1280n   without bias
//! ```

use crate::Activation;
use crate::error::ArchitectureError;
use crate::graph::GraphBuilder;
use crate::limits::MAX_CHANNELS;
use crate::style::Style;
use crate::text::{Problem, number};
use crate::validate::{Place, range};

/// A normalised 1×1 convolution before the mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HeadConv {
    /// Output channels.
    pub channels: usize,
    /// At the end.
    pub activation: Activation,
}

/// A fully connected layer between the mean and the classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HiddenLayer {
    /// Output values.
    pub channels: usize,
    /// At the end.
    pub activation: Activation,
    /// Whether it has a bias.
    pub bias: bool,
}

/// What makes logits of the last map, in one of four forms:
///
/// | | before the mean | after the mean |
/// |---|---|---|
/// | SCARLET, MobileNetV2, EfficientNet | convolution | classifier |
/// | MobileNetV3, FBNetV3, HardCoRe-NAS | convolution | fully connected layer, classifier |
/// | LCNet | | fully connected layer, classifier |
/// | MobileNetV1 | | classifier |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Head {
    /// Before the mean, if at all.
    pub conv: Option<HeadConv>,
    /// After the mean, if at all.
    pub hidden: Option<HiddenLayer>,
}

/// A word of a head's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadToken {
    Conv(HeadConv),
    Hidden(HiddenLayer),
}

impl Head {
    /// Values that the classifier reads where the last map has so many channels.
    pub(crate) fn features(&self, channels: usize) -> usize {
        let channels = self.conv.map_or(channels, |conv| conv.channels);
        self.hidden.map_or(channels, |hidden| hidden.channels)
    }

    /// The same with so many values for the classifier: of the last layer that is not the classifier.
    /// A head without one stays as it is.
    pub fn with_features(mut self, features: usize) -> Self {
        if let Some(hidden) = &mut self.hidden {
            hidden.channels = features;
        } else if let Some(conv) = &mut self.conv {
            conv.channels = features;
        }
        self
    }

    /// Adds the head and the classifier to a graph.
    pub(super) fn expand(&self, graph: &mut GraphBuilder, classes: usize) {
        if let Some(conv) = self.conv {
            graph
                .part("conv_before_pooling", None, "1×1 conv")
                .pointwise("0", conv.channels)
                .norm("1")
                .activation(conv.activation);
        }
        if let Some(hidden) = self.hidden {
            let mut part = graph.part("hidden", None, "mean, linear");
            part.global_mean("mean");
            part.linear("", hidden.channels, Some(hidden.activation), hidden.bias);
        }
        let label = match self.hidden {
            Some(_) => "linear",
            None => "mean, linear",
        };
        let mut part = graph.part("classifier", None, label);
        if self.hidden.is_none() {
            part.global_mean("mean");
        }
        part.linear("", classes, None, true);
    }

    pub(crate) fn validate(&self) -> Result<(), ArchitectureError> {
        let conv = self.conv.map_or(1, |conv| conv.channels);
        range(Place::Head, "channels", conv, 1, MAX_CHANNELS)?;
        let hidden = self.hidden.map_or(1, |hidden| hidden.channels);
        range(Place::Head, "hidden channels", hidden, 1, MAX_CHANNELS)
    }

    /// Its words, where the activations are not the style's with them.
    pub(crate) fn text(&self, style: &Style) -> Vec<String> {
        let conv = self.conv.map(|it| {
            let activation = style.activation(it.activation);
            format!("P{}{activation}", it.channels)
        });
        let hidden = self.hidden.map(|it| {
            let bias = if it.bias { "" } else { "n" };
            let activation = style.activation(it.activation);
            format!("F{}{bias}{activation}", it.channels)
        });
        conv.into_iter().chain(hidden).collect()
    }
}

impl HeadToken {
    /// Reads `P1280`, `F1280` or `F1280n`; `None` when the text is of another kind.
    pub(crate) fn parse(text: &str, style: &Style) -> Option<Result<Self, Problem<Self>>> {
        let activation = style.activation;
        let (channels, token): (usize, fn(usize, Activation, bool) -> Self) =
            if let Some(rest) = text.strip_prefix('P') {
                (number(rest)?, |channels, activation, _| {
                    Self::Conv(HeadConv {
                        channels,
                        activation,
                    })
                })
            } else {
                let rest = text.strip_prefix('F')?;
                let rest = rest.strip_suffix('n').unwrap_or(rest);
                (number(rest)?, |channels, activation, bias| {
                    Self::Hidden(HiddenLayer {
                        channels,
                        activation,
                        bias,
                    })
                })
            };
        let nearest = channels.clamp(1, MAX_CHANNELS);
        let token = token(nearest, activation, !text.ends_with('n'));
        Some(match nearest == channels {
            true => Ok(token),
            false => Err(Problem::new(
                format!("channels from 1 to {MAX_CHANNELS}"),
                Some(token),
            )),
        })
    }

    /// The same with another activation.
    pub(crate) fn with_activation(mut self, chosen: Activation) -> Self {
        match &mut self {
            Self::Conv(HeadConv { activation, .. })
            | Self::Hidden(HiddenLayer { activation, .. }) => *activation = chosen,
        }
        self
    }
}
