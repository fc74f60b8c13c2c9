//! Texts as they are written.

use std::fmt;

use super::default_place;
use super::token::BlockToken;
use crate::presets::is_scarlets;
use crate::style::Style;
use crate::{Architecture, Block, Operation};

impl From<Operation> for String {
    fn from(operation: Operation) -> Self {
        operation.to_string()
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&Style::SCARLET.operation(self))
    }
}

impl fmt::Display for Architecture {
    /// Writes the blocks such that they read back the same, as shortly as reading allows: of a
    /// network with SCARLET's stem and head the layers alone, with channels and strides only where
    /// they are not the ones that reading would assume.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = Style::of(self);
        let mut words: Vec<String> = style.header().into_iter().collect();
        if is_scarlets(self) {
            words.extend(layer_words(self.layers(), &style));
        } else {
            let mut before = 0;
            words.extend(self.blocks.iter().map(|block| {
                let channels = std::mem::replace(&mut before, block.channels);
                let token = BlockToken {
                    operation: block.operation,
                    channels: (channels != block.channels).then_some(block.channels),
                    stride: (block.stride != 1).then_some(block.stride),
                };
                token.text(&style)
            }));
            words.extend(self.head.text(&style));
        }
        f.pad(&words.join(" "))
    }
}

impl Architecture {
    /// The layers alone, whatever the network's stem and head are, as its text has them.
    pub fn layers_text(&self) -> String {
        layer_words(self.layers(), &Style::of(self)).join(" ")
    }

    /// The same with the head behind them.
    pub fn layers_and_head_text(&self) -> String {
        let style = Style::of(self);
        let layers = layer_words(self.layers(), &style).into_iter();
        let words: Vec<String> = layers.chain(self.head.text(&style)).collect();
        words.join(" ")
    }
}

fn layer_words(layers: &[Block], style: &Style) -> Vec<String> {
    let mut previous = None;
    let words = layers.iter().enumerate().map(|(index, layer)| {
        let (channels, stride) = default_place(index, layers.len(), layer.operation, previous);
        previous = Some(layer);
        let token = BlockToken {
            operation: layer.operation,
            channels: (channels != Some(layer.channels)).then_some(layer.channels),
            stride: (stride != layer.stride).then_some(layer.stride),
        };
        token.text(style)
    });
    words.collect()
}

impl Block {
    /// The block as a word that says everything, such as `E6K3@24/2:relu6`.
    pub(crate) fn word(&self) -> String {
        let token = BlockToken {
            operation: self.operation,
            channels: Some(self.channels),
            stride: (self.stride != 1).then_some(self.stride),
        };
        token.text(&Style::SCARLET)
    }
}
