//! [`Style`]: what most blocks of a network share, which its text says once.

use std::collections::HashMap;
use std::hash::Hash;

use crate::{Activation, Architecture, Gate, Operation};

/// The activations that are not written at every block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Of blocks and head.
    pub(crate) activation: Activation,
    /// Activation and gate of every squeeze-excite.
    pub(crate) squeeze_excite: (Activation, Gate),
}

impl Style {
    /// SCARLET's own layers'.
    pub(crate) const SCARLET: Self = Self {
        activation: Activation::HSwish,
        squeeze_excite: (Activation::Relu, Gate::HSigmoid),
    };

    /// What most layers of a network have; of the stem and the head, only where there are no others
    /// to ask.
    pub(crate) fn of(network: &Architecture) -> Self {
        let blocks = |blocks: &[crate::Block]| -> Vec<Activation> {
            let found = blocks.iter().filter_map(|it| it.operation.activation());
            found.collect()
        };
        let mut activations = blocks(network.layers());
        if activations.is_empty() {
            activations = blocks(&network.blocks);
        }
        let excites = network.blocks.iter().filter_map(|it| match it.operation {
            Operation::InvertedResidual(block) => block.squeeze_excite,
            _ => None,
        });
        Self {
            activation: commonest(activations, Self::SCARLET.activation),
            squeeze_excite: commonest(
                excites.map(|it| (it.activation, it.gate)),
                Self::SCARLET.squeeze_excite,
            ),
        }
    }

    /// What a text says of an activation.
    pub(crate) fn activation(&self, activation: Activation) -> String {
        match activation == self.activation {
            true => String::new(),
            false => format!(":{activation}"),
        }
    }

    /// An operation as a text of this style has it.
    pub(crate) fn operation(&self, operation: &Operation) -> String {
        let activation = operation.activation().map(|it| self.activation(it));
        format!("{}{}", operation.core(self), activation.unwrap_or_default())
    }

    /// What stands at the beginning of a text, where the style is not SCARLET's.
    pub(crate) fn header(&self) -> Option<String> {
        if *self == Self::SCARLET {
            return None;
        }
        let (activation, gate) = self.squeeze_excite;
        Some(match self.squeeze_excite == Self::SCARLET.squeeze_excite {
            true => format!("[{}]", self.activation),
            false => format!("[{}, se {activation} {gate}]", self.activation),
        })
    }
}

/// The value that is there most often, of several the first; `otherwise` where there are none.
fn commonest<T: Copy + Eq + Hash>(values: impl IntoIterator<Item = T>, otherwise: T) -> T {
    let mut counts: HashMap<T, (usize, usize)> = HashMap::new();
    for (index, value) in values.into_iter().enumerate() {
        counts.entry(value).or_insert((0, index)).0 += 1;
    }
    let best = counts
        .into_iter()
        .max_by_key(|&(_, (count, first))| (count, std::cmp::Reverse(first)));
    best.map_or(otherwise, |(value, _)| value)
}
