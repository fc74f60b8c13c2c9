//! Removing what only training needs, without changing the function.
//!
//! Both steps return a plain network, which saves under the plain checkpoint names:
//!
//! - [`Scarlet::fold_batch_norm`] moves every batch normalisation into its convolution. What is
//!   left of it carries the bias: mean 0, variance 1 − eps, weight 1.
//! - [`Scarlet::fold_stabilizers`] removes the 1×1 convolutions that stand on skips, by merging
//!   them into a neighbour or by a change of basis of the residual stream.
//!
//! Both describe the network in inference; [`Scarlet::fold`] does one after the other. They are done on
//! the host, on [`NetworkWeights`].

mod numbers;

use burn::tensor::DType;
use scarlet_engine::NetworkWeights;

pub use scarlet_arch::KeptReason;
pub use scarlet_engine::{FoldError, FoldOptions, FoldReport, Outcome, StabilizerFold};

use self::numbers::Element;
use crate::Scarlet;

impl Scarlet {
    /// Removes stabilizers and batch normalisation.
    ///
    /// # Errors
    ///
    /// [`FoldError::NearSingular`] when a stabilizer cannot be inverted accurately enough.
    pub fn fold(&self, options: &FoldOptions) -> Result<(Self, FoldReport), FoldError> {
        let (network, report) = self.fold_stabilizers(options)?;
        Ok((network.fold_batch_norm(), report))
    }

    /// The same function in inference, with every batch normalisation moved into its
    /// convolution: what is left has mean 0, variance 1 − eps, weight 1 and the folded bias.
    pub fn fold_batch_norm(&self) -> Self {
        fn folded<T: Element>(network: &Scarlet) -> Scarlet {
            network.with_numbers(network.numbers::<T>().fold_batch_norm())
        }
        match self.is_double() {
            true => folded::<f64>(self),
            false => folded::<f32>(self),
        }
    }

    /// Removes every stabilizer that can go without changing the function, and says what became
    /// of each. Batch normalisation stays, except after the projections that a change of basis
    /// touches, where only its bias does.
    ///
    /// # Errors
    ///
    /// [`FoldError::NearSingular`] when one has to be inverted and is too close to singular.
    pub fn fold_stabilizers(&self, options: &FoldOptions) -> Result<(Self, FoldReport), FoldError> {
        type Folded = Result<(Scarlet, FoldReport), FoldError>;
        fn folded<T: Element>(network: &Scarlet, options: &FoldOptions) -> Folded {
            let (folded, report) = network.numbers::<T>().fold_stabilizers(options)?;
            Ok((network.with_numbers(folded), report))
        }
        match self.is_double() {
            true => folded::<f64>(self, options),
            false => folded::<f32>(self, options),
        }
    }

    /// The network as it runs best: without batch normalisation, and without the stabilizers that
    /// fold accurately; others stay, as the 1×1 convolutions that they are.
    pub(crate) fn fold_for_running(&self) -> Self {
        fn folded<T: Element>(network: &Scarlet) -> Scarlet {
            let folded = network.numbers::<T>().fold_for_running();
            network.with_numbers(folded.fold_batch_norm())
        }
        match self.is_double() {
            true => folded::<f64>(self),
            false => folded::<f32>(self),
        }
    }

    /// The weights as they are in inference, in floats.
    pub(crate) fn weights(&self) -> NetworkWeights {
        self.numbers()
    }

    fn is_double(&self) -> bool {
        self.classifier.weight.val().dtype() == DType::F64
    }
}
