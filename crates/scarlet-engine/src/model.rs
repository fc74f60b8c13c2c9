//! [`Model`]: a network as a file has it.

#[cfg(feature = "safetensors")]
use crate::weights::NetworkWeights;
use scarlet_arch::Architecture;
#[cfg(feature = "safetensors")]
use scarlet_arch::graph::Graph;
use scarlet_kernels::{EngineError, PackedNetwork, Precision};

use crate::ModelCard;
use crate::part::Part;
#[cfg(feature = "safetensors")]
use crate::{CardError, ClassifierError};

/// A network as a file has it: folded, its weights as the kernels read them, and what is known of it.
/// Clones share the weights. [`Classifier`](crate::Classifier) runs it.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) packed: PackedNetwork,
    /// Before folding.
    pub(crate) architecture: Architecture,
    pub(crate) parts: Vec<Part>,
    pub(crate) card: Option<ModelCard>,
}

impl Model {
    /// Folds and packs a network. A stabilizer that cannot be folded accurately stays, as the 1×1
    /// convolution that it is.
    ///
    /// # Errors
    ///
    /// When a weight is not finite, or there is not enough memory.
    #[cfg(feature = "safetensors")]
    pub fn of(weights: NetworkWeights) -> Result<Self, ClassifierError> {
        let architecture = weights.architecture().clone();
        let folded = weights.fold_for_running();
        let parts = Part::all_of(&Graph::of(folded.architecture()));
        Ok(Self {
            packed: PackedNetwork::pack(&folded.lower()?)?,
            architecture,
            parts,
            card: None,
        })
    }

    /// The same network with this card, or without one.
    ///
    /// # Errors
    ///
    /// When the card names other classes than the network has, or is too large.
    #[cfg(feature = "safetensors")]
    pub fn with_card(mut self, card: Option<ModelCard>) -> Result<Self, CardError> {
        if let Some(card) = &card {
            card.check(self.architecture.classes)?;
        }
        self.card = card;
        Ok(self)
    }

    /// The same network, said to be of this architecture: of that which it had before it was folded, say.
    #[cfg(feature = "safetensors")]
    pub fn with_architecture(mut self, architecture: Architecture) -> Self {
        self.architecture = architecture;
        self
    }

    /// The network as data, before folding.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// What is to be known of the network, if it has a card.
    pub fn card(&self) -> Option<&ModelCard> {
        self.card.as_ref()
    }

    /// The numbers that most of its weights are, and that it computes with.
    pub fn precision(&self) -> Precision {
        self.packed.precision()
    }

    /// This network in bfloat16; see [`PackedNetwork::to_bf16`] for what is rounded, and how. It takes no
    /// images. To eight bits, a [`Calibration`](crate::Calibration) rounds it.
    ///
    /// # Errors
    ///
    /// When the network is rounded already; when there is no memory.
    pub fn to_bf16(&self) -> Result<Self, EngineError> {
        self.rounded(PackedNetwork::to_bf16)
    }

    /// The same network with its weights rounded by `round`.
    pub(crate) fn rounded(
        &self,
        round: impl FnOnce(&PackedNetwork) -> Result<PackedNetwork, EngineError>,
    ) -> Result<Self, EngineError> {
        Ok(Self {
            packed: round(&self.packed)?,
            ..self.clone()
        })
    }
}
