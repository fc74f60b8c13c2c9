//! The [`ModelCard`] of a network.

use scarlet_engine::{CardError, ModelCard};

use crate::Scarlet;

impl Scarlet {
    /// What is to be known of the network, if it has a card: from the file that it was opened from,
    /// or by [`with_card`](Self::with_card).
    pub fn card(&self) -> Option<&ModelCard> {
        self.card.as_deref()
    }

    /// The same network with this card.
    ///
    /// # Errors
    ///
    /// When the card names other classes than the network has, or is too large.
    pub fn with_card(mut self, card: ModelCard) -> Result<Self, CardError> {
        card.check(self.architecture().classes)?;
        self.card = Some(Box::new(card));
        Ok(self)
    }
}
