//! Supernets whose paths are parts of one network.

use burn::nn::Identity;
use scarlet::{BlockModule, ChannelOrder, Importance, Scarlet};
use scarlet_arch::{Operation, PlacedBlock, SearchSpace};
use serde::{Deserialize, Serialize};

use super::{ChoiceLayer, Supernet, without_layers};
use crate::TrainError;

/// Which channels the narrower parts of a network keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// Of every layer.
    pub layers: Vec<ChannelOrder>,
    /// In front of the classifier, where there may be fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<ChannelOrder>,
}

impl Supernet {
    /// The supernet whose paths are parts of `network`: its blocks are the whole ones of `space`,
    /// which must be [elastic](SearchSpace::elastic) and of this network, and the narrower choices
    /// of a layer are cut out of them, the most important channels first. Training a path trains
    /// that part of them; weight decay and momentum act on the whole. Stabilizers begin as the
    /// identity.
    ///
    /// The path of all genes 0 is the network itself, bit for bit.
    ///
    /// # Errors
    ///
    /// When the space's whole network is another one.
    pub fn elastic(
        network: Scarlet,
        space: SearchSpace,
        importance: Importance,
    ) -> Result<Self, TrainError> {
        let layers = network.layers().iter();
        let layers = layers.map(|block| ChannelOrder::by(importance, block));
        let several = space.features().len() > 1;
        let orders = Orders {
            layers: layers.collect(),
            features: several.then(|| ChannelOrder::of_features(importance, &network)),
        };
        Self::elastic_by(network, space, orders)
    }

    /// As [`elastic`](Self::elastic), with the orders of channels given.
    ///
    /// # Errors
    ///
    /// As [`elastic`](Self::elastic), and when there is no order for each layer's channels, or for the
    /// features where their number differs.
    pub fn elastic_by(
        network: Scarlet,
        space: SearchSpace,
        orders: Orders,
    ) -> Result<Self, TrainError> {
        let whole = space.decode(&space.first())?;
        let placed = whole.placed_layers();
        let hidden = |placed: &PlacedBlock| match placed.operation {
            Operation::InvertedResidual(block) => block.expansion.hidden(placed.channels_in),
            _ => 0,
        };
        let Orders {
            layers: orders,
            features,
        } = orders;
        let fits = placed.len() == orders.len()
            && placed
                .iter()
                .zip(&orders)
                .all(|(it, order)| hidden(it) == order.len());
        let given = network.architecture();
        if (&whole.blocks, whole.head) != (&given.blocks, given.head) || !fits {
            return Err(TrainError::OtherWhole {
                expected: whole.to_string(),
                found: network.architecture().to_string(),
            });
        }
        let ordered = features.as_ref().map(ChannelOrder::len);
        let wanted = (space.features().len() > 1).then(|| whole.features());
        if wanted.is_some() && ordered != wanted {
            return Err(TrainError::Settings {
                problem: format!(
                    "the space has networks with fewer than {} features, but there is no order that \
                     says which they keep",
                    whole.features()
                ),
            });
        }
        let device = network.device();
        let layers = network.layers().iter().zip(orders).enumerate();
        let layers = layers
            .map(|(layer, (block, order))| {
                let skip = match space.choices(layer) {
                    [_, .., Operation::Identity] => Some(BlockModule::Identity(Identity::new())),
                    [_, .., Operation::Linear] => {
                        let placed = PlacedBlock {
                            operation: Operation::Linear,
                            ..placed[layer]
                        };
                        match BlockModule::new(&placed, &whole, &device) {
                            BlockModule::Linear(it) => {
                                Some(BlockModule::Linear(it.with_identity()))
                            }
                            other => Some(other),
                        }
                    }
                    _ => None,
                };
                ChoiceLayer {
                    choices: [block.clone()].into_iter().chain(skip).collect(),
                    order: Some(order),
                }
            })
            .collect();
        Ok(Self {
            ends: without_layers(network),
            layers,
            features,
            space,
        })
    }
}
